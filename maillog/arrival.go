package maillog

import "bytes"

// arrival is what Exim's "<=" line says about a message that it took in
// (receive.c, receive_msg). Its slices point into the line.
//
//	<= ana@example.es H=host77.example.net (pc) [203.0.113.77]:4711 P=esmtpsa X=TLS1.3:… CV=no A=plain:ana@example.es S=1234
//	    id=x@pc T="Hello" from <ana@example.es> for leo@example.com eva@example.com
//
// The order of its fields is fixed, and most of their texts are the client's: the
// sender, HELO between parentheses, a certificate's name (DN), the message id and
// the subject. Any of them may be worded like the fields of a log-in, "P=esmtpsa
// A=plain:victim". The line is therefore read from its beginning to its very end:
// a reading in which quotes do not close, a field comes twice, or A= stands
// elsewhere than between P= and S=, is none.
type arrival struct {
	sender    []byte
	host      client
	remote    bool   // it has H=
	ident     []byte // U=: for a local message, the caller's login name
	protocol  []byte // P=
	auth      []byte // A=: authenticator:id
	size, id  []byte
	addressed int  // recipients, with +received_recipients
	whole     bool // every quote has to close; see readFields
}

// maxHosts bounds how many places in a line are tried as the end of its host.
const maxHosts = 8

// readArrival reads the text behind "<=".
func readArrival(b []byte) (a arrival, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(" "))
	if !ok {
		return a, false
	}
	var rest []byte
	if a.sender, rest, ok = cutEximAddress(b); !ok {
		return a, false
	}
	if ref, ok := bytes.CutPrefix(rest, []byte(" R=")); ok { // a bounce's cause
		_, rest = cutWordAt(ref, ' ')
	}
	rest = trimWord(rest, " DS") // DNSSEC
	if !bytes.HasPrefix(rest, []byte(" H=")) {
		return a, a.readFields(rest)
	}
	rest = rest[len(" H="):]
	_, _, doubtful := cutFullHost(rest, 1)
	for try := range maxHosts {
		c, tail, ok := cutFullHost(rest, try)
		if !ok {
			return a, false
		}
		read := arrival{sender: a.sender, host: c, remote: true, whole: doubtful}
		if read.readFields(tail) {
			return read, true
		}
	}
	return a, false
}

// user is the authenticated id, nil if there is none. P= of an authenticated
// session ends in "a" (esmtpa, esmtpsa; asmtp and asmtps before 4.0). With the log
// selector +smtp_mailauth the client's AUTH= stands behind the id.
func (a *arrival) user() []byte {
	if !a.remote || !bytes.HasSuffix(a.protocol, []byte("a")) && !bytes.HasPrefix(a.protocol, []byte("asmtp")) {
		return nil
	}
	_, id, _ := bytes.Cut(a.auth, []byte(":"))
	if user, _, _ := bytes.Cut(id, []byte(":")); len(user) > 0 && len(user) <= maxUser {
		return user
	}
	return nil
}

// isLocal reports a message by exim(1) called as sendmail: local, local-bsmtp,
// local-esmtp …
func (a *arrival) isLocal() bool {
	return !a.remote && len(a.ident) > 0 && bytes.HasPrefix(a.protocol, []byte("local"))
}

// readFields reads everything behind the host. Quotes must close, lest they
// swallow the server's own fields, where the client can have put fields into what
// stands before: into a HELO (the host can end in more than one place), a
// certificate's name (DN) or an ident answer (U). Otherwise they need not: syslog
// cuts long lines in pieces.
func (a *arrival) readFields(rest []byte) bool {
	var seen [20][]byte
	n := 0
	for len(rest) > 0 {
		if rest[0] != ' ' {
			return false
		}
		if list, ok := bytes.CutPrefix(rest, []byte(" for ")); ok && a.protocol != nil {
			return a.readRecipients(list)
		}
		if from, ok := bytes.CutPrefix(rest, []byte(" from <")); ok && a.protocol != nil {
			if _, rest, ok = cutEximAngle(from); !ok {
				return !a.whole
			}
			continue
		}
		key, value, after, ok := cutEximField(rest[1:])
		switch {
		case !ok:
			return !a.whole && a.protocol != nil && len(value) > 0
		case value == nil:
			if a.protocol != nil && !isEximFlag(key) {
				return false
			}
		case n == len(seen) || holds(seen[:n], key) || !a.set(key, value):
			return false
		default:
			seen[n], n = key, n+1
		}
		rest = after
	}
	return a.protocol != nil
}

