package daemon

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// sight is what is remembered as people see it, while a daemon runs and while none
// does.
type sight struct {
	scorer *scoring.Scorer
	rules  *scoring.Rules
	kept   map[string][]string // queue ids that are held, by folded user
	raised map[string]bool     // users whose score is near a threshold; who has faded is taken out
	told   *chronicle          // what became of messages
}

// sight is the daemon's. The caller has the turn.
func (s *steward) sight() sight { return sight{s.path.Scorer, s.rules, s.kept, s.raised, &s.told} }

// listed are the accounts of those on the blocklist.
func (s sight) listed(entries []blocklist.Entry, now time.Time) []control.Account {
	list := []control.Account{}
	for _, e := range entries {
		a := s.account(blocklist.Fold(e.User), now)
		Listed(&a.Account, e)
		list = append(list, a.Account)
	}
	return list
}

// standOut are those whose mail waits, and those who are close to it, the highest
// score first.
func (s sight) standOut(now time.Time) (held, near []control.Account) {
	held, near = []control.Account{}, []control.Account{}
	names := maps.Clone(s.raised)
	for _, name := range s.scorer.Waiting() {
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

// subject is a control.Account, and what is remembered of it, if anything is.
type subject struct {
	known  bool
	memory scoring.Account
	control.Account
}

// account is how a user stands.
func (s sight) account(name string, now time.Time) subject {
	known, any := s.scorer.Account(name, now)
	a := subject{any, known, control.Account{
		User: name, Blocked: known.Blocked, Score: round(known.Score), Hold: known.Hold, Block: known.Block, Seen: known.LastSeen,
	}}
	if !any {
		a.Hold, a.Block = s.rules.Hold, s.rules.Block
	} else {
		a.Usual = strings.TrimPrefix(words.Usual(usualOf(known)), "usual: ")
	}
	for _, c := range known.Countries {
		a.Countries = append(a.Countries, c.What)
	}
	for _, r := range known.Reasons {
		a.Reasons = append(a.Reasons, control.Reason{Time: r.Time, Rule: r.Rule, Points: r.Points, Place: control.Place(r.Where), QueueID: r.QueueID})
	}
	for _, h := range known.Held {
		a.Held = append(a.Held, control.Message{QueueID: h.QueueID, Since: h.Since, Until: h.Until, Place: control.Place(h.Where)})
	}
	if fate := s.told.fates[name]; fate != nil {
		shown := *fate // which goes on while people look at it
		a.Fate = &shown
	}
	for _, id := range s.kept[name] {
		a.Held = append(a.Held, control.Message{QueueID: id})
	}
	return a
}

// whole is all that is known of a user, with what was done about it.
func (s sight) whole(user string, listed *blocklist.Entry, history []control.Record) (control.Account, error) {
	now, name := time.Now(), blocklist.Fold(user)
	a := s.account(name, now)
	if listed != nil {
		Listed(&a.Account, *listed)
	}
	if a.Line == 0 && !a.known && len(history) == 0 {
		return a.Account, control.NotFound("%s is not known here: the name has to be the one that Postfix logs as sasl_username", maillog.Mask(user))
	}
	a.History = history
	a.Trusts = slices.DeleteFunc(trusts(s.scorer, now), func(t control.Trust) bool { return t.User != name })
	var err error
	if a.known {
		a.Memory, err = json.Marshal(a.memory)
	}
	return a.Account, err
}

// shownPlaces is how many countries and networks of all users are shown.
const shownPlaces = 250

// crowdOut is where users are at home, and what became of their messages, for people.
func crowdOut(scorer *scoring.Scorer, told *chronicle) control.Crowd {
	known := scorer.Crowd(shownPlaces)
	out := control.Crowd{
		Countries: []control.Habit{}, Networks: []control.Habit{},
		MoreCountries: known.MoreCountries, MoreNetworks: known.MoreNetworks, Days: known.Days, Hours: told.hours(),
	}
	for _, h := range known.Countries {
		out.Countries = append(out.Countries, control.Habit(h))
	}
	for _, h := range known.Networks {
		out.Networks = append(out.Networks, control.Habit(h))
	}
	return out
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
