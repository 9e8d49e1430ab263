//go:build ignore

// This program writes mail.log beside it: an invented week of mail at a small
// Spanish company, as rsyslog keeps it. The clocks go forward on its Sunday.
//
//	cd testdata/week && go run generate.go
//
// Everybody and everything in it is made up: the users and correspondents have
// documentation domains, other servers documentation addresses. The users'
// own addresses lie in the networks meant, so that they can be placed.
package main

import (
	"bufio"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // Europe/Madrid on every machine
)

// The clients that the company's people send from.
const (
	office = "80.58.143.21"                        // the company's line, a fixed address
	hotel  = "lyon-17.abo.example.fr[90.80.61.17]" // where Nuria stays from Wednesday to Friday
)

// person is somebody who sends: from the office, from a line at home, by phone.
type person struct {
	user  string
	home  string // the network's first half; the rest changes now and then
	phone string // the carrier's network; its NAT gives another address each time
	mails int    // a working day
}

var people = []person{
	{"carmen@example.es", "88.0", "31.4", 6},
	{"antonio@example.es", "83.49", "176.83", 4},
	{"lucia@example.es", "95.16", "", 5},
	{"pablo@example.es", "79.148", "31.4", 3},
	{"marta@example.es", "62.42", "176.83", 5},
	{"elena@example.es", "90.160", "", 2},
	{"raul@example.es", "2.136", "31.4", 3},
	{"sofia@example.es", "88.0", "", 4},
	{"info@example.es", "", "", 5},
	{"facturas@example.es", "", "", 7},
}

// botnet is where the thief's machines stand.
var botnet = strings.Fields(`177.32.18.77 178.66.201.14 14.160.33.192 182.71.90.5 36.80.112.240
	105.112.44.9 78.160.71.130 186.88.14.201 37.57.9.66 171.97.140.33 190.24.7.118 41.32.88.12
	187.190.61.35 201.13.109.8 95.24.77.219 113.161.72.4 117.200.3.181 188.24.60.92 181.48.12.74 39.32.15.166`)

type line struct {
	at   time.Time
	text string
}

type week struct {
	*rand.Rand
	monday time.Time
	lines  []line
}

