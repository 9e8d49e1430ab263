package maillog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMasked bounds what Mask gives, in bytes.
const maxMasked = 512

// Mask makes text from a log fit to be shown: whatever could move a cursor,
// reverse the line or break it becomes "·". Postfix replaces the C0 controls
// itself but lets valid UTF-8 through with smtputf8_enable, and with it the C1
// controls, the direction marks (U+202A–U+202E, U+2066–U+2069 and others) and the
// line separators U+2028 and U+2029. Text of over 512 bytes is cut with "…".
func Mask(s string) string {
	cut := len(s) > maxMasked
	if cut {
		end := maxMasked
		for end > maxMasked-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	if !cut && isPlain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if hides(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			r = '·'
		}
		b.WriteRune(r)
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

// Doubtful reports whether a user name can be told from the rest of a log line
// with certainty. One that holds a comma, a blank, "=" or "?" (which stands for a
// byte that Postfix did not want to print), is shown to people but not acted on
// from a log; the policy service gives names on a line of their own.
func Doubtful(user string) bool {
	if user == "" || len(user) > maxUser || !utf8.ValidString(user) {
		return true
	}
	for _, r := range user {
		if r == ',' || r == '=' || r == '?' || unicode.IsSpace(r) || hides(r) {
			return true
		}
	}
	return false
}

// hides reports runes that print as something else than themselves: controls (Cc),
// format characters (Cf: direction marks, zero widths, tags) and the separators of
// lines and paragraphs.
func hides(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
