package scoring

import (
	"net/netip"
	"slices"
	"time"

	"sendwarden/geo"
)

// begin follows a message from its submission on.
func (s *Scorer) begin(sub *Submission, action Action, strange bool) *message {
	m := &message{id: sub.Message, user: sub.User, at: sub.Time.Unix(), asked: sub.Asked, action: action, strange: strange}
	if !sub.Asked {
		m.logged = m.at
	}
	s.messages.follow(m)
	return m
}

// sameAgain answers for a message that was judged before as was answered then.
// But Postfix may ask after the log has told of the message, and its user may
// have been blocked in between: from a blocked user nothing is taken.
func (s *Scorer) sameAgain(m *message, sub *Submission, u *user) Verdict {
	if sub.Asked && u.blocked && m.action < Block {
		s.messages.decide(m, Refuse)
		u.held = slices.DeleteFunc(u.held, func(h heldMessage) bool { return h.message == m })
	}
	v := Verdict{
		Action: m.action, User: sub.User, Time: sub.Time, Again: true,
		Score: u.scoreNow(sub.Time.Unix(), s.rules.HalfLife),
	}
	if m.action == Hold {
		v.Reasons = slices.Clone(u.reasons)
	}
	return v
}

// release lets a held message go: what the log tells of it becomes true. Where the
// user is taken to be at home there, its place is learnt.
func (s *Scorer) release(h heldMessage, u *user, at int64, learn bool) {
	m := h.message
	c := count{what: freed, at: at, message: m.id}
	if learn {
		c.place = h.place
	}
	if m.action == Hold {
		c.sentTo, c.cameBack = m.recipients, m.bounces
		c.tally = tally{delivered: m.recipients, bounces: m.bounces}
		if m.strange {
			c.strangeBounces = m.bounces
		}
	}
	s.count(u, &c)
	if m.action != Hold {
		return
	}
	s.messages.decide(m, Allow)
	if m.removed {
		s.messages.drop(m)
	}
}

// count is what becomes of a message, as it counts for its user.
type count struct {
	what    what
	at      int64
	message MessageID
	tally
	sentTo, cameBack uint32    // of all time
	sender           uint32    // hash of the envelope sender; 0: none
	place            geo.Place // to be learnt, if it has an address
}

// count takes it into the user's memory.
func (s *Scorer) count(u *user, c *count) {
	if s.shares(u) {
		s.shared.counted(s, u, c)
		return
	}
	s.add(u, c)
}

func (s *Scorer) add(u *user, c *count) {
	if c.place.Addr.IsValid() {
		s.learn(u, c.place, c.at)
	}
	if c.sender != 0 {
		u.senders.used(c.sender, c.at)
	}
	u.sentTo += float32(c.sentTo)
	u.cameBack += float32(c.cameBack)
	if c.sentTo|c.cameBack != 0 && KindOf(u.name) == Users {
		s.mailed(c.sentTo, c.cameBack)
	}
	if c.tally != (tally{}) {
		u.volume.add(c.at, c.tally)
	}
}

// Queued counts the recipients and the envelope sender of a message that was
// accepted. They count for a held message, too: they are what the client asked
// for, not an outcome.
func (s *Scorer) Queued(id MessageID, at time.Time, recipients int, from string) {
	m := s.messages.heard(id)
	if m == nil || m.queued || m.action >= Block {
		return
	}
	m.queued = true
	s.messages.touch(m)
	u := s.user(m.user, at.Unix())
	m.recipients = uint32(recipients)
	c := m.accepted(at.Unix(), hashName(from))
	s.count(u, &c)
}

// accepted is what a message counts that was accepted.
func (m *message) accepted(at int64, sender uint32) count {
	c := count{what: queued, at: at, message: m.id, sender: sender, tally: tally{recipients: m.recipients}}
	if m.strange {
		c.strangeRecipients = m.recipients
	}
	if m.action == Allow {
		c.delivered, c.sentTo = m.recipients, m.recipients
	}
	return c
}

// Bounced counts a recipient whose mail came back.
func (s *Scorer) Bounced(id MessageID, at time.Time) {
	m := s.messages.heard(id)
	switch {
	case m == nil || m.action >= Block:
		return
	case m.action == Hold:
		m.bounces++
		s.messages.touch(m)
		return
	}
	c := count{what: bounced, at: at.Unix(), message: id, cameBack: 1, tally: tally{bounces: 1}}
	if m.strange {
		c.strangeBounces = 1
	}
	s.count(s.user(m.user, at.Unix()), &c)
}

// Rejected counts a command about a message that Postfix refused.
func (s *Scorer) Rejected(id MessageID, at time.Time) {
	if m := s.messages.heard(id); m != nil && m.action == Allow {
		s.count(s.user(m.user, at.Unix()), &count{what: rejected, at: at.Unix(), message: id, tally: tally{rejects: 1}})
	}
}

// Removed ends the following of a message. A held one is followed on: in the
// queue that it would have waited in, it is still there.
func (s *Scorer) Removed(id MessageID) {
	switch m := s.messages.heard(id); {
	case m == nil:
	case m.action == Hold:
		m.removed = true
		s.messages.touch(m)
	default:
		s.messages.leave(m)
	}
}

// Failure notes a failed log-in from an address.
func (s *Scorer) Failure(addr netip.Addr, at time.Time) {
	s.sighted(sighting{failed, hashAddr(addr), 0, at.Unix()})
}

// Login notes that a user read mail from a place: evidence of where the user
// is at home. It says less about where the user is now, as the computer at home
// goes on reading while its owner travels.
func (s *Scorer) Login(login Submission) {
	u := s.users.find(login.User)
	if u == nil && s.shared != nil {
		u = s.shared.elsewhere(s, login.User, login.Time.Unix())
	}
	if u == nil || u.blocked {
		return // who never sends is no concern
	}
	s.users.change(u)
	if s.shares(u) {
		s.shared.loggedIn(s, &login, u)
		return
	}
	s.visited(&login, u)
}

// visited is what a log-in does to the memory of its user.
func (s *Scorer) visited(login *Submission, u *user) {
	l := &s.look
	l.aim(login, u)
	if u.blocked || !l.placed {
		return
	}
	if !l.stranger() {
		s.learn(u, l.place, l.now)
	}
	u.last = max(u.last, l.now)
}
