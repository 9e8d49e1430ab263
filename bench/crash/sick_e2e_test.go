//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lasts is the time in which the log is written; half of it the machine is sick.
const lasts = 8 * time.Second

// What the daemon says of a state that it cannot write, and when that is over.
const (
	unsaved = "what is remembered cannot be written down; trying again"
	saved   = "what is remembered is written down again"
)

// A machine whose disks are full, fail, or may only be read comes to the same
// blocklist, memory, notices and hooks as one that is well.
func TestSickMachine(t *testing.T) {
	program, err := build(t.TempDir())
	require.NoError(t, err)
	trial := trial{program: program, dir: t.TempDir(), table: "texthash", seed: 2, volume: 0.05}
	w, err := newWorld(filepath.Join(trial.dir, "world"), trial.seed, trial.volume)
	require.NoError(t, err)
	well, err := trial.newServer(w, "well")
	require.NoError(t, err)
	defer well.close()
	require.NoError(t, well.live(t.Context()))
	expected, err := well.outcome()
	require.NoError(t, err)
	require.NotEmpty(t, expected.told)

	for name, befall := range map[string]func(*testing.T, *server) sickness{
		"the state's disk is full":                        fullState,
		"the state's disk is full, and the daemon killed": fullStateKilled,
		"what is written to the state fails":              failing("pwrite64"),
		"what is synced of the state fails":               failing("fdatasync"),
		"the kernel makes the state's disk read-only":     readOnly,
		"the blocklist's disk is full":                    fullLists,
	} {
		t.Run(name, func(t *testing.T) {
			s, err := trial.newServer(w, strings.ReplaceAll(name, " ", "-"))
			require.NoError(t, err)
			defer s.close()
			_, err = s.suffer(t.Context(), lasts, befall(t, s))
			require.NoError(t, err)
			got, err := s.outcome()
			require.NoError(t, err)
			// What waited for its disk stands behind what came later.
			require.ElementsMatch(t, strings.Split(string(expected.list), "\n"), strings.Split(string(got.list), "\n"))
			got.list = expected.list
			for _, o := range []*outcome{expected, got} {
				delete(o.state, "daemon/raised") // status looks who is still near a threshold
			}
			require.NoError(t, got.differs(expected))
		})
	}
}

func fullState(t *testing.T, s *server) sickness {
	mount(t, s.file("var"))
	return func(ctx context.Context, d *daemon) (*daemon, error) {
		return d, errors.Join(fill(s.file("var", "filler")), s.complains(ctx, d, "no space left on device"), rest(ctx, lasts/2),
			os.Remove(s.file("var", "filler")), s.recovers(ctx, d, saved))
	}
}

// The state is that of before the disk was full: what came since is read again.
func fullStateKilled(t *testing.T, s *server) sickness {
	mount(t, s.file("var"))
	return func(ctx context.Context, d *daemon) (*daemon, error) {
		if err := errors.Join(fill(s.file("var", "filler")), s.complains(ctx, d, "no space left on device"), rest(ctx, lasts/4), d.kill()); err != nil {
			return d, err
		}
		d, err := s.start()
		if err != nil {
			return d, err
		}
		return d, errors.Join(d.comes(ctx, d.running), rest(ctx, lasts/4), os.Remove(s.file("var", "filler")), s.recovers(ctx, d, saved))
	}
}

// failing has the kernel fail a system call of the daemon's, by strace(1).
func failing(call string) func(*testing.T, *server) sickness {
	return func(t *testing.T, s *server) sickness {
		return func(ctx context.Context, d *daemon) (*daemon, error) {
			tracer := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+call+":error=EIO", "-p", strconv.Itoa(d.cmd.Process.Pid))
			if err := tracer.Start(); err != nil {
				return d, err
			}
			// A signal that strace may handle is not enough: it can wait for a child of the
			// daemon's that it has stopped itself. The kernel lets go of all that it traced.
			err := errors.Join(s.complains(ctx, d, "input/output error"), rest(ctx, lasts/2), tracer.Process.Kill())
			_ = tracer.Wait() // it ends by the signal
			return d, errors.Join(err, s.recovers(ctx, d, saved))
		}
	}
}

