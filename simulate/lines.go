package simulate

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// serverAddress is ours: a documentation address (RFC 5737).
const serverAddress = "192.0.2.25"

// submission logs a client that logs in and hands in mail. Postfix logs no
// successful login; the client= line comes with each message's first accepted
// recipient (smtpd.c), before it is known whether the message arrives whole:
//
//	postfix/submission/smtpd[812]: connect from 80-58-1-2.example.net[80.58.1.2]
//	postfix/submission/smtpd[812]: 0C4F19B2A: client=80-58-1-2.example.net[80.58.1.2], sasl_method=PLAIN, sasl_username=ana@example.es
//	postfix/submission/smtpd[812]: disconnect from 80-58-1-2.example.net[80.58.1.2] ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8
func (j *journal) submission(s session) {
	smtpd := j.fresh("postfix/" + s.service + "/smtpd")
	j.put(s.at, smtpd, "connect from %s", s.from)
	at := j.ms(s.at, 80, 600)
	handed, recipients := 0, 0
	for _, m := range s.mails {
		at = j.ms(at.Add(m.gap), 10, 60)
		if !at.Before(j.end) {
			return
		}
		id := j.queueID(at)
		j.put(at, smtpd, "%s: client=%s, sasl_method=%s, sasl_username=%s", id, s.from, s.method, s.user)
		j.book(s, m, id, at)
		at = j.queued(message{id, m, j.domain}, at)
		handed++
		recipients += m.to
	}
	j.put(j.ms(at, 20, 300), smtpd, "disconnect from %s %s", s.from, commands(s.service, handed, recipients))
}

// book notes whose message this was.
func (j *journal) book(s session, m mail, id string, at time.Time) {
	if s.theft == nil {
		j.honest++
		return
	}
	if len(s.theft.Messages) == 0 {
		s.theft.First = id
	}
	if s.theft.Start.IsZero() {
		s.theft.Start = at
	}
	s.theft.End = at
	s.theft.Messages = append(s.theft.Messages, id)
	s.theft.Recipients += m.to
}

// commands is smtpd's summary of a session.
func commands(service string, mails, recipients int) string {
	hello, total := "ehlo=2 starttls=1", 3
	if service == "smtps" { // TLS from the first byte: no STARTTLS, one EHLO
		hello, total = "ehlo=1", 1
	}
	total += 1 + 2*mails + recipients + 1
	return fmt.Sprintf("%s auth=1 mail=%d rcpt=%d data=%d quit=1 commands=%d", hello, mails, recipients, mails, total)
}

// message is a mail in the queue.
type message struct {
	id string
	mail
	origin string // domain of the host that wrote the Message-ID
}

// queued logs a message's way through cleanup and qmgr, starts its deliveries
// and returns when the client is done:
//
//	postfix/cleanup[815]: 0C4F19B2A: message-id=<4f2a@example.es>
//	postfix/qmgr[512]: 0C4F19B2A: from=<ana@example.es>, size=4821, nrcpt=1 (queue active)
func (j *journal) queued(m message, at time.Time) time.Time {
	at = j.ms(at, 15, 120)
	j.put(at, j.daemon("postfix/cleanup"), "%s: message-id=<%x@%s>", m.id, j.dice.Uint64(), m.origin)
	at = j.ms(at, 5, 80)
	j.activate(m.id, m.mail, m.to, at)
	j.deliver(m.id, m.mail, at)
	return at
}

func (j *journal) activate(id string, m mail, recipients int, at time.Time) {
	j.put(at, j.daemon("postfix/qmgr"), "%s: from=<%s>, size=%d, nrcpt=%d (queue active)", id, m.sender, m.size, recipients)
}

