//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// longest is how long doctor may take, whatever is broken.
const longest = 32 * time.Second

// examined is what doctor answers while something is broken: in time, and with status 3.
func (p *postfix) examined(t *testing.T, args ...string) string {
	t.Helper()
	began := time.Now()
	said, status := p.doctor(t, append([]string{"--control", p.file("control")}, args...)...)
	require.Less(t, time.Since(began), longest, said)
	require.Equal(t, 3, status, said)
	return said
}

// finding looks for a line of a check in what doctor said.
func finding(t *testing.T, said, state, check, text string) {
	t.Helper()
	for line := range strings.Lines(said) {
		if word := strings.Fields(line); len(word) > 2 && word[0] == state && word[1] == check && strings.Contains(line, text) {
			return
		}
	}
	require.Fail(t, "doctor does not say so", "%s %s with %q in:\n%s", state, check, text, said)
}

// unwell waits until a monitoring system hears of something.
func unwell(t *testing.T, at, text string) {
	t.Helper()
	within(t, 15*time.Second, "/healthz says "+text, func() bool {
		resp, err := http.Get("http://" + at + "/healthz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(body), text)
	})
}

// A daemon that hangs has its sockets open, and answers at none of them. Doctor says
// so, and waits for none of them in turn.
func TestDoctorOfStuckDaemon(t *testing.T) {
	p := startPostfix(t, "lmdb")
	door, metrics := freePort(t), freePort(t)
	d := startDaemon(t, p, fmt.Sprintf("door: {listen: ['inet:%s']}\nmetrics: {listen: '%s'}\n%s", door, metrics, thirdCountry))
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = d.cmd.Process.Signal(syscall.SIGCONT) }) // it may have ended
	began := time.Now()
	said := p.examined(t)
	require.Less(t, time.Since(began), 20*time.Second, "the checks wait side by side")
	finding(t, said, "fault", "door", "no answer within 5s")
	finding(t, said, "fault", "control", "the daemon does not answer within 5s (it hangs: look at its log")
	finding(t, said, "fault", "health", "/healthz: no answer within 5s")
	finding(t, said, "ok", "postfix", "Postfix 3")

	require.NoError(t, d.cmd.Process.Signal(syscall.SIGCONT))
	within(t, 15*time.Second, "/healthz is content", func() bool { // it was stopped while it started
		said, _ = p.doctor(t, "--control", p.file("control"))
		return strings.Contains(said, "/healthz: ok")
	})
	finding(t, said, "ok", "control", "mode enforce")
}

// disk mounts a small file system of its own over the blocklist's folder.
func (p *postfix) disk(t *testing.T) (folder string) {
	t.Helper()
	folder = filepath.Dir(p.Blocklist)
	err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=1m,mode=755")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("root may not mount a file system here")
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) }) // Postfix still runs
	return folder
}

// A disk that is full, and then one that the kernel has made read-only: doctor and
// the monitoring system hear of it, and of its end.
func TestDoctorOfFullDisk(t *testing.T) {
	p := startPostfix(t, "lmdb")
	folder, metrics := p.disk(t), freePort(t)
	startDaemon(t, p, fmt.Sprintf("metrics: {listen: '%s'}\n%s", metrics, thirdCountry))
	filler := filepath.Join(folder, "filler")
	f, err := os.Create(filler)
	require.NoError(t, err)
	_, err = io.Copy(f, endless{})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
	theft(t, p)
	unwell(t, metrics, "no space left on device")
	said := p.examined(t)
	finding(t, said, "fault", "disk", folder+": 0 MB free")
	finding(t, said, "fault", "control", "the daemon says: the blocklist could not be written; trying again: ")
	finding(t, said, "fault", "health", "no space left on device")

	require.NoError(t, os.Remove(filler))
	within(t, soon, "Postfix finds alice", func() bool { return p.answer(alice) != "" })
	within(t, 15*time.Second, "/healthz is content", func() bool {
		said, _ := p.doctor(t, "--control", p.file("control"))
		return strings.Contains(said, "/healthz: ok")
	})
}

func TestDoctorOfReadOnlyDisk(t *testing.T) {
	p := startPostfix(t, "lmdb")
	folder, metrics := p.disk(t), freePort(t)
	d := startDaemon(t, p, fmt.Sprintf("metrics: {listen: '%s'}\n%s", metrics, thirdCountry), "--state", filepath.Join(folder, "state.db"))
	d.says(t, 10*time.Second, "msg=running")
	// The state is open for writing there, as on a disk that fails: only by a second
	// mount can root have what the kernel then does.
	out, err := exec.Command("mount", "--bind", "-o", "ro", folder, folder).CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	theft(t, p)
	unwell(t, metrics, "read-only file system")
	said := p.examined(t, "--state", filepath.Join(folder, "state.db"))
	finding(t, said, "fault", "disk", folder+": the file system is read-only")
	finding(t, said, "fault", "control", "read-only file system")
}

// An engine that is gone: this host goes on alone, and says so.
func TestDoctorOfLostEngine(t *testing.T) {
	engine := redistest.Start(t)
	h := startHost(t, "mx1", engine.Addr)
	h.says(t, 10*time.Second, "the others know what this host knows")
	h.stop(t)
	metrics := freePort(t)
	write(t, h.file("rules.yaml"), read(t, h.file("rules.yaml"))+"metrics: {listen: '"+metrics+"'}\n")
	h.start()
	doctor := func() string {
		out, err := exec.Command(program, "doctor", "--rules", h.file("rules.yaml"), "--blocklist", h.file("blocklist"), "--table", "texthash",
			"--log", h.file("mail.log"), "--control", h.file("control")).Output()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 3, exit.ExitCode(), "a host without Postfix's lines has a fault at any time")
		return string(out)
	}
	within(t, 15*time.Second, "the engine is there", func() bool { return strings.Contains(doctor(), "/healthz: ok") })
	finding(t, doctor(), "ok", "engine", engine.Addr)

	engine.Freeze()
	unwell(t, metrics, "the state that is shared is out of reach")
	began := time.Now()
	said := doctor()
	require.Less(t, time.Since(began), longest)
	finding(t, said, "fault", "engine", engine.Addr)
	finding(t, said, "fault", "control", "the daemon says: the state that is shared is out of reach")
	finding(t, said, "fault", "health", "the state that is shared is out of reach")
	engine.Thaw()
	within(t, 15*time.Second, "the engine is there again", func() bool { return strings.Contains(doctor(), "/healthz: ok") })

	engine.Kill()
	unwell(t, metrics, "the state that is shared is out of reach")
	finding(t, doctor(), "fault", "engine", "connection refused")
}
