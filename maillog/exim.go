package maillog

import "bytes"

// lookExim sorts what Exim wrote (its main log, spec.txt chapter 53), from its own
// file or through syslog. With syslog_timestamp, which is on by default, a line
// has Exim's own time behind the logger's.
//
//	2026-11-20 20:19:01 1vMBxd-00000000Abc-0XyZ <= ana@example.es H=(pc) [192.0.2.7] P=esmtpsa A=plain:ana S=1234
//	2026-11-20 20:19:01.123 +0100 [2249] 1vMBxd-000abc-XY Completed
//	Nov 20 20:19:01 mail exim[2249]: 2026-11-20 20:19:01 1vMBxd-000abc-XY => leo@example.com R=dnslookup …
func (f *frame) lookExim(s *sight) {
	text := f.text
	if n := stampLen(text); n > 0 && n+1 < len(text) && text[n] == ' ' {
		if !hasZone(f.stamp) {
			f.stamp = text[:n]
		}
		text = text[n+1:]
	}
	text = cutEximPID(text)
	s.source, s.repeat = Exim, 1
	s.id, s.rest = cutEximID(text)
	switch {
	case len(s.id) > 0:
		s.form = eximForm(s.rest)
	case isEximFailure(text):
		s.form, s.rest = failureForm, text
	case seemsEximReject(text):
		s.form, s.rest = rejectForm, text
	}
}

// isExim knows syslog_processname; Debian's binary is called exim4.
func isExim(tag []byte) bool { return string(tag) == "exim" || string(tag) == "exim4" }

// ownExim knows what can only be a line of Exim's own file: it has no host and no
// tag, and begins with a message id, a host, or an authenticator's failure. That it
// is known here keeps a HELO such as "(postfix/smtpd[1]:" from being taken for a
// tag.
func ownExim(rest []byte) bool {
	rest = cutEximPID(rest)
	if id, _ := cutEximID(rest); len(id) > 0 {
		return true
	}
	return bytes.HasPrefix(rest, []byte("H=")) || isEximFailure(rest)
}

// cutEximPID removes "[2249] ", which the log selector +pid adds, and "[1/3] "
// in front of the first part of a line that was too long for syslog. The parts
// that follow have "[2\3] " and mean nothing by themselves.
func cutEximPID(text []byte) []byte {
	for len(text) > 0 && text[0] == '[' {
		i := bytes.IndexByte(text[:min(len(text), 14)], ']')
		if i < 2 || i+2 >= len(text) || text[i+1] != ' ' {
			break
		}
		part, of, _ := bytes.Cut(text[1:i], []byte("/"))
		if !allDigits(part) || len(of) > 0 && (string(part) != "1" || !allDigits(of)) {
			break
		}
		text = text[i+2:]
	}
	return text
}

// cutEximID takes a message id and the blank after it: "1vMBxd-000abc-XY", and
// since 4.97 "1vMBxd-00000000Abc-0XyZ" (local_scan.h: MESSAGE_ID_LENGTH). A text
// without one gives an empty id.
func cutEximID(text []byte) (id, rest []byte) {
	for _, pid := range [...]int{6, 11} {
		n := 6 + 1 + pid + 1 + 2
		if pid == 11 {
			n += 2
		}
		if len(text) > n && text[n] == ' ' && text[6] == '-' && text[7+pid] == '-' &&
			allAlnum(text[:6]) && allAlnum(text[7:7+pid]) && allAlnum(text[8+pid:n]) {
			return text[:n], text[n+1:]
		}
	}
	return nil, nil
}

func allAlnum(b []byte) bool {
	for _, c := range b {
		if !isAlnum(c) {
			return false
		}
	}
	return len(b) > 0
}

// eximForm judges the text after a message id.
func eximForm(rest []byte) form {
	flag, _, _ := bytes.Cut(rest, []byte(" "))
	switch string(flag) {
	case "<=":
		return arrivalFormOf(rest)
	case "=>", "->", ">>", "**", "==": // not "*>", a delivery that exim -N only pretends
		return deliveryForm
	case "Completed":
		return removedForm
	case "removed":
		if bytes.HasPrefix(rest, []byte("removed by ")) { // exim -Mrm
			return removedForm
		}
	}
	if seemsEximReject(rest) {
		return rejectForm
	}
	return nothing
}

// arrivalFormOf tells a message of a user or a local account, which counts
// whatever else is known, from one of another server.
func arrivalFormOf(rest []byte) form {
	a, ok := readArrival(rest[len("<="):])
	switch {
	case !ok:
		return clientForm // to be counted as odd by Parse
	case a.user() != nil:
		return clientForm
	case a.isLocal():
		return pickupForm
	}
	return queuedForm
}

