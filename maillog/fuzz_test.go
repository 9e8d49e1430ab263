package maillog

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// addGolden seeds a fuzz test with the lines of the golden logs.
func addGolden(f *testing.F, add func(line []byte)) {
	logs, err := filepath.Glob("testdata/*.log")
	require.NoError(f, err)
	for _, log := range logs {
		data, err := os.ReadFile(log)
		require.NoError(f, err)
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			add(line)
		}
	}
}

// FuzzGlance holds Glance to Parse: it may never pass over an event, and must
// give an event's queue id.
func FuzzGlance(f *testing.F) {
	addGolden(f, func(line []byte) { f.Add(line) })
	f.Fuzz(func(t *testing.T, line []byte) {
		p, ev := NewParser(Options{}), new(Event)
		ok := p.Parse(line, ev)
		seen, id := Glance(line)
		if !ok {
			return
		}
		require.NotEqual(t, Nothing, seen)
		require.NotZero(t, ev.Type)
		require.Positive(t, ev.Repeat)
		if seen == OfMessage {
			require.Equal(t, ev.QueueID, string(id))
		}
		for _, s := range []string{ev.User, ev.Reason, ev.From, ev.To, ev.Host} {
			require.LessOrEqual(t, len(s), MaxLine)
		}
		require.LessOrEqual(t, len(ev.User), maxUser)
	})
}

