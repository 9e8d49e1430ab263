package judge_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sendwarden/geo"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

const rules = `
home: [ES]
half_life: 2h
threshold: {hold: 50, block: 100}
rules:
  - {name: second country, when: 'new_country && countries("1h") >= 2', points: 60}
`

// diary is a path that notes what came of each event.
func diary(t *testing.T, more string) (*judge.Path, *strings.Builder) {
	t.Helper()
	r, err := scoring.Parse("rules.yaml", []byte(rules+more))
	require.NoError(t, err)
	places, err := geo.Open()
	require.NoError(t, err)
	var text strings.Builder
	return &judge.Path{
		Places: places, Scorer: scoring.New(r),
		Judged: func(ev *maillog.Event, v scoring.Verdict) {
			fmt.Fprintf(&text, "%s %s %s %.0f", ev.QueueID, v.User, v.Action, v.Score)
			if v.Action != scoring.Allow {
				fmt.Fprintf(&text, " after %d to %d", v.Messages, v.Recipients)
			}
			text.WriteByte('\n')
		},
		Released: func(r scoring.Release) { fmt.Fprintf(&text, "%s %s is let go\n", r.Message.ID, r.User) },
		Doubtful: func(ev *maillog.Event) { fmt.Fprintf(&text, "%s %q is doubtful\n", ev.QueueID, ev.User) },
	}, &text
}

func follow(t *testing.T, p *judge.Path, log string) {
	t.Helper()
	parser := maillog.NewParser(maillog.Options{Location: time.UTC, Reference: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), Clients: true})
	var ev maillog.Event
	for line := range strings.Lines(log) {
		if parser.Parse([]byte(strings.TrimSuffix(line, "\n")), &ev) {
			p.Follow(&ev)
		}
	}
}

// A line goes all the way: it is understood, placed, and counts for its user,
// whose mail of later lines tells how much was sent.
func TestPath(t *testing.T) {
	for name, test := range map[string]struct{ rules, log, want string }{
		"a theft, whose user's name is folded": {log: `
May  4 08:00:00 mx postfix/smtpd[7]: A100000001: client=h[80.58.61.250], sasl_method=PLAIN, sasl_username=ana@example.es
May  4 08:00:01 mx postfix/qmgr[3]: A100000001: from=<ana@example.es>, size=900, nrcpt=2 (queue active)
May  4 08:20:00 mx postfix/smtpd[7]: A100000002: client=h[177.32.1.1], sasl_method=PLAIN, sasl_username=Ana@Example.es
May  4 08:21:00 mx postfix/smtpd[7]: A100000003: client=h[95.24.0.1], sasl_method=PLAIN, sasl_username=ana@example.es
`, want: `
A100000001 ana@example.es allow 0
A100000002 ana@example.es hold 60 after 1 to 0
A100000003 ana@example.es block 120 after 2 to 0
`},
		"doubtful mail is let go when nothing follows": {log: `
May  4 08:00:00 mx postfix/smtpd[7]: A100000001: client=h[80.58.61.250], sasl_method=PLAIN, sasl_username=ana@example.es
May  4 08:20:00 mx postfix/smtpd[7]: A100000002: client=h[177.32.1.1], sasl_method=PLAIN, sasl_username=ana@example.es
May  4 09:30:00 mx postfix/smtpd[7]: A100000003: client=h[80.58.61.251], sasl_method=PLAIN, sasl_username=eva@example.es
`, want: `
A100000001 ana@example.es allow 0
A100000002 ana@example.es hold 60 after 1 to 0
A100000002 ana@example.es is let go
A100000003 eva@example.es allow 0
`},
		"a line that is read twice counts once": {log: `
May  4 08:00:00 mx postfix/smtpd[7]: A100000001: client=h[80.58.61.250], sasl_method=PLAIN, sasl_username=ana@example.es
May  4 08:00:00 mx postfix/smtpd[7]: A100000001: client=h[80.58.61.250], sasl_method=PLAIN, sasl_username=ana@example.es
`, want: `
A100000001 ana@example.es allow 0
`},
		"a name that a log cannot be trusted with is told, not judged": {log: `
May  4 08:00:00 mx postfix/smtpd[7]: A100000001: client=h[80.58.61.250], sasl_method=PLAIN, sasl_username=ana example.es
May  4 08:00:00 mx postfix/smtpd[7]: A100000002: client=h[80.58.61.250], sasl_method=PLAIN, sasl_username=total:
`, want: `
A100000001 "ana example.es" is doubtful
A100000002 "total:" is doubtful
`},
		"strangers' words name nobody": {log: `
May  4 08:00:00 mx postfix/smtpd[7]: A100000001: client=h[80.58.61.250]
May  4 08:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from h[192.0.2.1]: 554 5.7.1 <x>: client=h[177.32.1.1], sasl_method=PLAIN, sasl_username=ana@example.es
May  4 08:00:00 mx myapp[7]: A100000002: client=h[177.32.1.1], sasl_method=PLAIN, sasl_username=ana@example.es
`},
		"who is no user has no score unless a rule is for such": {log: `
May  4 08:00:00 mx postfix/pickup[8]: B100000001: uid=33 from=<www-data>
May  4 08:00:00 mx postfix/smtpd[7]: B100000002: client=h[203.0.113.5]
`},
		"local accounts and clients, where rules are for them": {rules: `
  - {name: many messages, for: [local, host], when: messages("1h") >= 2, points: 120}
`, log: `
May  4 08:00:00 mx postfix/pickup[8]: B100000001: uid=33 from=<www-data>
May  4 08:00:10 mx postfix/pickup[8]: B100000002: uid=33 from=<www-data>
May  4 08:00:00 mx postfix/smtpd[7]: B100000003: client=h[203.0.113.5]
May  4 08:00:00 mx postfix/smtpd[7]: B100000004: client=localhost[127.0.0.1]
`, want: `
B100000001 uid:33 allow 0
B100000002 uid:33 alarm 120 after 2 to 0
B100000003 host:203.0.113.5 allow 0
`},
	} {
		t.Run(name, func(t *testing.T) {
			p, text := diary(t, test.rules)
			follow(t, p, test.log)
			require.Equal(t, strings.TrimPrefix(test.want, "\n"), text.String())
		})
	}
}

// What Postfix asks about at the door is not judged again when the log tells of it.
func TestAskedThenLogged(t *testing.T) {
	p, text := diary(t, "")
	ev := maillog.Event{Type: maillog.Submission, QueueID: "A100000001",
		User: "ana@example.es", Addr: netip.MustParseAddr("80.58.61.250"), Method: "PLAIN", Time: time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC), Recipients: 3}
	sub := p.Placed(&ev)
	sub.Asked, sub.Message = true, scoring.MessageID{ID: ev.QueueID} // Postfix says neither its host nor its instance
	p.Asked(&ev, sub)
	follow(t, p, "May  4 08:00:01 mx postfix/smtpd[7]: A100000001: client=h[80.58.61.250], sasl_method=PLAIN, sasl_username=ana@example.es\n")
	require.Equal(t, "A100000001 ana@example.es allow 0\n", text.String())
}
