package scoring

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"sendwarden/geo"
)

// Scorer knows what is usual for whom, and judges submissions by it. It is not
// safe for concurrent use: the order of events is part of the result.
type Scorer struct {
	rules    *Rules
	users    users
	server   server
	messages messages
	brake    brake
	trusts   trusts

	look   look
	asking asking
	queue  queue // users with held messages
	said   said
	shared *shared // with other hosts; nil: nothing is
}

// New makes a scorer that remembers nobody.
func New(rules *Rules) *Scorer {
	s := empty()
	s.Use(rules)
	return s
}

func empty() *Scorer {
	s := &Scorer{
		users:    newUsers(),
		server:   newServer(),
		messages: messages{byID: make(map[string]*message)},
		queue:    newQueue(),
		trusts:   trusts{of: make(map[string][]Trust)},
	}
	s.look.server, s.look.trusts = &s.server, &s.trusts
	s.users.reunite = s.messages.reunite
	return s
}

// Use replaces the rules; what is remembered stays.
func (s *Scorer) Use(rules *Rules) {
	s.rules, s.look.rules, s.look.fade = rules, rules, newFading(rules.MemoryHalfLife)
	s.asking = newAsking(rules, &s.look)
	s.queue.all(math.MinInt64) // other thresholds let held messages go at other times
}

// user is for what changes what is remembered of one. Who was not seen for very
// long is new again.
func (s *Scorer) user(name string, now int64) *user {
	u := s.users.find(name)
	switch {
	case u == nil:
		u = &user{name: name, firstDay: int32(now / dayStep)}
		s.users.add(u)
	case u.last != 0 && !u.blocked && s.rules.forgotten(u.last, now):
		*u = user{name: name, keeping: u.keeping, firstDay: int32(now / dayStep)}
	}
	s.users.change(u)
	return u
}

// Submission judges one submission. Calls must come in the order of events.
func (s *Scorer) Submission(sub Submission) Verdict {
	override := s.rules.Users[sub.User]
	switch {
	case override.Ignore:
		return Verdict{Action: Allow, User: sub.User, Time: sub.Time}
	case KindOf(sub.User) != Users:
		v := s.other(&sub, override)
		s.asks(&sub)
		return v
	}
	v, o := s.submission(&sub)
	s.asks(&sub)
	if o != nil {
		return s.shared.await(s, sub.User, o)
	}
	return v
}

// asks counts what a submission asks for, where that is known with it.
func (s *Scorer) asks(sub *Submission) {
	if sub.Recipients > 0 {
		s.Queued(sub.Message, sub.Time, sub.Recipients, sub.From)
	}
}

// submission judges one of a user. Where other hosts have not agreed yet, the verdict
// is open.
func (s *Scorer) submission(sub *Submission) (v Verdict, o *open) {
	day := int32(sub.Time.Unix() / dayStep)
	if s.server.firstDay == 0 {
		s.server.firstDay = day
	}
	u := s.user(sub.User, sub.Time.Unix())
	s.messages.tidy(sub.Time.Unix())
	if m := s.messages.again(sub); m != nil {
		return s.sameAgain(m, sub, u), nil
	}
	if s.shared == nil {
		v = s.judge(sub, u)
	} else {
		v, o = s.shared.submission(s, sub, u)
	}
	m := s.begin(sub, v.Action, s.look.strange)
	if v.Action == Hold && m.id.ID != "" {
		s.wait(u, heldMessage{m, sub.Place})
	}
	return v, o
}

// judge is what a submission does to the memory of its user, and its verdict.
func (s *Scorer) judge(sub *Submission, u *user) Verdict {
	l := &s.look
	l.aim(sub, u)
	if u.blocked {
		s.markThief(l)
		return Verdict{Action: Refuse, User: sub.User, Time: sub.Time, Score: u.scoreNow(l.now, s.rules.HalfLife)}
	}
	s.record(l)
	fired := s.asking.ask(l)
	if fired > 0 {
		u.portion = 0 // something followed: a few messages go first again
	}
	if fired > 0 && len(u.held) > 0 {
		s.queue.add(u.name, s.due(u)) // some points are negative: what is held may go sooner
	}
	v := s.verdict(l, s.rules.Users[sub.User], fired)
	s.conclude(l, v)
	return v
}

// record puts the submission among the user's visits and volume, so that the
// windows that conditions ask for include it.
func (s *Scorer) record(l *look) {
	u := l.user
	one := tally{messages: 1}
	if int32(u.last/dayStep) != l.day {
		s.brake.seen(l.day)
	}
	if l.placed {
		here := spotOf(l.place, l.now)
		beside := l.stranger() && l.beside(here)
		l.previous, u.here = u.here, here
		u.visits.forget(l.now)
		u.visits.record(visit{
			address: l.address, block: l.block, network: l.network, country: l.country,
			uses: 1, first: l.now, last: l.now, strange: l.stranger(), shared: l.shared, beside: beside,
		})
		if l.strange {
			one.strangeMessages = 1
			if !l.shared && !l.trusted {
				s.sighted(sighting{seen, l.address, hashName(l.sub.User), l.now})
			}
		}
		if l.stranger() || l.steady() {
			u.whereabouts.seen(here, !l.stranger())
		}
	}
	u.volume.add(l.now, one)
}

