//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// broken is where a long line goes on in the next one.
var broken = regexp.MustCompile(`\n {5}`)

// investigation runs `sendwarden investigate` on a mail server, and answers what it
// says without breaks within facts.
func investigation(t *testing.T, p *postfix, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append([]string{"investigate", "--postfix-config", p.file("etc"), p.Log}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
	return broken.ReplaceAllString(string(out), " ")
}

// fills waits until there are so many messages in the queue.
func fills(t *testing.T, p *postfix, n int) {
	t.Helper()
	within(t, 20*time.Second, fmt.Sprintf("%d messages wait", n), func() bool {
		places := p.queued(t)
		for _, place := range places {
			if place != "deferred" {
				return false
			}
		}
		return len(places) == n
	})
}

// sendmail hands in a message as a local account does. (Only root may use a
// configuration that is not the machine's.)
func (p *postfix) sendmail(t *testing.T, from, to, header string) {
	t.Helper()
	cmd := exec.Command("sendmail", "-C", p.file("etc"), "-f", from, "-i", to)
	cmd.Stdin = strings.NewReader(header + "Subject: Your parcel\n\nPay here.\n")
	out, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
}

// A thief on three continents fills the queue under forged senders.
func TestInvestigateTheft(t *testing.T) {
	p := stuck(t)
	for i, address := range []string{brazil, russia, spain} {
		s := p.login(t, alice, address)
		for j := range 4 {
			s.send(t, fmt.Sprintf("bank%d@example.net", i), fmt.Sprintf("victim%d%d@example.com", i, j))
		}
	}
	p.sends(t, bob, spain)
	fills(t, p, 13)

	out := investigation(t, p)
	require.Contains(t, out, "In Postfix's queue: 13 messages to 13 recipients, 0 on hold.")
	require.Contains(t, out, "1. The account alice@example.es fills the queue\n")
	require.Contains(t, out, "handed in from 3 addresses in BR, ES, RU\n")
	require.Contains(t, out, "forged: 12 messages of 3 addresses of other domains, such as bank0@example.net")
	require.Contains(t, out, "by the log 12 messages to 12 recipients from 3 addresses since")
	require.Contains(t, out, "sendwarden block alice@example.es --reason")
	require.NotContains(t, out, "The account bob@example.es")

	require.Len(t, strings.Fields(investigation(t, p, "--ids", "user:alice@example.es")), 12)
	require.Contains(t, investigation(t, p, "--json"), `"origin":"user:alice@example.es","messages":12,`)

	// What it says works, and deletes nothing.
	p.command(t, "sh", "-c", program+" investigate --postfix-config "+p.file("etc")+" "+p.Log+" --ids user:alice@example.es | postsuper -c "+p.file("etc")+" -h -")
	require.Contains(t, investigation(t, p), "13 messages to 13 recipients, 12 on hold.")
}

// A broken-into web site's script calls sendmail(1).
func TestInvestigateScript(t *testing.T) {
	p := stuck(t)
	for i := range 6 {
		p.sendmail(t, fmt.Sprintf("shop%d@example.net", i), "victim@example.com", "X-PHP-Originating-Script: 33:wp-cache.php(3) : eval()'d code\n")
	}
	fills(t, p, 6)
	out := investigation(t, p)
	require.Contains(t, out, "1. The local account root (uid 0) fills the queue\n")
	require.Contains(t, out, "made by 33:wp-cache.php(3)")
	require.Contains(t, out, "sendwarden investigate --ids uid:0 | postsuper -h -")
	require.Contains(t, out, "root may always call sendmail(1)") // another account could be shut out
	require.Contains(t, out, "find / -xdev -name wp-cache.php -ls")
	require.Contains(t, out, "subjects: Your parcel")
	require.Len(t, strings.Fields(investigation(t, p, "--ids", "uid:0")), 6)
}

// The server takes mail that it can't deliver, and writes to the forged senders.
// An alias makes many of one.
func TestInvestigateBackScatterAndAlias(t *testing.T) {
	var people []string
	for i := range 30 {
		people = append(people, fmt.Sprintf("member%d@example.com", i))
	}
	p := stuck(t,
		"virtual_alias_maps = inline:{ {carol@example.es=carol@gone.example.org} {all@example.es="+strings.Join(people, " ")+"} }",
		"transport_maps = inline:{ {gone.example.org=error:5.1.1 mailbox is gone} }")
	for i := range 8 {
		connect(t, p.World, russia).send(t, fmt.Sprintf("someone%d@example.net", i), "carol@example.es")
	}
	connect(t, p.World, brazil).send(t, "stranger@example.net", "all@example.es")
	fills(t, p, 9)

	out := investigation(t, p)
	require.Contains(t, out, "Bounces of this server fill the queue (back-scatter)")
	require.Contains(t, out, "they answer mail of clients where nobody logged in to carol@gone.example.org: mailbox is gone")
	require.Contains(t, out, "sendwarden investigate --ids bounces | postsuper -h -")
	require.Contains(t, out, "The alias all@example.es multiplies mail")
	require.Contains(t, out, "1 message to it became 30 recipients")
	require.Len(t, strings.Fields(investigation(t, p, "--ids", "bounces")), 8)
}

// An empty queue, and one that nobody in particular fills.
func TestInvestigateNothing(t *testing.T) {
	p := stuck(t)
	require.Equal(t, "Postfix's queue is empty.\n", investigation(t, p))
	p.sends(t, bob, spain)
	fills(t, p, 1)
	require.Contains(t, investigation(t, p), "Nobody in particular fills it.")
}
