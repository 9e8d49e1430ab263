//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// investigation runs `sendwarden investigate` on this Exim as a user.
func (x *exim) investigation(t *testing.T, as string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append([]string{"investigate", "--rules", x.file("rules.yaml"), "--exim", x.Program, "--exim-config", x.file("exim.conf"), x.file("log", "mainlog")}, args...)...)
	account, err := user.Lookup(as)
	require.NoError(t, err)
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	require.NoError(t, err)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
	return string(out)
}

// Who fills Exim's queue: a thief on three continents, a script of a local account,
// and Exim's own notices. What is proposed works, and deletes nothing.
func TestEximInvestigate(t *testing.T) {
	x := startExim(t)
	require.Equal(t, "Exim's queue is empty.\n", x.investigation(t, "root"))
	for _, address := range []string{brazil, russia, spain} {
		for range 4 {
			x.from(t, address, alice, "victim@example.com")
		}
	}
	for range 6 {
		out, err := x.exim(t, "Debian-exim", "X-PHP-Originating-Script: 33:wp-cache.php\nSubject: Your parcel\n\nPay here.\n", "-i", "-f", "shop@example.net", "victim@example.org")
		require.NoError(t, err, out)
	}
	x.from(t, spain, bob, "customer@example.com")
	within(t, 20*time.Second, "all have been tried", func() bool { return strings.Count(read(t, x.file("log", "mainlog")), " == ") >= 19 })

	said := x.investigation(t, "root")
	require.Contains(t, said, "In Exim's queue: 19 messages to 19 recipients, 0 frozen.")
	require.Contains(t, said, "1. The account alice@example.es fills the queue\n")
	require.Contains(t, said, "handed in from 3 addresses in BR, ES, RU\n")
	require.Contains(t, said, "sendwarden block alice@example.es --reason")
	require.Contains(t, said, "2. The local account Debian-exim fills the queue\n")
	require.Contains(t, said, "made by 33:wp-cache.php, as the messages say")
	require.Contains(t, said, "as 1 sender: shop@example.net")
	require.Contains(t, said, "by the log 6 messages to 6 recipients")
	require.NotContains(t, said, "The account bob@example.es")
	require.Contains(t, x.investigation(t, "root", "--json"), `"origin":"local:Debian-exim","messages":6,`)

	// Exim's administrators see the same without root's rights, by its list and log.
	said = x.investigation(t, "Debian-exim")
	require.Contains(t, said, "In Exim's queue: 19 messages to 19 recipients, 0 frozen.")
	require.Contains(t, said, "1. The account alice@example.es fills the queue\n")
	require.Contains(t, said, "2. The local account Debian-exim fills the queue\n")

	hold := program + " investigate --rules " + x.file("rules.yaml") + " --exim " + x.Program + " --exim-config " + x.file("exim.conf") + " " + x.file("log", "mainlog") +
		" --ids local:Debian-exim | xargs -r " + x.Program + " -C " + x.file("exim.conf") + " -Mf"
	out, err := exec.Command("sh", "-c", hold).CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
	require.Contains(t, x.investigation(t, "root"), "In Exim's queue: 19 messages to 19 recipients, 6 frozen.")
	require.Contains(t, x.investigation(t, "Debian-exim"), "19 recipients, 6 frozen.")
}

// Nobody takes what bounces: its answer to a forged sender stays, frozen at last.
func TestEximInvestigateBackScatter(t *testing.T) {
	x := startExim(t, "ignore_bounce_errors_after = 1w")
	for range 6 {
		out, err := x.exim(t, "Debian-exim", "Subject: x\n\nhi\n", "-i", "-f", "forged@example.net", "gone@example.es")
		require.NoError(t, err, out)
	}
	within(t, 20*time.Second, "its notices wait", func() bool { return strings.Count(read(t, x.file("log", "mainlog")), "<= <>") >= 6 })
	within(t, 20*time.Second, "six of them", func() bool { return strings.Contains(x.investigation(t, "root"), "In Exim's queue: 6 messages") })
	said := x.investigation(t, "root")
	require.Contains(t, said, "Bounces of this server fill the queue (back-scatter)")
	require.Contains(t, said, "require verify = recipient")
	require.Len(t, strings.Fields(x.investigation(t, "root", "--ids", "bounces")), 6)
}

