package exim

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the plans into the golden files")

const list = "/etc/sendwarden/lists/blocklist.lsearch"

// Each file of testdata is one configuration: what exim prints of it, and what it
// needs.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			section := map[string]string{}
			for _, f := range archive.Files {
				section[f.Name] = string(f.Data)
			}
			answers := filepath.Join(t.TempDir(), "answers")
			require.NoError(t, os.WriteFile(answers, []byte(section["update-exim4.conf.conf"]), 0o644))
			c, err := read(context.Background(), printed(section), answers)
			require.NoError(t, err)
			got := plan(t, c)
			if *update {
				last := &archive.Files[len(archive.Files)-1]
				require.Equal(t, "plan", last.Name)
				last.Data = []byte(got)
				require.NoError(t, os.WriteFile(name, txtar.Format(archive), 0o644))
				return
			}
			require.Equal(t, section["plan"], got)
		})
	}
}

// printed is an Exim that prints what stands in an archive.
func printed(section map[string]string) Command {
	return func(_ context.Context, args ...string) (string, error) {
		name := args[0]
		if len(args) == 2 {
			name += " " + args[1]
		}
		text, known := section[name]
		if !known {
			return "", fmt.Errorf("nothing is known of exim %s", name)
		}
		return text, nil
	}
}

func plan(t *testing.T, c *Config) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "Exim %s, %s, ports %s, frozen for %s\n", c.Version, c.File, c.Ports, c.Frozen)
	steps, err := c.Plan(list)
	require.NoError(t, err)
	for _, s := range steps {
		fmt.Fprintf(&b, "\n# %s\n%s\n", s.Place, s.Lines)
	}
	return b.String()
}

func TestListsThatEximCannotName(t *testing.T) {
	for _, list := range []string{"/etc/a b", "/etc/{a}", "/etc/$a", "/etc/a\nb", `/etc/a\b`} {
		_, err := new(Config).Plan(list)
		require.ErrorContains(t, err, "can't name", list)
	}
}

func TestNoExim(t *testing.T) {
	_, err := Read(context.Background(), Exec("/nowhere/exim4", ""))
	require.ErrorContains(t, err, "/nowhere/exim4: no such program (name it with --exim)")
	_, err = Read(context.Background(), Exec("true", ""))
	require.ErrorContains(t, err, "is this Exim?")
}
