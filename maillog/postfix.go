package maillog

import (
	"bytes"
	"net/netip"
)

// role sorts Postfix's programs by what their lines may mean.
type role uint8

const (
	none role = iota
	smtpd
	qmgr
	cleanup
	pickup
	postscreen
	postsuper
	agent // delivers, or says why not
	other
)

// roleOf knows a program by the last part of its tag.
func roleOf(program []byte) role {
	switch string(program) {
	case "smtpd":
		return smtpd
	case "qmgr", "nqmgr", "oqmgr":
		return qmgr
	case "cleanup":
		return cleanup
	case "pickup":
		return pickup
	case "postscreen":
		return postscreen
	case "postsuper":
		return postsuper
	case "smtp", "lmtp", "local", "virtual", "pipe", "error", "discard", "bounce":
		return agent
	case "anvil", "scache", "master", "postfix-script", "trivial-rewrite", "tlsmgr", "tlsproxy", "verify",
		"showq", "flush", "proxymap", "dnsblog", "sendmail", "postdrop", "postlog", "postlogd", "qmqpd", "spawn":
		return other
	}
	return none
}

// Bounds on what is taken from a line. An address in SMTP has 256 octets at
// most (RFC 5321, section 4.5.3.1.3); Postfix cuts the whole text at 2000.
const (
	minQueueID   = 5
	maxQueueID   = 40
	maxHostName  = 255
	maxAddress   = 45
	maxMechanism = 40
	maxUser      = 512
)

// cutQueueID takes "4F1C2A3B4D: " from the front of a text. id is empty for
// NOQUEUE; rest is nil when the text begins with neither. That all of the id's
// characters are such as an id has is left to isQueueID.
func cutQueueID(text []byte) (id, rest []byte) {
	i := bytes.IndexByte(text[:min(len(text), maxQueueID+1)], ':')
	if i < minQueueID || i+2 >= len(text) || text[i+1] != ' ' {
		return nil, nil
	}
	if text[0] >= 'a' && !isQueueID(text[:i]) { // "warning: "
		return nil, nil
	}
	if text[0] == 'N' && string(text[:i]) == "NOQUEUE" {
		return nil, text[i+2:]
	}
	return text[:i], text[i+2:]
}

// isQueueID knows short ids, which are upper-case hexadecimal, and long ones
// (enable_long_queue_ids), which are digits and letters of both cases. A word of
// lower-case letters alone is none.
func isQueueID(b []byte) bool {
	all := byte(0xff)
	for _, c := range b {
		if !isAlnum(c) {
			return false
		}
		all &= c
	}
	const lowerCase = 0x60 // the bits that all lower-case letters have, and no digit or capital
	return len(b) >= minQueueID && len(b) <= maxQueueID && all&lowerCase != lowerCase
}

// client is "name[address]:port" as smtpd writes it; name and address may be
// "unknown", and the port is there with smtpd_client_port_logging only.
type client struct {
	name, addr, port []byte
}

// cutClient takes a client from the front of a text, from the left and by
// character: what stands after it may be anybody's words. A text that begins
// otherwise gives a nil tail.
func cutClient(text []byte) (c client, tail []byte) {
	i := 0
	for i < len(text) && isName(text[i]) {
		i++
	}
	if i > maxHostName || i >= len(text) || text[i] != '[' {
		return c, nil
	}
	c.name = text[:i]
	text = text[i+1:]
	j := bytes.IndexByte(text[:min(len(text), maxAddress+1)], ']')
	if j < 2 {
		return c, nil
	}
	c.addr, tail = text[:j], text[j+1:]
	if len(tail) > 1 && tail[0] == ':' && tail[1] != ' ' {
		n := 1
		for n < len(tail) && (isDigit(tail[n]) || tail[n] >= 'a' && tail[n] <= 'z') {
			n++
		}
		c.port, tail = tail[1:n], tail[n:]
	}
	return c, tail
}

// setClient puts a client into the event; false: it is none.
func (p *Parser) setClient(ev *Event, c client) bool {
	addr, ok := p.address(c.addr)
	if !ok {
		return false
	}
	ev.Addr = addr
	if string(c.name) != "unknown" {
		ev.ClientName = p.names.keep(c.name)
	}
	if n, ok := number(c.port); ok && n <= 65535 {
		ev.Port = uint16(n)
	}
	return true
}

