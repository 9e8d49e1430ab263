//go:build e2e

package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A monitoring system sees a theft in numbers, without a name, and hears of a log
// and a list that are in order.
func TestMetrics(t *testing.T) {
	p := startPostfix(t, "lmdb")
	at := freePort(t)
	rules := `
threshold: {hold: 50, block: 100}
metrics: {listen: "` + at + `"}
rules:
  - {name: new country, when: new_country, points: 60}
`
	d := startDaemon(t, p, rules)
	p.sends(t, alice, spain)
	p.login(t, alice, brazil).tries(t, alice)
	blocked(t, p, alice)

	var body string
	within(t, 3*time.Second, "the numbers say so", func() bool {
		body = get(t, "http://"+at+"/metrics", http.StatusOK)
		return metric(body, "sendwarden_blocked_users 1")
	})
	for _, line := range []string{
		`sendwarden_submissions_total{country="ES"} 1`, `sendwarden_submissions_total{country="BR"} 1`,
		`sendwarden_verdicts_total{action="block"} 1`, `sendwarden_rule_firings_total{rule="new country"} 2`,
		`sendwarden_events_total{type="submission"} 2`, `sendwarden_verdict_delay_seconds_count 2`, `sendwarden_unhealthy 0`,
		`sendwarden_not_understood_total{source="postfix"} 0`, `sendwarden_enforcing 1`, `sendwarden_queue_reachable 1`,
	} {
		require.Truef(t, metric(body, line), "%s is not in\n%s", line, body)
	}
	require.NotContains(t, body, "alice")
	require.Equal(t, "ok\n", get(t, "http://"+at+"/healthz", http.StatusOK))

	d.stop(t)
	_, err := http.Get("http://" + at + "/healthz")
	require.Error(t, err, "it ended with the daemon")
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, string(body))
	return string(body)
}

// metric tells whether a line stands among the numbers.
func metric(body, line string) bool {
	for got := range strings.Lines(body) {
		if got == line+"\n" {
			return true
		}
	}
	return false
}