// deliver logs what became of each recipient, up to the line that says the
// message is gone. A few are deferred and tried again, as by greylisting.
func (j *journal) deliver(id string, m mail, at time.Time) {
	last, bounced, deferred := at, 0, 0
	for range m.to {
		done := j.ms(at, 150, 4000)
		if done.After(last) {
			last = done
		}
		switch {
		case j.dice.chance(m.bounces):
			j.outcome(id, done, at, "bounced")
			bounced++
		case j.dice.chance(0.01):
			j.outcome(id, done, at, "deferred")
			deferred++
		case j.dice.chance(m.inside):
			j.local(id, done, at)
		default:
			j.outcome(id, done, at, "sent")
		}
	}
	if deferred > 0 {
		again := last.Add(j.dice.span(5*time.Minute, 16*time.Minute))
		j.activate(id, m, deferred, again)
		for range deferred {
			last = j.ms(again, 300, 4000)
			j.outcome(id, last, at, "sent")
		}
	}
	if bounced > 0 && m.sender != "" {
		last = j.notify(id, m, last)
	}
	j.put(j.ms(last, 1, 30), j.daemon("postfix/qmgr"), "%s: removed", id)
}

// outcome logs one delivery to another server:
//
//	postfix/smtp[830]: 0C4F19B2A: to=<leo@example.org>, relay=mx2.example.org[198.51.100.7]:25, delay=1.2, delays=0.1/0/0.4/0.7, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4F1C2)
func (j *journal) outcome(id string, at, since time.Time, status string) {
	h := j.dice.Uint64()
	to := j.stranger(h)
	_, domain, _ := strings.Cut(to, "@")
	relay := fmt.Sprintf("mx%d.%s[198.51.100.%d]:25", 1+h%3, domain, 1+h%200)
	dsn, reply := "2.0.0", fmt.Sprintf("250 2.0.0 Ok: queued as %X", h>>36)
	switch status {
	case "bounced":
		relayHost, _, _ := strings.Cut(relay, ":")
		dsn = "5.1.1"
		reply = fmt.Sprintf("host %s said: 550 5.1.1 <%s>: Recipient address rejected: User unknown (in reply to RCPT TO command)", relayHost, to)
	case "deferred":
		relayHost, _, _ := strings.Cut(relay, ":")
		dsn = "4.7.1"
		reply = fmt.Sprintf("host %s said: 450 4.7.1 <%s>: Recipient address rejected: Greylisted, try again later (in reply to RCPT TO command)", relayHost, to)
	}
	j.put(at, j.daemon("postfix/smtp"), "%s: to=<%s>, relay=%s, %s, dsn=%s, status=%s (%s)", id, to, relay, delays(at.Sub(since)), dsn, status, reply)
}

// local logs a delivery to a mailbox here, through Dovecot's LMTP.
func (j *journal) local(id string, at, since time.Time) {
	to, _, _ := strings.Cut(j.stranger(j.dice.Uint64()), "@")
	j.put(at, j.daemon("postfix/lmtp"), "%s: to=<%s@%s>, relay=%s.%s[private/dovecot-lmtp], %s, dsn=2.0.0, status=sent (250 2.0.0 <%s@%s> %x Saved)",
		id, to, j.domain, j.host, j.domain, delays(at.Sub(since)), to, j.domain, j.dice.Uint64())
}

// notify logs the non-delivery notification that goes back to the sender.
func (j *journal) notify(id string, m mail, at time.Time) time.Time {
	at = j.ms(at, 2, 40)
	note := j.queueID(at)
	j.put(at, j.daemon("postfix/cleanup"), "%s: message-id=<%s.%s@%s.%s>", note, at.In(j.zone).Format("20060102150405"), note, j.host, j.domain)
	j.put(at.Add(time.Millisecond), j.daemon("postfix/bounce"), "%s: sender non-delivery notification: %s", id, note)
	back := mail{to: 1, size: m.size + 2400, inside: 1}
	j.activate(note, back, 1, at.Add(2*time.Millisecond))
	j.deliver(note, back, at.Add(2*time.Millisecond))
	return at.Add(2 * time.Millisecond)
}

// delays is how the delivery agents say how long it took: in all, and before
// the queue manager, in it, for the connection and for the transmission.
func delays(d time.Duration) string {
	s := d.Seconds()
	return fmt.Sprintf("delay=%s, delays=%s/%s/%s/%s", seconds(s), seconds(s*0.1), seconds(s*0.01), seconds(s*0.3), seconds(s*0.59))
}

