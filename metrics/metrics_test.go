package metrics

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what is shown into the golden files")

var noon = time.Date(2026, 4, 15, 12, 0, 0, 0, time.UTC)

// busy is a set in which everything has happened.
func busy() *Set {
	s := New("1.0", "allow", "hold", "block", "refuse")
	for _, country := range []string{"ES", "ES", "BR", "", "zz", "Spain", "E\xff"} {
		s.Submission(country)
	}
	s.Verdict("allow")
	s.Verdict("block")
	s.Verdict("no verdict of ours")
	s.Delay(3 * time.Millisecond)
	s.Delay(-time.Hour)
	s.Fired("new country")
	s.Fired("new country")
	s.Fired(`a "rule"`)
	s.Asked(80 * time.Microsecond)
	s.Saved(30*time.Millisecond, nil)
	s.Saved(time.Second, errors.New("no space left on device"))
	s.Exchanged(180 * time.Microsecond)
	s.Sample(&Sample{
		Time: noon, Lines: 4_300_000, TooLong: 1,
		Events: map[string]uint64{"submission": 20353, "login": 7}, Odd: map[string]uint64{"postfix": 2},
		Read:      map[string]time.Time{"/var/log/mail.log": noon.Add(-time.Second)},
		Enforcing: true, Blocked: 2, Known: 1200, Waiting: 1, Held: 7, Errands: 1, Reachable: true, Faults: 1,
		StateBytes: 1 << 20, StateFree: 4096, Databases: map[string]time.Time{"embedded": noon.AddDate(0, -1, 0)},
		AlertsSent: 5, AlertsFailed: 3, Door: &Door{Connections: 4, Requests: 100, Surplus: 1, Broken: 2, Faults: 3},
		Shared: &Shared{
			Reachable: true, Exchanges: 700, Conflicts: 30, Failures: map[string]uint64{"late": 2, "memory": 0},
			Behind: 3, Untold: 8, Dropped: 1, Heeded: map[string]uint64{"block": 4, "release": 1},
		},
	})
	return s
}

// page asks the handler as a monitoring system does.
func page(t *testing.T, s *Set, path string, now time.Time) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler(func() time.Time { return now }).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// ours are the lines of /metrics about Sendwarden, not about Go or the process.
func ours(t *testing.T, s *Set) string {
	t.Helper()
	status, body := page(t, s, "/metrics", noon)
	require.Equal(t, http.StatusOK, status, body)
	var kept strings.Builder
	for line := range strings.Lines(body) {
		if strings.Contains(line, "sendwarden_") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestMetrics(t *testing.T) {
	got := ours(t, busy())
	const golden = "testdata/metrics.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test ./metrics -update writes what is shown now")
}

// Before the loop has come round, what is counted on the path is shown already.
func TestMetricsAtTheStart(t *testing.T) {
	got := ours(t, New("1.0", "allow"))
	require.Contains(t, got, `sendwarden_verdicts_total{action="allow"} 0`)
	require.NotContains(t, got, "sendwarden_log_lines_total")
}

// Labels are closed sets: neither a database nor a rules file that changes every
// day makes metrics without end.
func TestLabelsAreBounded(t *testing.T) {
	s := New("1.0")
	for i := range 3000 {
		s.Fired(fmt.Sprintf("rule %d", i))
		s.Submission(fmt.Sprintf("country %d", i))
	}
	got := ours(t, s)
	require.Equal(t, maxRules+1, strings.Count(got, "sendwarden_rule_firings_total{"))
	require.Contains(t, got, `sendwarden_rule_firings_total{rule="others"} 2000`)
	require.Equal(t, 1, strings.Count(got, "sendwarden_submissions_total{"))
}

// A file may be called anything; a label may not.
func TestOddNames(t *testing.T) {
	s := New("1.0")
	s.Fired("caf\xe9")
	s.Sample(&Sample{Time: noon, Read: map[string]time.Time{"/var/log/caf\xe9": noon}})
	got := ours(t, s)
	require.Contains(t, got, `sendwarden_log_read_timestamp_seconds{log="/var/log/caf?"}`)
	require.Contains(t, got, `sendwarden_rule_firings_total{rule="caf?"} 1`)
}

func TestCountingAllocatesNothing(t *testing.T) {
	s := busy()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		s.Submission("ES")
		s.Verdict("allow")
		s.Delay(time.Second)
		s.Fired("new country")
		s.Asked(time.Millisecond)
		s.Exchanged(time.Millisecond)
	}))
}

func BenchmarkCounting(b *testing.B) {
	s := busy()
	for b.Loop() {
		s.Submission("ES")
		s.Verdict("allow")
		s.Delay(time.Second)
		s.Fired("new country")
	}
}

func TestHealth(t *testing.T) {
	s := New("1.0")
	for _, c := range []struct {
		sample *Sample
		now    time.Time
		status int
		body   string
	}{
		{nil, noon, 503, "the daemon is still starting\n"},
		{&Sample{Time: noon}, noon, 200, "ok\n"},
		{&Sample{Time: noon}, noon.Add(maxSilence), 200, "ok\n"},
		{&Sample{Time: noon}, noon.Add(5 * time.Minute), 503, "the daemon's loop has not come round for 5m0s\n"},
		{&Sample{Time: noon, Problems: []string{"no space", "no log"}}, noon, 503, "no space\nno log\n"},
	} {
		if c.sample != nil {
			s.Sample(c.sample)
		}
		status, body := page(t, s, "/healthz", c.now)
		require.Equal(t, c.status, status)
		require.Equal(t, c.body, body)
	}
	status, _ := page(t, s, "/debug/pprof/", noon)
	require.Equal(t, http.StatusNotFound, status, "there is nothing else")
}

func TestConfig(t *testing.T) {
	for listen, fault := range map[string]string{
		"127.0.0.1:9797":  "",
		"localhost:9797":  "",
		"[::1]:9797":      "",
		"":                "listen: there is no address (write 127.0.0.1:9797, or take the section away)",
		"9797":            "listen: 9797: no address and port (write 127.0.0.1:9797)",
		":9797":           "listen: :9797: no address and port (write 127.0.0.1:9797)",
		"127.0.0.1:0":     "listen: 127.0.0.1:0: no address and port (write 127.0.0.1:9797)",
		"0.0.0.0:9797":    "listen: 0.0.0.0:9797: other hosts could reach it (write 127.0.0.1:9797, and let a web server with passwords stand before it)",
		"192.0.2.1:80":    "listen: 192.0.2.1:80: other hosts could reach it (write 127.0.0.1:80, and let a web server with passwords stand before it)",
		"mail.example:80": "listen: mail.example:80: no address and port (write 127.0.0.1:9797)",
	} {
		err := (&Config{Listen: listen}).Check()
		if fault == "" {
			require.NoError(t, err, listen)
			continue
		}
		require.EqualError(t, err, fault)
	}
}

func TestServe(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	at := taken.Listener.Addr().String()
	_, err := (&Config{Listen: at}).Open()
	require.ErrorContains(t, err, "address already in use (see ss -lntp)")
	taken.Close()

	l, err := (&Config{Listen: at}).Open()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- busy().Serve(ctx, l) }()
	resp, err := http.Get("http://" + at + "/metrics")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, string(body), "sendwarden_blocked_users 2")
	cancel()
	require.NoError(t, <-ended)
}
