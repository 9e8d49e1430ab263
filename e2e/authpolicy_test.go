//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asks has Dovecot ask the daemon before it lets anybody log in, as docs/dovecot.md
// says, with more settings, and waits until it does so.
func (p *postfix) asks(t *testing.T, address string, more ...string) {
	t.Helper()
	attributes := "auth_policy_request_attributes = login=%{user} protocol=%s remote=%{rip}"
	if dovecot24(t) {
		attributes = "auth_policy_request_attributes {\n  login = %{user}\n  protocol = %{protocol}\n  remote = %{remote_ip}\n  pwhash =\n}"
	}
	write(t, p.file("etc", "auth-policy.conf"), fmt.Sprintf(`auth_policy_server_url = http://%s/
auth_policy_hash_nonce = some words of this host
%s
auth_policy_check_before_auth = no
auth_policy_check_after_auth = yes
auth_policy_report_after_auth = no
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty { # else who fails waits longer each time
    mode = 0
  }
}
%s
`, address, attributes, strings.Join(more, "\n")))
	p.command(t, "doveadm", "-c", p.file("etc", "dovecot.conf"), "reload")
}

// dovecot is what becomes of a log-in by a service, and how long that took.
func (p *postfix) dovecot(t *testing.T, service, user string) (in bool, took time.Duration) {
	t.Helper()
	name, _, _ := strings.Cut(user, "@")
	field := "service"
	if dovecot24(t) {
		field = "protocol"
	}
	began := time.Now()
	out, _ := exec.Command("doveadm", "-c", p.file("etc", "dovecot.conf"), "auth", "test", "-a", p.file("queue", "private", "auth"),
		"-x", field+"="+service, "-x", "rip="+spain, user, name+"'s secret").CombinedOutput() // its status is 77 for who may not
	return strings.Contains(string(out), "auth succeeded"), time.Since(began)
}

// logsIn tells whether a user gets in at Postfix, which asks Dovecot, and so the
// daemon.
func (p *postfix) logsIn(t *testing.T, user string) bool {
	t.Helper()
	s := connect(t, p.Users, spain)
	require.NoError(t, s.conn.PrintfLine("AUTH PLAIN %s", plain(user)))
	reply, err := s.reply()
	require.NoError(t, err)
	if strings.HasPrefix(reply, "235 ") {
		return true
	}
	require.Truef(t, strings.HasPrefix(reply, "535 5.7.8 ") || strings.HasPrefix(reply, "454 4.7.0 "), "%s", reply)
	return false
}

// Dovecot asks the running daemon: who is blocked can't log in to send, and reads
// mail as before; a release lets them in at once. Nobody else notices.
func TestAuthPolicy(t *testing.T) {
	p := startPostfix(t, "lmdb")
	at := freePort(t)
	d := startDaemon(t, p, "auth_policy: {listen: '"+at+"'}\n"+thirdCountry)
	d.says(t, 5*time.Second, "answering Dovecot")
	p.asks(t, at)
	p.set(t, "smtpd_data_restrictions=check_sasl_access "+p.Map)
	p.postfix(t, "reload")
	require.True(t, p.logsIn(t, alice))

	theft(t, p)
	blocked(t, p, alice)
	within(t, soon, "alice can't log in", func() bool { return !p.logsIn(t, alice) })
	require.False(t, p.logsIn(t, strings.ToUpper(alice)))
	d.says(t, soon, `may not log in to send" user=alice@example.es protocol=smtp ip=`+spain)
	for service, may := range map[string]bool{"smtp": false, "submission": false, "imap": true, "pop3": true, "sieve": true} {
		in, took := p.dovecot(t, service, alice)
		require.Equal(t, may, in, service)
		require.Less(t, took, 2*time.Second, "the answer comes, not Dovecot's patience to its end")
		in, _ = p.dovecot(t, service, bob)
		require.True(t, in, service)
	}
	p.sends(t, bob, spain)

	p.sendwarden(t, "release", alice, "--control", p.file("control"))
	within(t, soon, "alice is in again", func() bool { return p.logsIn(t, alice) })
	p.sends(t, alice, spain)
}

// Without the daemon, or with one that hangs, log-ins pass, and Postfix's table still
// stops who is blocked. A site may have it the other way: then nobody gets in.
func TestAuthPolicyWithoutDaemon(t *testing.T) {
	p := startPostfix(t, "lmdb")
	at := freePort(t)
	d := startDaemon(t, p, "auth_policy: {listen: '"+at+"'}\n"+thirdCountry)
	p.asks(t, at)
	p.set(t, "smtpd_recipient_restrictions=check_sasl_access "+p.Map)
	p.postfix(t, "reload")
	p.sendwarden(t, "block", alice, "--reason", "x", "--control", p.file("control"))
	within(t, soon, "alice can't log in", func() bool { return !p.logsIn(t, alice) })

	require.NoError(t, d.cmd.Process.Signal(syscall.SIGSTOP))
	began := time.Now()
	p.sends(t, bob, spain)
	require.Less(t, time.Since(began), 8*time.Second, "Dovecot waits two seconds")
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGCONT))
	within(t, 10*time.Second, "alice can't log in", func() bool { return !p.logsIn(t, alice) })

	d.stop(t)
	p.sends(t, bob, spain)
	require.True(t, p.logsIn(t, alice), "Dovecot lets everybody in")
	s := p.login(t, alice, spain)
	s.play(t, `
		> MAIL FROM:<alice@example.es>
		< 250 2.1.0 Ok
		> RCPT TO:<customer@example.com>
		< 554 5.7.1 <alice@example.es>: SASL login name rejected: 
	`)

	p.asks(t, at, "auth_policy_reject_on_fail = yes")
	within(t, 10*time.Second, "nobody gets in", func() bool { return !p.logsIn(t, bob) })
}