func (s *Scorer) verdict(l *look, o Override, fired int) Verdict {
	u := l.user
	hold, block := o.thresholds(s.rules)
	v := Verdict{User: l.sub.User, Time: l.sub.Time, Score: u.scoreNow(l.now, s.rules.HalfLife), Limit: block, Fired: fired}
	switch {
	case v.Score >= block && fired > 0 && !o.NeverBlock && !s.brake.allows(l.now, s.rules.MaxBlocks):
		v.Braked = true
	case v.Score >= block && fired > 0:
		v.Action = Block
	case v.Score >= hold && l.trusted && s.gaveEvidence(l), (v.Score >= hold || u.pausedTo > l.now) && l.suspect():
		v.Action = Hold
	}
	if o.NeverBlock && v.Action != Allow {
		v.Action, v.Spared = Allow, true
	}
	if fired > 0 || v.Action != Allow || v.Braked {
		u.forgetReasons(l.now, s.rules.HalfLife)
		v.Reasons = slices.Clone(u.reasons)
		v.Fired = min(fired, len(v.Reasons))
	}
	if v.Action == Hold || v.Action == Block {
		sent := u.volume.since(v.since().Unix())
		v.Messages, v.Recipients = int(sent.messages), int(sent.recipients)
		v.Usual = s.usual(u, v.Time)
	}
	if v.Action == Block {
		v.Strangers = l.strangers()
	}
	return v
}

// strangers are the addresses among the reasons that are none of the user's own.
func (l *look) strangers() (addrs []netip.Addr) {
	for _, r := range l.user.reasons {
		address, _ := l.rules.addressOf(r.Place)
		v := l.user.visits.find(address)
		if v != nil && v.strange && !v.shared && !slices.Contains(addrs, r.Place.Addr) {
			addrs = append(addrs, r.Place.Addr)
		}
	}
	return addrs
}

// suspect tells whether a message is to wait when its user's score says hold.
// The owner's own mail goes through while a thief's waits: what comes from a
// familiar line, or from an address in a familiar network that was there before
// the trouble began and gave no reason for it.
func (l *look) suspect() bool {
	u := l.user
	if l.stranger() {
		return true
	}
	if l.blockDays >= familiarDays || len(u.reasons) == 0 {
		return false
	}
	v := u.visits.find(l.address)
	return v == nil || v.first >= u.reasons[0].Time.Unix() || slices.ContainsFunc(u.reasons, func(r Reason) bool {
		address, _ := l.rules.addressOf(r.Place)
		return address == l.address
	})
}

// conclude remembers what the verdict makes of the submission: an allowed one
// teaches where the user is at home.
func (s *Scorer) conclude(l *look, v Verdict) {
	u := l.user
	u.last = max(u.last, l.now)
	if len(u.reasons) > 0 && v.Fired == 0 && v.Score < 1 {
		u.reasons = nil
	}
	switch v.Action {
	case Block:
		u.blocked = true
		s.markThieves(l)
	case Allow:
		s.learn(u, l.place, l.now)
		u.learnMethod(l.sub.Method)
		if l.strange {
			break // how much is usual, and when, is learnt from the user's own places
		}
		if over, ended := u.usual.count(l.day, u.volume.since(l.now-hourStep)); ended {
			s.dayOver(over)
		}
		if part, counts := u.rhythm.learn(l.sub.Time); counts {
			s.atHour(part)
		}
	}
}

// learn counts a day of use of a place by a user.
func (s *Scorer) learn(u *user, p geo.Place, now int64) {
	if !s.rules.counts(p) {
		return
	}
	day, fade := int32(now/dayStep), s.look.fade
	shared := s.rules.shared(p)
	address, block := addressOf(p, shared)
	if country := countryKey(p.Country); country != 0 && !shared && u.countries.use(uint32(country), day, fade) {
		s.useCountry(country)
	}
	u.blocks.use(block, day, fade)
	u.addresses.use(uint32(address), day, fade)
	if network := networkOf(p); u.networks.use(network, day, fade) {
		s.useNetwork(network, p.Org)
	}
}

func (u *user) learnMethod(method string) {
	h := hashName(strings.ToUpper(method))
	if u.method != h {
		u.method, u.methodUses = h, 0
	}
	if u.methodUses < math.MaxUint16 {
		u.methodUses++
	}
}

// markThief holds the address of what a blocked user sends against other
// accounts.
func (s *Scorer) markThief(l *look) {
	if l.placed && l.stranger() && !l.shared {
		s.sighted(sighting{accused, l.address, hashName(l.sub.User), l.now})
	}
}

// markThieves does the same with the strange addresses that led to a block.
func (s *Scorer) markThieves(l *look) {
	for i := range l.user.visits {
		if v := &l.user.visits[i]; v.strange && !v.shared {
			s.sighted(sighting{accused, v.address, hashName(l.sub.User), l.now})
		}
	}
}
