//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A local account that sends more than the rules allow is stopped by the hook, and
// Exim refuses its next message; nobody else's.
func TestEximAlarmStopsAccount(t *testing.T) {
	x := startExim(t)
	hook, err := filepath.Abs("../examples/hooks/stop-local-account")
	require.NoError(t, err)
	block := fmt.Sprintf("%s block --rules %s --blocklist %s --control %s", program, x.file("rules.yaml"), x.list, x.file("control"))
	write(t, x.file("rules.yaml"), fmt.Sprintf(`
table: lsearch
queue: {exim: %q, exim_config: %q}
hooks: [{on: [alarm], run: [/usr/bin/env, "BLOCK=%s", %s]}]
rules: [{name: many, for: local, when: 'messages("1h") >= 3', points: 100}]
`, x.Program, x.file("exim.conf"), block, hook))
	d := runDaemon(t, &postfix{Dir: x.Dir}, exec.Command(program, "run", "--rules", x.file("rules.yaml"), "--blocklist", x.list, "--log", x.file("log", "mainlog"),
		"--state", x.file("state.db"), "--control", x.file("control")))
	x.setUp(t)
	send := func() error {
		_, err := x.exim(t, "Debian-exim", "Subject: an offer\n\nGood morning.\n", "-i", "bob@example.es")
		return err
	}
	for range 3 {
		require.NoError(t, send())
	}
	d.says(t, 10*time.Second, "local:Debian-exim")
	within(t, 10*time.Second, "the account is on the list", func() bool {
		text, err := os.ReadFile(x.list + ".lsearch")
		return err == nil && strings.Contains(string(text), `"local:Debian-exim"  5.7.1`)
	})
	require.Error(t, send())
	x.login(t, bob).hands(t, bob, alice)
}
