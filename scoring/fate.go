package scoring

import (
	"net/netip"
	"slices"
	"time"
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

// release lets a held message go: what the log tells of it becomes true.
func (s *Scorer) release(m *message, u *user, at int64) {
	if m.action != Hold {
		return
	}
	s.messages.decide(m, Allow)
	s.sent(u, m.recipients)
	t := tally{delivered: m.recipients, bounces: m.bounces}
	if m.strange {
		t.strangeBounces = m.bounces
	}
	s.returned(u, m.bounces)
	u.volume.add(at, t)
	if m.removed {
		s.messages.drop(m)
	}
}

// sent and returned keep the long-term counts of a user and of the server.
func (s *Scorer) sent(u *user, recipients uint32) {
	u.sentTo += float32(recipients)
	if KindOf(u.name) == Users {
		s.server.sentTo += float64(recipients)
	}
}

func (s *Scorer) returned(u *user, bounces uint32) {
	u.cameBack += float32(bounces)
	if KindOf(u.name) == Users {
		s.server.cameBack += float64(bounces)
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
	u.senders.used(hashName(from), at.Unix())
	m.recipients = uint32(recipients)
	t := tally{recipients: m.recipients}
	if m.strange {
		t.strangeRecipients = t.recipients
	}
	if m.action == Allow {
		t.delivered = m.recipients
		s.sent(u, m.recipients)
	}
	u.volume.add(at.Unix(), t)
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
	t := tally{bounces: 1}
	u := s.user(m.user, at.Unix())
	s.returned(u, 1)
	if m.strange {
		t.strangeBounces = 1
	}
	u.volume.add(at.Unix(), t)
}

// Rejected counts a command about a message that Postfix refused.
func (s *Scorer) Rejected(id MessageID, at time.Time) {
	if m := s.messages.heard(id); m != nil && m.action == Allow {
		s.user(m.user, at.Unix()).volume.add(at.Unix(), tally{rejects: 1})
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
		s.messages.drop(m)
	}
}

// Failure notes a failed log-in from an address.
func (s *Scorer) Failure(addr netip.Addr, at time.Time) {
	now := at.Unix()
	x := s.server.stranger(hashAddr(addr), now)
	if now-x.failed > dayStep {
		x.failures = 0
	}
	x.failed = now
	x.failures = min(x.failures, 1<<15) + 1
}

// Login notes that a user read mail from a place: evidence of where the user
// is at home. It says less about where the user is now, as the computer at home
// goes on reading while its owner travels.
func (s *Scorer) Login(login Submission) {
	u := s.users.find(login.User)
	if u == nil || u.blocked {
		return // who never sends is no concern
	}
	s.users.change(u)
	l := &s.look
	l.aim(&login, u)
	if !l.placed {
		return
	}
	if !l.stranger() {
		s.learn(u, l.place, l.now)
	}
	u.last = max(u.last, l.now)
}
