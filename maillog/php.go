package maillog

import (
	"bytes"
	"time"
)

// PHP writes a line for each call of mail() to the file that its directive mail.log
// names (main/main.c, ext/standard/mail.c: php_mail_log_to_file, php_mail). Its
// three shapes, and what the last one is by syslog:
//
//	mail() on [/home/ana/www/form.php:3]: To: leo@example.com -- Headers: From: x@example.es            5.3
//	[20-Nov-2026 20:41:54 UTC] mail() on [/home/ana/www/form.php:3]: To: … -- Headers: …                5.4
//	[20-Nov-2026 21:41:54 Europe/Madrid] mail() on [/…:3]: To: … -- Headers: … -- Subject: …            7.1
//	Nov 20 21:41:54 web php-fpm[712]: mail() on [/…:3]: To: … -- Headers: … -- Subject: …
//
// To, headers and subject are the script's, and often its visitors'. A recipient
// or subject may be folded ("\r\n " or "\r\n\t", RFC 5322 section 2.2.3), and is
// written as it is: what begins with a blank is a visitor's words, not an entry.
const phpCall = "mail() on ["

// wrapperCall begins what the wrapper sendmail-php has logger(1) write, under the
// account's name as the tag:
//
//	Nov  3 04:05:06 web www-data: sendmail-php url=www.example.es/form.php, client=192.0.2.10, filename=/home/ana/www/form.php, uid=33, user=www-data, args=-t -i
const wrapperCall = "sendmail-php "

// maxScript bounds a script's path: PATH_MAX, and the words of eval() behind it.
const maxScript = 4096 + 256

// cutPHP takes a line of PHP's own file apart.
func (f *frame) cutPHP(line []byte) bool {
	if line[0] == '[' {
		i := bytes.IndexByte(line[:min(len(line), 64)], ']')
		if i < 0 || i+2 >= len(line) || line[i+1] != ' ' || !isPHPStamp(line[1:i]) {
			return false
		}
		f.stamp, line = line[1:i], line[i+2:]
	}
	f.tag, f.text, f.whole = []byte("php"), line, line
	return true
}

// lookPHP knows both kinds of lines by their first words, under any tag: PHP's is
// that of its server, and the wrapper's the account's name.
func (f *frame) lookPHP(s *sight) {
	if !f.indented && (bytes.HasPrefix(f.text, []byte(phpCall)) || bytes.HasPrefix(f.text, []byte(wrapperCall))) {
		*s = sight{form: scriptForm, rest: f.text, source: PHP, repeat: 1}
	}
}

// script fills the event from either kind of line.
func (p *Parser) script(tag []byte, s *sight, ev *Event) bool {
	ev.Type, ev.UID = Script, NoUID
	if rest, ok := bytes.CutPrefix(s.rest, []byte(phpCall)); ok {
		return p.mailCall(rest, ev)
	}
	return p.wrapper(tag, s.rest[len(wrapperCall):], ev)
}

// mailCall reads "/home/ana/www/form.php:3]: To: leo@example.com -- Headers: …". A
// path may hold "]" and ":"; the first place that can be its end is taken, as what
// follows is freer text than a file's name.
func (p *Parser) mailCall(rest []byte, ev *Event) bool {
	for from := 0; from < min(len(rest), maxScript); {
		i := bytes.Index(rest[from:], []byte("]: To:"))
		if i < 0 {
			return false
		}
		at := from + i
		file, line, ok := cutLast(rest[:at], ":")
		if n, isNumber := number(line); ok && isNumber && n < 1<<31 && len(file) <= maxScript {
			ev.Script, ev.Line = p.names.keep(cutEval(file)), int(n)
			to, _, _ := bytes.Cut(rest[at+len("]: To:"):], []byte(" -- Headers:"))
			ev.To = string(bytes.TrimLeft(to, " "))
			return len(ev.Script) > 0
		}
		from = at + 1
	}
	return false
}

// cutEval removes what PHP puts behind the name of a file whose code was made
// while it ran: "/x.php(3) : eval()'d code".
func cutEval(file []byte) []byte {
	for _, mark := range [...]string{") : eval()'d code", ") : runtime-created function", ") : assert code"} {
		if i := bytes.Index(file, []byte(mark)); i > 0 {
			if j := bytes.LastIndexByte(file[:i], '('); j > 0 && allDigits(file[j+1:i]) {
				file = file[:j]
			}
		}
	}
	return file
}

