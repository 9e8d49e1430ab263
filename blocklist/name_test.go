package blocklist

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestFold(t *testing.T) {
	for user, want := range map[string]string{
		"Info@Example.ES": "info@example.es",
		"STRASSE":         "strasse",
		"Straße":          "strasse",
		"JÖRG":            "jörg",
		"ΣΊΣΥΦΟΣ":         "σίσυφοσ", // a final sigma is no other letter
		"K\u212Aelvin":    "kkelvin", // the Kelvin sign
		"ꭰᎠᏸ":             "ᎠᎠᏰ",     // Cherokee folds to its capitals
		"A\xffB":          "a\xffb",  // no UTF-8: ASCII alone
	} {
		require.Equal(t, want, Fold(user), "%q", user)
	}
}

func TestCanHold(t *testing.T) {
	for _, user := range []string{
		"info", "info@example.es", `DOMAIN\user`, `ends\\`, "jörg", "a:b", "a#b", "a,b=c?", strings.Repeat("x", maxName),
	} {
		require.NoError(t, CanHold(user), "%q", user)
	}
	for user, fact := range map[string]string{
		"":                             "empty",
		" ":                            "white space",
		"two words":                    "white space",
		"a\u00a0b":                     "white space",
		"a\nb REJECT":                  "white space",
		"#bob":                         "comment",
		`"bob"`:                        "quote",
		"bob\x00":                      "control characters",
		"bob\u202egpj.exe":             "direction marks",
		"bob\xff":                      "not UTF-8",
		`bob\`:                         "backslash",
		strings.Repeat("x", maxName+1): "321 bytes",
	} {
		err := CanHold(user)
		require.ErrorIs(t, err, ErrName, "%q", user)
		require.ErrorContains(t, err, fact, "%q", user)
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain jörg":                   "plain jörg",
		"a\nbob REJECT":                "a bob REJECT",
		"a\r\n\tb":                     "a   b",
		"a\u202eb\u2066c\u200bd":       "a?b?c?d",
		"a\u2028b\x1b[31m\x7f":         "a?b?[31m?",
		"a\xffb":                       "a?b",
		strings.Repeat("é", 100):       strings.Repeat("é", 50),
		"x" + strings.Repeat("é", 100): "x" + strings.Repeat("é", 49),
	} {
		require.Equal(t, want, clean(in, 100), "%q", in)
	}
}

func TestEffect(t *testing.T) {
	for action, want := range map[string]outcome{
		"REJECT":                    stops,
		"reject no: such user":      stops,
		"550 5.7.1 gone":            stops,
		"421 4.7.1 later":           stops,
		"HOLD":                      stops,
		"DISCARD\tquietly":          stops,
		"OK":                        passes,
		"dunno":                     passes,
		"1234":                      passes,
		"WARN look":                 passes,
		"200 fine":                  passes,
		"FILTER smtp:[192.0.2.1]":   diverts,
		"REDIRECT abuse@example.es": diverts,
		"check_client_access":       diverts,
		"BLOCK":                     unknown,
		"55 what":                   passes,
		"hash:/etc/x":               malformed,
		"":                          malformed,
	} {
		require.Equal(t, want, effect(action), "%q", action)
	}
}

// Whatever stands in the text of a log, it makes lines of ours and no others.
func FuzzNotes(f *testing.F) {
	f.Add("bob@example.es", "+60 third\nbob REJECT", "REJECT a\n#b")
	f.Add(`DOMAIN\bob`, "bob: blocked", "DUNNO\r\nalice REJECT")
	f.Add("bob", "+60", "\f")
	f.Add("bob", strings.Repeat("é", 600), strings.Repeat("REJECT ", 300))
	f.Fuzz(func(t *testing.T, user, note, action string) {
		e := Entry{User: user, Action: action, Since: since, Notes: []string{note, note}}
		if CanHold(user) != nil || effect(e.written()) == malformed {
			return
		}
		for line := range strings.Lines(e.text()) {
			require.LessOrEqual(t, len(line), maxName+len("    \n")+maxLine)
			require.True(t, utf8.ValidString(line))
		}
		got := parse([]byte(e.text()))
		require.Len(t, got.entries, 1)
		require.Equal(t, user, got.entries[0].User)
		require.Equal(t, 0, got.entries[0].head)
	})
}
