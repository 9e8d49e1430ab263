package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sendwarden"
	"sendwarden/control"
	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// host is one of several mail servers: a `sendwarden run` with a door, and a log
// that is written as Postfix does.
type host struct {
	t             testing.TB
	number        int
	name, dir     string
	door, metrics string
	control       *control.Client
	cmd           *exec.Cmd
	mu            sync.Mutex // guards what follows
	log           *os.File
	messages      uint64 // that it had, for their queue ids
	lines         int    // in the log
}

// site is what all hosts have in common.
type site struct {
	program string
	geo     []string
	crowd   *crowd
}

// build builds the program that is measured.
func build(t testing.TB) string {
	program := filepath.Join(t.TempDir(), "sendwarden")
	out, err := exec.Command("go", "build", "-o", program, "sendwarden/cmd/sendwarden").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// rules are the shipped ones, with thresholds that nobody comes to: here people send
// faster than people do, and who is blocked costs nothing any more. Thieves are those
// who are called so, from the third country on.
func rules(door, metrics, state string) []byte {
	text := strings.Replace(string(sendwarden.Rules), "threshold: {hold: 50, block: 100}", "threshold: {hold: 500000, block: 500000}", 1)
	return fmt.Appendf(nil, `%s
  - name: stolen
    when: user startsWith "thief" && countries("1h") >= 3
    points: 1000000
mode: enforce
max_blocks: 1000000
door: {listen: "inet:%s"}
metrics: {listen: %q}
state: %q
`, strings.Replace(text, "\nmode: enforce", "", 1), door, metrics, state)
}

// host starts one that remembers in a state; LOCAL in its name is a file of the host's.
func (s *site) host(t testing.TB, number int, state string) *host {
	h := &host{t: t, number: number, name: fmt.Sprintf("mx%d", number+1), dir: t.TempDir(), door: redistest.FreeAddr(t), metrics: redistest.FreeAddr(t)}
	state = strings.ReplaceAll(state, "LOCAL", h.file("state.db"))
	require.NoError(t, os.WriteFile(h.file("rules.yaml"), rules(h.door, h.metrics, state), 0o644))
	require.NoError(t, os.WriteFile(h.file("main.cf"), []byte("queue_directory = "+h.file("nowhere")+"\n"), 0o644))
	log, err := os.OpenFile(h.file("mail.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	require.NoError(t, err)
	said, err := os.Create(h.file("output"))
	require.NoError(t, err)
	args := []string{"run", "--rules", h.file("rules.yaml"), "--log", h.file("mail.log"), "--blocklist", h.file("blocklist"), "--table", "texthash",
		"--postfix-config", h.dir, "--control", h.file("control")}
	for _, db := range s.geo {
		args = append(args, "--geo", db)
	}
	h.log, h.cmd = log, exec.Command(s.program, args...)
	h.cmd.Stderr = said
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, h.cmd.Start())
	require.NoError(t, said.Close())
	t.Cleanup(h.stop)
	h.control = control.NewClient(h.file("control"), "")
	h.within(30*time.Second, "it runs", func() bool { return h.says("msg=running") })
	if strings.Contains(state, "://") {
		h.within(30*time.Second, "it shares", func() bool { return h.says("the others know what this host knows") })
	}
	return h
}

func (h *host) file(name string) string { return filepath.Join(h.dir, name) }

func (h *host) stop() {
	if h.cmd.ProcessState == nil {
		_ = h.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		late := time.AfterFunc(time.Minute, func() {
			h.t.Logf("%s does not end; see where it is in its output", h.name)
			_ = h.cmd.Process.Signal(syscall.SIGQUIT)
		})
		_ = h.cmd.Wait()
		late.Stop()
		_ = h.log.Close()
		h.control.Close()
	}
}

// says tells whether the daemon's own log has a text.
func (h *host) says(text string) bool {
	said, err := os.ReadFile(h.file("output"))
	return err == nil && bytes.Contains(said, []byte(text))
}

// within waits for something.
func (h *host) within(most time.Duration, what string, is func() bool) {
	h.t.Helper()
	if !eventually(most, is) {
		said, _ := os.ReadFile(h.file("output"))
		require.FailNow(h.t, fmt.Sprintf("%s: not within %v: %s\n%s", h.name, most, what, said[max(0, len(said)-3000):]))
	}
}

// eventually looks again and again whether something is.
func eventually(most time.Duration, is func() bool) bool {
	for began := time.Now(); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Since(began) > most {
			return false
		}
	}
	return true
}

// shared is what the daemon says of the engine.
func (h *host) shared() control.Shared {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	status, err := h.control.Status(ctx)
	require.NoError(h.t, err)
	require.NotNil(h.t, status.State.Shared)
	return *status.State.Shared
}

// blocks tells whether a user stands on this host's list.
func (h *host) blocks(user string) bool {
	list, err := os.ReadFile(h.file("blocklist"))
	return err == nil && strings.Contains(string(list), "\n"+user+" ")
}

// metric is one of the daemon's metrics, all labels together.
func (h *host) metric(name string) (sum float64) {
	resp, err := http.Get("http://" + h.metrics + "/metrics")
	require.NoError(h.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	for line := range strings.Lines(string(text)) {
		full, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if bare, _, _ := strings.Cut(full, "{"); bare == name {
			v, err := strconv.ParseFloat(value, 64)
			require.NoError(h.t, err)
			sum += v
		}
	}
	return sum
}

// cpu is the processor time that a process has had.
func cpu(t testing.TB, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third field of proc(5) on
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // of 100 Hz
}
