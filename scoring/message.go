package scoring

import (
	"maps"
	"net/netip"
	"time"
)

// message is a submission whose fate is still being written to the log.
type message struct {
	user       *user
	at         int64
	strange    bool
	recipients uint32
	queued     bool // its recipients have been counted: Postfix repeats the line at each retry
	// held messages have had no outcome: what a log tells of their deliveries
	// would not have happened. When they are let go it does, and counts then.
	held    bool
	bounces uint32
	removed bool // while it was held
}

// messages are those in the queue, by id.
type messages map[string]*message

const (
	// maxMessages bounds what is followed at once; more in the queue than this
	// and outcomes of the newest go uncounted.
	maxMessages = 500_000
	// messageLife is longer than Postfix keeps a message in its queue
	// (maximal_queue_lifetime is 5 days). A client that hangs up before the end
	// of its message leaves no other sign, before Postfix 3.10.
	messageLife = 6 * dayStep
)

// begin follows a message from its submission on. Once a day it forgets those
// that will not be heard of again.
func (s *Scorer) begin(l *look, held bool) {
	if l.day != s.tidied {
		s.tidied = l.day
		maps.DeleteFunc(s.messages, func(_ string, m *message) bool { return l.now-m.at > messageLife })
	}
	if l.sub.Message == "" || len(s.messages) >= maxMessages {
		return
	}
	s.messages[l.sub.Message] = &message{user: l.user, at: l.now, strange: l.strange, held: held}
}

// release lets a held message go: what the log tells of it becomes true.
func (s *Scorer) release(id string, at int64) {
	if m := s.messages[id]; m != nil {
		m.held = false
		s.sent(m.user, m.recipients)
		t := tally{delivered: m.recipients, bounces: m.bounces}
		if m.strange {
			t.strangeBounces = m.bounces
		}
		s.returned(m.user, m.bounces)
		m.user.volume.add(at, t)
		if m.removed {
			delete(s.messages, id)
		}
	}
}

// sent and returned keep the long-term counts of a user and of the server.
func (s *Scorer) sent(u *user, recipients uint32) {
	u.sentTo += float32(recipients)
	s.server.sentTo += float64(recipients)
}

func (s *Scorer) returned(u *user, bounces uint32) {
	u.cameBack += float32(bounces)
	s.server.cameBack += float64(bounces)
}

// again tells whether a submission was judged before: a line can be read twice.
func (ms messages) again(sub *Submission, u *user) bool {
	m := ms[sub.Message]
	return m != nil && m.user == u && m.at == sub.Time.Unix()
}

// Queued counts the recipients and the envelope sender of a message that was
// accepted. They count for a held message, too: they are what the client asked
// for, not an outcome.
func (s *Scorer) Queued(id string, at time.Time, recipients int, from string) {
	m := s.messages[id]
	if m == nil || m.queued {
		return
	}
	m.queued = true
	m.user.senders.used(hashName(from), at.Unix())
	m.recipients = uint32(recipients)
	t := tally{recipients: m.recipients}
	if m.strange {
		t.strangeRecipients = t.recipients
	}
	if !m.held {
		t.delivered = m.recipients
		s.sent(m.user, m.recipients)
	}
	m.user.volume.add(at.Unix(), t)
}

// Bounced counts a recipient whose mail came back.
func (s *Scorer) Bounced(id string, at time.Time) {
	m := s.messages[id]
	if m == nil {
		return
	}
	if m.held {
		m.bounces++
		return
	}
	t := tally{bounces: 1}
	s.returned(m.user, 1)
	if m.strange {
		t.strangeBounces = 1
	}
	m.user.volume.add(at.Unix(), t)
}

// Rejected counts a command about a message that Postfix refused.
func (s *Scorer) Rejected(id string, at time.Time) {
	if m := s.messages[id]; m != nil && !m.held {
		m.user.volume.add(at.Unix(), tally{rejects: 1})
	}
}

// Removed ends the following of a message. A held one is followed on: in the
// queue that it would have waited in, it is still there.
func (s *Scorer) Removed(id string) {
	switch m := s.messages[id]; {
	case m == nil:
	case m.held:
		m.removed = true
	default:
		delete(s.messages, id)
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
	u := s.users[login.User]
	if u == nil || u.blocked {
		return // who never sends is no concern
	}
	l := &s.look
	l.aim(&login, u)
	if !l.placed {
		return
	}
	if !l.strange {
		s.learn(u, l.place, l.now)
	}
	u.last = max(u.last, l.now)
}
