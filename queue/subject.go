package queue

import (
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Bounds on what is shown and on what is read for it, in bytes.
const (
	maxAddress = 320
	maxSubject = 200
	maxRaw     = 4 << 10 // of a subject before it is decoded
	maxHeader  = 256 << 10
)

// readSubject reads the content's header for its subject. A message without one
// has none; nothing here is worth an error.
func readSubject(r *records) string { return readHeader(r).subject }

// decodeSubject makes a subject readable (RFC 2047) and fit to be shown. What
// can't be decoded is shown as it stands.
func decodeSubject(raw string) string {
	raw = strings.TrimSpace(raw[:min(len(raw), maxRaw)])
	words := mime.WordDecoder{CharsetReader: charset}
	if decoded, err := words.DecodeHeader(raw); err == nil {
		raw = decoded
	}
	return mask(strings.ReplaceAll(raw, "\t", " "), maxSubject)
}

// charset knows those that the standard library doesn't and Europe uses.
func charset(name string, in io.Reader) (io.Reader, error) {
	for _, c := range []*charmap.Charmap{
		charmap.Windows1250, charmap.Windows1251, charmap.Windows1252, charmap.Windows1253, charmap.Windows1254,
		charmap.ISO8859_2, charmap.ISO8859_5, charmap.ISO8859_7, charmap.ISO8859_9, charmap.ISO8859_15, charmap.KOI8R, charmap.KOI8U,
	} {
		if strings.EqualFold(name, strings.ReplaceAll(c.String(), " ", "-")) {
			return c.NewDecoder().Reader(in), nil
		}
	}
	return nil, fmt.Errorf("unknown character set %q", name)
}

// mask makes text of a message fit to be shown on one line: what would move the
// cursor or turn the line becomes "·", what is long is cut.
func mask(s string, most int) string {
	cut := len(s) > most
	if cut {
		for most > 0 && !utf8.RuneStart(s[most]) {
			most--
		}
		s = s[:most]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
	if cut {
		s += "…"
	}
	return s
}
