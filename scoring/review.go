package scoring

import (
	"slices"
	"time"
)

// thresholds are those in force for one user.
func (o Override) thresholds(rules *Rules) (hold, block float64) {
	hold, block = rules.Hold, rules.Block
	if o.Hold != 0 {
		hold = o.Hold
	}
	if o.Block != 0 {
		block = o.Block
	}
	return hold, block
}

// Waiting are the users whose mail waits to be let go by itself, the longest first.
func (s *Scorer) Waiting() []string { return s.queue.names() }

// LetGo lets one held message go, as a person said, and tells whether it was held.
// Its place counts as used by the user.
func (s *Scorer) LetGo(name, id string, now time.Time) bool {
	u, h, held := s.take(name, id)
	if held {
		s.release(h, u, now.Unix(), true)
	}
	return held
}

// Keep has one held message wait until a person lets it go, and tells whether it
// was held. What it asked for counts; it is not heard of again.
func (s *Scorer) Keep(name, id string) bool {
	_, _, held := s.take(name, id)
	return held
}

// take takes a message out of those of its user's that wait.
func (s *Scorer) take(name, id string) (u *user, h heldMessage, held bool) {
	if u = s.users.find(name); u == nil {
		return nil, heldMessage{}, false
	}
	i := slices.IndexFunc(u.held, func(h heldMessage) bool { return h.id.ID == id })
	if i < 0 {
		return u, heldMessage{}, false
	}
	h = u.held[i]
	u.held = slices.Delete(u.held, i, i+1)
	s.users.change(u)
	return u, h, true
}