func holds(keys [][]byte, key []byte) bool {
	for _, k := range keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

// isEximFlag knows the fields without a value that follow P=.
func isEximFlag(key []byte) bool {
	switch string(key) {
	case "L", "L-", "L*", "K", "PRDR", "TFO", "TFO*":
		return true
	}
	return false
}

// set keeps a field; false: it stands where it cannot.
func (a *arrival) set(key, value []byte) bool {
	switch string(key) {
	case "U":
		a.ident, a.whole = value, a.whole || a.remote
	case "DN":
		a.whole = true
	case "P":
		a.protocol = value
	case "A":
		a.auth = value
		return a.protocol != nil && a.size == nil
	case "S":
		a.size = value
		return a.protocol != nil && allDigits(value)
	case "id":
		a.id = value
	}
	return true
}

// readRecipients counts the addresses behind "for". The last may be cut off.
func (a *arrival) readRecipients(list []byte) bool {
	for {
		addr, rest, ok := cutEximAddress(list)
		if len(rest) == 0 {
			a.addressed++
			return ok || !a.whole
		}
		if !ok || rest[0] != ' ' || bytes.IndexByte(addr, '@') < 0 {
			return false
		}
		a.addressed++
		list = rest[1:]
	}
}

// arrival fills the event from a "<=" line. It is all that Exim says about a
// message's beginning, so that what Postfix spreads over two lines, client and
// envelope, is here in one event.
func (p *Parser) arrival(rest []byte, ev *Event) bool {
	a, ok := readArrival(rest)
	if !ok {
		return false
	}
	ev.Type = Queued
	if a.remote && !p.setClient(ev, a.host) {
		return false
	}
	if user := a.user(); user != nil {
		method, _, _ := bytes.Cut(a.auth, []byte(":"))
		ev.Type, ev.User, ev.Method = Submission, p.names.keep(user), p.names.keep(method)
	} else if a.isLocal() && len(a.ident) <= maxUser {
		ev.Type, ev.User, ev.UID = Local, p.names.keep(a.ident), NoUID
	}
	if string(a.sender) != "<>" {
		ev.From = p.names.keep(a.sender)
	}
	ev.Size, _ = number(a.size)
	ev.Recipients = a.addressed
	ev.MessageID = string(a.id)
	return true
}

// cutFullHost takes sender_fullhost from the front (host.c, host_build_sender_fullhost):
//
//	host.example.net (helo) [192.0.2.7]:4711
//	(helo) [192.0.2.7]
//	[192.0.2.7]
//
// HELO stands between the parentheses as the client sent it. Where
// helo_accept_junk_hosts lets it, it may hold "x) [192.0.2.9]", so that there
// may be several places where the host can end; try says which one is wanted.
func cutFullHost(b []byte, try int) (c client, tail []byte, ok bool) {
	i := 0
	for i < len(b) && isName(b[i]) {
		i++
	}
	if c.name = b[:i]; i > maxHostName {
		return c, nil, false
	}
	rest := b[i:]
	if i > 0 {
		if rest, ok = bytes.CutPrefix(rest, []byte(" ")); !ok {
			return c, nil, false
		}
	}
	if len(rest) == 0 || rest[0] != '(' {
		tail, ok = c.cutAddr(rest)
		return c, tail, ok && try == 0
	}
	for {
		_, after, found := bytes.Cut(rest, []byte(") "))
		if !found {
			return c, nil, false
		}
		if tail, ok = c.cutAddr(after); ok {
			if try == 0 {
				return c, tail, true
			}
			try--
		}
		rest = after
	}
}

// cutAddr takes "[192.0.2.7]:4711" from the front.
func (c *client) cutAddr(b []byte) (tail []byte, ok bool) {
	if len(b) == 0 || b[0] != '[' {
		return nil, false
	}
	i := bytes.IndexByte(b[:min(len(b), maxAddress+2)], ']')
	if i < 0 || !looksLikeAddr(b[1:i]) {
		return nil, false
	}
	c.addr, tail, c.port = b[1:i], b[i+1:], nil
	if after := skipPort(tail); len(after) < len(tail) {
		c.port, tail = tail[1:len(tail)-len(after)], after
	}
	return tail, len(tail) == 0 || tail[0] == ' ' || tail[0] == ':'
}

// skipPort skips ":4711".
func skipPort(b []byte) []byte {
	n := 1
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	if n == 1 || b[0] != ':' {
		return b
	}
	return b[n:]
}

// cutEximAddress takes an address up to the blank behind it. Blanks in it stand in
// quotes or behind a backslash (RFC 5321, section 4.1.2).
func cutEximAddress(b []byte) (addr, rest []byte, ok bool) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted:
			return b[:i], b[i:], i > 0
		}
	}
	return b, nil, !quoted && len(b) > 0
}

// cutEximAngle ends an address at the bracket that closes it. A blank outside
// quotes cannot be part of one.
func cutEximAngle(b []byte) (addr, rest []byte, ok bool) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			return b[:i], b[i+1:], true
		case c == ' ' && !quoted:
			return b[:i], nil, false
		}
	}
	return b, nil, false
}

// cutEximField takes `KEY=value`, `KEY="quoted value"` or `KEY` from the front. It
// reports false where there is none, or where a quote does not close.
func cutEximField(b []byte) (key, value, rest []byte, ok bool) {
	i := 0
	for i < len(b) && i < 12 && (isAlnum(b[i]) || b[i] == '-' || b[i] == '*') {
		i++
	}
	switch key = b[:i]; {
	case i == 0:
		return nil, nil, nil, false
	case i == len(b) || b[i] == ' ':
		return key, nil, b[i:], true
	case b[i] != '=':
		return nil, nil, nil, false
	}
	value = b[i+1:]
	if string(key) == "id" {
		value, rest, ok = cutEximAddress(value)
		return key, value, rest, ok
	}
	if len(value) == 0 || value[0] != '"' {
		value, rest = cutWordAt(value, ' ')
		return key, value, rest, true
	}
	for j := 1; j < len(value); j++ {
		switch {
		case value[j] == '\\':
			j++
		case value[j] == '"':
			return key, value[:j+1], value[j+1:], true
		}
	}
	return key, value, nil, false
}

// cutWordAt cuts in front of a byte, which stays with the rest.
func cutWordAt(b []byte, end byte) (word, rest []byte) {
	if i := bytes.IndexByte(b, end); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// trimWord removes a word from the front, if a blank follows it.
func trimWord(b []byte, word string) []byte {
	if rest, ok := bytes.CutPrefix(b, []byte(word)); ok && len(rest) > 0 && rest[0] == ' ' {
		return rest
	}
	return b
}
