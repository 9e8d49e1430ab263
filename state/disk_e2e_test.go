//go:build e2e

package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// On a full disk a Commit fails and leaves the file as it was, which can be read
// and survives a crash; when there is room again, the next one loses nothing.
func TestFullDisk(t *testing.T) {
	disk := filesystem(t, "size=2m")
	path := filepath.Join(disk, "state.db")
	s := open(t, path)
	require.NoError(t, s.Commit(put("user/ana", "1", "position/mail.log", "1")))

	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	for round := range 3 {
		b := put("user/ana", fmt.Sprint("after ", round), "position/mail.log", fmt.Sprint("after ", round))
		for i := range 100 {
			b.Put(fmt.Sprintf("user/%d-%d", round, i), make([]byte, 1000))
		}
		err := s.Commit(b)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, path+": ")
		require.Equal(t, fmt.Sprint("after ", round), load(t, s, "user/ana"))
	}
	crashed := filepath.Join(t.TempDir(), "state.db")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(crashed, data, 0o600))
	other := open(t, crashed)
	require.Empty(t, other.Damaged)
	require.Equal(t, []string{"position/mail.log=1", "user/ana=1"}, all(t, other, ""))
	require.NoError(t, other.Close())

	require.NoError(t, os.Remove(filler))
	require.NoError(t, s.Commit(new(Batch)))
	require.Equal(t, []string{"position/mail.log=after 2"}, all(t, s, "position/"))
	require.Len(t, all(t, s, "user/"), 301)
	require.NoError(t, s.Close())
}

// A disk that may only be read is said, with the remedy.
func TestReadOnlyDisk(t *testing.T) {
	disk := filesystem(t, "size=2m")
	path := filepath.Join(disk, "state.db")
	require.NoError(t, open(t, path).Close())
	require.NoError(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err := Open(path, monday)
	require.ErrorIs(t, err, syscall.EROFS)
	require.ErrorContains(t, err, "cannot be written")
	require.ErrorContains(t, err, "needs a place where Sendwarden may write")
}

// filesystem mounts a small one for the time of a test.
func filesystem(t *testing.T, options string) string {
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("root may not mount a file system here")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fill takes all the room that is left.
func fill(t *testing.T, name string) {
	f, err := os.Create(name)
	require.NoError(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
}
