//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	alice = "alice@example.es"
	bob   = "bob@example.es"
)

// Where the embedded data places them.
const (
	spain   = "80.58.61.250" // AS3352 Telefonica
	spain6  = "2a02:9000::1" // the same, by IPv6
	brazil  = "177.32.1.1"   // AS28573 Claro
	russia  = "95.24.0.1"    // AS8402 Vimpelcom
	nigeria = "105.112.1.1"  // AS36873 Airtel
	world   = "200.221.2.45" // another mail server's
)

// thirdCountry blocks at the third country within an hour, whatever else the
// shipped rules look at.
const thirdCountry = `
home: [ES]
threshold: {hold: 100, block: 100}
half_life: 2h
rules:
  - name: third country
    when: new_country && countries("1h") >= 3
    points: 120
`

const reason = "Sending is suspended for this account: unusual logins. Please contact your administrator."

// arrives is mail from elsewhere that reaches a user's mailbox.
func arrives(t *testing.T, p *postfix, user, mailbox string) {
	t.Helper()
	before := p.inbox(t, mailbox)
	connect(t, p.World, world).send(t, "customer@example.com", user)
	within(t, 5*time.Second, "mail to "+user+" arrives", func() bool { return p.inbox(t, mailbox) == before+1 })
}

// theft is alice sending from Spain, and a thief in Brazil and Russia who knows
// her password. It ends as the third log-in is in Postfix's log: at the thief's
// first recipient. The thief's session stays open.
func theft(t *testing.T, p *postfix) *session {
	t.Helper()
	p.sends(t, alice, spain)
	p.sends(t, alice, brazil)
	thief := p.login(t, alice, russia)
	thief.play(t, `
		> MAIL FROM:<alice@example.es>
		< 250 2.1.0 Ok
		> RCPT TO:<victim@example.com>
		< 250 2.1.5 Ok
	`)
	for _, address := range []string{spain, brazil, russia} {
		line := "client=unknown[" + address + "], sasl_method=PLAIN, sasl_username=" + alice
		within(t, 5*time.Second, "the log has "+line, func() bool { return p.logged(t, line) > 0 })
	}
	return thief
}

// The main story, with each type of table that postmap builds.
func TestTheft(t *testing.T) {
	for _, table := range []string{"lmdb", "cdb", "hash"} {
		t.Run(table, func(t *testing.T) {
			p := startPostfix(t, table)
			d := startDaemon(t, p, thirdCountry)
			p.sends(t, bob, spain6)
			theft(t, p)
			blocked(t, p, alice)
			d.says(t, 5*time.Second, "msg=blocked")

			p.login(t, alice, russia).refused(t, alice, reason)
			p.login(t, alice, spain).refused(t, alice, reason)
			arrives(t, p, alice, "alice")
			p.sends(t, bob, spain6)
			require.Empty(t, p.answer(bob))
		})
	}
}

// With lmdb, Postfix looks up the present state: the thief who is connected
// does not even get the first message through.
func TestOpenSession(t *testing.T) {
	p := startPostfix(t, "lmdb")
	startDaemon(t, p, thirdCountry)
	thief := theft(t, p)
	blocked(t, p, alice)
	thief.play(t, `
		> RCPT TO:<another@example.com>
		< 554 5.7.1 <alice@example.es>: SASL login name rejected: `+reason+`
		> DATA
		< 554 5.7.1 <alice@example.es>: SASL login name rejected: `+reason+`
	`)
	thief.refused(t, alice, reason)
}

// So is it where Postfix asks the daemon for the list, whatever the table is.
func TestOpenSessionAsksTheDaemon(t *testing.T) {
	addr := "inet:" + freePort(t)
	p := startPostfix(t, "hash", func(p *postfix) {
		p.Settings = []string{"smtpd_sender_restrictions=", "smtpd_data_restrictions=check_sasl_access socketmap:" + addr + ":sendwarden"}
	})
	startDaemon(t, p, thirdCountry+`
door: {socketmap: "`+addr+`"}
`)
	thief := theft(t, p)
	blocked(t, p, alice)
	thief.play(t, `
		> DATA
		< 554 5.7.1 <alice@example.es>: SASL login name rejected: `+reason+`
	`)
	p.sends(t, bob, spain)
}

// A client that never logged in can name bob in the AUTH parameter of MAIL FROM
// (RFC 4954), and Postfix logs it. With three countries this would be a theft.
func TestStrangerNamesBob(t *testing.T) {
	p := startPostfix(t, "lmdb")
	d := startDaemon(t, p, thirdCountry)
	p.sends(t, bob, spain)
	for _, address := range []string{spain, brazil, russia, nigeria} {
		connect(t, p.World, address).play(t, `
			> MAIL FROM:<customer@example.com> AUTH=<x, sasl_method=PLAIN, sasl_username=bob@example.es>
			< 250 2.1.0 Ok
			> RCPT TO:<alice@example.es>
			< 250 2.1.5 Ok
			> RSET
			< 250
		`)
		line := "client=unknown[" + address + "], sasl_sender=<x, sasl_method=PLAIN, sasl_username=bob@example.es>"
		within(t, 5*time.Second, "the log has "+line, func() bool { return p.logged(t, line) == 1 })
	}
	// Alice's theft comes after it in the log: once she is blocked, all of
	// that has been judged.
	theft(t, p)
	blocked(t, p, alice)
	require.Empty(t, p.answer(bob))
	require.Equal(t, 1, d.said(t, "msg=blocked"))
	p.sends(t, bob, spain)
}