// wrapper reads the wrapper's line. The URL at its front is a visitor's words, and
// the arguments at its end often are; each may be worded like all that stands
// between them. Where that leaves a choice, the account is kept that the line has
// for its tag, and nothing else.
func (p *Parser) wrapper(tag, rest []byte, ev *Event) bool {
	url, ok := bytes.CutPrefix(rest, []byte("url="))
	if !ok {
		if url, ok = bytes.CutPrefix(rest, []byte("site=")); !ok { // the wrapper's first version
			return false
		}
	}
	first, ok := readWrapper(url, bytes.Index)
	last, okLast := readWrapper(url, bytes.LastIndex)
	if !ok || !okLast {
		return false
	}
	if !first.equals(last) {
		ev.User = p.names.keep(tag)
		return bytes.Equal(tag, first.user) || bytes.Equal(tag, last.user)
	}
	uid, _ := number(first.uid)
	ev.UID, ev.User = int(uid), p.names.keep(first.user)
	ev.URL, ev.Script = string(first.url), p.names.keep(first.script)
	ev.Addr, _ = p.parseAddr(first.client) // a script that nobody asked for has none
	return true
}

// wrapped is what the wrapper says, as one reading has it.
type wrapped struct {
	url, client, script, uid, user []byte
}

func (w wrapped) equals(other wrapped) bool {
	return bytes.Equal(w.url, other.url) && bytes.Equal(w.client, other.client) && bytes.Equal(w.script, other.script) &&
		bytes.Equal(w.uid, other.uid) && bytes.Equal(w.user, other.user)
}

// readWrapper reads with the first or the last place that each mark stands at.
func readWrapper(b []byte, index func(s, sep []byte) int) (w wrapped, ok bool) {
	args := index(b, []byte(", args="))
	if args < 0 {
		return w, false
	}
	b = b[:args]
	client := index(b, []byte(", client="))
	if client < 0 {
		return w, false
	}
	w.url, b = b[:client], b[client+len(", client="):]
	w.client, b, ok = bytes.Cut(b, []byte(", filename="))
	if !ok || len(w.client) > 0 && !looksLikeAddr(w.client) {
		return w, false
	}
	file, user, ok := cutLast(b, ", user=")
	file, uid, okUID := cutLast(file, ", uid=")
	file, _, _ = bytes.Cut(file, []byte(", pwd="))
	w.script, w.uid, w.user = file, uid, user
	n, isNumber := number(uid)
	return w, ok && okUID && isNumber && n < 1<<32 && len(user) > 0 && len(user) <= maxUser && len(file) <= maxScript
}

// isPHPStamp knows "20-Nov-2026 20:41:54 Europe/Madrid" by its punctuation.
func isPHPStamp(b []byte) bool {
	return len(b) > 20 && len(b) <= 60 && b[2] == '-' && b[6] == '-' && b[11] == ' ' && b[14] == ':' && b[17] == ':' && isDigit(b[0])
}

// readPHP gives the instant of a stamp of PHP, whose zone has a name
// (date.timezone). One that this machine does not know counts as the log's.
func (c *clock) readPHP(b []byte) (time.Time, bool) {
	var s stamp
	var ok [2]bool
	s.day, ok[0] = decimal(b[0:2])
	s.month = monthOf(b[3:6])
	s.year, ok[1] = decimal(b[7:11])
	if !ok[0] || !ok[1] || s.year == 0 || !s.readClock(b[12:20]) || !s.valid() {
		return time.Time{}, false
	}
	zoned := clock{loc: c.zoneNamed(b[20:]), last: c.last}
	t, valid := zoned.local(s, s.year)
	if valid {
		c.last = t
	}
	return t, valid
}

// maxZones bounds how many zones are remembered; one log has one or two.
const maxZones = 64

func (c *clock) zoneNamed(b []byte) *time.Location {
	name := string(bytes.TrimLeft(b, " "))
	if zone, ok := c.named[name]; ok {
		return zone
	}
	zone := c.loc
	if name != "" && (name[0] == '+' || name[0] == '-') && zoneLen([]byte(name)) == len(name) {
		if seconds, ok := zoneOffset([]byte(name)); ok {
			zone = time.FixedZone("", seconds)
		}
	} else if known, err := time.LoadLocation(name); err == nil && name != "" && name != "Local" {
		zone = known
	}
	if c.named == nil || len(c.named) >= maxZones {
		c.named = make(map[string]*time.Location)
	}
	c.named[name] = zone
	return zone
}
