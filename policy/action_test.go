package policy

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestActions(t *testing.T) {
	for _, c := range []struct {
		action Action
		want   string
	}{
		{Action{}, "DUNNO"},
		{Dunno(), "DUNNO"},
		{Hold("a new country"), "HOLD a new country"},
		{Hold(""), "HOLD"},
		{Reject("5.7.1 Sending is suspended."), "REJECT 5.7.1 Sending is suspended."},
		{Hangup("4.7.1 Sending is suspended."), "421 4.7.1 Sending is suspended."},
		{Hangup(" "), "421 Access denied"}, // digits alone are OK
		{Reject("two\nlines\r\n\naction=OK\n\n"), "REJECT two?lines???action=OK"},
		{Reject("\x00\x1b[31m\u0085\u2028\u202e\xff\tÜ€"), "REJECT ??[31m?????Ü€"},
	} {
		require.Equal(t, c.want, c.action.String())
	}
}

func TestALongTextLosesItsEnd(t *testing.T) {
	for n := range 8 {
		said := Reject(strings.Repeat("x", n) + strings.Repeat("ü€", maxText)).String()
		require.LessOrEqual(t, len(said), len("REJECT ")+maxText)
		require.Greater(t, len(said), len("REJECT ")+maxText-utf8.UTFMax)
		require.True(t, utf8.ValidString(said))
	}
}

func TestParseAction(t *testing.T) {
	for s, want := range map[string]string{
		"REJECT":                            "REJECT",
		"reject  5.7.1 no\n":                "REJECT 5.7.1 no",
		" Dunno":                            "DUNNO",
		"dunno whatever":                    "DUNNO",
		"HOLD wait":                         "HOLD wait",
		"DEFER_IF_PERMIT 4.7.1 later":       "DEFER_IF_PERMIT 4.7.1 later",
		"defer later":                       "DEFER later",
		"550 5.7.1 by hand":                 "550 5.7.1 by hand",
		"421":                               "421 Access denied",
		"521 5.7.1 gone":                    "521 5.7.1 gone",
		"REJECT a\r\n\r\naction=OK ignored": "REJECT a????action=OK ignored",
	} {
		a, err := ParseAction(s)
		require.NoError(t, err, "%q", s)
		require.Equal(t, want, a.String())
	}
}

// What lets a client through, loses its mail or sends it elsewhere isn't for the
// door to say.
func TestParseActionRefuses(t *testing.T) {
	for _, s := range []string{
		"", "OK", "ok", "RELAY", "PERMIT", "permit_mynetworks", "1", "42", "250 Ok", "200", "4", "45", "4x1 a", "600 a", "1234", "4210",
		"DISCARD", "FILTER smtp:[203.0.113.1]", "REDIRECT eve@example.com", "BCC eve@example.com", "PREPEND X-A: b", "action=OK", "\nOK",
	} {
		a, err := ParseAction(s)
		require.ErrorContains(t, err, "not among what the door answers", "%q", s)
		require.Equal(t, Dunno(), a)
	}
}