func main() {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		log.Fatal(err)
	}
	w := &week{Rand: rand.New(rand.NewPCG(2010, 4)), monday: time.Date(2026, 3, 23, 0, 0, 0, 0, madrid)}
	for day := range 7 {
		w.quiet(day)
		if day < 5 {
			w.office(day)
		}
	}
	w.javier()
	w.nuria()
	w.theft()

	f, err := os.Create("mail.log")
	if err != nil {
		log.Fatal(err)
	}
	out := bufio.NewWriter(f)
	slices.SortStableFunc(w.lines, func(a, b line) int { return a.at.Compare(b.at) })
	for _, l := range w.lines {
		fmt.Fprintf(out, "%s mail %s\n", l.at.Format("2006-01-02T15:04:05.000000-07:00"), l.text)
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// at is a moment of the week; minutes may run over.
func (w *week) at(day, hour, minute int) time.Time {
	m := w.monday.AddDate(0, 0, day)
	t := time.Date(m.Year(), m.Month(), m.Day(), hour, minute, 0, 0, m.Location())
	return t.Add(time.Duration(w.IntN(60_000_000)) * time.Microsecond)
}

// office is a working day: mail from the desk, in the evening from home, and
// between them by phone.
func (w *week) office(day int) {
	for i, p := range people {
		home := fmt.Sprintf("%s.%d.%d", p.home, 30+i*9+day/3, 10+i*7)
		for n := range p.mails {
			t := w.at(day, 8+n%9, 10+w.IntN(49))
			switch {
			case p.home != "" && n == p.mails-1:
				w.submit(w.at(day, 19+i%3, w.IntN(60)), p.user, "unknown["+home+"]", 1)
			case p.phone != "" && n%3 == 2:
				w.submit(w.at(day, 14, w.IntN(90)), p.user, w.cellular(p.phone), 1)
			default:
				w.submit(t, p.user, "unknown["+office+"]", 1+w.IntN(10)/8)
			}
		}
	}
	for range 20 {
		w.inbound(w.at(day, 7+w.IntN(13), w.IntN(60)))
	}
}

// quiet is what goes on by night and at weekends too: a report by cron, mail
// coming in, strangers trying passwords and relaying.
func (w *week) quiet(day int) {
	w.report(w.at(day, 6, 25))
	for range 7 {
		w.inbound(w.at(day, w.IntN(24), w.IntN(60)))
	}
	for range 9 {
		w.guess(w.at(day, w.IntN(24), w.IntN(60)))
	}
	for range 4 {
		w.relaying(w.at(day, w.IntN(24), w.IntN(60)))
	}
}

// javier sells. He writes from his phone only, all day and at the weekend, and
// his carrier's NAT gives him another address nearly each time.
func (w *week) javier() {
	for day := range 7 {
		for n := range 7 {
			w.submit(w.at(day, 8+2*n-n/3, w.IntN(60)), "javier@example.es", w.cellular("176.83"), 1)
		}
	}
}

// nuria works at the office, and from Wednesday on for three days in Lyon: by
// the hotel's line, while her phone roams through its carrier at home.
func (w *week) nuria() {
	const user = "nuria@example.es"
	for day := range 5 {
		for n := range 5 {
			t := w.at(day, 9+2*n, w.IntN(60))
			switch {
			case day < 2:
				w.submit(t, user, "unknown["+office+"]", 1)
			case n == 0 || n == 3 || day == 2 && n < 3:
				w.submit(t, user, w.cellular("31.4"), 1)
			default:
				w.submit(t, user, hotel, 1)
			}
		}
	}
}

// theft: in the night to Saturday the password of info@ is used from twenty
// machines in fifteen countries.
func (w *week) theft() {
	for n := range 44 {
		t := w.at(5, 3, 12).Add(time.Duration(n) * 70 * time.Second)
		w.submit(t, "info@example.es", "unknown["+botnet[n%len(botnet)]+"]", 5+w.IntN(4))
	}
}

// cellular is a client behind a carrier's NAT.
func (w *week) cellular(network string) string {
	return fmt.Sprintf("unknown[%s.%d.%d]", network, 200+w.IntN(8), 1+w.IntN(254))
}

// submit is a message that a user hands in, from connect to disconnect.
func (w *week) submit(t time.Time, user, client string, recipients int) {
	id, pid := w.queueID(), w.pid()
	say := func(after float64, program, format string, args ...any) {
		w.log(t.Add(time.Duration(after*float64(time.Second))), program, format, args...)
	}
	smtpd := fmt.Sprintf("postfix/submission/smtpd[%d]", pid)
	say(0, smtpd, "connect from %s", client)
	say(0.41, smtpd, "%s: client=%s, sasl_method=PLAIN, sasl_username=%s", id, client, user)
	say(0.52, fmt.Sprintf("postfix/cleanup[%d]", pid+1), "%s: message-id=<%016x@example.es>", id, w.Uint64())
	say(0.58, "postfix/qmgr[811]", "%s: from=<%s>, size=%d, nrcpt=%d (queue active)", id, user, 1200+w.IntN(60_000), recipients)
	say(0.66, smtpd, "disconnect from %s ehlo=2 starttls=1 auth=1 mail=1 rcpt=%d data=1 quit=1 commands=%d", client, recipients, 7+recipients)
	for n := range recipients {
		to, host := w.stranger(), 1+w.IntN(40)
		delay := 0.9 + float64(n)/10
		answer := "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)"
		if recipients > 3 && w.IntN(5) == 0 { // a thief's lists are old
			answer = fmt.Sprintf("dsn=5.1.1, status=bounced (host mx%d.example.org[198.51.100.%d] said: 550 5.1.1 <%s>: Recipient address rejected: User unknown (in reply to RCPT TO command))", host, host, to)
		}
		say(delay, fmt.Sprintf("postfix/smtp[%d]", pid+2), "%s: to=<%s>, relay=mx%d.example.org[198.51.100.%d]:25, delay=%.1f, delays=0.1/0/0.3/0.5, %s", id, to, host, host, delay, answer)
	}
	say(1.8, "postfix/qmgr[811]", "%s: removed", id)
}

// inbound is a message from outside for somebody at the company.
func (w *week) inbound(t time.Time) {
	id, pid, host := w.queueID(), w.pid(), 1+w.IntN(40)
	client := fmt.Sprintf("mx%d.example.org[198.51.100.%d]", host, host)
	to := people[w.IntN(len(people))].user
	smtpd := fmt.Sprintf("postfix/smtpd[%d]", pid)
	w.log(t, smtpd, "connect from %s", client)
	w.log(t.Add(310*time.Millisecond), smtpd, "%s: client=%s", id, client)
	w.log(t.Add(390*time.Millisecond), fmt.Sprintf("postfix/cleanup[%d]", pid+1), "%s: message-id=<%016x@mx%d.example.org>", id, w.Uint64(), host)
	w.log(t.Add(440*time.Millisecond), "postfix/qmgr[811]", "%s: from=<%s>, size=%d, nrcpt=1 (queue active)", id, w.stranger(), 1800+w.IntN(80_000))
	w.log(t.Add(480*time.Millisecond), smtpd, "disconnect from %s ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7", client)
	w.log(t.Add(560*time.Millisecond), fmt.Sprintf("postfix/lmtp[%d]", pid+2), "%s: to=<%s>, relay=mail.example.es[private/dovecot-lmtp], delay=0.3, delays=0.2/0/0/0.1, dsn=2.0.0, status=sent (250 2.0.0 <%s> Saved)", id, to, to)
	w.log(t.Add(570*time.Millisecond), "postfix/qmgr[811]", "%s: removed", id)
}

// guess is a stranger who tries a password.
func (w *week) guess(t time.Time) {
	client := fmt.Sprintf("unknown[%s.%d.%d]", []string{"113.190", "101.51", "180.244", "200.72"}[w.IntN(4)], w.IntN(250), 1+w.IntN(250))
	smtpd := fmt.Sprintf("postfix/submission/smtpd[%d]", w.pid())
	w.log(t, smtpd, "connect from %s", client)
	w.log(t.Add(2*time.Second), smtpd, "warning: %s: SASL LOGIN authentication failed: (reason unavailable), sasl_username=%s", client, []string{"admin", "test", "info@example.es", "carmen@example.es"}[w.IntN(4)])
	w.log(t.Add(3*time.Second), smtpd, "disconnect from %s ehlo=1 auth=0/1 quit=1 commands=2/3", client)
}

// relaying is a stranger who tries to send through the server to others.
func (w *week) relaying(t time.Time) {
	n := 1 + w.IntN(250)
	smtpd := fmt.Sprintf("postfix/smtpd[%d]", w.pid())
	w.log(t, smtpd, "connect from unknown[203.0.113.%d]", n)
	w.log(t.Add(time.Second), smtpd, "NOQUEUE: reject: RCPT from unknown[203.0.113.%d]: 454 4.7.1 <%s>: Relay access denied; from=<%s> to=<%s> proto=ESMTP helo=<host%d>", n, "probe@example.net", w.stranger(), "probe@example.net", n)
	w.log(t.Add(2*time.Second), smtpd, "disconnect from unknown[203.0.113.%d] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4", n)
}

// report is the mail that cron sends to root.
func (w *week) report(t time.Time) {
	id, pid := w.queueID(), w.pid()
	w.log(t, fmt.Sprintf("postfix/pickup[%d]", pid), "%s: uid=0 from=<root>", id)
	w.log(t.Add(20*time.Millisecond), fmt.Sprintf("postfix/cleanup[%d]", pid+1), "%s: message-id=<%s.%s@mail.example.es>", id, t.Format("20060102150405"), id)
	w.log(t.Add(30*time.Millisecond), "postfix/qmgr[811]", "%s: from=<root@mail.example.es>, size=2417, nrcpt=1 (queue active)", id)
	w.log(t.Add(70*time.Millisecond), fmt.Sprintf("postfix/local[%d]", pid+2), "%s: to=<root@mail.example.es>, orig_to=<root>, relay=local, delay=0.07, delays=0.04/0.01/0/0.02, dsn=2.0.0, status=sent (delivered to mailbox)", id)
	w.log(t.Add(80*time.Millisecond), "postfix/qmgr[811]", "%s: removed", id)
}

func (w *week) log(t time.Time, program, format string, args ...any) {
	w.lines = append(w.lines, line{t, program + ": " + fmt.Sprintf(format, args...)})
}

func (w *week) queueID() string { return fmt.Sprintf("%010X", w.Uint64()>>24) }

func (w *week) pid() int { return 2000 + 10*w.IntN(700) }

func (w *week) stranger() string {
	names := strings.Fields("ana contacto pedidos jm.ruiz hello compras laura ventas office redaccion")
	return fmt.Sprintf("%s@%s", names[w.IntN(len(names))], []string{"example.com", "example.net", "example.org"}[w.IntN(3)])
}
