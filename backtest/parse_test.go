package backtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sendwarden/scoring"

	"github.com/stretchr/testify/require"
)

const fewRules = `
threshold: {hold: 50, block: 100}
half_life: 2h
rules:
  - {name: new country, when: new_country, points: 40}
  - {name: "a=b..c", when: new_network, points: -5}
`

func rules(t testing.TB) *scoring.Rules {
	r, err := scoring.Parse("rules.yaml", []byte(fewRules))
	require.NoError(t, err)
	return r
}

func TestSweepExpressions(t *testing.T) {
	for expression, want := range map[string]string{
		"threshold.block=60..200":             "60 70 80 90 *100 110 120 130 140 150 160 170 180 190 200",
		"threshold.block=100..100":            "*100",
		"threshold.block = 100..101.5..0.5":   "*100 100.5 101 101.5",
		"threshold.hold=10..100..45":          "10 55 100",
		"half_life=30m..2h":                   "30m 40m 50m 1h 70m 80m 90m 100m 110m *2h",
		"half_life=1h..1d..11h30m":            "1h 750m 1d",
		"rules.new country.points=10..50..20": "10 30 50",
		"rules.a=b..c.points=-10..0..5":       "-10 *-5 0",

		"threshold.block":               `"threshold.block" has no values (write KEY=FIRST..LAST, such as threshold.block=60..200)`,
		"threshold.blok=60..200":        `unknown key "threshold.blok" (threshold.block?): there are threshold.block, threshold.hold, half_life, rules.NAME.points`,
		"rules.new contry.points=1..2":  `no rule is named "new contry" (new country?)`,
		"rules.new country.every=1..2":  `unknown key "rules.new country.every": there are threshold.block, threshold.hold, half_life, rules.NAME.points`,
		"threshold.block=60":            `"60" is no range (write FIRST..LAST or FIRST..LAST..STEP, such as 60..200..10)`,
		"threshold.block=60..two":       `"two" is no number`,
		"threshold.block=60..NaN":       `"NaN" is no number`,
		"threshold.block=200..60":       `"200..60" runs backwards (write 60..200)`,
		"threshold.block=60..200..0":    `"60..200..0": the step must be more than 0`,
		"threshold.block=60..200..1":    `"60..200..1" are 141 runs, and at most 50 go along one reading (write a larger step: 60..200..10)`,
		"threshold.block=0..200":        `0 must be from 1 to 1000000`,
		"threshold.block=40..200":       `threshold.block 40 would be below threshold.hold, which is 50 (begin there, or lower it in the rules)`,
		"threshold.hold=40..200":        `threshold.hold 120 would be above threshold.block, which is 100 (end there, or raise it in the rules)`,
		"half_life=30..60":              `duration "30" has no unit (write 30m, 30h or 30d)`,
		"rules.new country.points=1..b": `"b" is no number`,
	} {
		base := rules(t)
		s, err := ParseSweep(expression, base)
		if err != nil {
			require.Equal(t, want, err.Error(), expression)
			continue
		}
		var got []string
		for _, v := range s.Values {
			text := v.Text
			if v.Now {
				text = "*" + text
			}
			got = append(got, text)
		}
		require.Equal(t, want, strings.Join(got, " "), expression)
		require.Equal(t, rules(t).Hold, base.Hold, "the rules themselves stay")
		require.Equal(t, 40.0, base.Rules[0].Points)
	}
}

func TestSweepVariesTheRules(t *testing.T) {
	s, err := ParseSweep("rules.new country.points=10..30..20", rules(t))
	require.NoError(t, err)
	require.Equal(t, 10.0, s.Values[0].Rules.Rules[0].Points)
	require.Equal(t, 30.0, s.Values[1].Rules.Rules[0].Points)
	s, err = ParseSweep("half_life=1h..3h..2h", rules(t))
	require.NoError(t, err)
	require.Equal(t, 3*time.Hour, s.Values[1].Rules.HalfLife)
}

func FuzzParseSweep(f *testing.F) {
	for _, s := range []string{"threshold.block=60..200", "half_life=30m..6h..30m", "rules.new country.points=10..80..5", "threshold.hold=1e300..1e301", "half_life=1s..520w"} {
		f.Add(s)
	}
	base := rules(f)
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := ParseSweep(expression, base)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NotEmpty(t, s.Values)
		require.LessOrEqual(t, len(s.Values), MaxRuns)
		for _, v := range s.Values {
			require.NotEmpty(t, v.Text)
			require.LessOrEqual(t, v.Rules.Hold, v.Rules.Block)
			require.Positive(t, v.Rules.HalfLife)
		}
	})
}

