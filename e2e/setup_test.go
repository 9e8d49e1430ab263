//go:build e2e

package e2e

import (
	"bufio"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// stock takes the lines for Sendwarden out of a server's configuration, and
// gives its users the submission entry that Postfix ships with, with more
// options if the test wants some.
func (p *postfix) stock(t *testing.T, options ...string) {
	t.Helper()
	var kept strings.Builder
	for line := range strings.Lines(read(t, p.file("etc", "main.cf"))) {
		if !strings.Contains(line, "check_sasl_access") {
			kept.WriteString(line)
		}
	}
	write(t, p.file("etc", "main.cf"), kept.String())
	entry := "  -o smtpd_helo_restrictions=\n  -o smtpd_sender_restrictions=\n  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n"
	for _, o := range options {
		entry += "  -o " + o + "\n"
	}
	master := strings.Replace(read(t, p.file("etc", "master.cf")), "pickup ", entry+"pickup ", 1)
	write(t, p.file("etc", "master.cf"), master)
	write(t, p.file("rules.yaml"), thirdCountry)
	p.postfix(t, "reload")
}

// setup runs `sendwarden setup postfix`.
func (p *postfix) setup(args ...string) (string, error) {
	args = append([]string{"setup", "postfix", "--rules", p.file("rules.yaml"), "--blocklist", p.Blocklist, "--postfix-config", p.file("etc")}, args...)
	out, err := exec.Command(program, args...).CombinedOutput()
	return string(out), err
}

func (p *postfix) mustSetUp(t *testing.T, args ...string) string {
	t.Helper()
	out, err := p.setup(args...)
	require.NoError(t, err, out)
	return out
}

// refusedAtData tries to send, and is told no when it comes to the content.
func (s *session) refusedAtData(t *testing.T, user, reply string) {
	t.Helper()
	s.play(t, `
		> MAIL FROM:<`+user+`>
		< 250 2.1.0 Ok
		> RCPT TO:<customer@example.com>
		< 250 2.1.5 Ok
		> DATA
		< `+reply+`
		> RSET
		< 250
	`)
}

// An administrator who adds Sendwarden to a stock Postfix, and takes it out.
func TestSetup(t *testing.T) {
	p := startPostfix(t, "lmdb")
	p.stock(t)
	main, master := read(t, p.file("etc", "main.cf")), read(t, p.file("etc", "master.cf"))

	// Without the table, Postfix would put off all mail: nothing is changed.
	out, err := p.setup("--apply", "--reload")
	require.Error(t, err)
	require.Contains(t, out, "nothing is changed")
	require.Equal(t, main, read(t, p.file("etc", "main.cf")))

	p.sendwarden(t, "block", alice)
	p.sends(t, alice, spain) // nobody has asked Postfix to obey
	require.Contains(t, p.mustSetUp(t, "--apply", "--reload"), "Postfix was reloaded.")
	p.login(t, alice, spain).refusedAtData(t, alice, "554 5.7.1 <"+alice+">: SASL login name rejected: Sending is suspended")
	p.sends(t, bob, spain)
	arrives(t, p, alice, "alice")

	applied := read(t, p.file("etc", "main.cf"))
	require.Contains(t, p.mustSetUp(t, "--apply"), "Nothing to do")
	require.Equal(t, applied, read(t, p.file("etc", "main.cf")))

	p.mustSetUp(t, "--undo", "--reload")
	require.Equal(t, main, read(t, p.file("etc", "main.cf")))
	require.Equal(t, master, read(t, p.file("etc", "master.cf")))
	p.sends(t, alice, spain)
}

// Where master.cf overrides the list for DATA, the checks go there, too, in a
// form without blanks. A door that is not there lets mail pass.
func TestSetupWhereMasterOverrides(t *testing.T) {
	p := startPostfix(t, "lmdb")
	p.stock(t, "smtpd_data_restrictions=reject_unauth_pipelining")
	main, master := read(t, p.file("etc", "main.cf")), read(t, p.file("etc", "master.cf"))
	p.sendwarden(t, "block", alice)
	door := freePort(t)
	p.mustSetUp(t, "--apply", "--reload", "--door", "inet:"+door)
	p.login(t, alice, spain).refusedAtData(t, alice, "554 5.7.1 <"+alice+">: SASL login name rejected: ")
	p.sends(t, bob, spain)

	refuser := startRefuser(t, door)
	p.login(t, bob, spain).refusedAtData(t, bob, "554 5.7.1 <DATA>: Data command rejected: says the door")
	refuser.stop()

	require.Contains(t, p.mustSetUp(t, "--apply", "--door", "inet:"+door), "Nothing to do")
	p.mustSetUp(t, "--undo", "--reload")
	require.Equal(t, main, read(t, p.file("etc", "main.cf")))
	require.Equal(t, master, read(t, p.file("etc", "master.cf")))
}

// refuser is a policy service that refuses each request of its first client.
type refuser struct {
	stop func() // closes it and waits for its end
}

func startRefuser(t *testing.T, address string) refuser {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	accepted, over := make(chan net.Conn, 1), make(chan struct{})
	go func() {
		defer close(over)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		accepted <- conn
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			if lines.Text() != "" {
				continue
			}
			if _, err := conn.Write([]byte("action=REJECT says the door\n\n")); err != nil {
				return
			}
		}
	}()
	return refuser{stop: func() {
		_ = listener.Close() // it ends the Accept; whoever was accepted is closed below
		select {
		case conn := <-accepted:
			_ = conn.Close() // Postfix keeps the connection open, for the next message
		default:
		}
		<-over
	}}
}
