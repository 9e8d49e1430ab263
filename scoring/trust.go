package scoring

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sendwarden/geo"
)

// Trust is a person's word that a user may turn up in a place, until a time: a
// trip, a branch office. It is a country, a network or an operator (AS number).
//
// Where a rule asks only how familiar a place is, a trusted place is as good as a
// user's home. A rule that also asks how much is sent, what comes back or who else
// was there sees the place as it is: the word is about where the user is, and a
// thief who is there too is not to send a thousand messages on it.
type Trust struct {
	Country string
	Network netip.Prefix
	ASN     uint32
	Until   time.Time // zero: until it is taken back
}

// covers tells whether a place is the trusted one.
func (t Trust) covers(p geo.Place) bool {
	switch {
	case t.Country != "":
		return t.Country == p.Country
	case t.Network.IsValid():
		return t.Network.Contains(p.Addr.Unmap())
	}
	return t.ASN != 0 && t.ASN == p.ASN
}

func (t Trust) ended(now int64) bool { return !t.Until.IsZero() && t.Until.Unix() <= now }

// same tells whether two are of the same place.
func (t Trust) same(o Trust) bool {
	return t.Country == o.Country && t.Network == o.Network && t.ASN == o.ASN
}

// trusts are those of all users, by folded name. They are few, and all at hand.
type trusts struct {
	of      map[string][]Trust
	changed map[string]bool // since the last Changes; nil where nobody asks
}

const (
	// maxTrusts bounds the places that are vouched for one user.
	maxTrusts = 50
	trustKey  = "trust/"
)

func (ts *trusts) touch(name string) {
	if ts.changed != nil {
		ts.changed[name] = true
	}
}

func (ts *trusts) set(name string, list []Trust) {
	ts.of[name] = list
	if len(list) == 0 {
		delete(ts.of, name)
	}
	ts.touch(name)
}

// covers tells whether somebody vouched for a place of a user's.
func (ts *trusts) covers(name string, p geo.Place, now int64) bool {
	return slices.ContainsFunc(ts.of[name], func(t Trust) bool { return !t.ended(now) && t.covers(p) })
}

// record is that of one user; nil when there is none.
func (ts *trusts) record(name string) []byte {
	list := ts.of[name]
	if len(list) == 0 {
		return nil
	}
	return encode(func(c *coder) { c.trusts(&list) })
}

func (ts *trusts) restore(name string, record []byte) error {
	var list []Trust
	if err := decode(record, func(c *coder) { c.trusts(&list) }); err != nil {
		return err
	}
	if len(list) > 0 {
		ts.of[name] = list
	}
	return nil
}

func (c *coder) trusts(ts *[]Trust) { list(c, ts, maxTrusts, (*coder).trust) }

func (c *coder) trust(t *Trust) {
	c.text(&t.Country)
	addr, bits := t.Network.Addr(), t.Network.Bits()
	c.address(&addr)
	number(c, &bits)
	number(c, &t.ASN)
	ever := !t.Until.IsZero()
	c.flags(&ever)
	if ever {
		c.moment(&t.Until)
	}
	if !c.reading {
		return
	}
	if t.Network = netip.PrefixFrom(addr, bits); addr.IsValid() && !t.Network.IsValid() {
		c.fail(errDamaged)
	}
}

// Trust takes a person's word for a place of a user's; a word given before for the
// same place is replaced. What the place alone was held against the user goes, and
// messages that waited for nothing else are answered, to be let go. It is false
// where there are too many already.
func (s *Scorer) Trust(name string, t Trust, now time.Time) (free []MessageID, ok bool) {
	list := slices.DeleteFunc(slices.Clone(s.trusts.of[name]), func(o Trust) bool { return o.same(t) || o.ended(now.Unix()) })
	if len(list) >= maxTrusts {
		return nil, false
	}
	u := s.users.find(name)
	if s.shared != nil {
		u = s.user(name, now.Unix()) // whose memory takes the word to the other hosts
		s.shared.done(s, u, told{what: vouched, at: now.Unix(), trust: t})
	} else {
		s.vouch(name, u, t, now.Unix())
	}
	if u == nil || u.blocked || t.ended(now.Unix()) {
		return nil, true
	}
	s.users.change(u)
	if len(u.held) > 0 {
		s.queue.add(name, s.due(u)) // perhaps sooner than before
	}
	if hold, _ := s.rules.Users[name].thresholds(s.rules); u.score >= hold {
		return nil, true // for other things than the place
	}
	u.held = slices.DeleteFunc(u.held, func(h heldMessage) bool {
		if !t.covers(h.place) {
			return false
		}
		free = append(free, h.id)
		s.release(h, u, now.Unix(), true)
		return true
	})
	return free, true
}

