//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soon is how long the daemon may take to notice what people did: it looks
// once a second.
const soon = 2500 * time.Millisecond

// released waits until Postfix no longer finds the user in the table.
func released(t *testing.T, p *postfix, user string) {
	t.Helper()
	within(t, soon, "Postfix no longer finds "+user, func() bool { return p.answer(user) == "" })
}

// edit saves the blocklist as most editors do: a new file takes its name.
func (p *postfix) edit(t *testing.T, change func(text string) string) {
	t.Helper()
	draft := filepath.Join(filepath.Dir(p.Blocklist), "4913")
	write(t, draft, change(read(t, p.Blocklist)))
	require.NoError(t, os.Rename(draft, p.Blocklist))
}

// withoutEntry is the blocklist after a person deleted a user's line and left
// the comments above it.
func withoutEntry(user string) func(string) string {
	return func(text string) string {
		var kept strings.Builder
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, user) {
				kept.WriteString(line)
			}
		}
		return kept.String()
	}
}

// withLine is the blocklist after a person added a line of their own.
func withLine(line string) func(string) string {
	return func(text string) string { return text + "\n# on the telephone, 3 pm\n" + line + "\n" }
}

// What the administrator finds in the file is the story.
func TestReasonsInTheFile(t *testing.T) {
	p := startPostfix(t, "lmdb")
	startDaemon(t, p, thirdCountry)
	theft(t, p)
	blocked(t, p, alice)
	list := read(t, p.Blocklist)
	require.Regexp(t, `(?m)^# alice@example.es: blocked \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}, score 120 of 100; `, list)
	require.Regexp(t, `(?m)^#   \+120 +third country +\d\d:\d\d:\d\d +RU +95\.24\.0\.1 +AS8402 `, list)
	require.Regexp(t, `(?m)^alice@example.es +REJECT 5\.7\.1 `+reason+`$`, list)
	require.Contains(t, p.list(t), alice)
}

// A person deletes the line: alice may send again, from all the places that
// had led to the block.
func TestReleaseInTheFile(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	theft(t, p)
	blocked(t, p, alice)
	p.edit(t, withoutEntry(alice))
	released(t, p, alice)
	d.says(t, soon, `msg="released by hand" user=`+alice)

	for _, address := range []string{spain, brazil, russia, brazil} {
		p.sends(t, alice, address)
	}
	bobsTheft(t, p)
	require.Empty(t, p.answer(alice))
	require.Equal(t, 1, d.said(t, "msg=blocked user="+alice))
}

// bobsTheft is another theft, and its block: by then the daemon has judged all
// that stood in the log before.
func bobsTheft(t *testing.T, p *postfix) {
	t.Helper()
	for _, address := range []string{spain, brazil, russia} {
		p.sends(t, bob, address)
	}
	blocked(t, p, bob)
}

func TestBlockInTheFile(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	p.sends(t, bob, spain)
	p.edit(t, withLine("Bob@Example.es  REJECT you know why"))
	within(t, soon, "Postfix finds bob", func() bool { return p.answer(bob) == "REJECT you know why" })
	d.says(t, soon, `msg="set by hand" user=Bob@Example.es`)
	p.login(t, bob, spain).refused(t, bob, "you know why")
	require.Contains(t, read(t, p.Blocklist), "\n# on the telephone, 3 pm\nBob@Example.es  REJECT you know why\n")
}

// A line that lets the user pass is a person's word, too.
func TestExemptInTheFile(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	p.edit(t, withLine("alice@example.es  OK"))
	d.says(t, soon, `msg="set by hand" user=`+alice+" action=OK")
	theft(t, p)
	d.says(t, soon, `msg="not blocked: the blocklist says never to" user=`+alice)
	p.sends(t, alice, russia)
	require.Equal(t, "OK", p.answer(alice))
}

func TestCommandsBesideTheDaemon(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	require.Contains(t, p.list(t), "Nobody is blocked.\n")
	theft(t, p)
	blocked(t, p, alice)

	require.Equal(t, alice+" may send again.\n", p.sendwarden(t, "release", alice))
	require.Empty(t, p.answer(alice), "as soon as the command has ended")
	d.says(t, soon, `msg="released by hand" user=`+alice)
	p.sends(t, alice, russia)

	p.sendwarden(t, "block", bob, "--reason", "he called: phished")
	require.NotEmpty(t, p.answer(bob), "as soon as the command has ended")
	p.login(t, bob, spain).refused(t, bob, reason)
	d.says(t, soon, `msg="set by hand" user=`+bob)
	list := p.list(t)
	require.Contains(t, list, bob)
	require.NotContains(t, list, alice)
	require.Contains(t, read(t, p.Blocklist), ": he called: phished\n")
}
