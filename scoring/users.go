package scoring

import "slices"

// users are all who are remembered. Of a million users most are idle at any
// time: those sleep as records, which take a third of the memory. Who is heard of
// is woken, and falls asleep again when enough others have been heard of since:
// one at a time, so that nobody's mail waits while thousands are put to bed.
//
// With a state on disk (Remember), not even the records of sleepers are kept in
// memory: the state has them.
type users struct {
	// here are those who are awake: they were heard of in this round or in the one
	// before. A round ends when many have been heard of in it.
	here   map[string]*user
	round  uint32
	roused []*user // in this round
	tired  []*user // in the one before; some were roused again since
	asleep map[string][]byte
	most   int // roused in a round

	state   *stateOf // nil: all is in memory
	changed []*user  // since the last Changes; they stay awake until then
	// gone are the forgotten: the state may still have them. Those that were
	// handed over are true.
	gone map[string]bool
	// reunite puts the messages that are being followed in the place of those that
	// a record holds.
	reunite func(*user)
	writer  coder // of records
}

// stateOf is where the records are of those who are neither awake nor asleep here.
type stateOf struct {
	load func(key string) []byte
	odd  func(key string, err error)
}

// awakeAtOnce keeps the users of a busy quarter of an hour at hand, in some tens of megabytes.
const awakeAtOnce = 8192

func newUsers() users {
	return users{
		here: make(map[string]*user), round: 1, asleep: make(map[string][]byte),
		gone: make(map[string]bool), most: awakeAtOnce, reunite: func(*user) {},
	}
}

// find answers a user; nil when nothing is known of one.
func (us *users) find(name string) *user {
	u := us.here[name]
	switch {
	case u == nil:
		if u = us.wake(name); u != nil {
			us.add(u)
		}
	case u.round != us.round:
		us.rouse(u)
	}
	return u
}

// peek answers a user as find does, and leaves everybody where they are: what it
// answers is to be looked at only.
func (us *users) peek(name string) *user {
	if u := us.here[name]; u != nil {
		return u
	}
	return us.recall(name)
}

// add takes a user among those who are awake.
func (us *users) add(u *user) {
	us.rouse(u)
	us.here[u.name] = u
}

// rouse takes note that a user was heard of in this round.
func (us *users) rouse(u *user) {
	u.round = us.round // tired no longer
	if us.state == nil && us.bed() {
		u.round = us.round
	}
	us.roused = append(us.roused, u)
}

// bed lets the next of the tired fall asleep, and tells whether a round began. There
// are not more of them than are roused in this one.
func (us *users) bed() (next bool) {
	if next = len(us.roused) >= us.most; next {
		for len(us.tired) > 0 {
			us.sleep()
		}
		us.nextRound()
	}
	us.sleep()
	return next
}

func (us *users) nextRound() {
	us.tired, us.roused = us.roused, us.tired[:0]
	us.round++
}

// sleep makes a record of one of the tired, unless that one was roused.
func (us *users) sleep() {
	last := len(us.tired) - 1
	if last < 0 {
		return
	}
	u := us.tired[last]
	us.tired[last] = nil
	us.tired = us.tired[:last]
	if u.round != us.round && !u.forgotten {
		us.asleep[u.name] = us.record(u)
		delete(us.here, u.name)
	}
}

// record is that of a user.
func (us *users) record(u *user) []byte {
	c := &us.writer
	c.begin()
	c.user(u)
	return slices.Clone(c.buf)
}

// wake makes a user of a record, which is needed no more.
func (us *users) wake(name string) *user {
	u := us.recall(name)
	if u != nil {
		delete(us.asleep, name)
	}
	return u
}

// recall reads a user's record.
func (us *users) recall(name string) *user {
	record, here := us.asleep[name]
	if _, gone := us.gone[name]; !here && !gone && us.state != nil {
		record = us.state.load(userKey + name)
	}
	if record == nil {
		return nil
	}
	u, err := userOf(name, record)
	if err != nil {
		// Only what comes from a disk can be damaged. Mail goes on: the user is
		// as good as new.
		us.state.odd(userKey+name, err)
		return nil
	}
	us.reunite(u)
	return u
}

func userOf(name string, record []byte) (*user, error) {
	u := &user{name: name}
	if err := decode(record, func(c *coder) { c.user(u) }); err != nil {
		return nil, err
	}
	return u, nil
}

// change takes note that something about a user will be another thing.
func (us *users) change(u *user) {
	if us.state != nil && !u.changed {
		u.changed = true
		us.changed = append(us.changed, u)
	}
}

// rest lets those fall asleep whom the state has as they are.
func (us *users) rest() {
	if len(us.roused) < us.most {
		return
	}
	for _, u := range us.tired {
		switch {
		case u.round == us.round || u.forgotten: // is not tired
		case u.changed:
			us.roused = append(us.roused, u)
		default:
			delete(us.here, u.name)
		}
	}
	clear(us.tired) // lets go of them
	us.nextRound()
}

// forget drops all that is remembered of a user.
func (us *users) forget(name string) {
	u := us.find(name)
	if u == nil {
		return
	}
	u.forgotten = true
	delete(us.here, name)
	if us.state != nil {
		us.gone[name] = false
	}
}

// handOver hands over the records of who has changed.
func (us *users) handOver(each func(key string, record []byte)) {
	for name, said := range us.gone {
		if said {
			delete(us.gone, name)
			continue
		}
		each(userKey+name, nil)
		us.gone[name] = true
	}
	for _, u := range us.changed {
		u.changed = false
		if !u.forgotten && len(u.name) <= maxName {
			each(userKey+u.name, us.record(u))
		}
	}
	clear(us.changed) // lets go of them
	us.changed = us.changed[:0]
}
