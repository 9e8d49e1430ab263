package scoring

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRulesDoc keeps the table of signals in docs/rules.md what Signals says.
func TestRulesDoc(t *testing.T) {
	const name, mark = "../docs/rules.md", "<!-- signals:"
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	head, rest, found := strings.Cut(string(text), mark)
	require.True(t, found, "%s has no place for the signals", name)
	comment, _, _ := strings.Cut(rest, "\n")
	var table strings.Builder
	fmt.Fprintf(&table, "%s%s%s\n\n| name | type | meaning | such as |\n| --- | --- | --- | --- |\n", head, mark, comment)
	kinds, notes := prototypes(), SignalNotes()
	for _, s := range Signals() {
		note := notes[s.Name]
		kind := kindName(kinds[s.Name])
		if note.Unit != "" {
			kind = strings.Replace(kind, "number", "number ("+note.Unit+")", 1)
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | `%s` |\n", s.Name, kind, strings.ReplaceAll(s.Doc, "|", `\|`), note.Example)
	}
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(table.String()), 0o644))
		return
	}
	require.Equal(t, table.String(), string(text), "run: go test ./scoring -run TestRulesDoc -update")
}

// Each signal has an example that is a condition, and asks for the signal.
func TestSignalNotes(t *testing.T) {
	notes := SignalNotes()
	require.Len(t, notes, len(Signals()))
	for _, s := range Signals() {
		note := notes[s.Name]
		rules, err := Parse(s.Name, fmt.Appendf(nil, "networks: {hosting: AS64496}\nrules: [{name: one, points: 1, when: %q}]", note.Example))
		require.NoError(t, err)
		require.Contains(t, rules.Rules[0].when.names, s.Name)
		switch prototypes()[s.Name].(type) {
		case bool, string, func(string) bool:
			require.Empty(t, note.Unit, s.Name)
		default:
			require.True(t, note.Unit != "" || s.Name == "asn", s.Name)
		}
	}
}

func kindName(v any) string {
	switch v.(type) {
	case bool:
		return "yes or no"
	case int, float64:
		return "number"
	case string:
		return "text"
	case func(string) bool:
		return "yes or no, of a list's name"
	}
	return "number, of a window"
}
