//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// atTheDoor holds at the second country and blocks at the third, before
// Postfix takes the message. The half-life is that of the test.
func atTheDoor(p *postfix, halfLife string) string {
	return `
home: [ES]
threshold: {hold: 50, block: 100}
half_life: ` + halfLife + `
door: {listen: "inet:` + p.Door + `", socketmap: "unix:` + p.file("map") + `", socket_group: root}
hooks: [{on: [block, release], run: [` + p.file("hook") + `]}]
alerts: {mail: [{to: [` + bob + `]}], sendmail: ` + p.file("sendmail") + `}
rules:
  - name: second country
    when: new_country && countries("1h") >= 2
    points: 60
`
}

// The hook program and sendmail write down what they are given.
func startAtTheDoor(t *testing.T, halfLife string) (*postfix, *daemon) {
	t.Helper()
	p := startPostfix(t, "lmdb", func(p *postfix) { p.Door = freePort(t) })
	for name, says := range map[string]string{"hook": `echo "$SENDWARDEN_EVENT $SENDWARDEN_USER $SENDWARDEN_IPS"`, "sendmail": "cat"} {
		require.NoError(t, os.WriteFile(p.file(name), []byte("#!/bin/sh\n"+says+" >>"+p.file(name+".out")+"\n"), 0o755))
	}
	return p, startDaemon(t, p, atTheDoor(p, halfLife))
}

// sockmap is what Postfix is told when it looks a user up by socketmap.
func (p *postfix) sockmap(user string) string {
	out, _ := exec.Command("postmap", "-c", p.file("etc"), "-q", user, "socketmap:unix:"+p.file("map")+":sendwarden").Output() // status 1: not found
	return strings.TrimSpace(string(out))
}

// inQueue counts a user's messages that wait in Postfix's hold queue.
func (p *postfix) inQueue(t *testing.T, queue string) int {
	t.Helper()
	out, err := exec.Command("postqueue", "-c", p.file("etc"), "-j").Output()
	require.NoError(t, err)
	return strings.Count(string(out), `"queue_name": "`+queue+`"`)
}

// stopped hands in a message up to DATA, where the door says no.
func (s *session) stopped(t *testing.T, from string) {
	t.Helper()
	s.play(t, `
		> MAIL FROM:<`+from+`>
		< 250 2.1.0 Ok
		> RCPT TO:<`+bob+`>
		< 250 2.1.5 Ok
		> DATA
	`)
	reply, err := s.reply()
	require.NoError(t, err)
	require.Contains(t, reply, "554 5.7.1 ")
	require.Contains(t, reply, reason)
	s.play(t, `
		> RSET
		< 250
	`)
}

// The thief's first message waits, the second place is the end of it, in a
// session that is open already as well, and a person's word lets go what waits.
func TestDoor(t *testing.T) {
	p, d := startAtTheDoor(t, "2h")
	p.sends(t, alice, spain)
	thief := p.login(t, alice, brazil)
	thief.send(t, alice, bob)
	within(t, 5*time.Second, "the message from Brazil waits", func() bool { return p.inQueue(t, "hold") == 1 })
	require.Zero(t, p.inbox(t, "bob"))

	p.login(t, alice, russia).stopped(t, alice)
	thief.stopped(t, alice)
	blocked(t, p, alice)
	require.Contains(t, p.sockmap("Alice@Example.ES"), reason)
	require.Empty(t, p.sockmap(bob))
	arrives(t, p, alice, "alice")
	require.Equal(t, 1, p.inQueue(t, "hold"), "what was held stays, once its sender is blocked")

	p.sendwarden(t, "release", alice)
	within(t, 10*time.Second, "the held message arrives", func() bool { return p.inbox(t, "bob") == 1 })
	thief.send(t, alice, bob) // it was no thief
	within(t, 10*time.Second, "the next one arrives", func() bool { return p.inbox(t, "bob") == 2 })
	require.Equal(t, 1, d.said(t, "msg=blocked"))
	require.Empty(t, p.sockmap(alice))
	within(t, 5*time.Second, "the programs have run", func() bool {
		return read(t, p.file("hook.out")) == "block "+alice+" "+brazil+" "+russia+"\nrelease "+alice+" \n"
	})
	within(t, 5*time.Second, "people are told", func() bool {
		return strings.Contains(read(t, p.file("sendmail.out")), "sendwarden release "+alice)
	})
}

