//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is the sendwarden that is tested, built once for all tests.
var program string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

// buildAndRun builds the program that the tests start, unless SENDWARDEN names one
// (trixie/run does, where there is no Go).
func buildAndRun(m *testing.M) int {
	if program = os.Getenv("SENDWARDEN"); program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "sendwarden")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "sendwarden")
	build := exec.Command("go", "build", "-o", program, "sendwarden/cmd/sendwarden")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, out)
		return 1
	}
	// Others may run it: a test does so as a user without rights.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// daemon is a running `sendwarden run`.
type daemon struct {
	cmd    *exec.Cmd
	output string // the file that its own log goes to
	exited chan struct{}
	status error // of the exit
}

// startDaemon starts the daemon beside a mail server, with rules of the test's
// own, and waits until it follows the log. More arguments are further flags.
func startDaemon(t *testing.T, p *postfix, rules string, flags ...string) *daemon {
	t.Helper()
	write(t, p.file("rules.yaml"), rules)
	args := append(p.flags("run"), "--log", p.Log, "--state", p.file("state.db"), "--control", p.file("control"))
	return runDaemon(t, p, exec.Command(program, append(args, flags...)...))
}

// flags are those of a command that works on this server's blocklist.
func (p *postfix) flags(command string) []string {
	table, _, _ := strings.Cut(p.Map, ":")
	return []string{command, "--rules", p.file("rules.yaml"), "--blocklist", p.Blocklist, "--postfix-config", p.file("etc"), "--table", table}
}

func runDaemon(t *testing.T, p *postfix, cmd *exec.Cmd) *daemon {
	t.Helper()
	d := &daemon{cmd: cmd, output: p.collect(t, cmd), exited: make(chan struct{})}
	require.NoError(t, d.cmd.Start())
	go func() {
		defer close(d.exited)
		d.status = d.cmd.Wait()
	}()
	t.Cleanup(func() { showOnFailure(t, d.output) })
	t.Cleanup(func() { d.stop(t) })
	within(t, 10*time.Second, "the daemon runs", func() bool {
		require.False(t, d.over(), "the daemon ended")
		return d.said(t, "msg=running") > 0
	})
	return d
}

// says waits until the daemon's own log contains a text.
func (d *daemon) says(t *testing.T, most time.Duration, text string) {
	t.Helper()
	within(t, most, "the daemon says "+text, func() bool { return d.said(t, text) > 0 })
}

// said counts a text in the daemon's own log.
func (d *daemon) said(t *testing.T, text string) int {
	t.Helper()
	return strings.Count(read(t, d.output), text)
}

// over tells whether the daemon has ended.
func (d *daemon) over() bool {
	select {
	case <-d.exited:
		return true
	default:
		return false
	}
}

// kill ends the daemon as a crash does.
func (d *daemon) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, d.cmd.Process.Kill())
	<-d.exited
	d.status = nil // a killed process has no status of its own
}

// stop asks the daemon to end, and wants it to end well.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	if d.over() {
		require.NoError(t, d.status, "exit status of the daemon")
		return
	}
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-d.exited:
		require.NoError(t, d.status, "exit status after SIGTERM")
	case <-time.After(10 * time.Second):
		_ = d.cmd.Process.Kill() // it may have ended just now
		require.FailNow(t, "the daemon does not stop on SIGTERM")
	}
}

// blocked waits until Postfix finds the user in the table, which has to be
// within a second.
func blocked(t *testing.T, p *postfix, user string) {
	t.Helper()
	within(t, time.Second, "Postfix finds "+user+" on the blocklist", func() bool { return p.answer(user) != "" })
}

// sendwarden runs a command that changes the server's blocklist.
func (p *postfix) sendwarden(t *testing.T, command string, args ...string) string {
	t.Helper()
	return output(t, append(p.flags(command), args...)...)
}

// list is what `sendwarden list` prints.
func (p *postfix) list(t *testing.T) string {
	t.Helper()
	return output(t, "list", "--rules", p.file("rules.yaml"), "--blocklist", p.Blocklist)
}

func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	require.NoErrorf(t, err, "sendwarden %s: %s", args, out)
	return string(out)
}