// FuzzParse puts words of a stranger where Postfix, Dovecot, Exim and PHP write them, as
// they write them, and asks that nobody is named for it who did not log in.
func FuzzParse(f *testing.F) {
	const login = ", sasl_method=PLAIN, sasl_username=victim"
	f.Add("x" + login)
	f.Add("<x" + login + ", y>")
	f.Add(`"x, client=h[192.0.2.9]` + login + `"@example.net`)
	f.Add("A672A9BAA49: client=h[192.0.2.9]" + login)
	f.Add("h[192.0.2.9]" + login)
	f.Add("x> (queue active)")
	f.Add("x>, relay=none, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (x")
	f.Add("x>, rip=9.9.9.9, lip=192.0.2.1")
	f.Add("x,9.9.9.9): unknown user")
	f.Add("x rhost=9.9.9.9  user=x")
	f.Add(" rhost=0.0.0.0  ")
	f.Add("x, orig_client=h[192.0.2.9]" + login)
	f.Add("x) [192.0.2.9] P=esmtpsa A=plain:victim S=1 T=\"")
	f.Add("x) [192.0.2.9] P=esmtpsa A=plain:victim S=1 for y@z \"")
	f.Add("x) [192.0.2.9] P=esmtpsa A=plain:victim S=1 from <y")
	f.Add("x, client=192.0.2.9, filename=/x, uid=0, user=root, args=")
	f.Add("x [/x.php:1]: To: y -- Headers: ")
	f.Fuzz(func(t *testing.T, words string) {
		if len(words) > 1000 {
			return
		}
		words = printable(words)
		blankless := strings.NewReplacer(" ", "", "<", "", ">", "", "(", "", ")", "", `\`, "", `"`, "", ";", "", "@", "").Replace(words)
		p, ev := NewParser(Options{}), new(Event)
		for _, text := range []string{
			"postfix/smtpd[1]: A672A9BAA49: client=unknown[203.0.113.66], sasl_sender=" + words,
			"postfix/smtpd[1]: NOQUEUE: client=unknown[203.0.113.66], sasl_sender=" + words,
			"postfix/smtpd[1]: A672A9BAA49: client=unknown[203.0.113.66], orig_client=" + blankless,
			"postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.66]: 554 5.7.1 <" + words + ">: no; from=<" + words + "> to=<" + words + "> proto=ESMTP helo=<" + blankless + "> sasl_sender=" + words,
			"postfix/smtpd[1]: A672A9BAA49: hold: MAIL from unknown[203.0.113.66]: <" + words + ">: no; from=<" + words + "> proto=ESMTP helo=<" + blankless + ">",
			"postfix/smtpd[1]: warning: unknown[203.0.113.66]: SASL " + words + " authentication failed: Invalid authentication mechanism",
			"postfix/smtpd[1]: warning: Illegal address syntax from unknown[203.0.113.66] in MAIL command: " + words,
			"postfix/smtpd[1]: improper command pipelining after EHLO from unknown[203.0.113.66]: " + words,
			"postfix/smtpd[1]: unknown[203.0.113.66]: subject_CN=" + words + ", issuer=" + words,
			"postfix/smtpd[1]: Anonymous TLS connection established from unknown[203.0.113.66] to " + words + ": TLSv1.3",
			"postfix/cleanup[1]: A672A9BAA49: message-id=" + words,
			"postfix/cleanup[1]: A672A9BAA49: warning: header Subject: " + words + " from unknown[203.0.113.66]; from=<" + words + "> to=<" + words + ">",
			"postfix/cleanup[1]: A672A9BAA49: reject: header " + words + " from unknown[203.0.113.66]; from=<" + words + ">",
			"postfix/qmgr[1]: A672A9BAA49: from=<" + words + ">, size=9, nrcpt=1 (queue active)",
			"postfix/smtp[1]: A672A9BAA49: to=<" + words + ">, relay=none, delay=1, delays=1/0/0/0, dsn=4.0.0, status=deferred (" + words + ")",
			"postfix/pickup[1]: A672A9BAA49: uid=33 from=<" + words + ">",
			"postfix/postscreen[1]: PREGREET 9 after 0.1 from [203.0.113.66]:4: " + words,
			"dovecot: imap-login: Disconnected: Aborted (auth failed, 1 attempts in 2 secs): user=<" + words + ">, method=PLAIN, rip=203.0.113.66, lip=192.0.2.1, session=<x>",
			"exim[1]: 1vMCaa-000abc-00 <= a@example.net H=(" + words + ") [203.0.113.66] P=esmtp S=300 T=\"x\" for b@example.es",
			"exim[1]: 1vMCaa-000abc-00 <= a@example.net H=(pc) [203.0.113.66] P=esmtp S=300 T=\"" + eximQuoted(words) + "\" for b@example.es",
			"exim[1]: 1vMCaa-000abc-00 <= \"" + eximQuoted(words) + "\"@example.net H=(pc) [203.0.113.66] P=esmtp S=300",
			"exim[1]: 1vMCaa-000abc-00 <= a@example.net H=(pc) [203.0.113.66] P=esmtps X=TLS1.3:x:256 CV=yes DN=\"" + words + "\" S=300",
			"exim[1]: 1vMCaa-000abc-00 => " + words + " R=dnslookup T=remote_smtp H=mx.example.com [198.51.100.4] A=plain:victim C=\"" + words + "\"",
			"exim[1]: H=(" + words + ") [203.0.113.66] F=<" + words + "> A=plain:victim rejected RCPT <" + words + ">: " + words,
			"exim[1]: plain authenticator failed for (pc) [203.0.113.66]: 535 Incorrect authentication data (set_id=" + words + ")",
			"php: mail() on [/home/ana/www/form.php:3]: To: " + words + " -- Headers: " + words + " -- Subject: " + words,
			"www-data: sendmail-php url=" + words + ", client=192.0.2.10, filename=/home/ana/www/form.php, uid=33, user=www-data, args=" + words,
			"auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=" + words + " rhost=203.0.113.66  user=" + words,
		} {
			line := []byte("2026-11-20T20:24:07.123456+01:00 mail " + text)
			if !p.Parse(line, ev) {
				continue
			}
			require.NotEqual(t, Submission, ev.Type, text)
			require.NotEqual(t, Login, ev.Type, text)
			if ev.Type == AuthFailure {
				require.Equal(t, "203.0.113.66", ev.Addr.String(), text)
			}
			if ev.Type == Queued && ev.Source == Postfix {
				require.Equal(t, words, ev.From)
				require.Equal(t, int64(9), ev.Size)
			}
			if ev.Type == Local {
				require.Equal(t, 33, ev.UID)
			}
			if ev.Type == Script {
				require.Contains(t, []string{"/home/ana/www/form.php", ""}, ev.Script, text)
				require.Contains(t, []int{33, NoUID}, ev.UID, text)
			}
		}
	})
}

// eximQuoted does to a subject and to a quoted local part what Exim does.
func eximQuoted(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// printable does to a text what Postfix does before it logs it
// (util/printable.c): nothing below a blank is left.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// FuzzAbout holds About to Parse: an event of Postfix's or Exim's that has a queue
// id is about that message.
func FuzzAbout(f *testing.F) {
	addGolden(f, func(line []byte) { f.Add(line) })
	f.Fuzz(func(t *testing.T, line []byte) {
		p, ev, w := NewParser(Options{}), new(Event), new(Words)
		if !p.Words(line, w) {
			return
		}
		id, text, source := w.About()
		if before, ok := Before(text); ok {
			require.True(t, IsMessageID(string(before)))
		}
		if p.Read(w, ev) && ev.QueueID != "" && ev.Repeat == 1 {
			require.Equal(t, ev.QueueID, string(id))
			require.Equal(t, ev.Source, source)
		}
	})
}
