package blocklist

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what happened into testdata/*.txtar")

// TestGolden runs the archives of testdata. Each begins with a file "before",
// does what "do" says, a line a step, and holds what came of it: "says", what
// the steps returned, and "after", the file. The steps:
//
//	block USER | NOTE | NOTE…     with the usual REJECT, time and score
//	release USER
//	save NAME                     a person saves the archive's file NAME
//	refresh
//	check
//	list
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			l, at := open(t, files["before"])
			s := &steps{l: l, path: at, files: files}
			for step := range strings.Lines(files["do"]) {
				s.do(t, strings.TrimSpace(step))
			}
			says, after := strings.ReplaceAll(s.says.String(), at, "blocklist"), contents(t, at)
			if *update {
				writeGolden(t, path, archive, map[string]string{"says": says, "after": after})
				return
			}
			require.Equal(t, files["says"], says)
			require.Equal(t, files["after"], after)
		})
	}
}

func writeGolden(t *testing.T, path string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	for _, name := range []string{"says", "after"} {
		found := false
		for i := range archive.Files {
			if archive.Files[i].Name == name {
				archive.Files[i].Data, found = []byte(got[name]), true
			}
		}
		if !found {
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
		}
	}
	require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
}

type steps struct {
	l     *List
	path  string
	files map[string]string
	says  strings.Builder
}

func (s *steps) do(t *testing.T, step string) {
	t.Helper()
	verb, rest, _ := strings.Cut(step, " ")
	switch verb {
	case "block":
		parts := strings.Split(rest, "|")
		e := Entry{User: strings.TrimSpace(parts[0]), Action: reject, Since: since, Score: 142}
		for _, note := range parts[1:] {
			e.Notes = append(e.Notes, strings.TrimSpace(note))
		}
		s.say(step, s.l.Block(e))
	case "release":
		e, ok, err := s.l.Release(rest)
		s.say(fmt.Sprintf("%s: %v, line %d, notes %q", step, ok, e.Line, e.Notes), err)
	case "save":
		data, ok := s.files[rest]
		require.True(t, ok, "no file %s", rest)
		require.NoError(t, os.WriteFile(s.path, []byte(data), 0o640))
	case "refresh":
		c, err := s.l.Refresh()
		s.say(step, err)
		s.list("  added", c.Added)
		s.list("  removed", c.Removed)
		s.list("  changed", c.Changed)
	case "check":
		s.say(step, nil)
		for _, p := range Check(s.path) {
			fmt.Fprintf(&s.says, "  %v\n", p)
		}
	case "list":
		s.say(step, nil)
		s.list(" ", s.l.Entries())
	default:
		t.Fatalf("no step %q", verb)
	}
}

func (s *steps) say(what string, err error) {
	fmt.Fprint(&s.says, what)
	if err != nil {
		fmt.Fprintf(&s.says, ": %v", err)
		for _, known := range []error{ErrAlready, ErrExempt, ErrName, ErrTable} {
			if errors.Is(err, known) {
				fmt.Fprint(&s.says, " [known]")
			}
		}
	}
	fmt.Fprintln(&s.says)
}

func (s *steps) list(title string, entries []Entry) {
	for _, e := range entries {
		fmt.Fprintf(&s.says, "%s %d: %s %q blocks=%v exempt=%v", title, e.Line, e.User, e.Action, e.Blocks(), e.Exempt())
		if !e.Since.IsZero() {
			fmt.Fprintf(&s.says, " since %s, score %v, %d notes", e.Since.Format(stampLayout), e.Score, len(e.Notes))
		}
		fmt.Fprintln(&s.says)
	}
}