// address reads an address; "unknown" gives the invalid one.
func (p *Parser) address(b []byte) (netip.Addr, bool) {
	if string(b) == "unknown" {
		return netip.Addr{}, true
	}
	if len(b) > maxAddress {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(p.names.keep(bytes.TrimPrefix(b, []byte("IPv6:"))))
	return addr.Unmap(), err == nil
}

// submission reads smtpd's line about a message that an authenticated client
// begins (smtpd.c, smtpd_open_file):
//
//	4F1C2A3B4D: client=host.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=ana@example.es
//
// The text is cut from the left and never searched, for a client that is not
// logged in chooses what follows "sasl_sender=", and may choose it to read like
// a login: in a genuine one sasl_method follows the address at once, as the
// order is fixed from 2.x to 3.12.
func (p *Parser) submission(s *sight, ev *Event) bool {
	c, tail := cutClient(s.rest[len("client="):])
	tail = bytes.TrimPrefix(tail, []byte(", sasl_method="))
	i := bytes.IndexByte(tail, ',')
	if i < 0 || !isMechanism(tail[:i]) {
		return false
	}
	user, ok := bytes.CutPrefix(tail[i:], []byte(", sasl_username="))
	if !ok {
		return false
	}
	ev.Method = p.names.keep(tail[:i])
	user, tail = cutUser(user)
	if len(user) == 0 || len(user) > maxUser {
		return false
	}
	ev.User = p.names.keep(user)
	readOrigin(tail, ev)
	return p.setClient(ev, c)
}

// accepted reads the same line about a client where nobody logged in.
func (p *Parser) accepted(s *sight, ev *Event) bool {
	c, tail := cutClient(s.rest[len("client="):])
	if id, ok := Before(s.rest); ok {
		ev.OrigID = string(id)
	}
	return tail != nil && p.setClient(ev, c)
}

// cutUser ends a user name at the first attribute that Postfix puts after it.
// An account named "bob, sasl_sender=x" would be read as "bob": only a name that
// Doubtful reports could do so, and only where the server lets users choose
// such names.
func cutUser(b []byte) (user, tail []byte) {
	end := len(b)
	for _, next := range [...]string{", sasl_sender=", ", orig_queue_id=", ", orig_client="} {
		if i := bytes.Index(b[:end], []byte(next)); i >= 0 {
			end = i
		}
	}
	return b[:end], b[end:]
}

// readOrigin reads what may stand after the user: sasl_sender, which the client
// words as it likes, and the two that come by XFORWARD from a trusted peer. A
// sasl_sender can imitate the latter; they are read from the right, where
// Postfix's own stand.
func readOrigin(tail []byte, ev *Event) {
	if i := bytes.LastIndex(tail, []byte(", orig_client=")); i >= 0 {
		ev.OrigClient = string(tail[i+len(", orig_client="):])
		tail = tail[:i]
	}
	if i := bytes.LastIndex(tail, []byte(", orig_queue_id=")); i >= 0 {
		ev.OrigID = string(tail[i+len(", orig_queue_id="):])
		tail = tail[:i]
	}
	if sender, ok := bytes.CutPrefix(tail, []byte(", sasl_sender=")); ok {
		ev.SASLSender = string(sender)
	}
}

// isMechanism admits a SASL mechanism's name (RFC 4422, section 3.1) in any case.
func isMechanism(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= maxMechanism
}

// seemsFailure knows "warning: host[192.0.2.7]: SASL LOGIN authentication failed".
func seemsFailure(text []byte) bool {
	rest, ok := bytes.CutPrefix(text, []byte("warning: "))
	if !ok {
		return false
	}
	_, tail := cutClient(rest)
	return bytes.HasPrefix(tail, []byte(": SASL ")) && bytes.Contains(tail, []byte(" authentication failed"))
}

// authFailure reads a failed AUTH (smtpd_sasl_glue.c):
//
//	warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=ana
//
// The name is there since 3.5.22, 3.6.12, 3.7.8 and 3.8.3, and is what the client
// claimed. So is the mechanism: one that is no word is not repeated, nor is the
// name then, as the client may have written both.
func (p *Parser) authFailure(s *sight, ev *Event) bool {
	c, tail := cutClient(s.rest[len("warning: "):])
	if !p.setClient(ev, c) {
		return false
	}
	method, rest, ok := bytes.Cut(tail[len(": SASL "):], []byte(" authentication failed"))
	if !ok || !isMechanism(method) {
		return ok
	}
	ev.Method = p.names.keep(method)
	rest = bytes.TrimLeft(bytes.TrimPrefix(rest, []byte(":")), " ")
	reason, user, _ := bytes.Cut(rest, []byte(", sasl_username="))
	if string(user) != "(unavailable)" && len(user) <= maxUser {
		ev.User = p.names.keep(user)
	}
	ev.Reason = p.names.keep(reason)
	return true
}

// queued reads qmgr's line (qmgr_active.c), from the right: the sender is free
// text in angle brackets, what follows it is not.
//
//	4F1C2A3B4D: from=<ana@example.es>, size=1234, nrcpt=2 (queue active)
func (p *Parser) queued(s *sight, ev *Event) bool {
	from, size, n, ok := cutQueued(s.rest)
	if !ok {
		return false
	}
	ev.Size, ev.Recipients = size, int(n)
	ev.From = p.names.keep(from)
	return true
}

func cutQueued(rest []byte) (from []byte, size, recipients int64, ok bool) {
	rest = rest[:len(rest)-len(" (queue active)")]
	rest, count, ok := cutLast(rest, ">, size=")
	if !ok || len(rest) < len("from=<") {
		return nil, 0, 0, false
	}
	bytesOf, nrcpt, ok := bytes.Cut(count, []byte(", nrcpt="))
	size, okSize := number(bytesOf)
	recipients, okCount := number(nrcpt)
	return rest[len("from=<"):], size, recipients, ok && okSize && okCount && recipients <= 1<<31-1
}

// local reads pickup's line about a message from sendmail(1) (pickup.c). The uid
// is the file's owner, as the kernel knows it; the sender is what they said.
//
//	4F1C2A3B4D: uid=33 from=<www-data>
//
// A message that postsuper -r sent round again has " orig_id=…" at the end.
func (p *Parser) local(s *sight, ev *Event) bool {
	uid, from, ok := bytes.Cut(s.rest[len("uid="):], []byte(" from=<"))
	n, okUID := number(uid)
	end := bytes.LastIndexByte(from, '>')
	if !ok || !okUID || n > 1<<32-1 || end < 0 {
		return false
	}
	ev.UID, ev.From = int(n), p.names.keep(from[:end])
	if id, ok := bytes.CutPrefix(from[end+1:], []byte(" orig_id=")); ok && len(id) <= maxQueueID {
		ev.OrigID = string(id)
	}
	return true
}

// cutLast is bytes.Cut at the last place.
func cutLast(b []byte, sep string) (before, after []byte, found bool) {
	if i := bytes.LastIndex(b, []byte(sep)); i >= 0 {
		return b[:i], b[i+len(sep):], true
	}
	return b, nil, false
}
