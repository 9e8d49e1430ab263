package maillog

import "bytes"

// MaxLine is the longest line that is looked at, in bytes. Postfix cuts its own
// text at 2000 (msg_logger.c); a journal entry with all its fields needs more.
const MaxLine = 64 << 10

// maxNesting bounds how many framings may stand inside one another: a
// container's stamp, a relay's stamp and the program's own are three.
const maxNesting = 4

// frame is a line taken apart into what the logger added and what the program
// said. Its slices point into the line.
type frame struct {
	stamp []byte // as written; nil where the framing has none
	host  []byte
	tag   []byte // "postfix/submission/smtpd", without "[pid]"
	text  []byte // the program's words
	whole []byte // tag and text as they stood: Dovecot's own log has its tag in the text
	depth int
	// indented: the text began with a blank of its own. In a line of PHP's, a
	// script wrote it (see php.go).
	indented bool
}

// cut takes a text line apart. It reports false for a line in no known framing,
// which includes JSON: see entry.
//
//	Nov  5 10:00:00 mail postfix/smtpd[123]: connect from …      RFC 3164, section 4.1
//	2026-11-05T10:00:00.123456+01:00 mail postfix/smtpd[123]: …   rsyslog's file format
//	<22>1 2026-11-05T10:00:00Z mail postfix/smtpd 123 - - …       RFC 5424, section 6
//	@400000004c91b044077a9e94 imap-login: Info: Login: …          TAI64N (multilog)
func (f *frame) cut(line []byte) bool {
	if f.depth++; f.depth > maxNesting {
		return false
	}
	if n := stampLen(line); n > 0 {
		if n+1 >= len(line) || line[n] != ' ' {
			return false
		}
		outer := f.stamp
		if f.stamp = line[:n]; hasZone(outer) {
			f.stamp = outer
		}
		if line[10] == ' ' && isDigit(line[0]) && ownExim(line[n+1:]) {
			f.tag, f.text, f.whole = []byte("exim"), line[n+1:], line[n+1:]
			return true
		}
		return f.cutHead(line[n+1:])
	}
	return f.cutPrefixed(line)
}

// cutHead reads host and tag, either of which may be absent.
func (f *frame) cutHead(rest []byte) bool {
	if c := rest[0]; c <= '9' || c == '<' || c >= 'A' && c <= 'Z' || c == 's' {
		if ok, done := f.cutOddHead(rest); done {
			return ok
		}
	}
	i := bytes.IndexByte(rest, ' ')
	if i <= 0 {
		return false
	}
	// A word with a colon at its end is a tag already, and Dovecot's own log
	// has "auth(user name,192.0.2.1)": neither is a host.
	if rest[i-1] == ':' || bytes.HasPrefix(rest, []byte("auth")) && bytes.IndexByte(rest[:i], '(') > 0 {
		return f.cutTag(rest)
	}
	f.host = rest[:i]
	return f.cutTag(rest[i+1:])
}

// cutOddHead handles what may stand between the stamp and the host. It reports
// done when it dealt with the rest of the line.
func (f *frame) cutOddHead(rest []byte) (ok, done bool) {
	switch {
	case rest[0] == ' ':
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) == 0 {
			return false, true
		}
		return f.cutHead(rest), true
	case rest[0] == '<': // FreeBSD's syslogd -v: <mail.info>
		if i := bytes.IndexByte(rest[:min(len(rest), 24)], '>'); i > 0 && i+2 < len(rest) && rest[i+1] == ' ' {
			return f.cutHead(rest[i+2:]), true
		}
	case bytes.HasPrefix(rest, []byte("stdout F ")), bytes.HasPrefix(rest, []byte("stderr F ")): // Kubernetes' CRI
		return f.cut(rest[len("stdout F "):]), true
	case stampLen(rest) > 0: // the stamp of docker logs -t, or of a relay, in front of the program's own
		return f.cut(rest), true
	}
	return false, false
}

// cutTag reads "postfix/smtpd[123]: text".
func (f *frame) cutTag(rest []byte) bool {
	f.whole = rest
	i := bytes.IndexByte(rest, ' ')
	if i < 2 {
		return false
	}
	tag := rest[:i]
	switch tag[i-1] {
	case ':':
		tag = tag[:i-1]
	case ']': // a template without the colon
	default:
		if isPriorityName(tag) {
			return f.cutTag(rest[i+1:])
		}
		// "auth(user name,192.0.2.1): …" has a blank in its tag
		if p := bytes.IndexByte(tag, '('); p > 0 && bytes.IndexByte(tag, '/') < 0 {
			f.tag, f.text = tag[:p], rest[i+1:]
			return true
		}
		return false
	}
	if n := len(tag); n > 0 && tag[n-1] == ']' {
		if p := bytes.LastIndexByte(tag, '['); p > 0 {
			tag = tag[:p]
		}
	}
	f.tag, f.text = tag, rest[i+1:]
	if len(f.text) > 0 && (f.text[0] == ' ' || f.text[0] == '[') {
		f.indented = f.text[0] == ' '
		f.text = cutSolarisID(bytes.TrimLeft(f.text, " "))
	}
	return len(f.text) > 0
}

// isPriorityName knows "mail.info", which busybox's syslogd (Alpine, OpenWrt) puts
// between host and tag.
func isPriorityName(word []byte) bool {
	facility, level, ok := bytes.Cut(word, []byte("."))
	if !ok || len(facility) < 3 || len(facility) > 8 {
		return false
	}
	switch string(level) {
	case "emerg", "alert", "crit", "err", "error", "warn", "warning", "notice", "info", "debug":
		return true
	}
	return false
}

