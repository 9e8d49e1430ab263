package blocklist

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// only reports that nothing but the named files stand in the directory.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	require.ElementsMatch(t, names, have)
}

func TestNewFileTeaches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blocklist")
	l, err := Open(path, Table{})
	require.NoError(t, err)
	require.Empty(t, l.Entries())
	require.Empty(t, l.Problems())
	require.Equal(t, head, contents(t, path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())

	require.NoError(t, l.Block(Entry{User: "bob", Action: reject}))
	require.Equal(t, head+"\n# bob: blocked\nbob    "+reject+"\n", contents(t, path))
	only(t, filepath.Dir(path), "blocklist", "blocklist.lock")
}

func TestModeOwnerAndLinkStay(t *testing.T) {
	l, path := open(t, "bob REJECT\n")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, os.Chmod(path, 0o604))
	owner := os.Getuid()
	if owner == 0 { // only root may give files away; others keep their own
		owner = 65534
		require.NoError(t, os.Chown(path, owner, owner))
	}
	_ = l
	linked, err := Open(link, Table{})
	require.NoError(t, err)
	require.NoError(t, linked.Block(Entry{User: "eve", Action: reject}))

	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type(), "the link is still a link")
	info, err = os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o604), info.Mode())
	require.EqualValues(t, owner, info.Sys().(*syscall.Stat_t).Uid)
	require.Contains(t, contents(t, path), "eve    REJECT")
}

func TestDanglingLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink("/nowhere/blocklist", link))
	_, err := Open(link, Table{})
	require.ErrorContains(t, err, link+": the link leads nowhere: no such file or directory")
}

// Two lists on one file are two processes: each has its own lock.
func TestWritersTakeTurns(t *testing.T) {
	a, path := open(t, "")
	b, err := Open(path, Table{})
	require.NoError(t, err)
	var wait sync.WaitGroup
	errs := make(chan error, 40)
	for i := range 20 {
		for name, l := range map[string]*List{"a": a, "b": b} {
			wait.Go(func() {
				errs <- l.Block(Entry{User: fmt.Sprintf("%s%d", name, i), Action: reject})
				l.Lookup("a0")
			})
		}
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	entries, err := Read(path)
	require.NoError(t, err)
	require.Len(t, entries, 40)

	change, err := a.Refresh()
	require.NoError(t, err)
	require.Len(t, change.Added, 20, "what b did is news to a")
	_, _, err = a.Release("b3")
	require.NoError(t, err)
	change, err = b.Refresh()
	require.NoError(t, err)
	require.Len(t, change.Removed, 1)
	require.Equal(t, "b3", change.Removed[0].User)
}

// An editor that saves between our reading and our renaming wins.
func TestReplaceSeesTheEditor(t *testing.T) {
	_, path := open(t, "one REJECT\n")
	_, info, err := read(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("two REJECT and more\n"), 0o640))
	require.ErrorIs(t, replace(path, []byte("ours\n"), info), errMoved)
	require.ErrorIs(t, replace(path, []byte("ours\n"), nil), errMoved, "made meanwhile")
	require.Equal(t, "two REJECT and more\n", contents(t, path))
	only(t, filepath.Dir(path), "blocklist", "blocklist.lock")

	require.NoError(t, os.Remove(path))
	require.ErrorIs(t, replace(path, []byte("ours\n"), info), errMoved, "gone meanwhile")
}

func TestLeftoverOfACrash(t *testing.T) {
	l, path := open(t, "")
	dir := filepath.Dir(path)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".blocklist.new"), []byte("half"), 0o600))
	require.NoError(t, l.Block(Entry{User: "bob", Action: reject}))
	only(t, dir, "blocklist", "blocklist.lock")
}

