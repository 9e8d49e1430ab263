package scoring

import (
	"slices"
	"time"

	"sendwarden/geo"
)

// Standing is how a user stands at a time.
type Standing struct {
	Score       float64
	Hold, Block float64 // the thresholds in force for the user
	Blocked     bool
	Seen        time.Time // the last submission or log-in; zero: never
	Reasons     []Reason  // for the score, the oldest first
	Usual       Usual
	Held        []Held
}

// Held is a message that waits.
type Held struct {
	Message MessageID
	Since   time.Time
	Until   time.Time // when it goes if nothing follows; zero: when a person says so
	Place   geo.Place
}

// Standing tells how a user stands; not known is one of whom nothing is remembered.
func (s *Scorer) Standing(name string, now time.Time) (st Standing, known bool) {
	override := s.rules.Users[name]
	st.Hold, st.Block = override.thresholds(s.rules)
	u := s.users.find(name)
	if u == nil {
		return st, false
	}
	st.Score, st.Blocked = u.scoreNow(now.Unix(), s.rules.HalfLife), u.blocked
	st.Reasons, st.Usual = slices.Clone(u.reasons), s.usual(u, now)
	if u.last != 0 {
		st.Seen = time.Unix(u.last, 0).In(now.Location())
	}
	for _, h := range u.held {
		held := Held{Message: h.id, Since: time.Unix(h.at, 0).In(now.Location()), Place: h.place}
		if !u.blocked {
			held.Until = time.Unix(s.faded(u), 0).In(now.Location())
		}
		st.Held = append(st.Held, held)
	}
	return st, true
}

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

// Waiting are the users whose mail waits to be let go by itself.
func (s *Scorer) Waiting() []string { return s.queue.names() }

// LetGo lets one held message go, as a person said, and tells whether it was held.
// Its place counts as used by the user.
func (s *Scorer) LetGo(name, id string, now time.Time) (MessageID, bool) {
	u, h, held := s.take(name, id)
	if !held {
		return MessageID{}, false
	}
	s.learn(u, h.place, now.Unix())
	s.release(h.message, u, now.Unix())
	return h.id, true
}

// Keep has one held message wait until a person lets it go, and tells whether it
// was held. What it asked for counts; it is not heard of again.
func (s *Scorer) Keep(name, id string) (MessageID, bool) {
	_, h, held := s.take(name, id)
	return h.id, held
}

// take takes a message out of those of its user's that wait.
func (s *Scorer) take(name, id string) (u *user, h heldMessage, held bool) {
	if u = s.users.find(name); u == nil {
		return nil, heldMessage{message: &message{}}, false
	}
	i := slices.IndexFunc(u.held, func(h heldMessage) bool { return h.id.ID == id })
	if i < 0 {
		return u, heldMessage{message: &message{}}, false
	}
	h = u.held[i]
	u.held = slices.Delete(u.held, i, i+1)
	s.users.change(u)
	return u, h, true
}
