package blocklist

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// asNobody runs f with the rights of an ordinary user on files, even where the
// tests run as root. The rights are those of the thread, which ends with f.
func asNobody(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		if os.Getuid() == 0 {
			_ = syscall.Setfsuid(65534)
			_ = syscall.Setfsgid(65534)
		}
		f()
	}()
	<-done
}

func TestReadOnlyDirectory(t *testing.T) {
	l, path := open(t, "bob REJECT\n")
	dir := filepath.Dir(path)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o555))
	require.NoError(t, os.Chmod(path, 0o444))
	require.NoError(t, os.Chmod(path+".lock", 0o666))
	var blocked, opened error
	var entries []Entry
	asNobody(func() {
		blocked = l.Block(Entry{User: "eve", Action: reject})
		_, opened = Open(filepath.Join(dir, "other"), Table{})
		entries, _ = Read(path)
	})
	require.NoError(t, os.Chmod(dir, 0o755))
	require.ErrorIs(t, blocked, os.ErrPermission)
	require.ErrorContains(t, blocked, path+" stays as it was")
	require.ErrorContains(t, opened, "this user may not write there (the blocklist belongs to root: use sudo)")
	require.Len(t, entries, 1, "reading needs no lock")
	require.Equal(t, "bob REJECT\n", contents(t, path))
	only(t, dir, "blocklist", "blocklist.lock")
}

// Who may not keep the owner would take the file away from its owner.
func TestOwnerThatCannotBeKept(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a file of another user")
	}
	l, path := open(t, "bob REJECT\n")
	dir := filepath.Dir(path)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	require.NoError(t, os.Chmod(dir, 0o777))
	require.NoError(t, os.Chmod(path, 0o644))
	require.NoError(t, os.Chmod(path+".lock", 0o666))
	var blocked error
	asNobody(func() { blocked = l.Block(Entry{User: "eve", Action: reject}) })
	require.ErrorContains(t, blocked, "its owner (0:0) can't be kept: operation not permitted (run as root or as that user)")
	require.Equal(t, "bob REJECT\n", contents(t, path))
	only(t, dir, "blocklist", "blocklist.lock")
}
