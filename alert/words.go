package alert

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxName bounds a log-in name that is shown, in bytes: the longest mailbox
	// of RFC 5321, section 4.5.3.1.
	maxName = 64 + 1 + 255
	// maxShort bounds the other words of strangers in a row.
	maxShort = 80
	// maxDetail bounds a fault's words.
	maxDetail = 2000
)

// Clean makes a stranger's words fit for one line: what is hidden, or moves or
// reverses what stands beside it, becomes "·", and what is too long is cut.
func Clean(s string, most int) string {
	cut := len(s) > most
	if cut {
		for end := most; ; end-- { // whole runes, where they are ones
			if utf8.RuneStart(s[end]) || end == most-utf8.UTFMax {
				s = s[:end]
				break
			}
		}
	}
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || hides(r) {
			return '·'
		}
		return r
	}, s)
	if cut {
		s += "…"
	}
	return s
}

// hides reports runes that print as something else than themselves: controls,
// format characters (direction marks, zero widths), and what breaks a line.
func hides(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == '\x7f'
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}

// quote writes a word so that a POSIX shell reads it as it stands. A name of a
// log-in is a stranger's choice, and the command is made to be pasted.
func quote(word string) string {
	plain := word != ""
	for _, r := range word {
		plain = plain && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("@._+-%,:/", r))
	}
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// points writes a score as people read it: 142, or 61.5.
func points(p float64) string {
	return strconv.FormatFloat(math.Round(p*10)/10, 'f', -1, 64)
}

// signed writes what a rule added: +40, or -5.
func signed(p float64) string {
	if p < 0 {
		return points(p)
	}
	return "+" + points(p)
}

// count writes a number with the noun that it counts.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func (v Volume) String() string {
	text := count(v.Messages, "message")
	if v.Recipients > 0 {
		text += " to " + count(v.Recipients, "recipient")
	}
	return text
}

// table writes rows one below the other, their cells in columns; a line ends
// where its text ends.
func table(b *strings.Builder, indent string, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := indent
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
		b.WriteString(strings.TrimRight(line, " "))
		b.WriteByte('\n')
	}
}