// An alias makes many of one message, each time that Exim tries to deliver it.
func TestEximInvestigateAlias(t *testing.T) {
	x := startExim(t)
	var members []string
	for i := range 25 {
		members = append(members, fmt.Sprintf("member%d@example.com", i))
	}
	write(t, x.file("aliases"), "all: "+strings.Join(members, ", ")+"\n")
	id := x.login(t, "").hands(t, "stranger@example.net", "all@example.es")
	log := func(text string) func() bool {
		return func() bool { return strings.Count(read(t, x.file("log", "mainlog")), text) >= 25 }
	}
	within(t, 20*time.Second, "all have been tried", log(" == member"))
	out, err := x.exim(t, "root", "", "-M", id) // and once more
	require.NoError(t, err, out)
	said := x.investigation(t, "root")
	require.Contains(t, said, "The alias all@example.es multiplies mail")
	require.Contains(t, said, "1 message to it became 25 recipients")
	require.Contains(t, said, "-bt all@example.es")
}

// What an ACL has put into a named queue is found there, held there and let go.
func TestEximNamedQueue(t *testing.T) {
	x := startExim(t, "acl_smtp_mail = acl_bulk")
	x.ACLs = "acl_bulk:\n  warn\n    senders = *@example.es : *@example.net\n    queue = bulk\n  accept"
	x.stop(t)
	x.configure(t)
	x.start(t)
	for range 6 {
		x.from(t, russia, alice, "victim@example.com")
		out, err := x.exim(t, "Debian-exim", "EHLO pc\r\nMAIL FROM:<shop@example.net>\r\nRCPT TO:<victim@example.es>\r\nRCPT TO:<gone@example.es>\r\nDATA\r\nSubject: x\r\n\r\nPay here.\r\n.\r\nQUIT\r\n", "-bs", "-odq")
		require.NoError(t, err, out)
		require.Contains(t, out, "250 OK id=")
	}
	x.login(t, "alice@example.es").hands(t, "alice@example.com", "customer@example.com") // it stays in Exim's own queue
	within(t, 20*time.Second, "seven have been tried", func() bool { return strings.Count(read(t, x.file("log", "mainlog")), " == ") >= 7 })

	said := x.investigation(t, "root")
	require.Contains(t, said, "In Exim's queue: 13 messages to 19 recipients, 0 frozen.")
	require.Contains(t, said, "The local account Debian-exim fills the queue\n   - 6 messages")
	require.Contains(t, said, "by the log 6 messages to 12 recipients since", "with Q= in its line")
	require.Contains(t, said, "The account alice@example.es fills the queue\n   - 7 messages")
	require.Contains(t, said, "sendwarden investigate --ids local:Debian-exim --queue bulk | xargs -r "+x.Program+" -C "+x.file("exim.conf")+" -qGbulk -Mf\n")
	require.Contains(t, x.investigation(t, "Debian-exim"), "13 messages to 19 recipients, 0 frozen.")
	require.Len(t, strings.Fields(x.investigation(t, "root", "--ids", "local:Debian-exim", "--queue", "bulk")), 6)

	queue := func(args ...string) string {
		return output(t, append([]string{"queue", "alice@example.es", "--exim", x.Program, "--exim-config", x.file("exim.conf")}, args...)...)
	}
	require.Contains(t, queue(), " bulk ")
	require.Contains(t, queue("--hold"), "7 messages of alice@example.es on hold now")
	require.Contains(t, x.investigation(t, "root"), "19 recipients, 7 frozen.")
	require.Contains(t, queue("--release", "--whoever"), "7 messages of alice@example.es released")
	require.Contains(t, x.investigation(t, "root"), "19 recipients, 0 frozen.")
}
