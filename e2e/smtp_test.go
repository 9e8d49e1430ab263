//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// session is one SMTP connection.
type session struct {
	raw  net.Conn
	conn *textproto.Conn
}

// connect opens a session from a client address, by XCLIENT.
func connect(t *testing.T, server, address string) *session {
	t.Helper()
	conn, err := net.Dial("tcp", server)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	s := &session{raw: conn, conn: textproto.NewConn(conn)}
	t.Cleanup(func() { _ = s.conn.Close() }) // the test may have closed it
	if strings.Contains(address, ":") {
		address = "IPV6:" + address
	}
	s.play(t, `
		< 220 mail.example.es ESMTP
		> EHLO client.example.com
		< 250
		> XCLIENT ADDR=`+address+` NAME=[UNAVAILABLE]
		< 220
		> EHLO client.example.com
		< 250
	`)
	return s
}

// login opens a session from a client address and logs a user in.
func (p *postfix) login(t *testing.T, user, address string) *session {
	t.Helper()
	s := connect(t, p.Users, address)
	s.play(t, `
		> AUTH PLAIN `+plain(user)+`
		< 235 2.7.0 Authentication successful
	`)
	return s
}

// plain is the answer of a user to AUTH PLAIN (RFC 4616).
func plain(user string) string {
	name, _, _ := strings.Cut(user, "@")
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "\x00%s\x00%s's secret", user, name))
}

// play speaks a dialogue: lines with ">" are sent, and each "<" is the
// beginning of the reply, of its last line when there are several.
func (s *session) play(t *testing.T, dialogue string) {
	t.Helper()
	for line := range strings.Lines(strings.TrimSpace(dialogue)) {
		line = strings.TrimSpace(line)
		mark, text := line[:1], strings.TrimPrefix(line[1:], " ")
		switch mark {
		case ">":
			require.NoErrorf(t, s.conn.PrintfLine("%s", text), "at %q", line)
		case "<":
			reply, err := s.reply()
			require.NoErrorf(t, err, "at %q", line)
			require.Truef(t, strings.HasPrefix(reply, text), "wanted %q, the server answers %q", line, reply)
		default:
			require.FailNowf(t, "neither > nor <", "in the dialogue: %q", line)
		}
	}
}

// reply is the last line of the server's next reply.
func (s *session) reply() (string, error) {
	for {
		line, err := s.conn.ReadLine()
		if err != nil || len(line) < 4 || line[3] != '-' {
			return line, err
		}
	}
}

// send hands in one message, which Postfix takes.
func (s *session) send(t *testing.T, from, to string) {
	t.Helper()
	s.play(t, `
		> MAIL FROM:<`+from+`>
		< 250 2.1.0 Ok
		> RCPT TO:<`+to+`>
		< 250 2.1.5 Ok
		> DATA
		< 354
		> From: `+from+`
		> Subject: an offer
		>
		> Good morning.
		> .
		< 250 2.0.0 Ok: queued as
	`)
}

// refused tries to send, and is told why not.
func (s *session) refused(t *testing.T, user, reason string) {
	t.Helper()
	s.play(t, `
		> RSET
		< 250
		> MAIL FROM:<`+user+`>
		< 250 2.1.0 Ok
		> RCPT TO:<customer@example.com>
		< 554 5.7.1 <`+user+`>: SASL login name rejected: `+reason+`
		> RSET
		< 250
	`)
}

// sends is a user who logs in from an address and sends one message.
func (p *postfix) sends(t *testing.T, user, address string) {
	t.Helper()
	s := p.login(t, user, address)
	s.send(t, user, "customer@example.com")
	s.play(t, `
		> QUIT
		< 221
	`)
}

// tries sends one message if it can: the block may come between any two
// commands, and the client goes on whatever it is told.
func (s *session) tries(t *testing.T, from string) {
	t.Helper()
	for _, line := range []string{"RSET", "MAIL FROM:<" + from + ">", "RCPT TO:<victim@example.com>", "DATA"} {
		require.NoError(t, s.conn.PrintfLine("%s", line))
		reply, err := s.reply()
		require.NoError(t, err)
		if strings.HasPrefix(reply, "354") {
			s.play(t, `
				> Subject: you have won
				> .
				< 250 2.0.0 Ok: queued as
			`)
		}
	}
}
