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

// sendmailAs hands in a message as an account does. Only root may name another
// configuration than the machine's; so this server's stands in the machine's place,
// for this one process.
func (p *postfix) sendmailAs(t *testing.T, account, to string) (string, error) {
	t.Helper()
	cmd := exec.Command("unshare", "--mount", "sh", "-euc",
		`mount --bind "$1" /etc/postfix; exec setpriv --reuid "$2" --regid nogroup --clear-groups sendmail -i "$3"`, "sh", p.file("etc"), account, to)
	cmd.Stdin = strings.NewReader("Subject: Your parcel\n\nPay here.\n")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Local accounts, scripts and hosts that send too much are told of, each by its own
// rule and name; a hook stops the account, and nobody lands on the blocklist.
func TestAlarmsOfSenders(t *testing.T) {
	p := startPostfix(t, "lmdb")
	accounts, php, hook := p.file("list", "accounts"), p.file("php.log"), p.file("stop-local-account")
	write(t, accounts, "")
	write(t, php, "")
	p.set(t, "authorized_submit_users = !texthash:"+accounts+", static:all")
	p.postfix(t, "reload")
	text, err := os.ReadFile(filepath.Join("..", "examples", "hooks", "stop-local-account"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(hook, text, 0o755))
	d := startDaemon(t, p, thirdCountry+fmt.Sprintf(`
  - name: an account sends too much
    for: local
    when: messages("1h") > 3
    points: 100
    every: 1h
  - name: a script sends too much
    for: script
    when: messages("1h") > 2
    points: 100
    every: 1h
  - name: a host sends too much
    for: host
    when: messages("1h") > 4
    points: 100
    every: 1h
hooks:
  - on: [alarm]
    run: [/usr/bin/env, "FILE=%s", %q]
`, accounts, hook), "--log", php)

	for range 3 {
		out, err := p.sendmailAs(t, "games", alice)
		require.NoError(t, err, out)
	}
	p.sendmail(t, "root@example.es", alice, "")
	within(t, 10*time.Second, "all four came by pickup", func() bool { return p.logged(t, "postfix/pickup[") >= 4 })
	require.Zero(t, d.said(t, "msg=alarm"))
	out, err := p.sendmailAs(t, "games", alice)
	require.NoError(t, err, out)
	uid := strings.TrimSpace(command(t, "id", "-u", "games"))
	d.says(t, 5*time.Second, "msg=alarm sender=uid:"+uid+" score=100")
	within(t, 5*time.Second, "the hook has stopped it", func() bool { return strings.Contains(read(t, accounts), "games ") })
	out, err = p.sendmailAs(t, "games", alice)
	require.Error(t, err)
	require.Contains(t, out, "is not allowed to submit mail")
	out, err = p.sendmailAs(t, "news", alice)
	require.NoError(t, err, out)
	require.Equal(t, 1, d.said(t, "msg=alarm"))

	f, err := os.OpenFile(php, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	for range 3 {
		_, err := fmt.Fprintf(f, "[%s] mail() on [/var/www/shop/form.php:3]: To: leo@example.com -- Headers:  -- Subject: s\n", time.Now().UTC().Format("02-Jan-2006 15:04:05 MST"))
		require.NoError(t, err)
	}
	d.says(t, 5*time.Second, "msg=alarm sender=script:/var/www/shop/form.php score=100")

	s := connect(t, p.World, world)
	for range 5 {
		s.send(t, "friend@example.com", alice)
	}
	d.says(t, 5*time.Second, "msg=alarm sender=host:"+world+" score=100")
	require.Equal(t, 3, d.said(t, "msg=alarm"))
	require.NotContains(t, read(t, p.Blocklist), "\nuid:")
	within(t, 10*time.Second, "alice got all of it", func() bool { return p.inbox(t, "alice") == 4+1+1+5 })
}

// The line stands in what setup prints, where there are rules for local accounts.
func TestSetupOfAccounts(t *testing.T) {
	p := startPostfix(t, "lmdb")
	rules := thirdCountry + "  - {name: an account, for: local, when: 'messages(\"1h\") > 3', points: 100}\n"
	write(t, p.file("rules.yaml"), rules)
	line := "authorized_submit_users = !texthash:" + p.file("list", "accounts") + ", static:all"
	require.Contains(t, p.mustSetUp(t), "postconf -e '"+line+"'")
	p.set(t, line)
	require.Contains(t, p.mustSetUp(t), "Postfix asks "+p.file("list", "accounts")+" who of them may not call sendmail(1)")
	write(t, p.file("rules.yaml"), thirdCountry)
	require.NotContains(t, p.mustSetUp(t), "authorized_submit_users")
}

// command is what a program prints.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoErrorf(t, err, "%s", out)
	return string(out)
}
