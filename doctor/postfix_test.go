package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sendwarden/blocklist"
	"sendwarden/postfix"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// recorded is a Postfix of those that package postfix has recorded, as one that the
// blocklist is to be asked by.
func recorded(t *testing.T, name string) *Installation {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	require.NoError(t, err)
	section := make(map[string]string)
	for _, f := range archive.Files {
		section[f.Name] = string(f.Data)
	}
	dir := t.TempDir()
	for file, printed := range map[string]string{"main.cf": "postconf -n", "master.cf": "postconf -M"} {
		text := section[file]
		if text == "" {
			text = section[printed]
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	run := func(_ context.Context, program string, args ...string) (string, error) {
		if len(args) > 1 && args[0] == "-c" {
			args = args[2:]
		}
		command := strings.TrimSpace(program + " " + strings.Join(args, " "))
		if text, is := section[command]; is {
			return text, nil
		}
		return "", fmt.Errorf("%s: this recording does not have it", command)
	}
	in := &Installation{}
	in.Postfix, err = postfix.Read(t.Context(), dir, run)
	require.NoError(t, err)
	for l := range strings.Lines(section["want"]) {
		switch what, value, _ := strings.Cut(strings.TrimSpace(l), " "); what {
		case "table":
			in.Want.Table = value
		case "door":
			in.Want.Door = value
		}
	}
	return in
}

// What doctor says of each recorded Postfix: testdata/postfix.golden.
func TestRecordedPostfix(t *testing.T) {
	files, err := filepath.Glob("../postfix/testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var said strings.Builder
	for _, name := range files {
		in := recorded(t, name)
		fmt.Fprintf(&said, "%s\n", strings.TrimSuffix(filepath.Base(name), ".txtar"))
		for _, f := range slices.Concat(checkPostfix(t.Context(), in), checkRestrictions(t.Context(), in)) {
			fmt.Fprintf(&said, "    %s\n", strings.ReplaceAll(line(f), in.Postfix.Dir, "/etc/postfix"))
		}
	}
	const golden = "testdata/postfix.golden"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, []byte(said.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), said.String())
}

// mapped is a Postfix whose tables answer what is in them.
func mapped(t *testing.T, answers map[string]string) *Installation {
	t.Helper()
	in := recorded(t, "../postfix/testdata/done.txtar")
	p, err := postfix.Read(t.Context(), in.Postfix.Dir, func(ctx context.Context, program string, args ...string) (string, error) {
		if program != "postmap" {
			return map[string]string{"mail_version": "mail_version = 3.7.11"}[args[len(args)-1]], nil
		}
		key := args[len(args)-2]
		if answers == nil {
			return "", fmt.Errorf("exit status 1: fatal: open database: No such file or directory")
		}
		return answers[key] + "\n", nil
	})
	require.NoError(t, err)
	table, err := blocklist.NewTable("lmdb", "")
	require.NoError(t, err)
	list := filepath.Join(t.TempDir(), "blocklist")
	require.NoError(t, os.WriteFile(list, []byte("info@example.es REJECT 5.7.1 Ask Ana\n"), 0o644))
	return &Installation{Postfix: p, Table: table, List: list, Want: postfix.Want{Table: table.Map(list)}}
}

// The table that Postfix reads is missing, behind the list, or as it.
func TestCheckTable(t *testing.T) {
	f := one(t, checkTable(t.Context(), mapped(t, nil)))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "open database: No such file or directory")
	require.Contains(t, f.Remedy, "puts off all mail")

	in := mapped(t, map[string]string{})
	require.Equal(t, OK, one(t, checkTable(t.Context(), in)).State)
	old := noon.AddDate(-1, 0, 0)
	require.NoError(t, os.WriteFile(in.Table.File(in.List), nil, 0o644))
	require.NoError(t, os.Chtimes(in.Table.File(in.List), old, old))
	f = one(t, checkTable(t.Context(), in))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "is older than the list, and wrong about info@example.es")

	in = mapped(t, map[string]string{"info@example.es": "REJECT 5.7.1 Ask Ana"})
	require.NoError(t, os.WriteFile(in.Table.File(in.List), nil, 0o644))
	require.NoError(t, os.Chtimes(in.Table.File(in.List), old, old))
	require.Equal(t, OK, one(t, checkTable(t.Context(), in)).State, "only a comment has changed")
}

// A table that an open session does not see is a doubt, unless the door is asked.
func TestCheckTableOfOpenSessions(t *testing.T) {
	in := mapped(t, map[string]string{})
	var err error
	in.Table, err = blocklist.NewTable("hash", "")
	require.NoError(t, err)
	f := one(t, checkTable(t.Context(), in))
	require.Equal(t, Warning, f.State)
	require.Contains(t, f.Fact, "a session that is open goes on until it ends")
	in.Want.Door = "inet:127.0.0.1:10045"
	require.Equal(t, OK, one(t, checkTable(t.Context(), in)).State)
}

func TestCheckNoPostfix(t *testing.T) {
	in := &Installation{NoPostfix: os.ErrNotExist, Odd: os.ErrNotExist}
	require.Equal(t, Fault, one(t, checkPostfix(t.Context(), in)).State)
	require.Empty(t, checkTable(t.Context(), in))
	require.Empty(t, checkRestrictions(t.Context(), in))
}
