// Package judge is the way from an event of the log to a verdict: each of
//
//	Apr 15 21:02:11 mail postfix/smtpd[7]: A672A9BAA49: client=h[200.1.2.3], sasl_method=PLAIN, sasl_username=info@example.es
//
// is read by package maillog before it comes here, is put on the map by package
// geo, and counts with package scoring for the user who sent it; what that comes to
// is handed back. What happens to the message later, its delivery or its bounce,
// goes the same way to the score that it belongs to.
//
// Replay, backtest and explain send old events along the path, and the daemon those
// of this second, so that all of them judge alike. What is done about a verdict is
// up to whoever has set up the path.
package judge

import (
	"strconv"
	"time"

	"sendwarden/blocklist"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// Path is the way from an event to a verdict. It is for one goroutine at a time.
type Path struct {
	Places *geo.DB
	Scorer *scoring.Scorer

	Judged   func(*maillog.Event, scoring.Verdict)
	Released func(scoring.Release)
	// Doubtful is told of submissions under a name that a log cannot be
	// trusted with: they are reported, not judged.
	Doubtful func(*maillog.Event)
	// Witness judges in the scorer's place; nil as a rule.
	Witness func(*maillog.Event, scoring.Submission) scoring.Verdict
}

// Follow takes one event along the path.
func (p *Path) Follow(ev *maillog.Event) {
	p.LetGo(ev.Time)
	switch ev.Type {
	case maillog.Submission:
		p.submission(ev)
	case maillog.Login:
		p.Scorer.Login(p.Placed(ev))
	case maillog.AuthFailure:
		if ev.Addr.IsValid() {
			p.Scorer.Failure(ev.Addr, ev.Time)
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
		p.Scorer.Queued(MessageID(ev), ev.Time, ev.Recipients, ev.From)
	case maillog.Delivery:
		if ev.Status == "bounced" {
			p.Scorer.Bounced(MessageID(ev), ev.Time)
		}
	case maillog.Reject:
		if ev.Action == "reject" && ev.QueueID != "" {
			p.Scorer.Rejected(MessageID(ev), ev.Time)
		}
	case maillog.Removed:
		p.Scorer.Removed(MessageID(ev))
	}
}

// LetGo releases the held messages whose time has come.
func (p *Path) LetGo(now time.Time) {
	p.Scorer.Refresh(now)
	for _, r := range p.Scorer.Due(now) {
		r.Time = r.Time.In(now.Location())
		p.Released(r)
	}
}

func (p *Path) submission(ev *maillog.Event) {
	if maillog.Doubtful(ev.User) || scoring.Reserved(ev.User) {
		p.Doubtful(ev)
		return
	}
	sub := p.Placed(ev)
	if v := p.judge(ev, sub); !v.Again {
		p.Judged(ev, v)
		p.total(ev)
	}
}

func (p *Path) judge(ev *maillog.Event, sub scoring.Submission) scoring.Verdict {
	if p.Witness != nil {
		return p.Witness(ev, sub)
	}
	return p.Scorer.Submission(sub)
}

// host is a client where nobody logged in. A content filter on this host is none.
func (p *Path) host(ev *maillog.Event) {
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
func (p *Path) sender(ev *maillog.Event, kind scoring.Kind, name string) {
	if kind == scoring.Local || kind == scoring.Host {
		p.total(ev)
	}
	if !p.Scorer.Judges(kind) {
		return
	}
	sub := p.Placed(ev)
	sub.User = name
	if v := p.Scorer.Submission(sub); !v.Again {
		p.Judged(ev, v)
	}
}

// total counts a message among those of all senders. It has no name there: its fate
// is its sender's.
func (p *Path) total(ev *maillog.Event) {
	if p.Scorer.Judges(scoring.Total) {
		one := *ev
		one.QueueID, one.Recipients = "", 0
		p.sender(&one, scoring.Total, "total:")
	}
}

// Asked judges a message that Postfix asks about before it takes it. What the log
// will tell of it later, its recipients and its sender, Postfix says already.
func (p *Path) Asked(ev *maillog.Event, sub scoring.Submission) scoring.Verdict {
	p.LetGo(ev.Time)
	v := p.Scorer.Submission(sub)
	if !v.Again {
		p.Judged(ev, v)
	}
	return v
}

// Placed puts an event on the map. What a submission asks for stands in it where a line
// of Exim's, or Postfix at the door, says it at once.
func (p *Path) Placed(ev *maillog.Event) scoring.Submission {
	return scoring.Submission{
		User:      blocklist.Fold(ev.User),
		Time:      ev.Time,
		Place:     p.Places.Place(ev.Addr),
		Method:    ev.Method,
		NoReverse: ev.ClientName == "",
		Message:   MessageID(ev),

		Recipients: ev.Recipients, From: ev.From,
	}
}

// MessageID names a message among those of all hosts and queues in the log.
func MessageID(ev *maillog.Event) scoring.MessageID {
	key := maillog.QueueKey(ev)
	return scoring.MessageID{Host: ev.Host, Queue: key.Queue, ID: key.ID}
}

// Quiet is a way for events on which nobody is told anything.
func Quiet(places *geo.DB, scorer *scoring.Scorer) *Path {
	return &Path{
		Places: places, Scorer: scorer,
		Judged: func(*maillog.Event, scoring.Verdict) {}, Released: func(scoring.Release) {}, Doubtful: func(*maillog.Event) {},
	}
}
