package maillog

import "bytes"

// delivery reads what became of one recipient (global/log_adhoc.c):
//
//	4F1C2A3B4D: to=<leo@example.com>, orig_to=<leo>, relay=mx.example.com[192.0.2.9]:25, delay=0.4,
//	    delays=0.1/0/0.1/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5D2E)
//
// The text in parentheses is the remote server's, and the recipient may be a
// quoted string with nearly anything in it.
func (p *Parser) delivery(s *sight, ev *Event) bool {
	to, rest, ok := cutRecipient(s.rest[len("to=<"):])
	if !ok {
		return false
	}
	if after, ok := bytes.CutPrefix(rest, []byte(", orig_to=<")); ok {
		var orig []byte
		if orig, rest, ok = cutRecipient(after); !ok {
			return false
		}
		ev.OrigTo = p.names.keep(orig)
	}
	rest, ok = bytes.CutPrefix(rest, []byte(", relay="))
	if !ok {
		return false
	}
	relay, rest, _ := bytes.Cut(rest, []byte(", "))
	ev.To, ev.Relay = string(to), p.names.keep(relay)
	return p.outcome(rest, ev)
}

// outcome reads the attributes after the relay, up to "status=sent (text)".
// Which of them there are depends on the version: dsn since 2.3, tls since 3.11.
func (p *Parser) outcome(rest []byte, ev *Event) bool {
	for range 8 {
		if status, ok := bytes.CutPrefix(rest, []byte("status=")); ok {
			word, text, _ := bytes.Cut(status, []byte(" "))
			if len(word) == 0 || len(word) > 32 {
				return false
			}
			ev.Status = p.names.keep(word)
			text = bytes.TrimPrefix(text, []byte("("))
			ev.Reason = string(bytes.TrimSuffix(text, []byte(")")))
			return true
		}
		attribute, next, ok := bytes.Cut(rest, []byte(", "))
		if !ok {
			return false
		}
		if dsn, ok := bytes.CutPrefix(attribute, []byte("dsn=")); ok && len(dsn) <= 11 {
			ev.DSN = p.names.keep(dsn)
		}
		rest = next
	}
	return false
}

// cutRecipient ends an address at its closing bracket: the first one outside
// quotes that is followed by ", relay=" or ", orig_to=<". Before 3.5 addresses
// stood unquoted in the log (info_log_address_format); then the first that is so
// followed has to do.
func cutRecipient(b []byte) (addr, rest []byte, ok bool) {
	for _, respect := range [...]bool{true, false} {
		quoted := false
		for i := 0; i < len(b); i++ {
			switch c := b[i]; {
			case respect && quoted && c == '\\':
				i++
			case respect && c == '"':
				quoted = !quoted
			case c == '>' && !quoted && endsRecipient(b[i+1:]):
				return b[:i], b[i+1:], true
			}
		}
	}
	return nil, nil, false
}

func endsRecipient(b []byte) bool {
	return bytes.HasPrefix(b, []byte(", relay=")) || bytes.HasPrefix(b, []byte(", orig_to=<"))
}

// expired reads qmgr's word on a message that it gives up (qmgr_active.c):
//
//	4F1C2A3B4D: from=<ana@example.es>, status=expired, returned to sender
func (p *Parser) expired(s *sight, ev *Event) bool {
	rest := bytes.TrimSuffix(s.rest, []byte(", returned to sender"))
	from, status, ok := cutLast(rest, ">, status=")
	if !ok || len(from) < len("from=<") || len(status) == 0 || len(status) > 32 {
		return false
	}
	ev.From, ev.Status = p.names.keep(from[len("from=<"):]), p.names.keep(status)
	return true
}

// actionOf is the word in front of ": ", such as "reject" or "milter-hold".
func actionOf(rest []byte) []byte {
	for i, c := range rest {
		if c == ':' {
			return rest[:i]
		}
		if (c < 'a' || c > 'z') && c != '-' && c != '_' || i > 24 {
			break
		}
	}
	return nil
}

// isRefusal knows the actions that keep a message from going its way. Those that
// only remark on it (warn, info, reject_warning, prepend) are none.
func isRefusal(action []byte) bool {
	switch string(action) {
	case "":
		return false
	case "reject", "hold", "discard", "redirect", "filter", "bcc":
		return true
	}
	return bytes.HasPrefix(action, []byte("milter-"))
}

// reject reads a refusal by smtpd, cleanup or postscreen (smtpd_check.c,
// log_whatsup):
//
//	NOQUEUE: reject: RCPT from host.example.net[192.0.2.7]: 554 5.7.1 <ana>: SASL login name rejected: …;
//	    from=<ana@example.es> to=<leo@example.com> proto=ESMTP helo=<pc>
//
// No user is read from it, though 3.10 writes one: it stands behind HELO and
// sasl_sender, which are the client's words. All but action, stage and address
// is here for people to read.
func (p *Parser) reject(s *sight, ev *Event) bool {
	action, rest, _ := bytes.Cut(s.rest, []byte(":"))
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) == 0 {
		return false
	}
	ev.Action = p.names.keep(action)
	stage, after, ok := bytes.Cut(rest, []byte(" from "))
	if ok && isStage(stage) {
		ev.Stage = p.names.keep(stage)
		if c, tail := cutClient(after); tail != nil && p.setClient(ev, c) {
			rest = bytes.TrimLeft(bytes.TrimPrefix(tail, []byte(":")), " ")
		}
	}
	reason, envelope, _ := bytes.Cut(rest, []byte("; from=<"))
	ev.Reason = string(reason)
	from, to, ok := bytes.Cut(envelope, []byte("> to=<"))
	if !ok {
		from, to, _ = bytes.Cut(envelope, []byte(">, to=<"))
	}
	ev.From = p.names.keep(bytes.TrimSuffix(from, []byte(">")))
	to, _, _ = bytes.Cut(to, []byte(">"))
	ev.To = string(to)
	return true
}

// isStage knows an SMTP command's name: RCPT, END-OF-MESSAGE.
func isStage(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && c != '-' && c != ' ' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 20
}
