//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// heldID is the queue id of the message of a user's that waits, as list tells it.
func (p *postfix) heldID(t *testing.T, user string) string {
	t.Helper()
	out, err := exec.Command("postqueue", "-c", p.file("etc"), "-j").Output()
	require.NoError(t, err)
	id := regexp.MustCompile(`"queue_name": "hold", "queue_id": "(\w+)".*"sender": "` + regexp.QuoteMeta(user) + `"`).FindSubmatch(out)
	require.NotNil(t, id, "%s", out)
	return string(id[1])
}

// Two travellers' messages wait. The one that a person keeps is still there when
// the other has gone by itself, and goes when the person says so.
func TestKeptUntilAPersonDecides(t *testing.T) {
	p, d := startAtTheDoor(t, "4s")
	p.sends(t, alice, spain)
	p.sends(t, bob, spain)
	p.login(t, alice, brazil).send(t, alice, bob)
	d.says(t, 5*time.Second, "msg=held user="+alice)
	id := p.heldID(t, alice)
	require.Equal(t, id+" of "+alice+" waits until you decide: `sendwarden release "+alice+" --message "+id+"` lets it go.\n",
		p.asked(t, "keep", id, "--reason", "calling her"))
	p.login(t, bob, brazil).send(t, bob, alice)
	d.says(t, 5*time.Second, "msg=held user="+bob)
	within(t, 15*time.Second, "bob's message goes by itself", func() bool { return p.inbox(t, "alice") == 1 })
	require.Equal(t, 1, p.inQueue(t, "hold"), "alice's waits")
	require.Regexp(t, `(?m)^`+alice+` .* by a person`, p.asked(t, "list", "--held"))
	require.Regexp(t, `message `+id+` of `+alice+` kept\s+by \S+\n    calling her\n`, p.asked(t, "history", alice))

	// It is kept through a crash, and a user's mail is kept as one.
	later(t)
	later(t)
	d.kill(t)
	startDaemon(t, p, atTheDoor(p, "4s"))
	require.Contains(t, p.asked(t, "keep", alice), "1 message of "+alice+" waits until you decide")
	require.Contains(t, p.asked(t, "release", alice, "--message", id), "1 message that waited is let go.")
	within(t, 10*time.Second, "alice's message arrives", func() bool { return p.inbox(t, "bob") == 1 })
	out, err := exec.Command(program, "keep", alice, "--rules", p.file("rules.yaml"), "--control", p.file("control")).CombinedOutput()
	require.Error(t, err)
	require.Equal(t, "sendwarden: no mail of "+alice+" is held (`sendwarden list` shows whose is)\n", string(out))
}

// What explain tells is the running daemon's word: the theft of a moment ago, with
// the mail that waits.
func TestExplainAsksTheDaemon(t *testing.T) {
	p, d := startAtTheDoor(t, "2h")
	p.sends(t, alice, spain)
	p.login(t, alice, brazil).send(t, alice, bob)
	d.says(t, 5*time.Second, "msg=held user="+alice)
	text := p.asked(t, "explain", alice)
	require.Regexp(t, `^alice@example.es, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\nScore (60|59\.\d); mail from strange places waits from 50 on, 100 blocks\.\n`, text)
	require.Regexp(t, `(?m)^  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\+60 +(60|59\.\d) +second country +BR +AS28573 `, text)
	require.Regexp(t, `1 message waits:\n  `+p.heldID(t, alice)+` .* BR +177\.32\.1\.1\n`, text)

	p.login(t, alice, russia).stopped(t, alice)
	blocked(t, p, alice)
	require.Contains(t, p.asked(t, "explain", alice), "BLOCKED, until a person releases the user.")
	var account struct {
		Blocked bool
		Score   float64
		Reasons []struct{ Country string }
	}
	require.NoError(t, json.Unmarshal([]byte(p.asked(t, "explain", "--json", "Alice@example.es")), &account))
	require.True(t, account.Blocked)
	require.Greater(t, account.Score, 100.0)
	require.Equal(t, "RU", account.Reasons[1].Country)

	out, err := exec.Command(program, "explain", "nobody@example.es", "--rules", p.file("rules.yaml"), "--control", p.file("control")).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "nobody@example.es is not known here")

	// The state has it, too, when the daemon has ended.
	d.stop(t)
	require.Contains(t, output(t, "explain", alice, "--rules", p.file("rules.yaml"), "--control", "none", "--state", p.file("state.db")), "BLOCKED")
}
