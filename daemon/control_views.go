package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// Status is control.Service's.
func (s *steward) Status(ctx context.Context) (control.Status, error) {
	return ask(ctx, s, func() (control.Status, error) { return s.status(time.Now()) })
}

func (s *steward) status(now time.Time) (control.Status, error) {
	status := control.Status{
		Version: s.with.Version + s.with.Revision, Since: s.started, Now: now, Host: s.host, Mode: s.mode(), Rules: s.origin,
		Blocklist: s.list.Path(), PostfixReads: s.list.Map(), Logs: s.logs(), Blocked: len(s.listed()),
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
	held, near := s.standOut(now)
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
	status.State.Bytes, status.State.Free, err = s.store.Size()
	status.State.Shared = s.sharedStatus()
	return status, err
}

// logs are those that are followed. Only the loop may ask.
func (s *steward) logs() []control.Log {
	s.turn.Lock()
	defer s.turn.Unlock()
	logs := []control.Log{}
	for _, source := range s.sources {
		n := s.counts.logs[source]
		l := control.Log{Source: source, Lines: n.lines, Last: n.last, Delay: n.delay}
		position := s.positions[source]
		if read, is := s.read[source]; is {
			position = read.After()
		}
		if len(position.Files) > 0 {
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
		all.Listed = []control.Account{}
		for _, e := range s.list.Entries() {
			a := s.account(blocklist.Fold(e.User), now)
			Listed(&a.Account, e)
			all.Listed = append(all.Listed, a.Account)
		}
		all.Held, all.Close = s.standOut(now)
		all.Last, all.Submissions, all.Holds = s.counts.last, s.counts.submissions, s.holds()
		return all, nil
	})
}

// standOut are those whose mail waits, and those who are close to it, the highest
// score first. The caller has the turn.
func (s *steward) standOut(now time.Time) (held, near []control.Account) {
	held, near = []control.Account{}, []control.Account{}
	names := maps.Clone(s.raised)
	for _, name := range s.path.Scorer.Waiting() {
		names[name] = true
	}
	for name := range s.kept {
		names[name] = true
	}
	for name := range names {
		a := s.account(name, now)
		switch {
		case a.Blocked:
		case len(a.Held) > 0:
			held = append(held, a.Account)
		case a.Score >= a.Hold/2:
			near = append(near, a.Account)
		default:
			delete(s.raised, name) // it has faded
		}
	}
	for _, list := range [][]control.Account{held, near} {
		slices.SortFunc(list, func(a, b control.Account) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.User, b.User))
		})
	}
	return held, near
}

// Account is control.Service's.
func (s *steward) Account(ctx context.Context, user string) (control.Account, error) {
	return ask(ctx, s, func() (control.Account, error) {
		history, err := readLedger(s.store, s.ledger.fresh, control.Span{User: escapeGlob(user)})
		if err != nil {
			return control.Account{}, err
		}
		now, name := time.Now(), blocklist.Fold(user)
		s.turn.Lock()
		defer s.turn.Unlock()
		a := s.account(name, now)
		if e, listed := s.list.Lookup(user); listed {
			Listed(&a.Account, e)
		}
		if a.Line == 0 && !a.known && len(history) == 0 {
			return a.Account, control.NotFound("%s is not known here: the name has to be the one that Postfix logs as sasl_username", maillog.Mask(user))
		}
		a.History = history
		a.Trusts = slices.DeleteFunc(s.trusts(now), func(t control.Trust) bool { return t.User != name })
		if a.known {
			a.Memory, err = json.Marshal(a.memory)
		}
		return a.Account, err
	})
}

// subject is a control.Account, and what is remembered of it, if anything is.
type subject struct {
	known  bool
	memory scoring.Account
	control.Account
}

// account is how a user stands. The caller has the turn.
func (s *steward) account(name string, now time.Time) subject {
	known, any := s.path.Scorer.Account(name, now)
	a := subject{any, known, control.Account{
		User: name, Blocked: known.Blocked, Score: round(known.Score), Hold: known.Hold, Block: known.Block, Seen: known.LastSeen,
	}}
	if !any {
		a.Hold, a.Block = s.rules.Hold, s.rules.Block
	} else {
		a.Usual = strings.TrimPrefix(words.Usual(usualOf(known)), "usual: ")
	}
	for _, r := range known.Reasons {
		a.Reasons = append(a.Reasons, control.Reason{Time: r.Time, Rule: r.Rule, Points: r.Points, Place: control.Place(r.Where), QueueID: r.QueueID})
	}
	for _, h := range known.Held {
		a.Held = append(a.Held, control.Message{QueueID: h.QueueID, Since: h.Since, Until: h.Until, Place: control.Place(h.Where)})
	}
	for _, id := range s.kept[name] {
		a.Held = append(a.Held, control.Message{QueueID: id})
	}
	return a
}

// usualOf is where a user is at home, in as few words as people need.
func usualOf(a scoring.Account) (u scoring.Usual) {
	const shown = 3
	for _, c := range a.Countries[:min(len(a.Countries), shown)] {
		u.Countries = append(u.Countries, c.What)
	}
	for _, n := range a.Networks[:min(len(a.Networks), shown)] {
		u.Networks = append(u.Networks, strings.TrimSpace(n.What+" "+n.Org))
	}
	u.Since, _ = time.Parse(time.DateOnly, a.FirstSeen) // as it was written
	return u
}

// Listed adds what the blocklist says of an account.
func Listed(a *control.Account, e blocklist.Entry) {
	a.User, a.Action, a.Since, a.At, a.Notes, a.Line = e.User, e.Action, e.Since, e.Score, e.Notes, e.Line
	a.Blocked, a.Exempt = a.Blocked && !e.Exempt() || e.Blocks(), e.Exempt()
}

// Trusts is control.Service's.
func (s *steward) Trusts(context.Context) ([]control.Trust, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	return s.trusts(time.Now()), nil
}

// trusts are all that are in force. The caller has the turn.
func (s *steward) trusts(now time.Time) []control.Trust {
	list := []control.Trust{}
	for _, t := range s.path.Scorer.Trusts(now) {
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
