package scoring

import "fmt"

func (sh *shared) token(w what, id MessageID) uint32 {
	if id.ID == "" {
		return 0
	}
	return hashName(sh.Host + "\x00" + string('a'+rune(w)) + id.ID)
}

// submission judges by what this host knows. Until the engine has agreed that is
// open; nil: the verdict stands.
func (sh *shared) submission(s *Scorer, sub *Submission, u *user) (Verdict, *open) {
	return sh.tell(s, u, told{what: handedIn, source: sh.source, line: sh.line, at: sub.Time.Unix(),
		token: sh.token(handedIn, sub.Message), sub: *sub})
}

// elsewhere answers a user who is known to other hosts; nil is one who never sent.
func (sh *shared) elsewhere(s *Scorer, name string, now int64) *user {
	if until := sh.unknown[name]; sh.Fetch == nil || KindOf(name) != Users || len(name) > maxName || now < until && now >= until-unknownFor {
		return nil
	}
	var record []byte
	sh.aside(func() { record = sh.Fetch(name) })
	if u := s.users.find(name); u != nil { // who has sent meanwhile
		return u
	}
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
	_, o := sh.tell(s, u, told{what: loggedIn, source: sh.source, line: sh.line, at: login.Time.Unix(), sub: *login})
	if o != nil && o.news.first() {
		sh.await(s, u.name, o)
	}
}

// first tells whether it is the first time in a day or so, which other hosts may
// have seen before.
func (f *facts) first() bool { return len(f.countries)+len(f.networks)+len(f.days) > 0 }

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
	sh.tell(s, u, t)
}

// paused has the other hosts know that a portion of what waits was let go: theirs waits
// for what follows it.
func (sh *shared) paused(s *Scorer, u *user, at int64) {
	token := hashName(fmt.Sprint(sh.Host, "\x00paused\x00", at))
	sh.tell(s, u, told{what: paused, at: at, portion: u.portion, token: token})
}

// done is for what a person does.
func (sh *shared) done(s *Scorer, u *user, t told) {
	if sh.apart {
		s.apply(u, &t)
		return
	}
	t.token = hashName(fmt.Sprint(sh.Host, "\x00", t.what, t.at, t.teach, t.trust))
	if _, o := sh.tell(s, u, t); o != nil {
		sh.await(s, u.name, o)
	}
}

// tell has a user's memory take something in here, and keeps it for the engine.
func (sh *shared) tell(s *Scorer, u *user, t told) (Verdict, *open) {
	sh.begin(u)
	t.open = new(open)
	if u.share.knows(&t) {
		sh.before(s, u, &t)
		return t.open.verdict, nil
	}
	sh.apply(s, u, &t)
	if t.what == handedIn && t.open.verdict.Action == Refuse { // teaches nothing of the user
		sh.close(s, t.open)
		return t.open.verdict, nil
	}
	u.share.take(&t)
	if !sh.keep(u.name, &t) {
		sh.close(s, t.open)
		return t.open.verdict, nil
	}
	return t.open.verdict, t.open
}

// begin begins to share what is remembered of a user who comes from this host's state:
// all that is left to be told is part of it.
func (sh *shared) begin(u *user) {
	if u.share != nil {
		return
	}
	u.share = new(share)
	for i := range sh.untold[u.name] {
		u.share.take(&sh.untold[u.name][i])
	}
}

// apply has a user's memory take in what was told, and notes what else that did.
func (sh *shared) apply(s *Scorer, u *user, t *told) {
	sh.now, s.brake.did = facts{}, braking{}
	t.open.verdict = s.apply(u, t)
	t.open.news, t.open.braked = sh.now, s.brake.did
	sh.now = facts{}
}

// undo takes back what it did beside the memory of its user.
func (sh *shared) undo(s *Scorer, o *open) {
	s.brake.undo(o.braked)
	for _, n := range o.news.sightings {
		if x := s.server.strangers[n.address]; n.what == seen && x != nil {
			x.unsee(n.user)
		}
	}
	o.braked, o.news = braking{}, facts{}
}

// close lets what something did stand: its news go out. What was seen the server
// knows already.
func (sh *shared) close(s *Scorer, o *open) {
	if o == nil || o.closed {
		return
	}
	o.closed = true
	if o.news.empty() {
		return
	}
	s.server.learn(&o.news)
	sh.gathered.add(&o.news)
	o.news, sh.fresh = facts{}, true
}

// before is for what the memory has taken in already, before a crash of this host:
// what was decided then may not have been done.
func (sh *shared) before(s *Scorer, u *user, t *told) {
	sh.now = facts{}
	t.open.verdict = s.before(u, t)
	t.open.news, sh.now = sh.now, facts{}
	sh.close(s, t.open)
}

// keep keeps what was told until the engine has it, if there is room.
func (sh *shared) keep(name string, t *told) bool {
	list := sh.untold[name]
	if len(name) > maxName || sh.waits >= maxUntoldAll || len(list) >= maxUntold {
		sh.lost++
		return false
	}
	sh.left(name, append(list, *t))
	return true
}

// left takes note of what is left to be told of a user.
func (sh *shared) left(name string, list []told) {
	sh.waits += len(list) - len(sh.untold[name])
	sh.dirty[name] = true
	if len(list) == 0 {
		delete(sh.untold, name)
		return
	}
	sh.untold[name] = list
}

// forget drops what is left to be told of a user.
func (sh *shared) forget(name string) {
	delete(sh.flying, name) // its answer is of before
	delete(sh.lately.of, name)
	if len(sh.untold[name]) > 0 {
		sh.left(name, nil)
	}
}
