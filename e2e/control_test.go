//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asked is a command that goes through the running daemon.
func (p *postfix) asked(t *testing.T, command string, args ...string) string {
	t.Helper()
	return output(t, append([]string{command, "--rules", p.file("rules.yaml"), "--control", p.file("control")}, args...)...)
}

// A theft and a traveller, and the administrator's answer to both: all of it
// through the daemon that runs, with the mail in a real queue.
func TestReviewThroughTheDaemon(t *testing.T) {
	p, d := startAtTheDoor(t, "2h")
	require.Contains(t, p.asked(t, "list"), "Nobody is blocked, held or close to it.")
	p.sends(t, alice, spain)
	p.login(t, alice, brazil).send(t, alice, bob)
	p.login(t, alice, russia).stopped(t, alice)
	blocked(t, p, alice)
	require.Regexp(t, `(?m)^`+alice+` .* BR RU +REJECT$`, p.asked(t, "list"))
	require.Regexp(t, alice+` blocked, score 12\d\S*  by sendwarden\n    .*second country`, p.asked(t, "history", alice))
	require.Equal(t, 1, p.inQueue(t, "hold"))

	require.Contains(t, p.asked(t, "release", alice, "--reason", "it was she"), alice+" may send again. 1 message that waited is let go.")
	require.Empty(t, p.answer(alice), "as soon as the command has ended")
	within(t, 10*time.Second, "the held message arrives", func() bool { return p.inbox(t, "bob") == 1 })
	p.login(t, alice, russia).send(t, alice, bob) // it has been learnt
	within(t, 10*time.Second, "the next one arrives", func() bool { return p.inbox(t, "bob") == 2 })
	require.Contains(t, p.asked(t, "history", alice), "it was she")

	// Bob travels: the first message waits until somebody vouches for the trip.
	p.sends(t, bob, spain)
	p.login(t, bob, brazil).send(t, bob, alice)
	d.says(t, 5*time.Second, "msg=held user="+bob)
	require.Regexp(t, `(?m)^`+bob+` .* BR$`, p.asked(t, "list", "--held"))
	before := p.inbox(t, "alice")
	require.Contains(t, p.asked(t, "trust", bob, "--country", "BR", "--until", "7d"), "1 message that waited is let go.")
	within(t, 10*time.Second, "the traveller's message arrives", func() bool { return p.inbox(t, "alice") == before+1 })
	p.login(t, bob, brazil).send(t, bob, alice)
	within(t, 10*time.Second, "so does the next", func() bool { return p.inbox(t, "alice") == before+2 })
	require.Contains(t, p.asked(t, "list", "--held"), "Nobody is held.")

	// What was said outlives a crash.
	later(t)
	later(t)
	d.kill(t)
	startDaemon(t, p, atTheDoor(p, "2h"))
	require.Contains(t, p.asked(t, "trust"), bob)
	require.Equal(t, 1, strings.Count(p.asked(t, "history", alice), "released"))
}