// exim fills the event from a line that lookExim knows.
func (p *Parser) exim(s *sight, ev *Event) bool {
	ev.Instance, ev.Service = "exim", "exim"
	ev.QueueID = string(s.id)
	switch s.form {
	case clientForm, pickupForm, queuedForm:
		return p.arrival(s.rest[len("<="):], ev)
	case failureForm:
		ev.Type = AuthFailure
		return p.eximFailure(s.rest, ev)
	case rejectForm:
		ev.Type = Reject
		return p.eximReject(s.rest, ev)
	case deliveryForm:
		ev.Type = Delivery
		return p.eximDelivery(s.rest, ev)
	case removedForm:
		ev.Type = Removed
		return true
	}
	return false
}

// eximDelivery reads what became of a recipient (deliver.c, delivery_log and
// defer_log):
//
//	=> leo@example.com R=dnslookup T=remote_smtp H=mx.example.com [192.0.2.9] A=plain C="250 2.0.0 Ok"
//	=> ana <ana@example.es> R=local_user T=maildir_home
//	=> leo@example.com (sales@example.es) <all@example.es> R=dnslookup T=remote_smtp …
//	== leo@example.com R=dnslookup T=remote_smtp defer (-53): retry time not reached for any host
//	** leo@example.com R=virtual_aliases: No Such User Here
//
// In angle brackets stands what was written to, where another address was made of it,
// and in parentheses those between, with the log selector +all_parents. A= is the
// authenticator that Exim itself used as a client, and names nobody.
func (p *Parser) eximDelivery(rest []byte, ev *Event) bool {
	flag, rest, _ := bytes.Cut(rest, []byte(" "))
	switch string(flag) {
	case "**":
		ev.Status = "bounced"
	case "==":
		ev.Status = "deferred"
	default:
		ev.Status = "sent"
	}
	to, rest, ok := cutEximAddress(bytes.TrimLeft(rest, " "))
	if !ok {
		return false
	}
	if orig, after, ok := cutEximParents(rest); ok {
		rest = after
		local, _, _ := bytes.Cut(orig, []byte("@"))
		if !bytes.EqualFold(to, local) {
			ev.OrigTo = p.names.keep(orig)
		}
		if bytes.IndexByte(to, '@') < 0 { // a local part, a file or a pipe
			to = orig
		}
	}
	addr, bare := bytes.CutSuffix(to, []byte(":"))
	ev.To = string(addr)
	if bare { // "** leo@example.com: Unrouteable address"
		ev.Reason = string(bytes.TrimLeft(rest, " "))
		return true
	}
	p.eximRoute(rest, ev)
	return true
}

// cutEximParents takes " (sales@example.es) <all@example.es>", or what is in angle
// brackets alone.
func cutEximParents(rest []byte) (orig, after []byte, ok bool) {
	if inner, is := bytes.CutPrefix(rest, []byte(" (")); is {
		if _, rest, ok = bytes.Cut(inner, []byte(") <")); !ok {
			return nil, nil, false
		}
		return cutEximAngle(rest)
	}
	rest, ok = bytes.CutPrefix(rest, []byte(" <"))
	if !ok {
		return nil, nil, false
	}
	return cutEximAngle(rest)
}

// eximRoute reads the fields behind a delivery's address: transport, host and what
// was answered or went wrong, which is for people to read.
func (p *Parser) eximRoute(rest []byte, ev *Event) {
	if ev.Status != "sent" {
		fields, text, _ := bytes.Cut(rest, []byte(": "))
		rest, ev.Reason = fields, string(text)
	}
	for len(rest) > 1 && rest[0] == ' ' {
		key, value, after, ok := cutEximField(rest[1:])
		if !ok {
			return
		}
		switch string(key) {
		case "T":
			ev.Relay = p.names.keep(value)
		case "H":
			host := bytes.TrimPrefix(rest, []byte(" H="))
			if _, tail, ok := cutFullHost(host, 0); ok {
				ev.Relay, after = p.names.keep(host[:len(host)-len(tail)]), tail
			}
		case "C":
			ev.Reason = string(bytes.Trim(value, `"`))
		}
		rest = after
	}
}

// isEximFailure knows "plain_server authenticator failed for …: 535 …". With a
// message id in front it is Exim's own failure, as another server's client.
func isEximFailure(text []byte) bool {
	name, rest, ok := bytes.Cut(text[:min(len(text), 128)], []byte(" authenticator failed for "))
	return ok && len(rest) > 0 && isMechanism(name)
}

