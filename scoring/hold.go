package scoring

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// maxHeld bounds the messages of one user that are let go by themselves; more
// than so many wait for a person.
const maxHeld = 20_000

// wait puts a held message in the queue of its user.
func (s *Scorer) wait(u *user, h heldMessage) {
	if len(u.held) < maxHeld {
		u.held = append(u.held, h)
	}
	s.queue.add(u.name, s.due(u))
}

// What waits goes in portions, the oldest first: a few messages, and when nothing
// has happened for a while after them, some more. A thief's burst shows what it is
// by what comes back of its first portion; a newsletter is through in a quarter of
// an hour. Meanwhile, what else comes from where they came from waits behind them.
const (
	firstPortion = 3
	portionGrows = 4   // times the one before
	portionPause = 120 // seconds: most of what is refused has come back by then
)

// Due answers the held messages that may go by a time, in order of the moment
// at which their users' scores had faded enough. Call it before each event.
func (s *Scorer) Due(now time.Time) []Release {
	type portion struct {
		since    int64
		releases []Release
	}
	var going []portion
	var later []*waiting
	for w := s.queue.next(now.Unix()); w != nil; w = s.queue.next(now.Unix()) {
		u := s.users.find(w.name)
		if u == nil || u.blocked || len(u.held) == 0 {
			s.queue.drop(w.name) // kept for review, or released by a person
			continue
		}
		if s.shares(u) && !w.fresh {
			later = append(later, w) // see Refresh
			continue
		}
		w.fresh = false
		if w.at = s.due(u); w.at <= now.Unix() {
			going = append(going, portion{w.since, s.letGo(u, w.at)})
			w.at = s.due(u)
		}
		s.queue.put(w)
	}
	for _, w := range later {
		s.queue.put(w)
	}
	slices.SortStableFunc(going, func(a, b portion) int { return cmp.Compare(a.since, b.since) })
	var due []Release
	for _, p := range going {
		due = append(due, p.releases...)
	}
	slices.SortStableFunc(due, func(a, b Release) int { return a.Time.Compare(b.Time) })
	return due
}

// faded is when a user's score falls below the threshold for holding.
func (s *Scorer) faded(u *user) int64 {
	hold, _ := s.rules.Users[u.name].thresholds(s.rules)
	if u.score < hold {
		return u.scoreAt
	}
	halfLives := math.Log2(u.score / hold)
	return u.scoreAt + int64(halfLives*s.rules.HalfLife.Seconds()) + 1
}

// due is when the next of a user's held messages may go.
func (s *Scorer) due(u *user) int64 { return max(s.faded(u), u.pausedTo) }

// letGo releases the next portion of a user's held messages: nothing followed, so
// the place was theirs.
func (s *Scorer) letGo(u *user, at int64) []Release {
	s.users.change(u)
	u.portion = max(firstPortion, u.portion*portionGrows)
	n := min(len(u.held), int(u.portion))
	released := make([]Release, 0, n)
	for _, h := range u.held[:n] {
		released = append(released, Release{time.Unix(at, 0), u.name, h.id})
		s.release(h, u, at, true)
	}
	u.held, u.pausedTo = slices.Delete(u.held, 0, n), at+portionPause
	if s.shares(u) {
		s.shared.paused(s, u, at)
		return released // more may wait on another host
	}
	if len(u.held) == 0 {
		u.held, u.portion, u.pausedTo = nil, 0, 0
	}
	return released
}

// overruledWeight is how many days of use a person's word is worth: the places
// of a user who was released are familiar from then on.
const overruledWeight = 4

// Blocked notes that a user is on the blocklist, by whomever.
func (s *Scorer) Blocked(name string, at time.Time) {
	u := s.user(name, at.Unix())
	if s.shares(u) {
		s.shared.done(s, u, told{what: blocked, at: at.Unix()})
		return
	}
	u.blocked = true
}

// Blocks tells whether a user is taken for blocked.
func (s *Scorer) Blocks(name string) bool {
	u := s.users.find(name)
	return u != nil && u.blocked
}

// Released notes that a person let a user send again. What led to the block is
// overruled: the score is gone, and unless told otherwise the places that the
// user was seen in are learnt as the user's own. It answers the
// user's messages that were held.
func (s *Scorer) Released(name string, at time.Time, teach bool) (held []MessageID) {
	u := s.users.find(name)
	if u == nil && s.shared != nil {
		u = s.user(name, at.Unix()) // another host may know more
	}
	if u == nil {
		return nil
	}
	s.users.change(u)
	for _, h := range u.held {
		held = append(held, h.id)
		s.release(h, u, at.Unix(), false)
	}
	u.held, u.portion, u.pausedTo = nil, 0, 0
	s.sighted(sighting{acquitted, 0, hashName(name), at.Unix()})
	if s.shares(u) {
		s.shared.done(s, u, told{what: overruled, at: at.Unix(), teach: teach})
		return held
	}
	s.overrule(u, at.Unix(), teach)
	return held
}

// overrule is what a release does to the memory of its user.
func (s *Scorer) overrule(u *user, at int64, teach bool) {
	u.blocked, u.score, u.scoreAt, u.reasons, u.fired = false, 0, at, nil, nil
	u.portion, u.pausedTo = 0, 0
	u.whereabouts = toAndFro{}
	for i := range u.volume {
		u.volume[i].overrule()
	}
	for i := range u.visits {
		v := &u.visits[i]
		if teach && v.strange {
			v.strange = false
			u.teach(v, int32(at/dayStep), s.look.fade)
		}
	}
}

// teach makes the place of a visit familiar at once.
func (u *user) teach(v *visit, day int32, fade *fading) {
	for _, memory := range []struct {
		habits *habits
		key    uint32
	}{{&u.countries, uint32(v.country)}, {&u.networks, v.network}, {&u.blocks, v.block}} {
		if memory.key != 0 {
			memory.habits.use(memory.key, day, fade)
			memory.habits.strengthen(memory.key, overruledWeight)
		}
	}
}
