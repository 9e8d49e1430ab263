//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What an administrator has put on hold stays there, whatever lets go what the daemon
// holds: the command for the queue, and a release.
func TestReleaseSparesOthersHolds(t *testing.T) {
	p, d := startAtTheDoor(t, "2h")
	p.set(t, "defer_transports=discard, virtual")
	p.postfix(t, "reload")
	p.sends(t, alice, spain)
	evidence := waiting(t, p, alice, "deferred", 1)[0].ID
	p.command(t, "postsuper", "-c", p.file("etc"), "-h", evidence)
	queue := func(args ...string) string {
		return output(t, append([]string{"queue", alice, "--postfix-config", p.file("etc"), "--rules", p.file("rules.yaml"), "--blocklist", p.Blocklist, "--control", p.file("control")}, args...)...)
	}
	require.Equal(t, "There is no mail of "+alice+" to let go.\n1 message on hold by somebody else than the daemon: `sendwarden queue "+alice+" --release --whoever` lets that go, too.\n",
		queue("--release"))

	p.login(t, alice, brazil).send(t, alice, bob)
	d.says(t, 5*time.Second, "msg=held user="+alice)
	require.Contains(t, queue("--release"), "1 message of "+alice+" released.")
	require.Equal(t, "hold", p.queued(t)[evidence])

	p.asked(t, "block", alice, "--reason", "to be sure")
	within(t, 10*time.Second, "the rest is held", func() bool { return p.inQueue(t, "hold") == 2 })
	p.asked(t, "release", alice)
	within(t, 10*time.Second, "what the daemon held goes", func() bool { return p.inQueue(t, "hold") == 1 })
	require.Equal(t, "hold", p.queued(t)[evidence])
	require.Contains(t, queue("--release", "--whoever"), "1 message of "+alice+" released.")
	require.Zero(t, p.inQueue(t, "hold"))
}
