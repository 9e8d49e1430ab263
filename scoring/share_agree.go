package scoring

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// agree has the engine take one user's memory, with what was told of the user last
// and is being judged.
func (sh *shared) agree(s *Scorer, u *user, v Verdict, braked brake) Verdict {
	for range maxRounds {
		x := sh.exchange(s, u)
		if sh.Swap([]*Exchange{x}) != nil {
			return v
		}
		if x.Newer == nil {
			sh.agreed(u, x)
			return v
		}
		var again bool
		if v, again = sh.adopt(s, u, x, v, &braked); !again {
			return v
		}
	}
	return v
}

// Agree has the engine take all that it does not know yet. Call it once a second.
func (s *Scorer) Agree() error {
	sh := s.shared
	if sh == nil || sh.waits == 0 {
		return nil
	}
	names := make([]string, 0, len(sh.untold))
	for name := range sh.untold {
		names = append(names, name)
	}
	return sh.rounds(s, names)
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

// rounds has the engine take the memories of some users, a part of them at a time.
func (sh *shared) rounds(s *Scorer, names []string) error {
	slices.Sort(names)
	for part := range slices.Chunk(names, swappedAtOnce) {
		for round := 0; len(part) > 0 && round < maxRounds; round++ {
			var err error
			if part, err = sh.round(s, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// round tries once for some users, and answers those for whom others were faster.
func (sh *shared) round(s *Scorer, names []string) (again []string, err error) {
	var users []*user
	var all []*Exchange
	for _, name := range names {
		u := s.users.find(name)
		if u == nil {
			sh.forget(name)
			continue
		}
		if u.share == nil {
			u.share = new(share)
		}
		users, all = append(users, u), append(all, sh.exchange(s, u))
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := sh.Swap(all); err != nil {
		return nil, err
	}
	for i, x := range all {
		if x.Newer == nil {
			sh.agreed(users[i], x)
			continue
		}
		if _, retry := sh.adopt(s, users[i], x, Verdict{}, nil); retry {
			again = append(again, x.User)
		}
	}
	return again, nil
}

// exchange is a user's memory as it is now.
func (sh *shared) exchange(s *Scorer, u *user) *Exchange {
	x := &Exchange{User: u.name, Was: u.share.name(), Record: sharedRecord(u, s.trusts.of[u.name])}
	if !u.blocked {
		x.Life = time.Duration(s.rules.Forget)
	}
	return x
}

// agreed takes note that the engine has a memory.
func (sh *shared) agreed(u *user, x *Exchange) {
	u.share.version = binary.BigEndian.Uint64(x.Record)
	sh.forget(u.name)
}

// adopt takes over a version that another host has made, and tells it what this
// host has to tell. It answers the verdict on the last of that, if that is what is
// being judged, and whether to try again; braked is the brake from before it, nil
// that nothing is being judged.
func (sh *shared) adopt(s *Scorer, u *user, x *Exchange, was Verdict, braked *brake) (v Verdict, again bool) {
	fresh, trusts, known, err := fromShared(u.name, x.Newer)
	switch {
	case errors.Is(err, errNewer):
		sh.Odd(u.name, err)
		sh.forget(u.name) // it is theirs now
		return was, false
	case err != nil:
		sh.Odd(u.name, err)
		u.share.version = versionOf(x.Newer) // to be replaced by what is known here
		return was, true
	}
	if u.share.version != 0 && known.olderThan(u.share) && !isForgotten(x.Newer) {
		u.share.version = known.version // the engine lost what it had said it had
		return was, true
	}
	wasBlocked := u.blocked
	fresh.name, fresh.keeping = u.name, u.keeping
	fresh.held, fresh.portion, fresh.pausedTo = u.held, u.portion, u.pausedTo
	*u = *fresh
	u.share = known
	if len(trusts)+len(s.trusts.of[u.name]) > 0 {
		s.trusts.set(u.name, trusts)
	}
	s.users.change(u)
	list := sh.untold[u.name]
	sh.takeBack(s)
	if braked != nil && len(list) > 0 {
		now := s.brake.clone()
		s.brake = braked.clone()
		if sh.again(s, u, list[:len(list)-1]); !known.knows(&list[len(list)-1]) {
			v = s.apply(u, &list[len(list)-1])
			known.take(&list[len(list)-1])
		} else {
			s.brake = now
			v = s.before(u, &list[len(list)-1])
		}
	} else {
		v = was
		sh.again(s, u, list)
	}
	if u.blocked && !wasBlocked && v.Action != Block && !sh.judged {
		sh.Late(s.elsewhere(u))
	}
	if isForgotten(x.Newer) && len(list) == 0 {
		return v, false // it stays until there is something to remember
	}
	return v, true
}

// again tells what was told before: its news are known, its verdicts given, but
// for those that only both hosts' knowledge together makes.
func (sh *shared) again(s *Scorer, u *user, list []told) {
	sh.judged = false
	for i := range list {
		if u.share.knows(&list[i]) {
			continue
		}
		was := s.brake.clone()
		v := s.apply(u, &list[i])
		u.share.take(&list[i])
		sh.takeBack(s)
		if v.Action != Block {
			s.brake = was
			continue
		}
		sh.judged = true
		sh.Late(v)
	}
}

// takeBack makes nothing of the news of what will be told once more, or was
// before.
func (sh *shared) takeBack(s *Scorer) {
	for _, n := range sh.now.sightings {
		if x := s.server.strangers[n.address]; n.what == seen && x != nil {
			x.unsee(n.user)
		}
	}
	sh.now = facts{}
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