func TestBrokenFileChangesNothing(t *testing.T) {
	for name, broken := range map[string]string{
		"binary": "bob REJECT\n\x7fELF\x00\x01",
		"giant":  "eve REJECT " + strings.Repeat("x", maxPhysical),
	} {
		t.Run(name, func(t *testing.T) {
			l, path := open(t, "bob REJECT\n")
			require.NoError(t, os.WriteFile(path, []byte(broken), 0o640))
			change, err := l.Refresh()
			require.ErrorContains(t, err, path+":")
			require.ErrorContains(t, err, "the list goes on as it was")
			require.True(t, change.Empty())
			_, ok := l.Lookup("bob")
			require.True(t, ok)

			require.Error(t, l.Block(Entry{User: "eve", Action: reject}))
			require.Equal(t, broken, contents(t, path), "nothing is written over it")

			require.NoError(t, os.WriteFile(path, []byte("amy REJECT\n"), 0o640))
			change, err = l.Refresh()
			require.NoError(t, err)
			require.Len(t, change.Added, 1)
			require.Len(t, change.Removed, 1)
		})
	}
}

// A file that is gone releases nobody, and comes back with the next block.
func TestFileIsGone(t *testing.T) {
	l, path := open(t, "# ours\nbob REJECT\n")
	require.NoError(t, os.Remove(path))
	_, err := l.Refresh()
	require.ErrorIs(t, err, os.ErrNotExist)
	_, ok := l.Lookup("bob")
	require.True(t, ok)
	require.NoError(t, l.Block(Entry{User: "eve", Action: reject}))
	require.True(t, strings.HasPrefix(contents(t, path), "# ours\nbob REJECT\n\n# eve: blocked\neve"))
}

// An editor may leave the last newline off, and an empty file releases everybody.
func TestUnfinishedLooks(t *testing.T) {
	l, path := open(t, "bob REJECT\n")
	require.NoError(t, os.WriteFile(path, []byte("bob REJECT\neve REJECT"), 0o640))
	change, err := l.Refresh()
	require.NoError(t, err)
	require.Len(t, change.Added, 1)
	require.NoError(t, os.WriteFile(path, nil, 0o640))
	change, err = l.Refresh()
	require.NoError(t, err)
	require.Len(t, change.Removed, 2)
}

// A write that stops halfway, as on a full disk. The limit is the process's
// own: EFBIG comes where ENOSPC would. The list is long, so that nothing else
// that the process writes meanwhile, such as go test's own log, meets the limit.
func TestFullDisk(t *testing.T) {
	before := strings.Repeat("# "+strings.Repeat("long", 20)+"\n", 5000) + "\nbob REJECT\n"
	l, path := open(t, before)
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(len(before)), Max: old.Max}))
	err := l.Block(Entry{User: "eve", Action: reject})
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old))

	require.ErrorIs(t, err, syscall.EFBIG)
	require.ErrorContains(t, err, path+" stays as it was")
	require.Equal(t, before, contents(t, path))
	only(t, filepath.Dir(path), "blocklist", "blocklist.lock")
	_, ok := l.Lookup("eve")
	require.False(t, ok)
	require.NoError(t, l.Block(Entry{User: "eve", Action: reject}))
}

// postmapThat makes a table whose postmap is a shell script. It is called as
// "postmap lmdb:PATH".
func postmapThat(t *testing.T, name, script string) Table {
	t.Helper()
	table, err := NewTable(name, "")
	require.NoError(t, err)
	table.postmap = filepath.Join(t.TempDir(), "postmap")
	require.NoError(t, os.WriteFile(table.postmap, []byte("#!/bin/sh\n"+script), 0o755))
	return table
}

func TestTableFailsAndIsTriedAgain(t *testing.T) {
	table := postmapThat(t, "lmdb", `
f=${1#*:}
[ -e "$f.fail" ] && { printf 'postmap: fatal: no\033[31m room\nat all\n' >&2; exit 1; }
cp "$f" "$f.lmdb"
`)
	path := filepath.Join(t.TempDir(), "blocklist")
	l, err := Open(path, table)
	require.NoError(t, err)
	require.Equal(t, head, contents(t, path+".lmdb"))
	require.Equal(t, "lmdb:"+path, l.Map())

	require.NoError(t, os.WriteFile(path+".fail", nil, 0o600))
	err = l.Block(Entry{User: "bob", Action: reject})
	require.ErrorIs(t, err, ErrTable)
	require.ErrorContains(t, err, "lmdb:"+path+": exit status 1: postmap: fatal: no?[31m room; at all")
	_, ok := l.Lookup("bob")
	require.True(t, ok, "the text has it")
	_, err = l.Refresh()
	require.ErrorIs(t, err, ErrTable, "tried again")

	require.NoError(t, os.Remove(path+".fail"))
	change, err := l.Refresh()
	require.NoError(t, err)
	require.True(t, change.Empty(), "our own doing is no news")
	require.Equal(t, contents(t, path), contents(t, path+".lmdb"))

	require.NoError(t, os.Remove(path+".lmdb"))
	_, err = l.Refresh()
	require.NoError(t, err)
	require.FileExists(t, path+".lmdb", "a table that is gone is built again")
}