// readOnly has ext4 do what it does after an error of its disk. Such a file system has
// to be unmounted, and the daemon started anew.
func readOnly(t *testing.T, s *server) sickness {
	image, folder := filepath.Join(t.TempDir(), "disk"), s.file("var")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, 64<<20))
	command := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).CombinedOutput()
		require.NoError(t, err, "%s %v: %s", name, args, out)
		return strings.TrimSpace(string(out))
	}
	command("mkfs.ext4", "-q", "-e", "remount-ro", image)
	device := command("losetup", "--find", "--show", image)
	t.Cleanup(func() { command("losetup", "--detach", device) })
	command("mount", device, folder)
	t.Cleanup(func() { command("umount", "--lazy", folder) })
	return func(ctx context.Context, d *daemon) (*daemon, error) {
		err := os.WriteFile("/sys/fs/ext4/"+filepath.Base(device)+"/trigger_fs_error", []byte("a disk that fails\n"), 0)
		if err := errors.Join(err, s.complains(ctx, d, "read-only file system"), rest(ctx, lasts/4), d.kill()); err != nil {
			return d, err
		}
		if n := d.said("a record of the state cannot be read"); n > 0 {
			return d, fmt.Errorf("%d times somebody was a stranger because of the disk", n)
		}
		// An administrator tries a start, which says what is wrong, and repairs.
		refused, err := s.start()
		if err != nil {
			return d, err
		}
		<-refused.exited
		if said := strings.Join(refused.words, "\n"); !strings.Contains(said, "cannot be written") || !strings.Contains(said, "needs a place where Sendwarden may write") {
			return d, errors.New("a start on a read-only disk says: " + said)
		}
		command("umount", folder)
		_ = exec.Command("fsck.ext4", "-p", device).Run() // its status says that something was repaired
		command("mount", device, folder)
		d, err = s.start()
		if err != nil {
			return d, err
		}
		return d, d.comes(ctx, d.running)
	}
}

func fullLists(t *testing.T, s *server) sickness {
	mount(t, s.file("lists"))
	return func(ctx context.Context, d *daemon) (*daemon, error) {
		err := errors.Join(fill(s.file("lists", "filler")), d.complains(ctx, "the blocklist could not be written; trying again"), rest(ctx, lasts/4))
		return d, errors.Join(err, os.Remove(s.file("lists", "filler")), s.recovers(ctx, d, "the blocklist is written again"))
	}
}

// complains waits until the daemon says that its state cannot be written, and why, and
// looks whether those who ask it are told, too.
func (s *server) complains(ctx context.Context, d *daemon, why string) error {
	for _, text := range []string{unsaved, why} { // what was being written just then fails in another way
		if err := d.complains(ctx, text); err != nil {
			return err
		}
	}
	status, err := exec.Command(s.program, "status", "--control", s.file("control")).Output()
	if err == nil && !strings.Contains(string(status), unsaved) {
		err = fmt.Errorf("status does not say %q:\n%s", unsaved, status)
	}
	return err
}

// complains waits for a complaint.
func (d *daemon) complains(ctx context.Context, text string) error {
	late := time.Now().Add(patience)
	for d.said(text) == 0 {
		if err := rest(ctx, 10*time.Millisecond); err != nil {
			return err
		}
		if time.Now().After(late) {
			return fmt.Errorf("the daemon does not say %q", text)
		}
	}
	return nil
}

// recovers waits until it is over, of which there was one complaint.
func (s *server) recovers(ctx context.Context, d *daemon, text string) error {
	if err := d.complains(ctx, text); err != nil {
		return err
	}
	if n := d.said("level=ERROR"); n > 3 {
		return fmt.Errorf("said %d times, not once:\n%s", n, strings.Join(d.says, "\n"))
	}
	return nil
}

// mount puts a small file system in the place of a folder.
func mount(t *testing.T, folder string) {
	require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=16m,mode=755"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
}

// fill takes all the room that is left.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return f.Close()
}
