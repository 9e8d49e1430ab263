package postfix

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

// Each file of testdata is one configuration: what its postconf prints, cut down
// to the parameters that are looked at, what is wanted of it, and the plan.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			require.NoError(t, err)
			r := newRecorded(t, archive)
			c, err := Read(context.Background(), r.dir, r.run)
			require.NoError(t, err)
			got := strings.ReplaceAll(describe(c, r.want(t)), r.dir, "/etc/postfix")
			if *update {
				r.write(t, name, got)
				return
			}
			require.Equal(t, r.section["plan"], got)
		})
	}
}

// recording plays a Postfix from a golden file.
type recording struct {
	archive *txtar.Archive
	section map[string]string
	dir     string
}

func newRecorded(t *testing.T, archive *txtar.Archive) recording {
	t.Helper()
	r := recording{archive: archive, section: make(map[string]string), dir: t.TempDir()}
	for _, f := range archive.Files {
		r.section[f.Name] = string(f.Data)
	}
	// Files that the recording does not have are laid out as postconf prints.
	for name, printed := range map[string]string{"main.cf": "postconf -n", "master.cf": "postconf -M"} {
		text, ok := r.section[name]
		if !ok {
			text = r.section[printed]
		}
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o644))
	}
	return r
}

// run answers as postconf did.
func (r recording) run(_ context.Context, name string, args ...string) (string, error) {
	if len(args) > 1 && args[0] == "-c" {
		args = args[2:]
	}
	command := strings.TrimSpace(name + " " + strings.Join(args, " "))
	if out, ok := r.section[command]; ok {
		return out, nil
	}
	return "", fmt.Errorf("%s: this recording does not have it", command)
}

func (r recording) want(t *testing.T) Want {
	t.Helper()
	var w Want
	for line := range strings.Lines(r.section["want"]) {
		what, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case "table":
			w.Table = value
		case "door":
			w.Door = value
		case "socketmap":
			w.Socketmap = value
		default:
			require.Fail(t, "nobody can want", line)
		}
	}
	require.NoError(t, w.Check())
	return w
}

func (r recording) write(t *testing.T, name, plan string) {
	t.Helper()
	for i, f := range r.archive.Files {
		if f.Name == "plan" {
			r.archive.Files[i].Data = []byte(plan)
			require.NoError(t, os.WriteFile(name, txtar.Format(r.archive), 0o644))
			return
		}
	}
	require.Fail(t, "no section for the plan", name)
}

// describe writes a plan for people who read golden files.
func describe(c *Config, want Want) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Postfix %d.%d, queue %s\n", c.Version.Major, c.Version.Minor, c.Queue)
	for _, s := range c.Services {
		fmt.Fprintf(&out, "%s: logins %t, chroot %t, filtered %t, own %t\n", s.Name, s.Logins, s.Chroot, s.Filtered, s.Own)
	}
	p := c.Plan(want)
	for _, change := range p.Changes {
		fmt.Fprintf(&out, "\nset %s", change.File())
		if change.Service != "" {
			fmt.Fprintf(&out, " %s", change.Service)
		}
		fmt.Fprintf(&out, "\n    %s = %s\n    was set: %t, to %q\n", change.Name, change.After, change.WasSet, change.Before)
	}
	for _, text := range p.ByHand {
		fmt.Fprintf(&out, "\nby hand: %s\n", text)
	}
	for _, text := range p.Notes {
		fmt.Fprintf(&out, "\nnote: %s\n", text)
	}
	return out.String()
}
