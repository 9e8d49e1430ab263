package maillog

import (
	"bytes"
	"slices"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// entry is a log line that stands in a JSON object: a journal entry
// (journalctl -o json) or a line of Docker's json-file driver.
//
//	{"__REALTIME_TIMESTAMP":"1795876800000000","SYSLOG_IDENTIFIER":"postfix/smtpd","_UID":"105","MESSAGE":"connect from …"}
//	{"log":"Nov  5 10:00:00 mail postfix/smtpd[123]: connect from …\n","stream":"stdout","time":"2026-11-05T09:00:00.1Z"}
type entry struct {
	message, tag, host, realtime []byte // the journal's
	uid, unit                    []byte
	log, time                    []byte // Docker's
	trusted                      bool
}

// entry reads a flat JSON object; values of other kinds than strings and byte
// arrays count as absent. Nothing in it outlives the next call.
func (p *Parser) entry(line []byte) (e entry, ok bool) {
	p.buf = p.buf[:0]
	rest := line[1:]
	for range 512 {
		rest = bytes.TrimLeft(rest, " \t,")
		if len(rest) == 0 {
			return e, false
		}
		if rest[0] == '}' {
			e.trusted = p.trust.admits(e)
			return e, true
		}
		var key, raw []byte
		if key, rest, ok = cutJSON(rest); !ok {
			return e, false
		}
		rest = bytes.TrimLeft(rest, " \t")
		if len(rest) == 0 || rest[0] != ':' {
			return e, false
		}
		if raw, rest, ok = cutJSON(bytes.TrimLeft(rest[1:], " \t")); !ok {
			return e, false
		}
		if field := e.field(key); field != nil {
			*field = p.decode(raw)
		}
	}
	return e, false
}

// field is where the value of a key goes; nil: it is not wanted.
func (e *entry) field(key []byte) *[]byte {
	switch string(key) {
	case `"MESSAGE"`:
		return &e.message
	case `"SYSLOG_IDENTIFIER"`:
		return &e.tag
	case `"_HOSTNAME"`:
		return &e.host
	case `"__REALTIME_TIMESTAMP"`:
		return &e.realtime
	case `"_UID"`:
		return &e.uid
	case `"_SYSTEMD_UNIT"`:
		return &e.unit
	case `"log"`:
		return &e.log
	case `"time"`:
		return &e.time
	}
	return nil
}

// frame gives the entry the shape of a text line.
func (e *entry) frame(f *frame) bool {
	switch {
	case len(e.message) > 0 && len(e.tag) > 0:
		if !e.trusted {
			return false
		}
		f.text = bytes.TrimLeft(trimEnd(e.message), " ")
		f.indented = e.message[0] == ' ' || e.message[0] == '\t'
		f.host, f.tag, f.whole = e.host, e.tag, f.text
		return len(f.text) > 0
	case len(e.log) > 0:
		return f.cut(trimEnd(e.log))
	}
	return false
}

// when is the instant that the framing gives; zero: none.
func (e *entry) when() time.Time {
	if len(e.realtime) > 0 {
		if us, ok := number(e.realtime); ok {
			return time.UnixMicro(us).UTC()
		}
		return time.Time{}
	}
	if hasZone(e.time) && stampLen(e.time) == len(e.time) {
		if s, ok := readStamp(e.time); ok {
			c := clock{loc: time.UTC}
			t, _ := c.at(s)
			return t
		}
	}
	return time.Time{}
}

// admits reports whether the writer of a journal entry may be believed.
func (t *Trust) admits(e entry) bool {
	if len(t.UIDs) > 0 {
		uid, ok := number(e.uid)
		if !ok || uid > 1<<32-1 || !slices.Contains(t.UIDs, uint32(uid)) {
			return false
		}
	}
	return len(t.Units) == 0 || slices.ContainsFunc(t.Units, func(prefix string) bool {
		return bytes.HasPrefix(e.unit, []byte(prefix))
	})
}

// cutJSON takes one JSON value from the front, as it is written.
func cutJSON(b []byte) (value, rest []byte, ok bool) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case quoted:
			if c == '\\' {
				i++
			}
			if c != '"' {
				continue
			}
			if quoted = false; depth == 0 {
				return b[:i+1], b[i+1:], true
			}
		case c == '"':
			quoted = true
		case c == '[' || c == '{':
			depth++
		case depth == 0 && (c == ',' || c == '}' || c == ' '):
			return b[:i], b[i:], i > 0
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return b[:i+1], b[i+1:], true
			}
		}
	}
	return nil, nil, false
}

// decode gives the text of a string, or of the array of bytes that the journal
// writes for what is not UTF-8. The text stands in the parser's buffer unless it
// needed no decoding.
func (p *Parser) decode(raw []byte) []byte {
	if len(raw) < 2 {
		return nil
	}
	start := len(p.buf)
	switch raw[0] {
	case '"':
		raw = raw[1 : len(raw)-1]
		if bytes.IndexByte(raw, '\\') < 0 {
			return raw
		}
		p.buf = appendUnescaped(p.buf, raw)
	case '[':
		var ok bool
		if p.buf, ok = appendBytes(p.buf, raw[1:len(raw)-1]); !ok {
			return nil
		}
	default: // null, a number
		return nil
	}
	return p.buf[start:len(p.buf):len(p.buf)]
}

// appendBytes reads "104,105".
func appendBytes(dst, list []byte) ([]byte, bool) {
	for len(list) > 0 {
		item, rest, _ := bytes.Cut(list, []byte(","))
		n, ok := number(bytes.TrimSpace(item))
		if !ok || n > 255 {
			return dst, false
		}
		dst, list = append(dst, byte(n)), rest
	}
	return dst, true
}

// appendUnescaped undoes the escapes of RFC 8259, section 7.
func appendUnescaped(dst, s []byte) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			dst = append(dst, s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case 'r':
			dst = append(dst, '\r')
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'u':
			r := hexRune(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+2 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
				r = utf16.DecodeRune(r, hexRune(s[i+3:]))
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		default: // " \ /
			dst = append(dst, c)
		}
	}
	return dst
}

// hexRune reads four hexadecimal digits.
func hexRune(b []byte) rune {
	if len(b) < 4 || !allHex(b[:4]) {
		return utf8.RuneError
	}
	var r rune
	for _, c := range b[:4] {
		r = r<<4 | rune(hexValue(c))
	}
	return r
}
