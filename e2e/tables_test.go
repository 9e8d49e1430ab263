//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// told is the last reply that a user's client gets when it tries to send a message
// from an address.
func (p *postfix) told(t *testing.T, user, address string) (reply string) {
	t.Helper()
	s := p.login(t, user, address)
	for _, line := range []string{"MAIL FROM:<" + user + ">", "RCPT TO:<customer@example.com>", "DATA", "Subject: an offer\r\n\r\nGood morning.\r\n.", "QUIT"} {
		if line == "QUIT" || reply != "" && reply[0] >= '4' {
			break
		}
		require.NoError(t, s.conn.PrintfLine("%s", line))
		var err error
		reply, err = s.reply()
		require.NoError(t, err)
	}
	return reply
}

// hears waits until a user who comes from an address is told a text: "postfix reload"
// is back before each process has heard of it.
func (p *postfix) hears(t *testing.T, user, address, text string) {
	t.Helper()
	within(t, 10*time.Second, user+" from "+address+" is told "+text, func() bool { return strings.HasPrefix(p.told(t, user, address), text) })
}

// What Postfix says to who comes from a thief's address, and to others.
const (
	shutOut = "554 5.7.1 <unknown[" + russia + "]>: Client host rejected: This address was used with a stolen password."
	taken   = "250 2.0.0 Ok: queued as"
)

// startWithAddresses is a daemon that keeps a table of addresses, which the
// submission service asks.
func startWithAddresses(t *testing.T, expire string) (p *postfix, d *daemon, restart func() *daemon) {
	t.Helper()
	p = startPostfix(t, "lmdb")
	table := p.file("list", "addresses")
	rules := thirdCountry + "addresses: {file: " + table + ", expire: " + expire + ", reload: true}\n"
	restart = func() *daemon { return startDaemon(t, p, rules) }
	d = restart()
	says, _ := p.doctor(t)
	require.Contains(t, says, table+": Postfix does not ask it at "+p.Users)
	p.command(t, "postconf", "-c", p.file("etc"), "-P", p.Users+"/inet/smtpd_client_restrictions=check_client_access,cidr:"+table+",permit_sasl_authenticated,reject")
	p.postfix(t, "reload")
	says, _ = p.doctor(t)
	require.Contains(t, says, "cidr:"+table+": Postfix asks it")
	return p, d, restart
}

// A thief's address is shut out for every account, until its time has passed, over
// a restart of the daemon; everybody else goes on.
func TestAddressesExpire(t *testing.T) {
	p, d, restart := startWithAddresses(t, "30s")
	theft(t, p)
	blocked(t, p, alice)
	began := time.Now()
	d.says(t, 5*time.Second, `msg="shut out" addresses=1 user=`+alice)
	d.says(t, 10*time.Second, `msg="Postfix was reloaded`)
	p.hears(t, bob, russia, shutOut)
	p.sends(t, bob, spain)

	d.stop(t)
	d = restart()
	p.hears(t, bob, russia, shutOut)
	within(t, 30*time.Second+10*time.Second-time.Since(began), "its time has passed", func() bool {
		return d.said(t, "msg=\"addresses are let in again") == 1
	})
	require.GreaterOrEqual(t, time.Since(began), 20*time.Second)
	d.says(t, 20*time.Second, `msg="Postfix was reloaded`)
	p.hears(t, bob, russia, taken)
}

// Who is released has no thief any more.
func TestAddressesRelease(t *testing.T) {
	p, d, _ := startWithAddresses(t, "7d")
	theft(t, p)
	blocked(t, p, alice)
	d.says(t, 10*time.Second, `msg="Postfix was reloaded`)
	p.hears(t, bob, russia, shutOut)
	p.sendwarden(t, "release", alice)
	d.says(t, 5*time.Second, `msg="no longer shut out" addresses=1`)
	within(t, 20*time.Second, "Postfix is told", func() bool { return d.said(t, `msg="Postfix was reloaded`) == 2 })
	p.hears(t, bob, russia, taken)
}

// A Postfix without check_sasl_access, which this one is made to look like, refuses
// by the header that it writes.
func TestHeaderChecks(t *testing.T) {
	p := startPostfix(t, "lmdb")
	table := p.file("list", "header_checks")
	d := startDaemon(t, p, thirdCountry+"header_checks: {file: "+table+", reload: true}\n")
	p.set(t, "smtpd_data_restrictions=", "smtpd_sender_restrictions=", "smtpd_sasl_authenticated_header=yes",
		"header_checks=regexp:"+table, "mime_header_checks=", "nested_header_checks=")
	d.says(t, 10*time.Second, `msg="Postfix was reloaded`)
	p.sends(t, alice, spain)

	p.sendwarden(t, "block", alice)
	within(t, 20*time.Second, "Postfix is told", func() bool { return d.said(t, `msg="Postfix was reloaded`) == 2 })
	p.hears(t, alice, spain, "550 5.7.1 "+reason)
	p.sends(t, bob, spain)
	arrives(t, p, alice, "alice")

	p.sendwarden(t, "release", alice)
	within(t, 20*time.Second, "Postfix is told", func() bool { return d.said(t, `msg="Postfix was reloaded`) == 3 })
	p.hears(t, alice, spain, taken)
}