func TestRefreshBuildsOnlyWhatChanged(t *testing.T) {
	table := postmapThat(t, "cdb", `f=${1#*:}; cp "$f" "$f.cdb"; echo built >>"$f.count"`)
	path := filepath.Join(t.TempDir(), "blocklist")
	l, err := Open(path, table)
	require.NoError(t, err)
	for range 3 {
		_, err = l.Refresh()
		require.NoError(t, err)
	}
	require.Equal(t, "built\n", contents(t, path+".count"))
	require.NoError(t, os.WriteFile(path, []byte("bob REJECT\n"), 0o640))
	for range 3 {
		_, err = l.Refresh()
		require.NoError(t, err)
	}
	require.Equal(t, "built\nbuilt\n", contents(t, path+".count"))
}

// hash is built under another name, so that a failure leaves the old table.
func TestHashIsBuiltAside(t *testing.T) {
	table := postmapThat(t, "hash", `
f=${1#*:}
grep -q poison "$f" && { echo half >"$f.db"; exit 1; }
cp "$f" "$f.db"
`)
	path := filepath.Join(t.TempDir(), "blocklist")
	l, err := Open(path, table)
	require.NoError(t, err)
	require.Equal(t, head, contents(t, path+".db"))
	require.ErrorIs(t, l.Block(Entry{User: "poison", Action: reject}), ErrTable)
	require.Equal(t, head, contents(t, path+".db"))
	only(t, filepath.Dir(path), "blocklist", "blocklist.lock", "blocklist.db")
}

// An lmdb file that is none would fail for ever.
func TestBrokenLMDBIsMadeAnew(t *testing.T) {
	table := postmapThat(t, "lmdb", `
f=${1#*:}
[ -e "$f.lmdb" ] && { echo 'postmap: fatal: open database: MDB_INVALID: File is not an LMDB file' >&2; exit 1; }
cp "$f" "$f.lmdb"
`)
	path := filepath.Join(t.TempDir(), "blocklist")
	require.NoError(t, os.WriteFile(path+".lmdb", []byte("zeros"), 0o640))
	_, err := Open(path, table)
	require.NoError(t, err)
	require.Equal(t, head, contents(t, path+".lmdb"))
}

func TestPostmapIsMissing(t *testing.T) {
	table, err := NewTable("cdb", "")
	require.NoError(t, err)
	table.postmap = "/nowhere/postmap"
	l, err := Open(filepath.Join(t.TempDir(), "blocklist"), table)
	require.ErrorIs(t, err, ErrTable)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotNil(t, l, "the list is usable nevertheless")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, table.Build(ctx, "x"), context.Canceled)
}

func TestTableNames(t *testing.T) {
	require.Equal(t, "texthash:/etc/postfix/blocklist", Table{}.Map("/etc/postfix/blocklist"))
	_, err := NewTable("dbm", "")
	require.ErrorContains(t, err, `table type "dbm" (one of lmdb, cdb, hash, btree, texthash, lsearch)`)
}

// Who is root does not write where another user's link leads.
func TestLinkOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a link another user's")
	}
	dir := t.TempDir()
	precious, link := filepath.Join(dir, "precious"), filepath.Join(dir, "blocklist")
	require.NoError(t, os.WriteFile(precious, []byte("root:x\n"), 0o600))
	require.NoError(t, os.Symlink(precious, link))
	require.NoError(t, os.Lchown(link, 12345, -1))
	table, err := NewTable("texthash", "")
	require.NoError(t, err)
	_, err = Open(link, table)
	require.ErrorContains(t, err, "a link that belongs to user id 12345, who could make it lead anywhere (chown -h root "+link+")")
	text, err := os.ReadFile(precious)
	require.NoError(t, err)
	require.Equal(t, "root:x\n", string(text))
}
