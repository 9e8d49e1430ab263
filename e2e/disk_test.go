//go:build e2e

package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The daemon runs without root's rights, and somebody takes its folder away.
// It says so, and blocks as soon as it can.
func TestReadOnlyFolder(t *testing.T) {
	p := startPostfix(t, "lmdb")
	folder := filepath.Dir(p.Blocklist)
	require.NoError(t, os.Chown(folder, nobody, nobody))
	write(t, p.file("rules.yaml"), thirdCountry)
	require.NoError(t, os.Mkdir(p.file("state"), 0o755))
	require.NoError(t, os.Chown(p.file("state"), nobody, nobody))
	run := exec.Command(program, append(p.flags("run"), "--log", p.Log, "--state", p.file("state", "state.db"))...)
	run.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	d := runDaemon(t, p, run)

	require.NoError(t, os.Chmod(folder, 0o555))
	theft(t, p)
	d.says(t, time.Second, `msg="the blocklist could not be written; trying again" error="blocklist: `+p.Blocklist)
	d.says(t, time.Second, "permission denied")
	require.Empty(t, p.answer(alice))

	require.NoError(t, os.Chmod(folder, 0o755))
	within(t, soon, "Postfix finds alice", func() bool { return p.answer(alice) != "" })
	d.says(t, soon, `msg="the blocklist is written again"`)
	require.Equal(t, 1, d.said(t, "could not be written"), "said once, not each second")
}

func TestFullDisk(t *testing.T) {
	p := startPostfix(t, "lmdb")
	folder := filepath.Dir(p.Blocklist)
	err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=755")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("root may not mount a file system here")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) }) // Postfix still runs
	d := startDaemon(t, p, thirdCountry)

	filler := filepath.Join(folder, "filler")
	f, err := os.Create(filler)
	require.NoError(t, err)
	_, err = io.Copy(f, endless{})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())

	before := read(t, p.Blocklist)
	theft(t, p)
	d.says(t, time.Second, `msg="the blocklist could not be written; trying again" error="blocklist: `+p.Blocklist+" stays as it was")
	d.says(t, time.Second, "no space left on device")
	require.Equal(t, before, read(t, p.Blocklist))
	p.sends(t, bob, spain) // and the mail flows

	require.NoError(t, os.Remove(filler))
	within(t, soon, "Postfix finds alice", func() bool { return p.answer(alice) != "" })
	d.says(t, soon, `msg="the blocklist is written again"`)
	p.login(t, alice, spain).refused(t, alice, reason)
}

// endless is a file that fills any disk.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
