package maillog

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGlance(t *testing.T) {
	const stamp = "2026-11-20T20:24:07.123456+01:00 mail "
	for _, c := range []struct {
		line string
		want Glimpse
		id   string
	}{
		{"postfix/qmgr[81]: A672A9BAA49: from=<ana@example.es>, size=417, nrcpt=1 (queue active)", OfMessage, "A672A9BAA49"},
		{"postfix/qmgr[81]: A672A9BAA49: removed", OfMessage, "A672A9BAA49"},
		{"postfix/smtp[81]: 4cYz8x2Bq1z3Y: to=<leo@example.com>, relay=none, delay=1, status=deferred (x)", OfMessage, "4cYz8x2Bq1z3Y"},
		{"postfix/cleanup[81]: A672A9BAA49: hold: header Subject: x from localhost[127.0.0.1]; from=<a> to=<b>", OfMessage, "A672A9BAA49"},
		{"postfix/cleanup[81]: A672A9BAA49: message-id=<x@example.es>", Nothing, ""},
		{"postfix/submission/smtpd[81]: A672A9BAA49: client=a.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=ana", Always, ""},
		{"postfix/smtpd[81]: A672A9BAA49: client=a.example.net[192.0.2.7]", Refused, ""},
		{"postfix/smtpd[81]: A672A9BAA49: client=unknown[192.0.2.7], sasl_sender=<x, sasl_method=PLAIN, sasl_username=bob>", Refused, ""},
		{"postfix/smtpd[81]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 554 5.7.1 no; from=<a> to=<b>", Refused, ""},
		{"postfix/smtpd[81]: warning: unknown[192.0.2.7]: SASL LOGIN authentication failed: x", Always, ""},
		{"postfix/smtpd[81]: connect from unknown[192.0.2.7]", Nothing, ""},
		{"postfix/pickup[81]: A672A9BAA49: uid=33 from=<www-data>", Always, ""},
		{"dovecot: imap-login: Login: user=<ana>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1", Always, ""},
		{"dovecot: imap(ana)<12><x>: Disconnected: Logged out in=1 out=2", Nothing, ""},
		{"sshd[1]: Accepted publickey for root", Nothing, ""},
		{"", Nothing, ""},
	} {
		got, id := Glance([]byte(stamp + c.line))
		require.Equal(t, c.want, got, c.line)
		require.Equal(t, c.id, string(id), c.line)
	}
}

var benchLines = []struct{ name, line string }{
	{"queued", "2026-11-20T20:24:07.123456+01:00 mail postfix/qmgr[18152]: A672A9BAA49: from=<alice@example.test>, size=417, nrcpt=1 (queue active)"},
	{"removed", "2026-11-20T20:24:07.123456+01:00 mail postfix/qmgr[18152]: A672A9BAA49: removed"},
	{"connect", "2026-11-20T20:24:07.123456+01:00 mail postfix/smtpd[18152]: connect from host77.example.net[203.0.113.77]"},
	{"client", "2026-11-20T20:24:07.123456+01:00 mail postfix/smtpd[18152]: A672A9BAA49: client=host77.example.net[203.0.113.77]"},
	{"submission", "2026-11-20T20:24:07.123456+01:00 mail postfix/submission/smtpd[18152]: A672A9BAA49: client=host77.example.net[203.0.113.77], sasl_method=PLAIN, sasl_username=alice"},
	{"failure", "2026-11-20T20:24:07.123456+01:00 mail postfix/smtpd[18152]: warning: unknown[203.0.113.77]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=alice"},
	{"delivery", "2026-11-20T20:24:07.123456+01:00 mail postfix/smtp[18402]: A672A9BAA49: to=<someone@example.com>, relay=mx.example.com[203.0.113.9]:25, delay=0.01, delays=0.01/0.01/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 5D3F59BA0AA)"},
	{"reject", "2026-11-20T20:24:07.123456+01:00 mail postfix/smtpd[18402]: NOQUEUE: reject: RCPT from unknown[203.0.113.77]: 554 5.7.1 <a@example.com>: Relay access denied; from=<b@example.com> to=<a@example.com> proto=ESMTP helo=<x>"},
	{"login", "2026-11-20T20:24:07.123456+01:00 mail dovecot: imap-login: Login: user=<alice>, method=PLAIN, rip=203.0.113.77, lip=192.0.2.1, mpid=123, TLS, session=<abcdefgh>"},
	{"local", "2026-11-20T20:24:07.123456+01:00 mail postfix/pickup[18402]: A672A9BAA49: uid=33 from=<www-data>"},
	{"rfc3164", "Nov 20 20:24:07 mail postfix/qmgr[18152]: A672A9BAA49: from=<alice@example.test>, size=417, nrcpt=1 (queue active)"},
}

func BenchmarkGlance(b *testing.B) {
	for _, l := range benchLines {
		b.Run(l.name, func(b *testing.B) {
			line := []byte(l.line)
			for b.Loop() {
				Glance(line)
			}
		})
	}
}

// BenchmarkGlanceLog looks over a log with the proportions of a busy relay, whose
// queue ids no branch predictor has met before.
func BenchmarkGlanceLog(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var lines [][]byte
	for range 4096 {
		id := fmt.Sprintf("%X", 1<<40+random.Int64N(15<<40))
		const head = "2026-11-20T20:24:07.123456+01:00 mail postfix/"
		switch random.IntN(8) {
		case 0:
			lines = append(lines, fmt.Appendf(nil, head+"smtpd[181]: connect from host%d.example.net[203.0.113.77]", random.IntN(999)))
		case 1:
			lines = append(lines, fmt.Appendf(nil, head+"smtpd[181]: %s: client=host%d.example.net[203.0.113.77]", id, random.IntN(999)))
		case 2, 3, 4:
			lines = append(lines, fmt.Appendf(nil, head+"qmgr[182]: %s: removed", id))
		default:
			lines = append(lines, fmt.Appendf(nil, head+"qmgr[182]: %s: from=<user%d@example.es>, size=%d, nrcpt=1 (queue active)",
				id, random.IntN(9999), random.IntN(1e6)))
		}
	}
	for i := 0; b.Loop(); i++ {
		Glance(lines[i%len(lines)])
	}
}

func BenchmarkParse(b *testing.B) {
	for _, l := range benchLines {
		b.Run(l.name, func(b *testing.B) {
			p, line := NewParser(Options{}), []byte(l.line)
			var ev Event
			b.ReportAllocs()
			for b.Loop() {
				p.Parse(line, &ev)
			}
		})
	}
}
