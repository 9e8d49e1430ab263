package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"sendwarden/alert"
)

var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

func notice(kind alert.Kind, user string) alert.Notice {
	return alert.Notice{Kind: kind, Time: noon, Host: "mail.example.es", User: user, Score: 142.5, Limit: 100,
		Addresses: []netip.Addr{netip.MustParseAddr("177.32.18.77"), netip.MustParseAddr("2001:db8::25")}}
}

// script writes a program for sh; "$0" names it, so that it can write beside itself.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	return path
}

// site runs hooks and keeps what is logged and told.
type site struct {
	*Runner
	mu   sync.Mutex
	told []string
	log  bytes.Buffer
	stop func()
}

func (s *site) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *site) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// failures are what was told to people.
func (s *site) failures() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// start runs hooks, beginning with what was left by others.
func start(t *testing.T, c Config, left ...Waiting) *site {
	t.Helper()
	require.NoError(t, c.Check())
	s := &site{}
	s.Runner = New(c, Options{Log: slog.New(slog.NewTextHandler(s, nil)), Now: time.Now, Tell: func(n alert.Notice) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, n.User+": "+n.Detail)
	}})
	s.grace = 200 * time.Millisecond
	s.Restore(left)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	s.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(s.stop)
	return s
}

// eventually waits for what other processes do.
func eventually(t *testing.T, so func() bool) {
	t.Helper()
	require.Eventually(t, so, 20*time.Second, 5*time.Millisecond)
}

// What a program gets: the notice and nothing that was not meant for it. The
// name is one that would be an option, and a command.
func TestProgramGets(t *testing.T) {
	t.Setenv("SECRET", "x")
	path := script(t, `{ for a; do echo "[$a]"; done; pwd; env | sort | grep -v '^PWD=\|^_=\|^SHLVL='; cat; } >"$0.new"; mv "$0.new" "$0.got"`)
	s := start(t, Config{{On: []alert.Kind{alert.Block}, Run: []string{path, "$HOME", "a b"}}})
	n := notice(alert.Block, "-rf $(id); x@example.es")
	s.Tell(notice(alert.Hold, "ana"))
	s.Tell(n)
	eventually(t, func() bool { return strings.Contains(s.logged(), "hook done") })
	got, err := os.ReadFile(path + ".got")
	require.NoError(t, err)
	head, object, _ := strings.Cut(string(got), "{")
	require.Equal(t, `[$HOME]
[a b]
/
LC_ALL=C.UTF-8
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SENDWARDEN_EVENT=block
SENDWARDEN_HOST=mail.example.es
SENDWARDEN_ID=block 2026-03-28T12:00:00Z -rf $(id); x@example.es
SENDWARDEN_IPS=177.32.18.77 2001:db8::25
SENDWARDEN_SCORE=142.5
SENDWARDEN_TIME=2026-03-28T12:00:00Z
SENDWARDEN_USER=-rf $(id); x@example.es
`, head)
	var back alert.Notice
	require.NoError(t, json.Unmarshal([]byte("{"+object), &back))
	require.Equal(t, n, back)
	require.Equal(t, 1, strings.Count(object, "\n"), "one line")
}

// A release never overtakes the block, however slow the program.
func TestOrder(t *testing.T) {
	path := script(t, `[ $SENDWARDEN_EVENT = block ] && sleep 0.2; echo $SENDWARDEN_EVENT >>"$0.got"`)
	s := start(t, Config{{On: []alert.Kind{alert.Block, alert.Release}, Run: []string{path}}})
	s.Tell(notice(alert.Block, "ana"))
	s.Tell(notice(alert.Release, "ana"))
	eventually(t, func() bool {
		got, _ := os.ReadFile(path + ".got")
		return string(got) == "block\nrelease\n"
	})
}

func TestFailureIsToldOnce(t *testing.T) {
	path := script(t, `echo x >>"$0.runs"; yes | head -c 100000; printf '\nno such\033[2J user' >&2; exit 3`)
	s := start(t, Config{{On: []alert.Kind{alert.Block, alert.Fault}, Run: []string{path}}})
	s.Tell(notice(alert.Block, "ana"))
	eventually(t, func() bool { return len(s.failures()) == 1 })
	require.True(t, strings.HasPrefix(s.failures()[0], "ana: the hook hook for block: exit status 3: "), "%.200s", s.failures()[0])
	require.True(t, strings.HasSuffix(s.failures()[0], " / no such·[2J user"))
	require.Less(t, len(s.failures()[0]), 3*maxSaid)
	require.Contains(t, s.logged(), `level=ERROR msg="hook failed" hook=hook`)
	// A failure about a fault is not told, which would be a circle.
	s.Tell(alert.Notice{Kind: alert.Fault, Time: noon, Detail: "full"})
	eventually(t, func() bool { return strings.Count(s.logged(), "hook failed") == 2 })
	runs, err := os.ReadFile(path + ".runs")
	require.NoError(t, err)
	require.Equal(t, "x\nx\n", string(runs))
	require.Len(t, s.failures(), 1)
}