// eximFailure reads a failed AUTH (smtp_in.c, smtp_setup_msg):
//
//	plain_server authenticator failed for host.example.net (helo) [192.0.2.7]:4711: 535 Incorrect authentication data (set_id=ana)
//
// The name is the client's claim, and may imitate what stands before it, so that
// the first address that the grammar admits counts. HELO stands before that, but
// holds no blank unless helo_accept_junk_hosts admits it.
func (p *Parser) eximFailure(text []byte, ev *Event) bool {
	method, rest, _ := bytes.Cut(text, []byte(" authenticator failed for "))
	ev.Method = p.names.keep(method)
	for try := range maxHosts {
		c, tail, ok := cutFullHost(rest, try)
		if !ok {
			return false
		}
		tail = cutInterface(tail)
		tail, isRefused := bytes.CutPrefix(tail, []byte(": 535 "))
		if !isRefused {
			continue
		}
		reason, user, _ := bytes.Cut(tail, []byte(" (set_id="))
		user = bytes.TrimSuffix(user, []byte(")"))
		if len(user) <= maxUser {
			ev.User = p.names.keep(user)
		}
		ev.Reason = p.names.keep(reason)
		return p.setClient(ev, c)
	}
	return false
}

// cutInterface skips " I=[192.0.2.1]:587" and " Ci=4711".
func cutInterface(b []byte) []byte {
	if rest, ok := bytes.CutPrefix(b, []byte(" I=[")); ok {
		if _, after, ok := bytes.Cut(rest, []byte("]")); ok {
			b = skipPort(after)
		}
	}
	if rest, ok := bytes.CutPrefix(b, []byte(" Ci=")); ok {
		for b = rest; len(b) > 0 && isDigit(b[0]); {
			b = b[1:]
		}
	}
	return b
}

// seemsEximReject knows a refusal by its host at the front and its verb.
func seemsEximReject(rest []byte) bool {
	if !bytes.HasPrefix(rest, []byte("H=")) && !bytes.HasPrefix(rest, []byte("F=")) {
		return false
	}
	_, _, ok := cutEximVerb(rest)
	return ok
}

// cutEximVerb parts a refusal at its verb.
func cutEximVerb(rest []byte) (head, what []byte, ok bool) {
	head, what, ok = bytes.Cut(rest, []byte(" rejected "))
	if dropped, by, isDrop := bytes.Cut(head, []byte(" dropped by ")); isDrop {
		return dropped, by, true
	}
	return head, what, ok
}

// eximReject reads a refusal (acl.c and smtp_in.c):
//
//	H=host.example.net (helo) [192.0.2.7] F=<eva@example.net> rejected RCPT <ana@example.es>: relay not permitted
//	H=[192.0.2.7]:4711 temporarily rejected connection in "connect" ACL: slow down
//
// No user is read from it, though it may have A=. All but action, stage and
// address is here for people to read.
func (p *Parser) eximReject(rest []byte, ev *Event) bool {
	head, what, _ := cutEximVerb(rest)
	ev.Action = "reject"
	if before, ok := bytes.CutSuffix(head, []byte(" temporarily")); ok {
		head, ev.Action = before, "defer"
	}
	if i := bytes.Index(head, []byte("H=")); i >= 0 {
		if c, _, ok := cutFullHost(head[i+len("H="):], 0); !ok || !p.setClient(ev, c) {
			return false
		}
	}
	if i := bytes.LastIndex(head, []byte(" F=<")); i >= 0 {
		from, _, _ := cutEximAngle(head[i+len(" F=<"):])
		ev.From = p.names.keep(from)
	}
	if to, ok := bytes.CutPrefix(what, []byte("RCPT <")); ok {
		if to, after, ok := cutEximAngle(to); ok {
			ev.Stage, ev.To, what = "RCPT", string(to), after
		}
	} else {
		ev.Stage = eximStage(what)
	}
	_, reason, ok := bytes.Cut(what, []byte(": "))
	if !ok {
		reason = what
	}
	ev.Reason = string(reason)
	return true
}

// eximStage names the SMTP command as Postfix would.
func eximStage(what []byte) string {
	for _, s := range [...]struct{ words, stage string }{
		{"RCPT ", "RCPT"}, {"MAIL", "MAIL"}, {"EHLO", "HELO"}, {"after DATA", "END-OF-MESSAGE"}, {"during MIME", "END-OF-MESSAGE"},
		{"by local_scan", "END-OF-MESSAGE"}, {"DATA", "DATA"}, {"connection", "CONNECT"}, {"'connect'", "CONNECT"}, {"AUTH", "AUTH"},
	} {
		if bytes.HasPrefix(what, []byte(s.words)) {
			return s.stage
		}
	}
	return ""
}
