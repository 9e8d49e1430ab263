package main

import (
	"strconv"
	"time"

	"sendwarden/blocklist"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// path is the way from an event to a verdict. Replay and the daemon send their
// events along it, so that both judge alike.
type path struct {
	places *geo.DB
	scorer *scoring.Scorer

	judged   func(*maillog.Event, scoring.Verdict)
	released func(scoring.Release)
	// doubtful is told of submissions under a name that a log cannot be
	// trusted with: they are reported, not judged.
	doubtful func(*maillog.Event)
	// witness judges in the scorer's place; nil as a rule.
	witness func(*maillog.Event, scoring.Submission) scoring.Verdict
}

// follow takes one event along the path.
func (p *path) follow(ev *maillog.Event) {
	p.letGo(ev.Time)
	switch ev.Type {
	case maillog.Submission:
		p.submission(ev)
	case maillog.Login:
		p.scorer.Login(p.placed(ev))
	case maillog.AuthFailure:
		if ev.Addr.IsValid() {
			p.scorer.Failure(ev.Addr, ev.Time)
		}
	case maillog.Local:
		p.sender(ev, scoring.Local, localSender(ev))
	case maillog.Script:
		if ev.Script != "" && !ev.Time.IsZero() {
			p.sender(ev, scoring.Script, "script:"+ev.Script)
		}
	case maillog.Accepted:
		p.host(ev)
	case maillog.Queued:
		if ev.Source == maillog.Exim { // says in one line what Postfix says in two
			p.host(ev)
		}
		p.scorer.Queued(messageID(ev), ev.Time, ev.Recipients, ev.From)
	case maillog.Delivery:
		if ev.Status == "bounced" {
			p.scorer.Bounced(messageID(ev), ev.Time)
		}
	case maillog.Reject:
		if ev.Action == "reject" && ev.QueueID != "" {
			p.scorer.Rejected(messageID(ev), ev.Time)
		}
	case maillog.Removed:
		p.scorer.Removed(messageID(ev))
	}
}

// letGo releases the held messages whose time has come.
func (p *path) letGo(now time.Time) {
	for _, r := range p.scorer.Due(now) {
		r.Time = r.Time.In(now.Location())
		p.released(r)
	}
}

func (p *path) submission(ev *maillog.Event) {
	if maillog.Doubtful(ev.User) || scoring.Reserved(ev.User) {
		p.doubtful(ev)
		return
	}
	sub := p.placed(ev)
	if v := p.judge(ev, sub); !v.Again {
		p.judged(ev, v)
		p.total(ev)
	}
	if ev.Recipients > 0 { // Exim says it in the same line
		p.scorer.Queued(sub.Message, ev.Time, ev.Recipients, ev.From)
	}
}

func (p *path) judge(ev *maillog.Event, sub scoring.Submission) scoring.Verdict {
	if p.witness != nil {
		return p.witness(ev, sub)
	}
	return p.scorer.Submission(sub)
}

// host is a client where nobody logged in. A content filter on this host is none.
func (p *path) host(ev *maillog.Event) {
	if ev.Addr.IsValid() && !ev.Addr.IsLoopback() && ev.OrigID == "" {
		p.sender(ev, scoring.Host, "host:"+ev.Addr.String())
	}
}

// localSender names a local account: by its number, which Postfix tells, or by the
// name that Exim does.
func localSender(ev *maillog.Event) string {
	if ev.UID != maillog.NoUID {
		return "uid:" + strconv.Itoa(ev.UID)
	}
	return "local:" + ev.User
}

// sender judges a message of one who is no user, if there are rules for such.
func (p *path) sender(ev *maillog.Event, kind scoring.Kind, name string) {
	if kind == scoring.Local || kind == scoring.Host {
		p.total(ev)
	}
	if !p.scorer.Judges(kind) {
		return
	}
	sub := p.placed(ev)
	sub.User = name
	if v := p.scorer.Submission(sub); !v.Again {
		p.judged(ev, v)
	}
	if ev.Recipients > 0 {
		p.scorer.Queued(sub.Message, ev.Time, ev.Recipients, ev.From)
	}
}

// total counts a message among those of all senders. It has no name there: its fate
// is its sender's.
func (p *path) total(ev *maillog.Event) {
	if p.scorer.Judges(scoring.Total) {
		one := *ev
		one.QueueID, one.Recipients = "", 0
		p.sender(&one, scoring.Total, "total:")
	}
}

// asked judges a message that Postfix asks about before it takes it. What the log
// will tell of it later, its recipients and its sender, Postfix says already.
func (p *path) asked(ev *maillog.Event, sub scoring.Submission) scoring.Verdict {
	p.letGo(ev.Time)
	v := p.scorer.Submission(sub)
	if !v.Again {
		p.judged(ev, v)
	}
	p.scorer.Queued(sub.Message, ev.Time, ev.Recipients, ev.From)
	return v
}

// placed puts an event on the map.
func (p *path) placed(ev *maillog.Event) scoring.Submission {
	return scoring.Submission{
		User:      blocklist.Fold(ev.User),
		Time:      ev.Time,
		Place:     p.places.Place(ev.Addr),
		Method:    ev.Method,
		NoReverse: ev.ClientName == "",
		Message:   messageID(ev),
	}
}

// messageID names a message among those of all hosts and queues in the log.
func messageID(ev *maillog.Event) scoring.MessageID {
	key := maillog.QueueKey(ev)
	return scoring.MessageID{Host: ev.Host, Queue: key.Queue, ID: key.ID}
}
