//go:build e2e

package packaging

import (
	"encoding/base64"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// machine is a copy of this one that systemd has booted, see testdata/boot.sh.
type machine struct {
	t     *testing.T
	power int    // the process that boots it
	init  string // the process that is its systemd, as this machine numbers it
}

// boot boots a machine with files, from a path there to one here, and shuts it down
// with the test.
func boot(t *testing.T, files map[string]string) *machine {
	t.Helper()
	require.Zero(t, os.Getuid(), "machines are made as root only")
	added := t.TempDir()
	command(t, "cp", "-r", "testdata/machine/.", added)
	for there, here := range files {
		command(t, "install", "-D", "-m", "0644", here, filepath.Join(added, there))
	}
	console, err := os.Create(filepath.Join(t.TempDir(), "console"))
	require.NoError(t, err)
	cmd := exec.Command("testdata/boot.sh", added)
	cmd.Stdout, cmd.Stderr = console, console
	require.NoError(t, cmd.Start())
	m := &machine{t: t, power: cmd.Process.Pid}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile(console.Name())
			t.Logf("the console:\n%s\nthe journal:\n%s", text, m.try("journalctl", "--no-pager", "-n", "150"))
		}
		_ = cmd.Process.Signal(syscall.SIGTERM) // Wait tells whether it was there
		require.NoError(t, cmd.Wait())
		require.NoError(t, console.Close())
	})
	m.booted()
	return m
}

// booted waits until it is up, by another process than before.
func (m *machine) booted() {
	m.t.Helper()
	before := m.init
	within(m.t, 2*time.Minute, "a machine starts", func() bool {
		m.init = childOf(strconv.Itoa(m.power), "systemd")
		return m.init != "" && m.init != before
	})
	within(m.t, time.Minute, "it has booted", func() bool {
		state := m.try("systemctl", "is-system-running")
		return strings.HasPrefix(state, "running") || strings.HasPrefix(state, "degraded")
	})
}

// reboot shuts it down and boots it again.
func (m *machine) reboot() {
	m.t.Helper()
	m.run("systemctl", "reboot")
	m.booted()
}

// childOf is the child of a process, or a child's child, that runs a program of that
// name; "": none does.
func childOf(pid, name string) string {
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return ""
	}
	for _, child := range strings.Fields(string(children)) {
		if comm, err := os.ReadFile("/proc/" + child + "/comm"); err == nil && strings.TrimSpace(string(comm)) == name {
			return child
		}
		if found := childOf(child, name); found != "" {
			return found
		}
	}
	return ""
}

func (m *machine) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"--target", m.init, "--all", "--", name}, args...)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

// run runs a program there to its end, and answers what it said.
func (m *machine) run(name string, args ...string) string {
	m.t.Helper()
	out, err := m.command(name, args...).CombinedOutput()
	require.NoErrorf(m.t, err, "%s %v: %s", name, args, out)
	return string(out)
}

// try is run, of a program that may fail.
func (m *machine) try(name string, args ...string) string {
	out, _ := m.command(name, args...).CombinedOutput() // the caller looks at what it said
	return string(out)
}

// write writes a file there.
func (m *machine) write(name, text string) {
	m.t.Helper()
	cmd := m.command("tee", name)
	cmd.Stdin = strings.NewReader(text)
	require.NoError(m.t, cmd.Run(), name)
}

// unit is a property of our service, as systemd shows it.
func (m *machine) unit(property string) string {
	m.t.Helper()
	return strings.TrimSpace(m.run("systemctl", "show", "--value", "-p", property, "sendwarden.service"))
}

// journal counts the lines of our service that contain a text.
func (m *machine) journal(text string) int {
	return strings.Count(m.try("journalctl", "--no-pager", "-o", "cat", "-u", "sendwarden.service"), text)
}

// runs waits until the service does.
func (m *machine) runs(what string) {
	m.t.Helper()
	within(m.t, time.Minute, what, func() bool {
		return strings.TrimSpace(m.try("systemctl", "is-active", "sendwarden.service")) == "active"
	})
}

// dial connects to a port of the machine.
func (m *machine) dial(address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread has moved away, and ends
		network, failed := os.Open("/proc/" + m.init + "/ns/net")
		if err = failed; err != nil {
			return
		}
		defer network.Close()
		if err = unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err == nil {
			conn, err = net.Dial("tcp", address)
		}
	}()
	<-done
	return conn, err
}

// send sends a message as a user from an address, and answers what Postfix says to it.
func (m *machine) send(user, address string) string {
	m.t.Helper()
	raw, err := m.dial("127.0.0.1:587")
	require.NoError(m.t, err)
	require.NoError(m.t, raw.SetDeadline(time.Now().Add(time.Minute)))
	conn := textproto.NewConn(raw)
	defer conn.Close()
	_, _, err = conn.ReadResponse(220)
	require.NoError(m.t, err)
	for _, line := range []string{
		"EHLO client.example.com", "XCLIENT ADDR=" + address + " NAME=[UNAVAILABLE]", "EHLO client.example.com",
		"AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00secret")),
		"MAIL FROM:<" + user + ">", "RCPT TO:<somebody@example.com>", "DATA",
	} {
		require.NoError(m.t, conn.PrintfLine("%s", line))
		code, text, err := conn.ReadResponse(0)
		require.NoError(m.t, err, line)
		if code >= 400 {
			return strconv.Itoa(code) + " " + text
		}
	}
	require.NoError(m.t, conn.PrintfLine("Subject: hello\r\n\r\nHello.\r\n."))
	code, text, err := conn.ReadResponse(0)
	require.NoError(m.t, err)
	return strconv.Itoa(code) + " " + text
}

func within(t *testing.T, most time.Duration, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !so(); time.Sleep(50 * time.Millisecond) {
		require.Falsef(t, time.Now().After(end), "not within %s: %s", most, what)
	}
}
