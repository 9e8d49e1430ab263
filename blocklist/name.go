package blocklist

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
)

// ErrName says that no table can hold a login name, so that the name has to be
// refused elsewhere (a policy or socketmap service gets it raw).
var ErrName = errors.New("no table can hold this login name")

// maxName bounds a login name in bytes: the longest mailbox, local part, "@"
// and domain (RFC 5321, section 4.5.3.1).
const maxName = 64 + 1 + 255

// maxKey is the longest key in bytes that lmdb takes (MDB_MAXKEYSIZE, lmdb.h).
// At a longer one postmap gives up the whole table.
const maxKey = 511

// Fold returns the user as Postfix spells it when it builds a table and looks
// a name up: ICU's casefold (Postfix src/util/casefold.c), so that "STRASSE"
// and "straße" are one user. A name that is not UTF-8 is folded in ASCII alone.
func Fold(user string) string {
	if isASCII(user) { // nearly all are; ASCII folds without tables
		return strings.ToLower(user)
	}
	if !utf8.ValidString(user) {
		folded := []byte(user)
		for i, c := range folded {
			if 'A' <= c && c <= 'Z' {
				folded[i] = c + 'a' - 'A'
			}
		}
		return string(folded)
	}
	// A Caser keeps state, so it cannot be shared.
	return strings.Map(foldCherokee, cases.Fold().String(user))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// foldCherokee mends what x/text does to Cherokee, whose capitals came first:
// CaseFolding.txt folds the small letters to them, x/text swaps the two.
func foldCherokee(r rune) rune {
	switch {
	case '\uab70' <= r && r <= '\uabbf':
		return r - '\uab70' + '\u13a0'
	case '\u13f8' <= r && r <= '\u13fd':
		return r - '\u13f8' + '\u13f0'
	}
	return r
}

// CanHold says why no table can hold the user, or nil. The error is an
// [ErrName].
//
// postmap ends a key at the first white space and keeps quotes as part of it,
// while check_sasl_access looks up the bare name: such names never match.
func CanHold(user string) error {
	fact := ""
	switch {
	case user == "":
		fact = "it is empty"
	case len(user) > maxName:
		fact = fmt.Sprintf("it is %d bytes long, above %d", len(user), maxName)
	case !utf8.ValidString(user):
		fact = "it is not UTF-8"
	case user[0] == '#':
		fact = "it begins like a comment"
	case strings.ContainsRune(user, '"'):
		fact = "it has a quote in it"
	case strings.ContainsFunc(user, unicode.IsSpace):
		fact = "it has white space in it"
	case strings.ContainsFunc(user, isHidden):
		fact = "it has control characters or direction marks in it"
	case keyEnd(user+" x") != len(user):
		fact = "it ends in a backslash, which quotes the blank behind it"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s: %s", ErrName, clean(user, maxName), fact)
}

// keyEnd returns where the key of a logical line ends: at the first white
// space outside of quotes that no backslash stands before (Postfix
// src/postmap/postmap.c, postmap()). It is -1 when a quote is left open.
func keyEnd(line string) int {
	quoted := false
	i := 0
	for ; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case isBlank(c) && !quoted:
			return i
		}
	}
	if quoted {
		return -1
	}
	return len(line)
}

// isBlank is Postfix's ISSPACE: white space in ASCII only.
func isBlank(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

const blanks = " \t\n\v\f\r"

// isHidden reports characters that a person cannot see, or that change how
// they see the rest of the line: controls, direction marks, separators.
func isHidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == '\x7f'
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// clean makes text from a log fit for one line of the file: what is hidden
// becomes "?", what is too long is cut. No text can begin a line of its own.
func clean(s string, most int) string {
	if len(s) > most {
		// Enough to see; the last rune may be half and becomes "?" or is cut.
		s = s[:most]
		for n := 0; n < utf8.UTFMax && !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]); n++ {
			s = s[:len(s)-1]
		}
	}
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case isHidden(r):
			return '?'
		}
		return r
	}, s)
	return strings.TrimRight(s, " ")
}