// What a line of the blocklist exempts is neither blocked nor held, and no
// program locks the account.
func TestDoorExempt(t *testing.T) {
	p, d := startAtTheDoor(t, "2h")
	p.edit(t, func(list string) string { return list + alice + " DUNNO\n" })
	d.says(t, 5*time.Second, `msg="set by hand"`)
	for _, address := range []string{spain, brazil, russia} {
		p.login(t, alice, address).send(t, alice, bob)
	}
	d.says(t, 5*time.Second, `msg="not blocked: the blocklist says never to"`)
	within(t, 10*time.Second, "all of it arrives", func() bool { return p.inbox(t, "bob") == 3 })
	d.stop(t)
	require.Empty(t, read(t, p.file("hook.out")))
	require.Empty(t, read(t, p.file("sendmail.out")))
}

// A crash forgets nothing: not the score, not the message that waits.
func TestDoorAfterCrash(t *testing.T) {
	p, d := startAtTheDoor(t, "2h")
	p.sends(t, alice, spain)
	p.login(t, alice, brazil).send(t, alice, bob)
	d.says(t, 5*time.Second, "msg=held")
	later(t)
	later(t) // it has been saved
	d.kill(t)

	d = startDaemon(t, p, atTheDoor(p, "2h"))
	p.login(t, alice, russia).stopped(t, alice)
	blocked(t, p, alice)
	require.Zero(t, d.said(t, "learnt from the logs"))
	require.Equal(t, 1, p.inQueue(t, "hold"))
	p.sendwarden(t, "release", alice)
	within(t, 10*time.Second, "the held message arrives", func() bool { return p.inbox(t, "bob") == 1 })
}

// Nothing follows a traveller's first message: it goes by itself.
func TestTravellersMailGoes(t *testing.T) {
	p, d := startAtTheDoor(t, "4s")
	p.sends(t, alice, spain)
	p.login(t, alice, brazil).send(t, alice, bob)
	d.says(t, 5*time.Second, "msg=held")
	within(t, 15*time.Second, "the traveller's message arrives", func() bool { return p.inbox(t, "bob") == 1 })
	require.Zero(t, p.inQueue(t, "hold"))
}

// With the daemon gone in the middle of a question, the mail flows, and the
// blocked stay blocked.
func TestDoorGone(t *testing.T) {
	p, d := startAtTheDoor(t, "2h")
	p.sends(t, alice, spain)
	p.login(t, alice, brazil).send(t, alice, bob)
	p.login(t, alice, russia).stopped(t, alice)
	blocked(t, p, alice)

	s := p.login(t, bob, spain)
	s.play(t, `
		> MAIL FROM:<bob@example.es>
		< 250 2.1.0 Ok
		> RCPT TO:<customer@example.com>
		< 250 2.1.5 Ok
	`)
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGSTOP))
	s.play(t, "> DATA")
	d.kill(t)
	s.play(t, `
		< 354
		> Subject: on time
		> .
		< 250 2.0.0 Ok: queued as
	`)
	p.login(t, alice, spain).stopped(t, alice)
	p.sends(t, bob, spain)
}

// Fifty programs that send at once are all served.
func TestDoorParallel(t *testing.T) {
	p, _ := startAtTheDoor(t, "2h")
	var sessions []*session
	for range 50 {
		sessions = append(sessions, p.login(t, bob, spain))
	}
	var wait sync.WaitGroup
	for _, s := range sessions {
		wait.Go(func() {
			for range 4 {
				s.send(t, bob, alice)
			}
		})
	}
	wait.Wait()
	within(t, 30*time.Second, "all of it arrives", func() bool { return p.inbox(t, "alice") == 200 })
}
