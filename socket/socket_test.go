package socket

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "door")
	l, err := Listen(path, os.Getegid(), 0o660)
	require.NoError(t, err)
	require.Equal(t, path, l.Addr().String())
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o660, info.Mode())
	require.EqualValues(t, os.Getegid(), info.Sys().(*syscall.Stat_t).Gid)
	require.NoFileExists(t, path+Fresh)
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	require.NoError(t, conn.Close())

	_, err = Listen(path, os.Getegid(), 0o660)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, l.UnixListener.Close()) // as a crash leaves it
	next, err := Listen(path, os.Getegid(), 0o660)
	require.NoError(t, err, "what a dead program left is replaced")
	require.ErrorIs(t, l.Close(), net.ErrClosed)
	require.FileExists(t, path, "the one before takes away only its own")
	require.NoError(t, next.Close())
	require.NoFileExists(t, path)
}

// Neither a link nor a file that stands in the place is written to.
func TestListenInAnothersPlace(t *testing.T) {
	dir := t.TempDir()
	victim, link := filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(victim, []byte("mine"), 0o600))
	require.NoError(t, os.Symlink(victim, link))
	l, err := Listen(link, os.Getegid(), 0o660)
	require.NoError(t, err, "the link is replaced")
	require.NoError(t, l.Close())
	_, err = Listen(victim, os.Getegid(), 0o660)
	require.ErrorContains(t, err, "there is something that is no socket")
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "mine", string(text))
}
