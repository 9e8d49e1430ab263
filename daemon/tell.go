package daemon

import (
	"strings"
	"time"

	"sendwarden/alert"
	"sendwarden/scoring"
	"sendwarden/words"
)

// tell lets people and hook programs know.
func (d *Daemon) tell(n alert.Notice) {
	if n.Host == "" {
		n.Host = d.host
	}
	d.desk.Tell(n)
	d.hooks.Tell(n)
}

// went has the state saved soon after a notice has gone: what goes between the last
// save and a crash goes twice.
func (d *Daemon) went() {
	select {
	case d.sent <- struct{}{}:
	default: // the loop has been told already
	}
}

// notice is a verdict as people are told of it.
func notice(kind alert.Kind, v scoring.Verdict) alert.Notice {
	n := alert.Notice{
		Kind: kind, Time: v.Time, User: v.User, Score: v.Score, Limit: v.Limit,
		Usual: strings.TrimPrefix(words.Usual(v.Usual), "usual: "),
		Sent:  alert.Volume{Messages: v.Messages, Recipients: v.Recipients},
	}
	n.Addresses = v.Strangers
	for _, r := range v.Reasons {
		p := r.Place
		n.Reasons = append(n.Reasons, alert.Reason{
			Time: r.Time, Rule: r.Rule, Points: r.Points, Addr: p.Addr, Country: p.Country, ASN: p.ASN, Org: p.Org,
		})
	}
	return n
}

// trouble is a fault of ours as people are told of it.
func trouble(text string, err error, now time.Time) alert.Notice {
	return alert.Notice{Kind: alert.Fault, Time: now, Detail: text + ": " + err.Error()}
}
