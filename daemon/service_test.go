package daemon

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// systemd listens as PID 1 does, and returns what it was told next.
func systemd(t *testing.T, watchdog time.Duration) (told func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
	return func() string {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
		text := make([]byte, 4096)
		n, err := conn.Read(text)
		if os.IsTimeout(err) {
			return ""
		}
		require.NoError(t, err)
		return string(text[:n])
	}
}

func TestServiceTellsSystemd(t *testing.T) {
	told := systemd(t, time.Minute)
	s := newService(slog.New(slog.DiscardHandler))
	status := func() string { return "mode watch, 2 users blocked" }

	s.ready(status())
	require.Equal(t, "READY=1\nSTATUS=mode watch, 2 users blocked", told())

	now := time.Date(2026, 4, 15, 12, 0, 0, 0, time.UTC)
	for second := range 31 { // a beat each 15 s
		s.beat(now.Add(time.Duration(second)*time.Second), status)
	}
	for range 3 {
		require.Equal(t, "WATCHDOG=1\nSTATUS=mode watch, 2 users blocked", told())
	}

	s.reloading()
	first, rest, _ := strings.Cut(told(), "\n")
	require.Equal(t, "RELOADING=1", first, "the third beat was the last")
	require.Regexp(t, `^MONOTONIC_USEC=\d+$`, rest)
	s.stopping()
	require.Equal(t, "STOPPING=1", told())
}

// A unit without WatchdogSec gets no beats, and no systemd no complaint.
func TestServiceWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	var said strings.Builder
	s := newService(slog.New(slog.NewTextHandler(&said, nil)))
	s.ready("")
	s.beat(time.Now(), func() string { require.Fail(t, "nobody waits for a beat"); return "" })
	s.stopping()
	require.Empty(t, said.String())
}

// A socket that is gone is said once.
func TestServiceLosesSystemd(t *testing.T) {
	systemd(t, time.Minute)
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	var said strings.Builder
	s := newService(slog.New(slog.NewTextHandler(&said, nil)))
	s.ready("")
	s.stopping()
	require.Equal(t, 1, strings.Count(said.String(), "systemd cannot be told"), said.String())
}
