//go:build e2e

package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWatchWritesNothing(t *testing.T) {
	p := startPostfix(t, "lmdb")
	before := "# mine\nmallory@example.es REJECT left in May\n"
	write(t, p.Blocklist, before)
	d := startDaemon(t, p, "mode: watch\n"+thirdCountry)
	theft(t, p)
	d.says(t, time.Second, `msg="would block" user=`+alice)
	require.Equal(t, before, read(t, p.Blocklist))
	require.Empty(t, p.answer(alice))
	p.sends(t, alice, russia)
	require.Zero(t, d.said(t, "msg=blocked"))
}

// With the daemon down, the mail flows and the blocked stay blocked.
func TestStopAndStart(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	theft(t, p)
	blocked(t, p, alice)
	d.stop(t)
	p.login(t, alice, spain).refused(t, alice, reason)
	p.sends(t, bob, spain)

	before := read(t, p.Blocklist)
	d = startDaemon(t, p, thirdCountry)
	p.login(t, alice, spain).refused(t, alice, reason)
	bobsTheft(t, p)
	require.Equal(t, 1, d.said(t, "msg=blocked"), "bob alone")
	require.True(t, strings.HasPrefix(read(t, p.Blocklist), before), "the list is kept as it was")
}

// A person's word given while the daemon was down counts as well, although the
// log that the daemon learns from tells of the theft.
func TestReleaseWhileDown(t *testing.T) {
	for name, release := range map[string]func(*testing.T, *postfix){
		"by command": func(t *testing.T, p *postfix) { p.sendwarden(t, "release", alice) },
		"in the file": func(t *testing.T, p *postfix) {
			p.edit(t, withoutEntry(alice))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPostfix(t, "lmdb")
			d := startDaemon(t, p, thirdCountry)
			theft(t, p)
			blocked(t, p, alice)
			d.stop(t)
			release(t, p)

			d = startDaemon(t, p, thirdCountry)
			require.Empty(t, p.answer(alice))
			p.sends(t, alice, russia)
			p.sends(t, alice, brazil)
			bobsTheft(t, p)
			require.Empty(t, p.answer(alice))
			require.Equal(t, 1, d.said(t, "msg=blocked"), "bob alone")
		})
	}
}

// A theft that happened while the daemon was down is found in the log.
func TestTheftWhileDown(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	d.stop(t)
	// Postfix's stamps are whole seconds; the list was made in this one.
	later(t)
	theft(t, p)
	require.Empty(t, p.answer(alice))
	startDaemon(t, p, thirdCountry)
	blocked(t, p, alice)
}

// later waits for the next second of the clock.
func later(t *testing.T) {
	t.Helper()
	now := time.Now().Unix()
	within(t, 2*time.Second, "the next second", func() bool { return time.Now().Unix() > now })
}

func TestReload(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, "mode: watch\n"+thirdCountry)

	write(t, p.file("rules.yaml"), strings.Replace(thirdCountry, "new_country", "new_contry", 1))
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGHUP))
	d.says(t, soon, `msg="the rules stay as they were"`)
	d.says(t, soon, "new_contry")
	d.says(t, soon, "new_country?")
	theft(t, p)
	d.says(t, time.Second, `msg="would block" user=`+alice)

	write(t, p.file("rules.yaml"), thirdCountry)
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGHUP))
	d.says(t, soon, `msg="rules read again"`)
	bobsTheft(t, p)
}

// The log is rotated between the log-ins of a theft.
func TestRotation(t *testing.T) {
	for name, rotate := range map[string]func(*testing.T, *postfix){
		"by Postfix": func(t *testing.T, p *postfix) { p.postfix(t, "logrotate") },
		"by renaming": func(t *testing.T, p *postfix) {
			require.NoError(t, os.Rename(p.Log, p.Log+".1"))
			p.postfix(t, "reload")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := startPostfix(t, "lmdb")
			startDaemon(t, p, thirdCountry)
			p.sends(t, alice, spain)
			p.sends(t, alice, brazil)
			bobsTheft(t, p)
			rotate(t, p)
			p.sends(t, alice, russia)
			within(t, soon, "Postfix finds alice", func() bool { return p.answer(alice) != "" })
		})
	}
}

// The daemon starts again just after a rotation, before Postfix has written its
// next line and with it the new file. What alice did before is in the old one.
func TestStartAfterRotation(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	p.sends(t, alice, spain)
	p.sends(t, alice, brazil)
	d.stop(t)
	p.postfix(t, "logrotate")
	require.NoFileExists(t, p.Log)
	startDaemon(t, p, thirdCountry)
	p.login(t, alice, russia).tries(t, alice)
	blocked(t, p, alice)
}
