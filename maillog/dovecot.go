package maillog

import "bytes"

// dovecotLine is what a Dovecot line means; its slices point into the line.
type dovecotLine struct {
	typ                               Type
	service, user, ip, method, reason []byte
}

// maxDovecot bounds how much of a Dovecot line is read. Syslog gives 8 KiB at most
// (rsyslog's default); names are cut at 80 by Dovecot.
const maxDovecot = 4096

// dovecotText gives what a Dovecot process said, beginning with the process
// ("imap-login: Login: …"); nil for another program's line. By syslog the tag is
// "dovecot" and the process begins the text; in Dovecot's own log (log_path) the
// process stands where the tag would, and 1.x put the level first.
func (f *frame) dovecotText() []byte {
	name, _ := cutWord(f.tag)
	switch string(name) {
	case "dovecot":
		return f.text
	case "Info", "Warning":
		return f.text
	case "auth", "dovecot-auth":
		if bytes.HasPrefix(f.text, []byte("pam_")) || bytes.HasPrefix(f.text, []byte("(pam_")) {
			return f.text
		}
		return f.whole
	case "auth-worker":
		return f.whole
	}
	if bytes.HasSuffix(name, []byte("-login")) {
		return f.whole
	}
	return nil
}

// readDovecot reads a login or a failed login from what a process said; false:
// it said something else.
func readDovecot(text []byte) (d dovecotLine, ok bool) {
	text = bytes.TrimLeft(text[:min(len(text), maxDovecot)], " ")
	for bytes.HasPrefix(text, []byte("dovecot: ")) {
		text = text[len("dovecot: "):]
	}
	text, ok = cutLevel(text)
	if !ok {
		return d, false
	}
	if bytes.HasPrefix(text, []byte("pam_")) || bytes.HasPrefix(text, []byte("(pam_")) {
		return readPAM(text)
	}
	name, rest := cutWord(text)
	d.service = name
	if len(rest) > 0 && rest[0] == '[' { // a process that logs under its own name
		_, rest, _ = bytes.Cut(rest, []byte("]"))
	}
	switch {
	case bytes.HasSuffix(name, []byte("-login")):
		return d, d.readLogin(rest)
	case string(name) == "auth", string(name) == "auth-worker", string(name) == "dovecot-auth":
		return d, d.readAuth(rest)
	}
	return d, false
}

// readLogin reads the line of a login process (login-common/client-common-auth.c,
// client-common.c). 2.3 says "Login:" and "Disconnected: …", 2.4 "Logged in:" and
// "Login aborted: …":
//
//	imap-login: Login: user=<ana@example.es>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, mpid=12, TLS, session=<x>
//	imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) (auth_failed): user=<ana>, method=PLAIN, rip=…
func (d *dovecotLine) readLogin(rest []byte) bool {
	rest, ok := bytes.CutPrefix(rest, []byte(": "))
	if !ok {
		return false
	}
	if rest, ok = cutLevel(rest); !ok {
		return false
	}
	if !d.readElements(rest) {
		return false
	}
	switch {
	case bytes.HasPrefix(rest, []byte("Login: ")), bytes.HasPrefix(rest, []byte("Logged in: ")):
		d.typ = Login
		return len(d.user) > 0 && len(d.user) <= maxUser
	case saysFailed(d.reason):
		d.typ = AuthFailure
		return true
	}
	return false
}

// readElements reads login_log_format_elements. The address is the rightmost
// rip=, and what stands between "user=<" and it is the name: that of a failed
// login is whatever the client sent, such as "x>, rip=203.0.113.9".
func (d *dovecotLine) readElements(rest []byte) bool {
	at := bytes.LastIndex(rest, []byte("rip="))
	if at < 1 || rest[at-1] != ' ' && rest[at-1] != ',' {
		return false
	}
	d.ip = rest[at+len("rip="):]
	if i := bytes.IndexAny(d.ip, ", "); i >= 0 {
		d.ip = d.ip[:i]
	}
	head := bytes.TrimRight(rest[:at], ", ")
	if i := bytes.LastIndex(head, []byte("method=")); i > 0 && isMechanism(head[i+len("method="):]) {
		d.method = head[i+len("method="):]
		head = bytes.TrimRight(head[:i], ", ")
	}
	d.reason = head
	if reason, user, ok := bytes.Cut(head, []byte("user=<")); ok {
		d.reason = reason
		d.user = bytes.TrimSuffix(user, []byte(">"))
		if len(d.user) == len(user) {
			d.user = nil
		}
	}
	d.reason = bytes.TrimRight(d.reason, ": ")
	return true
}