// A program that hangs is killed with all that it started.
func TestTimeout(t *testing.T) {
	path := script(t, `trap '' TERM; sleep 300 & echo $! >"$0.child"; wait`)
	s := start(t, Config{{On: []alert.Kind{alert.Block}, Run: []string{path}, Timeout: time.Second}})
	s.Tell(notice(alert.Block, "ana"))
	eventually(t, func() bool { return len(s.failures()) == 1 })
	require.Equal(t, "ana: the hook hook for block: killed after 1s", s.failures()[0])
	gone(t, path+".child")
}

// What a program leaves behind is ended with it, and not waited for.
func TestLeftBehind(t *testing.T) {
	path := script(t, `sleep 300 & echo $! >"$0.child"; echo bye`)
	s := start(t, Config{{On: []alert.Kind{alert.Block}, Run: []string{path}}})
	s.Tell(notice(alert.Block, "ana"))
	eventually(t, func() bool { return strings.Contains(s.logged(), "said=bye") })
	require.Empty(t, s.failures())
	gone(t, path+".child")
}

func gone(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	require.NoError(t, err)
	eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return syscall.Kill(pid, 0) != nil || err != nil || strings.Contains(string(stat), ") Z ") // dead, if not yet buried
	})
}

// One that hangs neither delays another, nor who tells.
func TestSideBySide(t *testing.T) {
	slow, quick := script(t, "sleep 300"), script(t, `touch "$0.got"`)
	s := start(t, Config{
		{On: []alert.Kind{alert.Block}, Run: []string{slow}, Timeout: time.Hour},
		{On: []alert.Kind{alert.Block}, Run: []string{quick}},
	})
	for i := range maxWaiting + 5 {
		s.Tell(notice(alert.Block, fmt.Sprint(i)))
	}
	eventually(t, func() bool { _, err := os.Stat(quick + ".got"); return err == nil })
	require.Contains(t, strings.Join(s.failures(), "\n"), "the hook hook for block: not run: too many notices wait for it")
	before := time.Now()
	s.stop()
	require.Less(t, time.Since(before), 10*time.Second)
	require.Contains(t, s.failures()[len(s.failures())-1], "killed: the daemon ends")
	require.Greater(t, len(s.Outbox()), maxWaiting, "what was not run is the next daemon's")
}

func TestNameWithControls(t *testing.T) {
	path := script(t, `touch "$0.got"`)
	s := start(t, Config{{On: []alert.Kind{alert.Block}, Run: []string{path}}})
	for _, user := range []string{"a\nb", "a\x00b", "a\u0085b"} {
		s.Tell(notice(alert.Block, user))
	}
	eventually(t, func() bool { return len(s.failures()) == 3 })
	require.NoFileExists(t, path+".got")
}

func TestMissingProgram(t *testing.T) {
	s := start(t, Config{{On: []alert.Kind{alert.Block}, Run: []string{"/nonexistent/lock"}}})
	s.Tell(notice(alert.Block, "ana"))
	eventually(t, func() bool { return len(s.failures()) == 1 })
	require.Contains(t, s.failures()[0], "the hook lock for block: fork/exec /nonexistent/lock: no such file")
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ yaml, says string }{
		{"[]", ""},
		{"[{on: [block, release], run: [/usr/local/lib/sendwarden/lock, -v], timeout: 1m}]", ""},
		{"[{on: [block]}]", "hooks: 1: run: no program (write run: [/usr/local/lib/sendwarden/NAME])"},
		{"[{on: [block], run: [lock]}]", `hooks: 1: run: "lock" (write the whole path; no shell reads this, and each argument stands by itself)`},
		{"[{on: [block], run: [\"/bin/x\", \"a\\0\"]}]", "hooks: 1: run: a NUL in an argument (take it away)"},
		{"[{run: [/bin/true]}]", "hooks: 1: on: nothing (write on: [block, release])"},
		{"[{on: [blok], run: [/bin/true]}]", `hooks: 1: on: "blok" (one of brake fault block alarm queue hold release)`},
		{"[{on: [block], run: [/bin/true], timeout: 2h}]", "hooks: 1: timeout: 2h0m0s (1s to 1h)"},
	} {
		var config Config
		require.NoError(t, yaml.Unmarshal([]byte(c.yaml), &config), c.yaml)
		if err := config.Check(); c.says == "" {
			require.NoError(t, err, c.yaml)
		} else {
			require.EqualError(t, err, c.says, c.yaml)
		}
	}
	many := slices.Repeat(Config{{On: []alert.Kind{alert.Block}, Run: []string{"/bin/true"}}}, maxPrograms+1)
	require.EqualError(t, many.Check(), "hooks: 17 programs (at most 16)")
}

func TestName(t *testing.T) {
	require.Equal(t, "lock", (&Program{Run: []string{"/usr/bin/sudo", "-n", "/usr/local/lib/sendwarden/lock", "-v"}}).name())
}
