package scoring

import (
	"maps"
	"slices"
)

// users are all who are remembered. Of a million users most are idle at any
// time: those sleep as records, which take a third of the memory. Who is heard of
// is woken, and falls asleep again when enough others have been heard of since:
// one at a time, so that nobody's mail waits while thousands are put to bed.
//
// With a state on disk (Remember), not even the records of sleepers are kept in
// memory: the state has them.
type users struct {
	// awake were heard of lately, drowsy before. When there are too many awake,
	// they become the drowsy ones, and those fall asleep.
	awake, drowsy map[string]*user
	tired         []*user // of the drowsy; some were roused since
	asleep        map[string][]byte
	most          int // awake at once, and drowsy as many

	state   *stateOf // nil: all is in memory
	changed []*user  // since the last Changes; they stay awake until then
	// gone are the forgotten: the state may still have them. Those that were
	// handed over are true.
	gone map[string]bool
	// reunite puts the messages that are being followed in the place of those that
	// a record holds.
	reunite func(*user)
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
		awake: make(map[string]*user), drowsy: make(map[string]*user), asleep: make(map[string][]byte),
		gone: make(map[string]bool), most: awakeAtOnce, reunite: func(*user) {},
	}
}

// find answers a user; nil when nothing is known of one.
func (us *users) find(name string) *user {
	if u := us.awake[name]; u != nil {
		return u
	}
	u := us.drowsy[name]
	if u == nil {
		u = us.wake(name)
	}
	if u != nil {
		us.rouse(u)
	}
	return u
}

// peek answers a user as find does, and leaves everybody where they are: what it
// answers is to be looked at only.
func (us *users) peek(name string) *user {
	for _, at := range []map[string]*user{us.awake, us.drowsy} {
		if u := at[name]; u != nil {
			return u
		}
	}
	return us.recall(name)
}

// rouse takes a user among those who are awake.
func (us *users) rouse(u *user) {
	delete(us.drowsy, u.name)
	if us.state == nil {
		us.bed()
	}
	us.awake[u.name] = u
}

// bed lets the next of the drowsy fall asleep. There are not more of them than
// become awake before their beds are needed.
func (us *users) bed() {
	if len(us.awake) >= us.most {
		for len(us.tired) > 0 {
			us.sleep()
		}
		us.drowsy, us.awake = us.awake, make(map[string]*user, us.most)
		us.tired = slices.AppendSeq(us.tired, maps.Values(us.drowsy))
	}
	us.sleep()
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
	if us.drowsy[u.name] == u {
		us.asleep[u.name] = encode(func(c *coder) { c.user(u) })
		delete(us.drowsy, u.name)
	}
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
	if len(us.awake) < us.most {
		return
	}
	for name, u := range us.drowsy {
		if u.changed {
			us.awake[name] = u
		}
	}
	us.drowsy, us.awake = us.awake, make(map[string]*user)
}

// forget drops all that is remembered of a user.
func (us *users) forget(name string) {
	u := us.find(name)
	if u == nil {
		return
	}
	u.forgotten = true
	delete(us.awake, name)
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
			each(userKey+u.name, encode(func(c *coder) { c.user(u) }))
		}
	}
	clear(us.changed) // lets go of them
	us.changed = us.changed[:0]
}
