package scoring

import (
	"errors"
	"slices"
	"time"
)

// await has the engine take a user's memory, until what was told is part of it or
// there is no time left; then the verdict of this host stands.
func (sh *shared) await(s *Scorer, name string, o *open) Verdict {
	for round := 0; !o.closed && round < maxRounds; {
		if x := sh.flying[name]; x != nil { // what was told since goes with the next
			landed := false
			sh.aside(func() { landed = sh.Wait(x.landed) })
			if !landed {
				break
			}
			continue
		}
		round++
		if _, err := sh.fly(s, []string{name}); err != nil {
			break
		}
	}
	sh.close(s, o)
	return o.verdict
}

// Agree has the engine take all that it does not know yet.
func (s *Scorer) Agree() error {
	sh := s.shared
	if sh == nil || sh.waits == 0 {
		return nil
	}
	names := make([]string, 0, len(sh.untold))
	for name := range sh.untold {
		names = append(names, name)
	}
	err := sh.rounds(s, names)
	if err != nil {
		for _, list := range sh.untold {
			sh.closeAll(s, list)
		}
	}
	return err
}

// Offer offers an engine that is empty, or has lost something, what is known here
// of the users who are at hand; what it has and this host does not know stays. Of
// the others the state has the records (ToShared).
func (s *Scorer) Offer() error {
	if s.shared == nil {
		return nil
	}
	var names []string
	for name, u := range s.users.here {
		if s.shares(u) && u.share != nil {
			names = append(names, name)
		}
	}
	return s.shared.rounds(s, names)
}

// Remind has an engine that was away show that it has what it took last.
func (s *Scorer) Remind() error {
	if s.shared == nil {
		return nil
	}
	names := make([]string, 0, len(s.shared.lately.of))
	for name := range s.shared.lately.of {
		names = append(names, name)
	}
	return s.shared.rounds(s, names)
}

// Refresh learns what other hosts know of the users whose mail is about to be let go
// here by a time. While they cannot be asked, it goes by what this host knows.
func (s *Scorer) Refresh(now time.Time) {
	if s.shared == nil {
		return
	}
	due := s.queue.due(now.Unix())
	if len(due) == 0 {
		return
	}
	_ = s.shared.rounds(s, slices.Clone(due)) // the engine's status says why not
	for _, name := range due {
		if w := s.queue.byName[name]; w != nil {
			w.fresh = true
		}
	}
}

