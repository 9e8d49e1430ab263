package daemon

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/geo"
	"sendwarden/scoring"
)

// Status is control.Service's.
func (s *steward) Status(ctx context.Context) (control.Status, error) {
	return ask(ctx, s, func() (control.Status, error) { return s.status(time.Now()) })
}

func (s *steward) status(now time.Time) (control.Status, error) {
	status := control.Status{
		Version: s.with.Version + s.with.Revision, Since: s.started, Now: now, Host: s.host, Mode: s.mode(), Rules: s.origin,
		Blocklist: s.list.Path(), PostfixReads: s.list.Map(), Logs: s.followed(), Blocked: len(s.listed()),
		Queue:  control.Queue{Reached: s.porter.able.Load(), Errands: len(s.porter.left())},
		Alerts: len(s.desk.Outbox().Waiting),
	}
	for text, fault := range s.failing {
		status.Faults = append(status.Faults, text+": "+fault)
	}
	slices.Sort(status.Faults)
	for _, l := range status.Logs {
		status.Lines += l.Lines
	}
	s.turn.Lock()
	status.Submissions, status.Last = s.counts.submissions, s.counts.last
	held, near := s.sight().standOut(now)
	s.turn.Unlock()
	status.Close = len(near)
	for _, a := range held {
		status.Held += len(a.Held)
	}
	if s.door != nil {
		c := s.door.Counts()
		status.Door = &control.Door{Sockets: s.door.Addresses(), Open: c.Open, Questions: c.Requests}
	}
	for _, source := range s.path.Places.Sources() {
		status.Geo = append(status.Geo, control.Geo{Source: source.Path, Type: source.Type, Built: source.Built, Old: source.Age(now) > geo.OldAge})
	}
	var err error
	status.State.Bytes, status.State.Free, err = s.memory.store.Size()
	status.State.Shared = s.sharedStatus()
	return status, err
}

// followed are the logs and how far they are read. Only the loop may ask.
func (s *steward) followed() []control.Log {
	s.turn.Lock()
	defer s.turn.Unlock()
	logs := []control.Log{}
	for _, source := range s.logs.sources {
		n := s.counts.logs[source]
		l := control.Log{Source: source, Lines: n.lines, Last: n.last, Delay: n.delay}
		if position := s.logs.at(source); len(position.Files) > 0 {
			l.Offset = position.Files[len(position.Files)-1].Offset
		}
		logs = append(logs, l)
	}
	return logs
}

// Accounts is control.Service's.
func (s *steward) Accounts(ctx context.Context) (control.Accounts, error) {
	return ask(ctx, s, func() (all control.Accounts, err error) {
		now := time.Now()
		s.turn.Lock()
		defer s.turn.Unlock()
		sight := s.sight()
		all.Listed = sight.listed(s.list.Entries(), now)
		all.Held, all.Close = sight.standOut(now)
		all.Last, all.Submissions, all.Holds = s.counts.last, s.counts.submissions, s.holds()
		return all, nil
	})
}

// Account is control.Service's.
func (s *steward) Account(ctx context.Context, user string) (control.Account, error) {
	return ask(ctx, s, func() (control.Account, error) {
		history, err := readLedger(s.memory.store, s.ledger.fresh, control.Span{User: escapeGlob(user)})
		if err != nil {
			return control.Account{}, err
		}
		s.turn.Lock()
		defer s.turn.Unlock()
		var entry *blocklist.Entry
		if e, listed := s.list.Lookup(user); listed {
			entry = &e
		}
		return s.sight().whole(user, entry, history)
	})
}

// Crowd is control.Service's.
func (s *steward) Crowd(context.Context) (control.Crowd, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	return crowdOut(s.path.Scorer, &s.told), nil
}

// Trusts is control.Service's.
func (s *steward) Trusts(context.Context) ([]control.Trust, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	return trusts(s.path.Scorer, time.Now()), nil
}

// trusts are all that are in force. The caller has the turn.
func trusts(scorer *scoring.Scorer, now time.Time) []control.Trust {
	list := []control.Trust{}
	for _, t := range scorer.Trusts(now) {
		list = append(list, trustOut(t))
	}
	return list
}

// trustOut and trustIn are a place that was vouched for as people write it and as
// the scorer knows it.
func trustOut(t scoring.Trusted) control.Trust {
	out := control.Trust{User: t.User, Country: t.Country, ASN: t.ASN, Until: t.Until}
	if t.Network.IsValid() {
		out.Network = t.Network.String()
	}
	return out
}

func trustIn(t control.Trust) scoring.Trust {
	network, _ := netip.ParsePrefix(t.Network) // "" is none; Check has seen it
	return scoring.Trust{Country: t.Country, Network: network, ASN: t.ASN, Until: t.Until}
}

// Rules is control.Service's.
func (s *steward) Rules(context.Context) ([]control.Rule, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	rules := []control.Rule{}
	for _, r := range s.rules.Rules {
		n := s.counts.fired[r.Name]
		rules = append(rules, control.Rule{Name: r.Name, Points: r.Points, Fired: n.times, Last: n.last})
	}
	return rules, nil
}

func reasonOf(r scoring.Reason) control.Reason {
	return control.Reason{Time: r.Time, Rule: r.Rule, Points: r.Points, Place: placeOf(r.Place), QueueID: r.Message.ID}
}

func placeOf(p geo.Place) control.Place {
	place := control.Place{Country: p.Country, ASN: p.ASN, Org: p.Org, City: p.City}
	if p.Addr.IsValid() {
		place.IP = p.Addr.String()
	}
	return place
}

// round keeps one digit of a score, which is what people see.
func round(score float64) float64 { return float64(int64(score*10+0.5)) / 10 }