// saysFailed knows the reasons that mean that a name and password were refused.
// "no auth attempts", "tried to use disallowed plaintext auth" and an aborted
// exchange are none.
func saysFailed(reason []byte) bool {
	for _, words := range [...]string{
		"(auth failed, ", "(auth failed)", " authentication attempts)", "(authorization failed, ",
		"(user disabled", "(password expired", "(pass expired",
	} {
		if bytes.Contains(reason, []byte(words)) {
			return true
		}
	}
	return false
}

// readAuth reads the line of the auth process, which auth_verbose brings. 2.3
// puts the client behind the passdb, 2.4 behind the process:
//
//	auth-worker(304): conn unix:auth-worker (pid=5,uid=97): auth-worker<6>: sql(ana,192.0.2.7,<x>): Password mismatch
//	auth(ana@example.es,192.0.2.7,sasl:plain)<x>: Info: sql: unknown user
func (d *dovecotLine) readAuth(rest []byte) bool {
	if len(rest) > 0 && rest[0] == '(' {
		id, after, ok := bytes.Cut(rest[1:], []byte(")"))
		if !ok || !allDigits(id) && string(id) != "default" {
			return d.readClient(rest[1:], true)
		}
		rest = after
	}
	rest, ok := bytes.CutPrefix(rest, []byte(": "))
	if !ok {
		return false
	}
	if rest, ok = cutLevel(rest); !ok {
		return false
	}
	if bytes.HasPrefix(rest, []byte("conn ")) {
		_, rest, _ = bytes.Cut(rest, []byte("): "))
		_, rest, _ = bytes.Cut(rest, []byte(">: "))
		if rest, ok = cutLevel(rest); !ok {
			return false
		}
	}
	if bytes.HasPrefix(rest, []byte("pam_")) || bytes.HasPrefix(rest, []byte("(pam_")) {
		p, ok := readPAM(rest)
		*d = p
		return ok
	}
	driver, rest := cutWord(rest)
	if len(driver) == 0 || len(rest) == 0 || rest[0] != '(' {
		return false
	}
	return d.readClient(rest[1:], false)
}

// readClient reads "user,address[,master][,<session>]): Password mismatch". The
// leftmost closing that is followed by the words of a failure ends the client:
// the password, which auth_verbose_passwords logs behind them, is freer text than
// the name (auth_username_chars).
func (d *dovecotLine) readClient(b []byte, driverBehind bool) bool {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], ')')
		if i < 0 {
			return false
		}
		end := from + i
		if words := b[end+1:]; d.readRefusal(words, driverBehind) && d.splitClient(b[:end]) {
			d.typ = AuthFailure
			return true
		}
		from = end + 1
	}
}

// readRefusal reads what stands behind the client's closing parenthesis.
func (d *dovecotLine) readRefusal(b []byte, driverFirst bool) bool {
	if driverFirst && len(b) > 0 && b[0] == '<' {
		_, b, _ = bytes.Cut(b, []byte(">"))
	}
	b, ok := bytes.CutPrefix(b, []byte(": "))
	if !ok {
		return false
	}
	if driverFirst {
		if rest, ok := bytes.CutPrefix(b, []byte("request [")); ok {
			_, b, _ = bytes.Cut(rest, []byte("]: "))
		}
		if b, ok = cutLevel(b); !ok {
			return false
		}
		var driver []byte
		driver, b = cutWord(b)
		if b, ok = bytes.CutPrefix(b, []byte(": ")); !ok || len(driver) == 0 {
			return false
		}
	} else if b, ok = cutLevel(b); !ok {
		return false
	}
	for _, words := range [...]string{
		"unknown user", "Password mismatch", "password mismatch", "invalid credentials", "Invalid credentials",
		"pam_authenticate() failed:", "Permission denied", "Login failed (status=", "Authentication failed",
		"Authentication failure due to policy", "User is disabled", "Password expired",
	} {
		if bytes.HasPrefix(b, []byte(words)) {
			if bytes.Contains(b, []byte(" - trying the next ")) { // not the last word yet
				return false
			}
			d.reason = b
			if i := bytes.Index(b, []byte("given password")); i > 0 {
				d.reason = bytes.TrimRight(b[:bytes.LastIndexByte(b[:i], '(')+1], " (")
			}
			return true
		}
	}
	return false
}

