package trial

import (
	"flag"
	"os"
	"slices"
	"testing"

	"sendwarden"
	"sendwarden/scoring"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what is said about broken test files anew")

const shippedTests = "../rules_test.yaml"

func shipped(t testing.TB) *scoring.Rules {
	rules, err := scoring.Parse("rules.yaml", sendwarden.Rules)
	require.NoError(t, err)
	return rules
}

// The shipped rules do what their tests expect. Each rule has a test in which it
// fires, and an honest one that lets everything through without it.
func TestShippedRules(t *testing.T) {
	text, err := os.ReadFile(shippedTests)
	require.NoError(t, err)
	tests, err := Read(shippedTests, text)
	require.NoError(t, err)
	rules := shipped(t)
	var fires, honest []string
	for i := range tests.Cases {
		c := &tests.Cases[i]
		t.Run(c.Name, func(t *testing.T) { require.Empty(t, tests.Play(c, rules).Faults) })
		for _, e := range c.Events {
			if e.Expect == nil {
				continue
			}
			fires = append(fires, e.Expect.Reasons...)
			if e.Expect.Verdict == "allow" {
				honest = append(honest, e.Expect.Without...)
			}
		}
	}
	var names []string
	for _, rule := range rules.Rules {
		names = append(names, rule.Name)
		require.Contains(t, fires, rule.Name, "no test expects this rule to fire")
		require.Contains(t, honest, rule.Name, "no test of honest people is without this rule")
	}
	for _, name := range slices.Concat(fires, honest) {
		require.Contains(t, names, name, "a test names a rule that there is not")
	}
}

// What a case says does not depend on when or how often it is played.
func TestPlayedTwice(t *testing.T) {
	text, err := os.ReadFile(shippedTests)
	require.NoError(t, err)
	tests, err := Read(shippedTests, text)
	require.NoError(t, err)
	rules := shipped(t)
	c := &tests.Cases[0]
	first := tests.Play(c, rules)
	require.Equal(t, first, tests.Play(c, rules))
	require.Equal(t, []string{"ana"}, first.Users)
	require.Len(t, first.Told, 4)
}

// TestFailures plays a file of which each expectation is wrong.
func TestFailures(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/failures.txtar")
	require.NoError(t, err)
	rules, err := scoring.Parse("rules.yaml", archive.Files[0].Data)
	require.NoError(t, err)
	tests, err := Read("tests.yaml", archive.Files[1].Data)
	require.NoError(t, err)
	said := ""
	for i := range tests.Cases {
		if faults := tests.Play(&tests.Cases[i], rules).Faults; len(faults) > 0 {
			said += faults.Error() + "\n"
		}
	}
	if *update {
		archive.Files[2].Data = []byte(said)
		require.NoError(t, os.WriteFile("testdata/failures.txtar", txtar.Format(archive), 0o644))
	}
	require.Equal(t, string(archive.Files[2].Data), said)
}

// TestFaults reads broken test files, each followed by all that is said about it.
func TestFaults(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/faults.txtar")
	require.NoError(t, err)
	for i := 0; i+1 < len(archive.Files); i += 2 {
		file, want := &archive.Files[i], &archive.Files[i+1]
		require.Equal(t, file.Name+": faults", want.Name)
		_, err := Read(file.Name, file.Data)
		require.Error(t, err, file.Name)
		if *update {
			want.Data = []byte(err.Error() + "\n")
		}
		require.Equal(t, string(want.Data), err.Error()+"\n")
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/faults.txtar", txtar.Format(archive), 0o644))
	}
}

// FuzzRead: whatever a file holds, there are tests or there are faults, and tests
// that were read can be played.
func FuzzRead(f *testing.F) {
	text, err := os.ReadFile(shippedTests)
	require.NoError(f, err)
	f.Add(text)
	for _, name := range []string{"faults", "failures"} {
		archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
		require.NoError(f, err)
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	rules := shipped(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		tests, err := Read("tests.yaml", text)
		if err != nil {
			require.IsType(t, scoring.Faults{}, err)
			require.NotEmpty(t, err)
			return
		}
		require.NotEmpty(t, tests.Cases)
		for i := range tests.Cases {
			if c := &tests.Cases[i]; c.size() < 2000 {
				require.LessOrEqual(t, len(tests.Play(c, rules).Faults), maxFaults)
			}
		}
	})
}

// size is how much there is to play.
func (c *Case) size() (n int) {
	for _, p := range c.People {
		n += p.Days * p.Daily * max(1, p.Count)
	}
	for _, e := range c.Events {
		n += e.Messages * max(1, e.Bounces)
	}
	return n
}
