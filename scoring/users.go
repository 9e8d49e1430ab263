package scoring

import "slices"

// users are all who are remembered. Of a million users most are idle at any
// time: those sleep as records, which take half of the memory. Who is heard of is
// woken, and when those who are awake take too much room, some who were not heard
// of for long fall asleep: few at a time, so that nobody's mail waits while
// thousands are put to bed.
//
// With a state on disk (Remember), not even the records of sleepers are kept in
// memory: the state has them.
type users struct {
	here   map[string]*user // those who are awake
	asleep map[string][]byte

	// circle are those who are awake, too. When room is short a hand goes around:
	// who was heard of since it came by last is spared this time, who was not falls
	// asleep (as pages do, by Corbató's "clock" of 1968).
	circle []*user
	hand   int
	room   int // bytes that they take
	most   int // that they may take

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

// awakeRoom keeps some 75,000 users at hand (bench/memory), as a provider's busy hour has them.
const awakeRoom = 160 << 20

func newUsers() users {
	return users{
		here: make(map[string]*user), asleep: make(map[string][]byte),
		gone: make(map[string]bool), most: awakeRoom, reunite: func(*user) {},
	}
}

// find answers a user; nil when nothing is known of one.
func (us *users) find(name string) *user {
	u := us.here[name]
	if u == nil {
		if u = us.wake(name); u != nil {
			us.add(u)
		}
		return u
	}
	u.heard = true
	us.weigh(u)
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
	us.here[u.name] = u
	u.heard, u.place = true, len(us.circle)
	us.circle = append(us.circle, u)
	us.weigh(u)
}

// weigh takes note of how much room a user takes by now, for which others may have
// to leave.
func (us *users) weigh(u *user) {
	weight := u.size()
	us.room += weight - u.weight
	u.weight = weight
	if us.state == nil {
		us.makeRoom(u, handSteps)
	}
}

// handSteps is how many users the hand passes at most while somebody's mail waits.
// More than one has to leave only if they are smaller than who has come.
const handSteps = 64

// makeRoom lets the hand go on until there is room, past so many users at most; but
// one stays.
func (us *users) makeRoom(stays *user, steps int) {
	for ; us.room > us.most && steps > 0; steps-- {
		if us.hand >= len(us.circle) {
			us.hand = 0
		}
		switch u := us.circle[us.hand]; {
		case u == stays || u.changed:
			us.hand++
		case u.heard:
			u.heard = false
			us.hand++
		default:
			us.sleep(u) // the hand is on another one now
		}
	}
}

// sleep makes a record of a user, unless the state has it.
func (us *users) sleep(u *user) {
	if us.state == nil {
		us.asleep[u.name] = us.record(u)
	}
	us.remove(u)
}

// remove takes a user out from those who are awake; the last of the circle comes
// into the place.
func (us *users) remove(u *user) {
	delete(us.here, u.name)
	us.room -= u.weight
	last := len(us.circle) - 1
	us.circle[u.place] = us.circle[last]
	us.circle[u.place].place = u.place
	us.circle[last] = nil
	us.circle = us.circle[:last]
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
func (us *users) rest() { us.makeRoom(nil, 2*len(us.circle)) }

// forget drops all that is remembered of a user.
func (us *users) forget(name string) {
	u := us.find(name)
	if u == nil {
		return
	}
	u.forgotten = true
	us.remove(u)
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