// rounds has the engine take the memories of some users, a part of them at a time.
func (sh *shared) rounds(s *Scorer, names []string) error {
	slices.Sort(names)
	for part := range slices.Chunk(names, swappedAtOnce) {
		for round := 0; len(part) > 0 && round < maxRounds; round++ {
			var err error
			if part, err = sh.fly(s, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// fly has the memories of some users go to the engine, and answers those for whom
// others were faster. Those on their way are passed over.
func (sh *shared) fly(s *Scorer, names []string) (again []string, err error) {
	var all []*Exchange
	for _, name := range names {
		switch u := s.users.find(name); {
		case sh.flying[name] != nil:
		case u == nil:
			sh.forget(name)
		default:
			x := sh.exchange(s, u)
			sh.flying[name], all = x, append(all, x)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	sh.aside(func() { err = sh.Swap(all) })
	for _, x := range all {
		if sh.flying[x.User] == x { // else its user was forgotten meanwhile
			delete(sh.flying, x.User)
			if sh.land(s, x, err) {
				again = append(again, x.User)
			}
		}
		close(x.landed)
	}
	return again, err
}

// exchange is a user's memory as it is now.
func (sh *shared) exchange(s *Scorer, u *user) *Exchange {
	sh.begin(u)
	x := &Exchange{
		User: u.name, Was: u.share.name(), Record: sharedRecord(u, s.trusts.of[u.name]),
		told: len(sh.untold[u.name]), landed: make(chan struct{}),
	}
	if !u.blocked {
		x.Life = time.Duration(s.rules.Forget)
	}
	return x
}

// land takes in what became of a memory, and tells whether to try again.
func (sh *shared) land(s *Scorer, x *Exchange, err error) (again bool) {
	list := sh.untold[x.User]
	u := s.users.find(x.User)
	switch {
	case u == nil:
		sh.forget(x.User)
		return false
	case err != nil:
		sh.closeAll(s, list[:min(x.told, len(list))])
		return false
	}
	sh.begin(u) // who may have been let go and fetched again meanwhile
	if x.Newer != nil {
		return sh.adopt(s, u, x.Newer)
	}
	u.share.version = versionOf(x.Record)
	sh.agreed(s, u.name, x.told)
	return false
}

// agreed takes note that the engine has the first of what there was to tell.
func (sh *shared) agreed(s *Scorer, name string, n int) {
	list := sh.untold[name]
	n = min(n, len(list))
	sh.closeAll(s, list[:n])
	if n > 0 {
		sh.lately.add(name, list[:n])
		sh.left(name, slices.Clone(list[n:]))
	}
}

func (sh *shared) closeAll(s *Scorer, list []told) {
	for i := range list {
		sh.close(s, list[i].open)
	}
}

// adopt takes over a version that another host has made, and tells it what this
// host has to tell. It answers whether to try again.
func (sh *shared) adopt(s *Scorer, u *user, newer []byte) (again bool) {
	fresh, trusts, known, err := fromShared(u.name, newer)
	switch {
	case errors.Is(err, errNewer):
		sh.Odd(u.name, err)
		sh.agreed(s, u.name, maxUntold) // it is theirs now
		return false
	case err != nil:
		sh.Odd(u.name, err)
		u.share.version = versionOf(newer) // to be replaced by what is known here
		return true
	}
	if u.share.version != 0 && known.olderThan(u.share) && !isForgotten(newer) {
		u.share.version = known.version // the engine lost what it had said it had
		return true
	}
	wasBlocked := u.blocked
	fresh.name, fresh.keeping = u.name, u.keeping
	fresh.held = u.held
	*u = *fresh
	u.share = known
	if len(trusts)+len(s.trusts.of[u.name]) > 0 {
		s.trusts.set(u.name, trusts)
	}
	s.users.change(u)
	if isForgotten(newer) {
		delete(sh.lately.of, u.name)
	}
	if lost := sh.lately.missing(u.name, known); lost != nil {
		sh.left(u.name, append(lost, sh.untold[u.name]...))
	}
	blocks := sh.again(s, u)
	if u.blocked && !wasBlocked && !blocks {
		sh.Late(s.elsewhere(u))
	}
	return len(sh.untold[u.name]) > 0
}

// again tells a memory that another host has made what it does not know, and tells
// whether that blocks its user. What is open is judged anew. Of the rest the verdicts
// were given and the news are known, but for a block that only both hosts' knowledge
// together makes.
func (sh *shared) again(s *Scorer, u *user) (blocks bool) {
	list := sh.untold[u.name]
	for i := range list {
		if list[i].isOpen() {
			sh.undo(s, list[i].open)
		}
	}
	var left []told
	for i := range list {
		t := &list[i]
		switch open := t.isOpen(); {
		case u.share.knows(t):
			if open {
				sh.before(s, u, t)
			}
			continue
		case open && !s.recount(t):
			continue
		case open:
			sh.apply(s, u, t)
			s.redecide(u, t)
			blocks = blocks || t.open.verdict.Action == Block
		default:
			blocks = sh.once(s, u, t) || blocks
		}
		u.share.take(t)
		left = append(left, *t)
	}
	sh.left(u.name, left)
	return blocks
}

// once tells again what is closed: only a block counts with the brake and is told.
func (sh *shared) once(s *Scorer, u *user, t *told) (blocks bool) {
	one := *t
	one.open = new(open)
	sh.apply(s, u, &one)
	if blocks = one.open.verdict.Action == Block; blocks {
		one.open.braked = braking{}
		sh.Late(one.open.verdict)
	}
	sh.undo(s, one.open)
	return blocks
}

// redecide does to a message what a verdict that was given anew says.
func (s *Scorer) redecide(u *user, t *told) {
	if t.what != handedIn {
		return
	}
	m := s.messages.find(t.sub.Message)
	if m == nil || m.user != u.name {
		return
	}
	was, is := m.action, t.open.verdict.Action
	m.strange = s.look.strange
	s.messages.decide(m, is)
	switch {
	case is == Hold && was != Hold:
		s.wait(u, heldMessage{m, t.sub.Place})
	case is != Hold && was == Hold:
		u.held = slices.DeleteFunc(u.held, func(h heldMessage) bool { return h.message == m })
	}
}

// recount counts anew what a message asked for that was judged anew; false: it was
// refused, and asked for nothing.
func (s *Scorer) recount(t *told) bool {
	if t.what != queued {
		return true
	}
	m := s.messages.find(t.count.message)
	if m == nil {
		return true
	}
	if m.action >= Block {
		return false
	}
	t.count = m.accepted(t.count.at, t.count.sender)
	return true
}

// before answers for what the memory has taken in already, before a crash of this
// host: what was decided then may not have been done.
func (s *Scorer) before(u *user, t *told) Verdict {
	if t.what != handedIn {
		return Verdict{}
	}
	l := &s.look
	l.aim(&t.sub, u)
	s.seenBefore(l)
	if u.blocked {
		v := s.elsewhere(u)
		v.Elsewhere = false
		return v
	}
	return s.verdict(l, s.rules.Users[u.name], 0)
}

// seenBefore has the others told again of strangers and thieves: what was to be told
// before a crash is lost with it. They take it for one.
func (s *Scorer) seenBefore(l *look) {
	if l.user.blocked {
		s.markThieves(l)
	}
	if v := l.user.visits.find(l.address); l.placed && v != nil && v.strange && !v.shared && !l.trusted {
		s.sighted(sighting{seen, l.address, hashName(l.sub.User), l.now})
	}
}

// elsewhere is the verdict of another host, as this one knows of it.
func (s *Scorer) elsewhere(u *user) Verdict {
	_, block := s.rules.Users[u.name].thresholds(s.rules)
	v := Verdict{Action: Block, User: u.name, Time: time.Unix(u.last, 0), Score: u.score, Limit: block, Elsewhere: true}
	if n := len(u.reasons); n > 0 {
		v.Reasons, v.Time = slices.Clone(u.reasons), u.reasons[n-1].Time
	}
	sent := u.volume.since(v.since().Unix())
	v.Messages, v.Recipients = int(sent.messages), int(sent.recipients)
	v.Usual = s.usual(u, v.Time)
	return v
}
