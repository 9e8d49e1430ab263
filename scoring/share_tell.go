package scoring

import "fmt"

func (sh *shared) token(w what, id MessageID) uint32 {
	if id.ID == "" {
		return 0
	}
	return hashName(sh.Host + "\x00" + string('a'+rune(w)) + id.ID)
}

func (sh *shared) submission(s *Scorer, sub *Submission, u *user) Verdict {
	return sh.tell(s, u, told{what: handedIn, source: sh.source, line: sh.line, at: sub.Time.Unix(),
		token: sh.token(handedIn, sub.Message), sub: *sub}, true)
}

// elsewhere answers a user who is known to other hosts; nil is one who never sent.
func (sh *shared) elsewhere(s *Scorer, name string, now int64) *user {
	if until := sh.unknown[name]; sh.Fetch == nil || KindOf(name) != Users || len(name) > maxName || now < until && now >= until-unknownFor {
		return nil
	}
	record := sh.Fetch(name)
	if record == nil || isForgotten(record) {
		if len(sh.unknown) >= maxUnknown {
			clear(sh.unknown)
		}
		sh.unknown[name] = now + unknownFor
		return nil
	}
	u, trusts, known, err := fromShared(name, record)
	if err != nil {
		sh.Odd(name, err)
		return nil
	}
	u.share = known
	if len(trusts) > 0 {
		s.trusts.set(name, trusts)
	}
	s.users.add(u)
	s.users.change(u)
	return u
}

func (sh *shared) loggedIn(s *Scorer, login *Submission, u *user) {
	sh.tell(s, u, told{what: loggedIn, source: sh.source, line: sh.line, at: login.Time.Unix(), sub: *login}, false)
}

func (sh *shared) counted(s *Scorer, u *user, c *count) {
	t := told{what: c.what, at: c.at, count: *c}
	switch c.what {
	case freed: // when time has come, not when a line says so
		t.token = sh.token(freed, c.message)
	case queued:
		t.token = sh.token(queued, c.message)
		fallthrough
	default:
		t.source, t.line = sh.source, sh.line
	}
	sh.tell(s, u, t, false)
}

// done is for what a person does.
func (sh *shared) done(s *Scorer, u *user, t told) {
	if sh.apart {
		s.apply(u, &t)
		return
	}
	t.token = hashName(fmt.Sprint(sh.Host, "\x00", t.what, t.at, t.teach, t.trust))
	sh.tell(s, u, t, true)
}

// tell has a user's memory take something in, here and, at once or with the next,
// in the engine.
func (sh *shared) tell(s *Scorer, u *user, t told, urgent bool) Verdict {
	if u.share == nil {
		u.share = new(share)
	}
	sh.now = facts{}
	if u.share.knows(&t) {
		v := s.before(u, &t)
		sh.settle(s)
		return v
	}
	braked := s.brake.clone()
	v := s.apply(u, &t)
	if t.what == handedIn && v.Action == Refuse {
		sh.settle(s)
		return v // teaches nothing of the user
	}
	u.share.take(&t)
	sh.keep(u.name, &t)
	if urgent || sh.now.first() {
		v = sh.agree(s, u, v, braked)
	}
	sh.settle(s)
	return v
}

// first tells whether it is the first time in a day or so, which other hosts may
// have seen before.
func (f *facts) first() bool { return len(f.countries)+len(f.networks)+len(f.days) > 0 }

// settle takes the news of what was told into what the server remembers; what was
// seen it knows already.
func (sh *shared) settle(s *Scorer) {
	if sh.now.empty() {
		return
	}
	s.server.learn(&sh.now)
	sh.gathered.add(&sh.now)
	sh.now, sh.fresh = facts{}, true
}

// keep keeps what was told until the engine has it.
func (sh *shared) keep(name string, t *told) {
	list := sh.untold[name]
	if len(name) > maxName || sh.waits >= maxUntoldAll || len(list) >= maxUntold {
		sh.lost++
		return
	}
	sh.untold[name] = append(list, *t)
	sh.waits++
	sh.dirty[name] = true
}

// forget drops what has been told.
func (sh *shared) forget(name string) {
	if list, waits := sh.untold[name]; waits {
		sh.waits -= len(list)
		delete(sh.untold, name)
		sh.dirty[name] = true
	}
}
