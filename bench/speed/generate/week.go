package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"time"
)

// scene is something that happens on the server and leaves lines in its log.
type scene int

const (
	submission scene = iota // 3 smtpd, 2 qmgr, 2 others
	failure                 // 3 smtpd
	inbound                 // 3 smtpd, 2 qmgr, 2 others
	probe                   // 2 smtpd: a client that comes and goes
	activation              // 1 qmgr: a message gets its next chance
	removal                 // 1 qmgr
	scenes
)

// counts make 1.1 million smtpd lines, 3.1 million of qmgr and 128 thousand of
// cleanup and smtp.
func counts() [scenes]int {
	return [scenes]int{
		submission: 20_353, failure: 25_000, inbound: 43_770, probe: 416_315,
		activation: 2_250_000, removal: 721_754,
	}
}

// week is the state of the writing.
type week struct {
	*rand.Rand
	out  *bufio.Writer
	line []byte
	now  time.Time
	step time.Duration // mean time between two scenes
	send sending
}

// writeWeek shuffles the scenes over seven days.
func writeWeek(out *bufio.Writer) {
	left := counts()
	total := 0
	for _, n := range left {
		total += n
	}
	w := &week{
		Rand: rand.New(rand.NewPCG(2010, 4)),
		out:  out,
		now:  time.Date(2026, 4, 13, 0, 0, 1, 0, time.FixedZone("CEST", 2*60*60)),
		step: 7 * 24 * time.Hour / time.Duration(total),
		send: newSending(left[submission]),
	}
	for ; total > 0; total-- {
		pick := w.IntN(total)
		s := scene(0)
		for ; pick >= left[s]; s++ {
			pick -= left[s]
		}
		left[s]--
		w.play(s)
		w.pass(w.step)
	}
}

func (w *week) play(s scene) {
	switch s {
	case submission:
		w.submission()
	case failure:
		w.failure()
	case inbound:
		w.inbound()
	case probe:
		client := w.stranger()
		pid := 2000 + w.IntN(900)
		w.log("smtpd", pid, "connect from %s", client)
		w.log("smtpd", pid, "disconnect from %s ehlo=1 quit=1 commands=2", client)
	case activation:
		w.log("qmgr", 1187, "%s: from=<%s>, size=%d, nrcpt=%d (queue active)", w.queueID(), w.bulkSender(), 900+w.IntN(90_000), 1+w.IntN(3))
	case removal:
		w.log("qmgr", 1187, "%s: removed", w.queueID())
	}
}

func (w *week) submission() {
	id, pid := w.queueID(), 2000+w.IntN(900)
	user, addr := w.send.next(w.Rand)
	client := "unknown[" + addr + "]"
	w.log("submission/smtpd", pid, "connect from %s", client)
	w.log("submission/smtpd", pid, "%s: client=%s, sasl_method=PLAIN, sasl_username=%s", id, client, user)
	w.log("cleanup", 2900+w.IntN(90), "%s: message-id=<%x@mail.example.es>", id, w.Uint64())
	w.log("qmgr", 1187, "%s: from=<%s>, size=%d, nrcpt=1 (queue active)", id, user, 900+w.IntN(90_000))
	w.deliver(id)
	w.log("submission/smtpd", pid, "disconnect from %s ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1 commands=8", client)
}

func (w *week) failure() {
	client, pid := w.stranger(), 2000+w.IntN(900)
	w.log("submission/smtpd", pid, "connect from %s", client)
	w.log("submission/smtpd", pid, "warning: %s: SASL LOGIN authentication failed: (reason unavailable), sasl_username=%s", client, userName(w.IntN(users)))
	w.log("submission/smtpd", pid, "disconnect from %s ehlo=1 auth=0/1 quit=1 commands=2/3", client)
}

func (w *week) inbound() {
	id, pid, client := w.queueID(), 2000+w.IntN(900), w.stranger()
	w.log("smtpd", pid, "connect from %s", client)
	w.log("smtpd", pid, "%s: client=%s", id, client)
	w.log("cleanup", 2900+w.IntN(90), "%s: message-id=<%x@mx%d.example.net>", id, w.Uint64(), w.IntN(40))
	w.log("qmgr", 1187, "%s: from=<%s>, size=%d, nrcpt=1 (queue active)", id, w.bulkSender(), 900+w.IntN(90_000))
	w.deliver(id)
	w.log("smtpd", pid, "disconnect from %s ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5", client)
}

func (w *week) deliver(id string) {
	w.log("smtp", 3000+w.IntN(90), "%s: to=<reader%d@example.org>, relay=mx%d.example.org[198.51.100.%d]:25, delay=0.8, delays=0.1/0/0.3/0.4, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)",
		id, w.IntN(9000), w.IntN(9), 1+w.IntN(250))
	w.log("qmgr", 1187, "%s: removed", id)
}

// log writes one line as rsyslog does by default, a little after the last.
func (w *week) log(program string, pid int, format string, args ...any) {
	w.pass(200 * time.Microsecond)
	w.line = w.now.AppendFormat(w.line[:0], "2006-01-02T15:04:05.000000-07:00")
	w.line = fmt.Appendf(w.line, " mail postfix/%s[%d]: ", program, pid)
	w.line = fmt.Appendf(w.line, format, args...)
	w.line = append(w.line, '\n')
	_, _ = w.out.Write(w.line) // a failed write shows at the flush
}

// pass lets about d go by.
func (w *week) pass(d time.Duration) {
	w.now = w.now.Add(time.Duration(w.Int64N(int64(2 * d))))
}