// vouch is what a person's word does to what is remembered of a user, who may be
// nobody yet.
func (s *Scorer) vouch(name string, u *user, t Trust, now int64) {
	list := slices.DeleteFunc(slices.Clone(s.trusts.of[name]), func(o Trust) bool { return o.same(t) || o.ended(now) })
	if len(list) < maxTrusts {
		s.trusts.set(name, append(list, t))
	}
	if u != nil && !u.blocked && !t.ended(now) {
		s.pardon(u, t, now)
	}
}

// pardon takes back what a place alone was held against a user.
func (s *Scorer) pardon(u *user, t Trust, now int64) {
	known := make(map[uint64]bool) // addresses that are there
	for _, h := range u.held {
		if t.covers(h.place) {
			address, _ := s.rules.addressOf(h.place)
			known[address] = true
		}
	}
	score := u.scoreNow(now, s.rules.HalfLife)
	u.reasons = slices.DeleteFunc(u.reasons, func(r Reason) bool {
		if !t.covers(r.Place) {
			return false
		}
		address, _ := s.rules.addressOf(r.Place)
		known[address] = true
		if !s.asking.onlyPlace(r.Rule) {
			return false
		}
		one := user{score: r.Points, scoreAt: r.Time.Unix()}
		score -= one.scoreNow(now, s.rules.HalfLife)
		return true
	})
	u.score, u.scoreAt = max(0, score), max(u.scoreAt, now)
	for i := range u.visits {
		v := &u.visits[i]
		if known[v.address] || t.Country != "" && v.country == countryKey(t.Country) || t.ASN != 0 && v.network == t.ASN {
			v.strange = false
		}
	}
	if t.covers(geo.Place{Country: countryText(uint32(u.whereabouts.strange.country))}) {
		u.whereabouts = toAndFro{familiar: u.whereabouts.familiar}
	}
}

// Untrust takes back what was said for a user: of one place, or, where it names
// none, of all. It answers how many there were.
func (s *Scorer) Untrust(name string, t Trust) (gone int) {
	before := s.trusts.of[name]
	left := except(before, t)
	switch {
	case len(left) == len(before):
	case s.shared != nil:
		s.shared.done(s, s.user(name, 0), told{what: unvouched, trust: t})
	default:
		s.trusts.set(name, left)
	}
	return len(before) - len(left)
}

func except(list []Trust, t Trust) []Trust {
	return slices.DeleteFunc(slices.Clone(list), func(o Trust) bool { return o.same(t) || t.same(Trust{}) })
}

// Trusted is what was said for one user.
type Trusted struct {
	User string
	Trust
}

// Trusts answers what was said for all users and is in force, and forgets what has
// ended.
func (s *Scorer) Trusts(now time.Time) (all []Trusted) {
	for name, list := range s.trusts.of {
		inForce := slices.DeleteFunc(slices.Clone(list), func(t Trust) bool { return t.ended(now.Unix()) })
		if len(inForce) != len(list) {
			s.trusts.set(name, inForce)
		}
		for _, t := range inForce {
			all = append(all, Trusted{name, t})
		}
	}
	slices.SortStableFunc(all, func(a, b Trusted) int { return cmp.Or(strings.Compare(a.User, b.User)) })
	return all
}

// evidence are the signals that say more than where somebody is: what is sent, what
// becomes of it, who else was there.
func evidence(signal string) bool {
	switch signal {
	case "messages", "recipients", "bounces", "rejects", "senders", "bounce_excess", "message_excess", "recipient_excess",
		"strange_messages", "strange_recipients", "strange_bounces", "strange_excess",
		"thief_address", "users_here", "failures_here":
		return true
	}
	return false
}

// onlyPlace tells whether a rule asks for nothing but how familiar a place is. A
// rule that is no more is not known to.
func (a *asking) onlyPlace(name string) bool {
	for i := range a.rules {
		if a.rules[i].rule.Name == name {
			return a.rules[i].onlyPlace
		}
	}
	return false
}

// gaveEvidence tells whether something is held against the place at hand besides
// that it is one.
func (s *Scorer) gaveEvidence(l *look) bool {
	return slices.ContainsFunc(l.user.reasons, func(r Reason) bool {
		return l.trusts.covers(l.sub.User, r.Place, l.now) && !s.asking.onlyPlace(r.Rule)
	})
}

// stranger tells whether the place is strange and nobody vouched for it.
func (l *look) stranger() bool { return l.strange && !l.trusted }