// cutSolarisID removes the "[ID 197553 mail.info] " that Solaris and illumos put
// in front of each message.
func cutSolarisID(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("[ID ")) {
		return text
	}
	if i := bytes.IndexByte(text[:min(len(text), 48)], ']'); i > 0 && i+2 <= len(text) && text[i+1] == ' ' {
		return text[i+2:]
	}
	return text
}

// cutPrefixed handles what may stand in front of a stamp: a priority, Compose's
// service name, Dovecot's own name. A line that begins with a blank goes on from
// the one before (PHP lets a script write such lines).
func (f *frame) cutPrefixed(line []byte) bool {
	if len(line) < 8 || line[0] == ' ' || line[0] == '\t' {
		return false
	}
	if line[0] == '[' || line[0] == 'm' && bytes.HasPrefix(line, []byte(phpCall)) {
		return f.cutPHP(line)
	}
	if rest, ok := bytes.CutPrefix(line, []byte("dovecot: ")); ok {
		if stampLen(rest) > 0 {
			return f.cut(rest)
		}
		return f.cutTag(line)
	}
	if line[0] == '<' {
		return f.cutPriority(line)
	}
	// mailcowdockerized-postfix-mailcow-1  | Nov  5 10:00:00 …
	head := line[:min(len(line), 80)]
	for i, c := range head {
		if c == '|' && i > 0 && i+2 < len(line) && line[i-1] == ' ' && line[i+1] == ' ' {
			return stampLen(line[i+2:]) > 0 && f.cut(line[i+2:])
		}
		if c != ' ' && !isName(c) {
			return c == '[' && f.cutBareExim(line, i)
		}
	}
	return false
}

// cutBareExim reads a line without the logger's time, as journalctl -o cat and some
// collectors leave it: Exim's own time stands in the text.
//
//	mail.example.com exim[3751842]: 2026-11-20 20:19:01 1vMBxd-000abc-XY Completed
func (f *frame) cutBareExim(line []byte, bracket int) bool {
	host, tag, ok := bytes.Cut(line[:bracket], []byte(" "))
	if !ok {
		host, tag = nil, host
	}
	f.host = host
	return isExim(tag) && f.cutTag(line[bracket-len(tag):]) && stampLen(f.text) > 0
}

// cutPriority reads "<22>", and what RFC 5424 (section 6) or RFC 3164 puts
// after it.
func (f *frame) cutPriority(line []byte) bool {
	i := bytes.IndexByte(line[:min(len(line), 5)], '>')
	if i < 2 || !allDigits(line[1:i]) {
		return false
	}
	rest := line[i+1:]
	if len(rest) > 2 && rest[0] == '1' && rest[1] == ' ' {
		return f.cut5424(rest[2:])
	}
	return len(rest) > 0 && rest[0] != '<' && f.cut(rest)
}

// cut5424 reads TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG.
func (f *frame) cut5424(rest []byte) bool {
	var field [5][]byte
	for i := range field {
		n := bytes.IndexByte(rest, ' ')
		if n <= 0 {
			return false
		}
		field[i], rest = rest[:n], rest[n+1:]
	}
	if stampLen(field[0]) != len(field[0]) {
		return false
	}
	rest, ok := cutStructuredData(rest)
	if !ok {
		return false
	}
	rest = bytes.TrimPrefix(rest, []byte("\xef\xbb\xbf")) // the BOM of section 6.4
	f.stamp, f.host, f.tag, f.text, f.whole = field[0], field[1], field[2], rest, rest
	return len(rest) > 0
}

// cutStructuredData skips "-" or "[id key=\"value\" …]…" and the blank after it
// (RFC 5424, section 6.3); `"`, `\` and `]` are escaped inside a value.
func cutStructuredData(b []byte) ([]byte, bool) {
	if bytes.HasPrefix(b, []byte("- ")) {
		return b[2:], true
	}
	quoted := false
	for i := 0; i < len(b) && b[0] == '['; i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && c == ']' && i+1 < len(b) && b[i+1] == ' ':
			return b[i+2:], true
		}
	}
	return nil, false
}

// cutRepeat unwraps "message repeated 3 times: [ text]", which rsyslog writes
// with $RepeatedMsgReduction (Ubuntu's default). It gives 1 for other text.
func cutRepeat(text []byte) (inner []byte, times int) {
	rest, ok := bytes.CutPrefix(text, []byte("message repeated "))
	if !ok {
		return text, 1
	}
	i := bytes.IndexByte(rest, ' ')
	if i < 1 || i > 7 {
		return text, 1
	}
	n, ok := number(rest[:i])
	rest, cut := bytes.CutPrefix(rest[i:], []byte(" times: ["))
	if !ok || !cut || n < 1 {
		return text, 1
	}
	return bytes.TrimLeft(bytes.TrimSuffix(rest, []byte("]")), " "), int(n)
}

// trimEnd removes what ends a line: "\n", "\r\n", and blanks.
func trimEnd(b []byte) []byte {
	for len(b) > 0 {
		if c := b[len(b)-1]; c != '\n' && c != '\r' && c != ' ' && c != '\t' {
			break
		}
		b = b[:len(b)-1]
	}
	return b
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// isName reports the bytes of a host name, as Postfix's valid_hostname admits
// them (with the underscore that it tolerates).
func isName(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == '-' || c == '_'
}

func isAlnum(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }

func allDigits(b []byte) bool {
	for _, c := range b {
		if !isDigit(c) {
			return false
		}
	}
	return len(b) > 0
}

// number reads a decimal number of up to 18 digits.
func number(b []byte) (int64, bool) {
	if len(b) > 18 || !allDigits(b) {
		return 0, false
	}
	var n int64
	for _, c := range b {
		n = n*10 + int64(c-'0')
	}
	return n, true
}
