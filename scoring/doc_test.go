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
	fmt.Fprintf(&table, "%s%s%s\n\n| name | type | meaning |\n| --- | --- | --- |\n", head, mark, comment)
	kinds := prototypes()
	for _, s := range Signals() {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", s.Name, kindName(kinds[s.Name]), strings.ReplaceAll(s.Doc, "|", `\|`))
	}
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(table.String()), 0o644))
		return
	}
	require.Equal(t, table.String(), string(text), "run: go test ./scoring -run TestRulesDoc -update")
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
