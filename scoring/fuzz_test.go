package scoring

import (
	"strings"
	"testing"
	"time"

	"sendwarden"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// FuzzParse: whatever a rules file holds, there are rules or there are faults,
// and rules that were read can be asked.
func FuzzParse(f *testing.F) {
	f.Add(sendwarden.Rules)
	for _, file := range []string{"file", "values", "conditions"} {
		archive, err := txtar.ParseFile("testdata/faults/" + file + ".txtar")
		require.NoError(f, err)
		for i := 0; i < len(archive.Files); i += 2 {
			f.Add(archive.Files[i].Data)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, err := Parse("rules.yaml", text)
		if err != nil {
			require.Nil(t, rules)
			require.IsType(t, Faults{}, err)
			require.NotEmpty(t, err)
			for _, fault := range err.(Faults) {
				require.NotEmpty(t, fault.Text)
				require.GreaterOrEqual(t, fault.Line, 0)
				require.LessOrEqual(t, fault.Line, 2+strings.Count(string(text), "\n")+strings.Count(string(text), "\r"))
				require.GreaterOrEqual(t, fault.Column, 0)
			}
			return
		}
		require.NotEmpty(t, rules.Rules)
		require.Positive(t, rules.HalfLife)
		require.Positive(t, rules.MemoryHalfLife)
		require.LessOrEqual(t, rules.Hold, rules.Block)
		s := New(rules)
		for i := range 3 {
			v := s.Submission(Submission{User: "ana", Time: monday.Add(time.Duration(i) * time.Hour), Place: world[i]})
			require.GreaterOrEqual(t, v.Score, 0.0)
		}
	})
}

// FuzzParseDuration: a duration is a whole number of seconds, bounded, and
// reads the same when it is put after another that is nothing.
func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30m", "2h", "7d", "1w", "1d12h", "0s", "", "10", "5x", "-1h", "1.5h", "9999999999w", "520w", "1h1h", "ñ", "1m ", "18446744073709551616s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			require.Zero(t, d)
			return
		}
		require.Zero(t, d%time.Second)
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.LessOrEqual(t, d, maxDuration)
		again, err := ParseDuration("0s" + s)
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"30m", 30 * time.Minute},
		{"2h", 2 * time.Hour},
		{"7d", 168 * time.Hour},
		{"2w", 336 * time.Hour},
		{"1d12h", 36 * time.Hour},
		{"90s", 90 * time.Second},
		{"0s", 0},
		{"521w", 521 * 168 * time.Hour},
	} {
		d, err := ParseDuration(c.text)
		require.NoError(t, err)
		require.Equal(t, c.want, d, c.text)
	}
	for _, c := range []struct{ text, want string }{
		{"", "empty duration (write 30m, 2h or 7d)"},
		{"10", `duration "10" has no unit (write 10m, 10h or 10d)`},
		{"1h30", `duration "1h30" has no unit (write 1h30m, 1h30h or 1h30d)`},
		{"5x", `duration "5x": unknown unit "x" (s, m, h, d or w)`},
		{"h", `bad duration "h" (write 30m, 2h or 7d)`},
		{"-5m", `bad duration "-5m" (write 30m, 2h or 7d)`},
		{"5 m", `duration "5 m": unknown unit " m" (s, m, h, d or w)`},
		{"1000000000s", `duration "1000000000s": unknown unit "0s" (s, m, h, d or w)`},
		{"522w", `duration "522w" is longer than ten years`},
		{"520w520w", `duration "520w520w" is longer than ten years`},
	} {
		_, err := ParseDuration(c.text)
		require.EqualError(t, err, c.want)
	}
}