// seconds has two digits and no exponent, as in Postfix (delay_max_precision).
func seconds(s float64) string {
	switch {
	case s < 0.005:
		return "0"
	case s < 0.1:
		return strconv.FormatFloat(s, 'f', 2, 64)
	case s < 10:
		return strconv.FormatFloat(s, 'g', 2, 64)
	}
	return strconv.Itoa(int(s))
}

// login logs what Dovecot says of a mail client that was let in:
//
//	dovecot: imap-login: Login: user=<ana@example.es>, method=PLAIN, rip=80.58.1.2, lip=192.0.2.25, mpid=4211, TLS, session=<q1…>
func (j *journal) login(s session) {
	if s.theft != nil && s.theft.Start.IsZero() {
		s.theft.Start = s.at
	}
	j.put(s.at, process{"dovecot: "}, "imap-login: Login: user=<%s>, method=%s, rip=%s, lip=%s, mpid=%d, TLS, session=<%s>",
		s.user, s.method, s.from.addr, serverAddress, j.dice.between(1200, 4_000_000), token(j.dice))
}

// failure logs a wrong password, as Postfix 3.7.8 and later do:
//
//	postfix/smtps/smtpd[812]: warning: unknown[80.58.1.2]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=ana@example.es
func (j *journal) failure(s session) {
	smtpd, hello := j.fresh("postfix/"+s.service+"/smtpd"), "ehlo=2 starttls=1 auth=0/1 quit=1 commands=4/5"
	switch s.service {
	case "":
		smtpd, hello = j.fresh("postfix/smtpd"), "ehlo=1 auth=0/1 commands=1/2"
	case "smtps":
		hello = "ehlo=1 auth=0/1 quit=1 commands=2/3"
	}
	j.put(s.at, smtpd, "connect from %s", s.from)
	at := j.ms(s.at, 2000, 4000) // Dovecot makes failures wait
	j.put(at, smtpd, "warning: %s: SASL %s authentication failed: (reason unavailable), sasl_username=%s", s.from, s.method, s.user)
	at = j.ms(at, 30, 400)
	if s.service == "" {
		j.put(at, smtpd, "lost connection after AUTH from %s", s.from)
	}
	j.put(at, smtpd, "disconnect from %s %s", s.from, hello)
}

// inbound logs mail that another server brings for one of our users.
func (j *journal) inbound(s session) {
	smtpd := j.fresh("postfix/smtpd")
	j.put(s.at, smtpd, "connect from %s", s.from)
	at := j.ms(s.at, 60, 500)
	if !at.Before(j.end) {
		return
	}
	id := j.queueID(at)
	j.put(at, smtpd, "%s: client=%s", id, s.from)
	m := s.mails[0]
	m.sender = j.stranger(j.dice.Uint64())
	_, domain, _ := strings.Cut(m.sender, "@")
	at = j.queued(message{id, m, domain}, at)
	j.put(j.ms(at, 20, 300), smtpd, "disconnect from %s ehlo=2 starttls=1 mail=1 rcpt=%d data=1 quit=1 commands=%d", s.from, m.to, 6+m.to)
}

// refusal logs mail that is not taken.
func (j *journal) refusal(s session) {
	smtpd := j.fresh("postfix/smtpd")
	j.put(s.at, smtpd, "connect from %s", s.from)
	at := j.ms(s.at, 60, 900)
	from, to := j.stranger(j.dice.Uint64()), j.stranger(j.dice.Uint64())
	j.put(at, smtpd, "NOQUEUE: reject: RCPT from %s: 554 5.7.1 <%s>: Relay access denied; from=<%s> to=<%s> proto=ESMTP helo=<%s>",
		s.from, to, from, to, among(j.dice, []string{"user", "localhost", "ylmf-pc", "win-7k2", "mail.example.net"}))
	j.put(j.ms(at, 20, 300), smtpd, "disconnect from %s ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4", s.from)
}
