package hook

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"sendwarden/alert"
)

// TestDocs reads what docs/hooks.md shows: configurations strictly, and an
// object that is written as it stands there.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../docs/hooks.md")
	require.NoError(t, err)
	shown := map[string]int{}
	for _, part := range strings.Split(string(data), "\n<!-- ")[1:] {
		what, rest, _ := strings.Cut(part, " -->\n\n")
		shown[what]++
		if example := indented(rest, "    "); what == "config" {
			configured(t, example)
		} else {
			var n alert.Notice
			require.NoError(t, json.Unmarshal([]byte(example), &n))
			object, err := json.Marshal(n)
			require.NoError(t, err)
			var pretty bytes.Buffer
			require.NoError(t, json.Indent(&pretty, object, "", "  "))
			require.Equal(t, example, pretty.String()+"\n")
		}
	}
	require.Equal(t, map[string]int{"config": 3, "json": 1}, shown)
	for _, v := range environment(&alert.Notice{}) {
		name, _, _ := strings.Cut(v, "=")
		require.Contains(t, string(data), "`"+name+"`")
	}
}

// TestHeads reads the configuration in the head of each example, which names it.
func TestHeads(t *testing.T) {
	examples, err := filepath.Glob("../examples/hooks/*")
	require.NoError(t, err)
	docs, err := os.ReadFile("../docs/hooks.md")
	require.NoError(t, err)
	heads := 0
	for _, path := range examples {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(docs), "`"+filepath.Base(path)+"`")
		_, head, found := strings.Cut(string(text), "\n#   hooks:\n")
		if !found {
			continue
		}
		heads++
		c := configured(t, "hooks:\n"+indented(head, "#   "))
		require.Equal(t, filepath.Base(path), c[0].name())
	}
	require.Equal(t, 6, heads)
}

func configured(t *testing.T, text string) Config {
	t.Helper()
	var rules struct{ Hooks Config }
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&rules), text)
	require.NoError(t, rules.Hooks.Check(), text)
	require.NotEmpty(t, rules.Hooks)
	return rules.Hooks
}

// indented is the block that a text begins with, without its indent.
func indented(text, indent string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, ok := strings.CutPrefix(line, indent)
		if !ok {
			break
		}
		b.WriteString(code)
	}
	return b.String()
}
