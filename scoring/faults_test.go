package scoring

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// TestFaults reads the broken rules files of testdata/faults/*.txtar, each
// followed by all that is said about it.
func TestFaults(t *testing.T) {
	for _, file := range []string{"file", "values", "conditions"} {
		t.Run(file, func(t *testing.T) {
			path := "testdata/faults/" + file + ".txtar"
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			for i := 0; i+1 < len(archive.Files); i += 2 {
				rules, want := &archive.Files[i], &archive.Files[i+1]
				require.Equal(t, rules.Name+": faults", want.Name)
				said := faultsOf(t, rules.Name, rules.Data)
				if *update {
					want.Data = []byte(said)
					continue
				}
				t.Run(rules.Name, func(t *testing.T) { require.Equal(t, string(want.Data), said) })
			}
			if *update {
				require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
			}
		})
	}
}

// faultsOf answers what is said about a rules file, one fault a line.
func faultsOf(t *testing.T, name string, text []byte) string {
	rules, err := Parse(name, text)
	if err == nil {
		require.NotNil(t, rules)
		return "none\n"
	}
	require.Nil(t, rules)
	require.IsType(t, Faults{}, err)
	return err.Error() + "\n"
}

// TestNoRulesFile is what is said about files that are something else.
func TestNoRulesFile(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "is empty: rules are missing (`sendwarden rules` prints the shipped ones to start from)"},
		{"NUL", "rules:\n  - name: \x00", "holds a NUL byte at offset 17: is this a text file?"},
		{"two megabytes", strings.Repeat("# all work\n", 200_000), "larger than 1048576 bytes: is this a rules file?"},
		{"another encoding", "reply: caf\xe9\n", "incomplete UTF-8 octet sequence"},
		{"control character", "reply: a\x01b\n", "control characters are not allowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("rules.yaml", []byte(c.text))
			require.EqualError(t, err, "rules.yaml: "+c.want)
		})
	}
}

// TestHostileRulesFiles are made to keep a reader busy: it must answer soon,
// and with faults.
func TestHostileRulesFiles(t *testing.T) {
	bomb := "a0: &a0 [ES, FR, PT, AD]\n"
	for i := '1'; i <= '9'; i++ {
		bomb += strings.NewReplacer("N", string(i), "M", string(i-1)).Replace("aN: &aN [*aM, *aM, *aM, *aM, *aM, *aM, *aM, *aM]\n")
	}
	for name, text := range map[string]string{
		"list in itself":        "home: &home [*home]\nrules: []\n",
		"keys in themselves":    "users: &users {ana: *users}\nrules: []\n",
		"rule in itself":        "rules: &rules [{name: *rules, when: *rules, points: *rules}]\n",
		"list of lists":         bomb + "home: *a9\ntrusted: *a9\nrules: *a9\n",
		"deep lists":            "home: " + strings.Repeat("[", 200_000),
		"deep keys":             strings.Repeat("{a: ", 100_000),
		"condition of brackets": rule("when: " + strings.Repeat("(", 500_000) + "true" + strings.Repeat(")", 500_000)),
		"condition of lists":    rule("when: '" + strings.Repeat("[", 1_000_000) + "'"),
		"condition of nots":     rule("when: '" + strings.Repeat("!", 100_000) + "home'"),
		"long condition":        rule("when: home" + strings.Repeat(" || home", 20_000)),
		"many unknown keys":     strings.Repeat("unknown: 1\n", 50_000),
		"long key":              strings.Repeat("k", 500_000) + ": 1\n",
		"long name":             rule("when: " + strings.Repeat("n", 500_000)),
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			go func() {
				_, err := Parse("rules.yaml", []byte(text))
				ended <- err
			}()
			select {
			case err := <-ended:
				require.Error(t, err)
				require.IsType(t, Faults{}, err)
			case <-time.After(time.Minute): // milliseconds on any machine, or for ever
				t.Fatal("still reading")
			}
		})
	}
}

// rule is a rules file with one rule that has this key.
func rule(key string) string {
	return "rules:\n  - name: one\n    points: 1\n    " + key + "\n"
}

// TestRulesFile reads what is right though it looks odd.
func TestRulesFile(t *testing.T) {
	rules, err := Parse("rules.yaml", []byte(`
home: [NO, no, "ON", Y1, es]   # no country is a truth value
rules: []`))
	require.ErrorContains(t, err, `"Y1" is no country code`)
	require.Nil(t, rules)

	rules, err = Parse("rules.yaml", []byte(`%YAML 1.1
---
home: NO
threshold: {hold: 2e1, block: 1e2}
half_life: 1d12h
memory: 1w
reply: 451 4.7.1 Try again later
trusted: ["::ffff:192.0.2.1", 192.0.2.77/24]
users:
  Ana@Example.com: &same {never_block: true, home: no}
  eva: *same
rules:
  - {name: 5, when: true, points: -0.5, every: 90s, why: "they asked"}
...
`))
	require.NoError(t, err)
	require.Equal(t, []string{"NO"}, rules.Home)
	require.Equal(t, []float64{20, 100}, []float64{rules.Hold, rules.Block})
	require.Equal(t, 36*time.Hour, rules.HalfLife)
	require.Equal(t, 7*24*time.Hour, rules.MemoryHalfLife)
	require.Equal(t, "451 4.7.1 Try again later", rules.Reply)
	require.Equal(t, "[192.0.2.1/32 192.0.2.0/24]", strings.TrimSpace(joined(rules.Trusted)))
	require.Equal(t, Override{Home: []string{"NO"}, NeverBlock: true}, rules.Users["ana@example.com"])
	require.Equal(t, rules.Users["ana@example.com"], rules.Users["eva"])
	require.Equal(t, "5", rules.Rules[0].Name)
	require.Equal(t, -0.5, rules.Rules[0].Points)
	require.Equal(t, 90*time.Second, rules.Rules[0].Every)
}

func joined(n Networks) string {
	var text bytes.Buffer
	for i, p := range n.Prefixes {
		text.WriteString([]string{"[", " "}[min(i, 1)] + p.String())
	}
	return text.String() + "]"
}

// TestSuggestion finds the name that was meant, and none where none is near.
func TestSuggestion(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"contries", " (countries?)"},
		{"Home", " (home?)"},
		{"new_adress", " (new_address?)"},
		{"strange_mesages", " (strange_messages?)"},
		{"weather_forecast", ""},
		{"x", ""},
	} {
		require.Equal(t, c.want, Suggestion(c.name, signalNames()), c.name)
	}
}
