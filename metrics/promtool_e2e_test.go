//go:build e2e

package metrics

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Prometheus itself reads the example's rules, and finds no fault with the names,
// types and helps of the metrics.
func TestPromtool(t *testing.T) {
	out, err := exec.Command("promtool", "check", "rules", "../examples/prometheus/sendwarden.rules.yml").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "SUCCESS")

	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = strings.NewReader(ours(t, busy()))
	out, err = check.CombinedOutput()
	require.NoError(t, err, string(out))
}