// splitClient finds the address from the right: the name may hold commas.
func (d *dovecotLine) splitClient(b []byte) bool {
	for range 4 {
		i := bytes.LastIndexByte(b, ',')
		if i < 0 {
			return false
		}
		if last := b[i+1:]; looksLikeAddr(last) {
			d.user, d.ip = b[:i], last
			return true
		}
		b = b[:i]
	}
	return false
}

// looksLikeAddr is a cheap test that Parse's netip.ParseAddr follows.
func looksLikeAddr(b []byte) bool {
	if len(b) < 2 || len(b) > maxAddress {
		return false
	}
	dots, colons := 0, 0
	for _, c := range b {
		switch {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	return dots == 3 || colons >= 2
}

// readPAM reads what a PAM module says under Dovecot's service name
// (pam_unix/support.c). ruser and user are both the client's claim, so that the
// address is told from an imitation by user repeating ruser, or by being last.
//
//	pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=ana rhost=192.0.2.7  user=ana
func readPAM(text []byte) (d dovecotLine, ok bool) {
	head, rest, ok := bytes.Cut(text, []byte(" authentication failure; "))
	if !ok || !bytes.HasSuffix(head, []byte("(dovecot:auth):")) && string(head) != "(pam_unix)" {
		return d, false
	}
	_, rest, ok = bytes.Cut(rest, []byte(" ruser="))
	if !ok {
		return d, false
	}
	d = dovecotLine{typ: AuthFailure, service: []byte("auth"), reason: []byte("authentication failure")}
	for end := len(rest); end > 0; {
		i := bytes.LastIndex(rest[:end], []byte(" user="))
		if i < 0 {
			break
		}
		name := rest[i+len(" user="):]
		if after, ok := bytes.CutPrefix(rest[:i], name); ok {
			after = bytes.TrimLeft(after, " ") // a name's blanks are cut off at the line's end
			if ip, ok := bytes.CutPrefix(after, []byte("rhost=")); ok {
				d.user, d.ip = name, bytes.TrimRight(ip, " ")
				return d, true
			}
		}
		end = i
	}
	if bytes.Contains(rest, []byte("  user=")) {
		return d, false // user does not repeat ruser: no telling which address is meant
	}
	user, ip, ok := cutLast(rest, " rhost=")
	if i := bytes.IndexByte(ip, ' '); i >= 0 {
		ip = ip[:i]
	}
	d.user, d.ip = user, ip
	return d, ok && len(ip) > 0
}

// cutLevel removes the level that Dovecot's own log and verbose syslog set-ups
// have in front of a message. It reports false for a debug message, which tells
// the same as another line of a higher level.
func cutLevel(b []byte) ([]byte, bool) {
	for _, level := range [...]string{"Info: ", "Warning: ", "Error: "} {
		if rest, ok := bytes.CutPrefix(b, []byte(level)); ok {
			return rest, true
		}
	}
	return b, !bytes.HasPrefix(b, []byte("Debug: "))
}

// cutWord takes a process or driver name from the front: "imap-login", "passwd-file".
func cutWord(b []byte) (word, rest []byte) {
	i := 0
	for i < len(b) && i < 32 && (b[i] >= 'a' && b[i] <= 'z' || isDigit(b[i]) || b[i] == '-' || i == 0 && b[i] >= 'A' && b[i] <= 'Z') {
		i++
	}
	return b[:i], b[i:]
}

// dovecot fills the event from a line that readDovecot knows.
func (p *Parser) dovecot(text []byte, ev *Event) bool {
	d, _ := readDovecot(text)
	addr, ok := p.parseAddr(d.ip)
	if !ok {
		return false
	}
	ev.Type, ev.Addr = d.typ, addr
	ev.Service = p.names.keep(d.service)
	if len(d.user) <= maxUser {
		ev.User = p.names.keep(d.user)
	}
	ev.Method = p.names.keep(d.method)
	if d.typ == AuthFailure {
		ev.Reason = p.names.keep(d.reason)
	}
	return true
}