func TestKnownThefts(t *testing.T) {
	madrid := time.FixedZone("", 3600)
	known, err := ParseKnown("thefts", []byte(`# who was robbed
Info@Example.es  2026-03-28T03:12  2026-03-28T05:00:30
eva@example.es   2026-03-30T01:00:00Z
leo@example.es   2026-03-30 2026-03-31

tom@example.es
`), madrid, strings.ToLower)
	require.NoError(t, err)
	require.Equal(t, Known{
		"info@example.es": {Since: Moment{Time: time.Date(2026, 3, 28, 3, 12, 0, 0, madrid)}, Until: Moment{Time: time.Date(2026, 3, 28, 5, 0, 30, 0, madrid)}, Line: 2},
		"eva@example.es":  {Since: Moment{Time: time.Date(2026, 3, 30, 1, 0, 0, 0, time.UTC)}, Line: 3},
		"leo@example.es":  {Since: Moment{Time: time.Date(2026, 3, 30, 0, 0, 0, 0, madrid)}, Until: Moment{Time: time.Date(2026, 3, 31, 23, 59, 59, 999999999, madrid)}, Line: 4},
		"tom@example.es":  {Line: 6},
	}, known)
}

func TestKnownTheftsByTheLogsClock(t *testing.T) {
	known, err := ParseKnown("thefts", []byte("eva 2026-03-28T03:12 2026-03-28"), nil, strings.ToLower)
	require.NoError(t, err)
	madrid := time.FixedZone("", 3600)
	eva := known["eva"]
	require.False(t, eva.took("", time.Date(2026, 3, 28, 3, 11, 59, 0, madrid)))
	require.True(t, eva.took("", time.Date(2026, 3, 28, 3, 12, 0, 0, madrid)))
	require.True(t, eva.took("", time.Date(2026, 3, 28, 23, 59, 59, 0, madrid)))
	require.False(t, eva.took("", time.Date(2026, 3, 29, 0, 0, 0, 0, madrid)))
}

func TestKnownTheftsOfSimulate(t *testing.T) {
	known, err := ParseKnown("truth.json", []byte(`{"seed": 1, "thefts": [
		{"user": "Eva", "start": "2026-03-28T03:12:00.123456789Z", "end": "2026-03-28T05:00:00Z", "messages": ["A1", "A2"]},
		{"user": "eva", "start": "2026-03-29T03:12:00Z", "end": "2026-03-29T05:00:00Z", "messages": ["A3"]}]}`), time.UTC, strings.ToLower)
	require.NoError(t, err)
	require.Equal(t, Known{"eva": {
		Since: Moment{Time: time.Date(2026, 3, 28, 3, 12, 0, 123456000, time.UTC)}, Until: Moment{Time: time.Date(2026, 3, 29, 5, 0, 0, 0, time.UTC)},
		Messages: map[string]bool{"A1": true, "A2": true, "A3": true},
	}}, known)
	require.True(t, known["eva"].took("A3", time.Time{}))
	require.False(t, known["eva"].took("B1", known["eva"].Since.Time))
}

func TestKnownTheftsFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "thefts: names no user (write one a line: user since until)",
		"# nobody\n":                "thefts: names no user (write one a line: user since until)",
		"\neva 28.3.2026":           `thefts:2: "28.3.2026" is no time (write 2026-03-28, 2026-03-28T03:12 or 2026-03-28T03:12:00+01:00)`,
		"eva 2026-03-28 03:12 x":    `thefts:1: 4 words (write: user since until, with times such as 2026-03-28T03:12)`,
		"eva 2026-03-28 2026-03-27": `thefts:1: until (2026-03-27) is before since (2026-03-28)`,
		"eva\nEVA\n":                `thefts:2: user "eva" stands here again, first in line 1`,
		"eva\xff":                   "thefts:1: is no UTF-8 text",
		"eva\x00":                   "thefts: holds a NUL byte: is this a text file?",
		"\n{\n\"thefts\": [\n,":     "thefts:4: invalid character ',' looking for beginning of value (a JSON file must be the truth.json of simulate)",
		"{}":                        `thefts: has no "thefts" (a JSON file must be the truth.json of simulate)`,
		"eva " + strings.Repeat(" ", maxKnownLine): fmt.Sprintf("thefts:1: longer than %d bytes (write: user since until)", maxKnownLine),
	} {
		_, err := ParseKnown("thefts", []byte(text), time.UTC, strings.ToLower)
		require.EqualError(t, err, want, "%q", text)
	}
}

func FuzzParseKnown(f *testing.F) {
	f.Add([]byte("info@example.es 2026-03-28T03:12 2026-03-28T05:00\n# x\n"))
	f.Add([]byte(`{"thefts": [{"user": "eva", "start": "2026-03-28T03:12:00Z", "messages": ["A1"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		known, err := ParseKnown("thefts", text, nil, strings.ToLower)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "thefts:"), err.Error())
			return
		}
		for _, theft := range known {
			require.False(t, !theft.Until.IsZero() && theft.Until.Before(theft.Since.Time) && theft.Messages == nil)
		}
	})
}
