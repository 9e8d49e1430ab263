package alert

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestDocs runs what docs/alerts.md shows: configurations are read, strictly,
// and checked; a mail and a post are what the archive makes.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../docs/alerts.md")
	require.NoError(t, err)
	shown := map[string]int{}
	for _, part := range strings.Split(string(data), "\n<!-- ")[1:] {
		mark, rest, _ := strings.Cut(part, " -->\n\n")
		what, archive, _ := strings.Cut(mark, ": ")
		shown[what]++
		example := indented(rest)
		require.NotEmpty(t, example, mark)
		switch what {
		case "config":
			var rules struct{ Alerts Config }
			d := yaml.NewDecoder(strings.NewReader(example))
			d.KnownFields(true)
			require.NoError(t, d.Decode(&rules), example)
			require.NoError(t, rules.Alerts.Check(), example)
			require.NotEqual(t, Config{}, rules.Alerts)
		case "mail":
			d := golden(t, parse(t, archive))
			require.Equal(t, "Subject: [Sendwarden] "+d.subject()+"\n\n"+d.text(), example)
		case "post":
			require.True(t, bytes.HasPrefix(asPost(t, golden(t, parse(t, archive))), []byte(example)), "shown is:\n%s", example)
		default:
			t.Fatalf("no mark %q", what)
		}
	}
	require.Equal(t, map[string]int{"config": 5, "mail": 1, "post": 1}, shown)
}

// TestKindsAreDocumented holds the table of kinds to the code.
func TestKindsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../docs/alerts.md")
	require.NoError(t, err)
	for _, kind := range Kinds() {
		told := "no"
		for _, usual := range usualKinds() {
			if usual == kind {
				told = "told"
			}
		}
		require.Regexp(t, "(?m)^\\| `"+string(kind)+"` \\|.* \\| "+told+" \\|$", string(data))
	}
}

func parse(t *testing.T, name string) *txtar.Archive {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("..", name))
	require.NoError(t, err)
	return archive
}

// indented is the indented block that a text begins with, without its indent.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, ok := strings.CutPrefix(line, "    ")
		if !ok && strings.TrimSpace(line) != "" {
			break
		}
		if !ok {
			code = "\n"
		}
		b.WriteString(code)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
