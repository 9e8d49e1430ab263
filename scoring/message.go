package scoring

// MessageID names a message. A queue id is unique only within one queue, and
// only while the message is in it. Postfix tells a policy service the queue id
// and not the rest; "" is not known, and is taken for any.
type MessageID struct {
	Host  string // as the log calls it
	Queue string // syslog_name of the Postfix instance: "postfix"
	ID    string // "4F1A2B3C4D"; "": the message has no queue id
}

// fits tells whether two names may be of one message.
func (id MessageID) fits(other MessageID) bool {
	return id.ID == other.ID &&
		(id.Host == other.Host || id.Host == "" || other.Host == "") &&
		(id.Queue == other.Queue || id.Queue == "" || other.Queue == "")
}

// adopt learns of another name what this one leaves open.
func (id *MessageID) adopt(other MessageID) {
	if id.Host == "" {
		id.Host = other.Host
	}
	if id.Queue == "" {
		id.Queue = other.Queue
	}
}

// message is a submission whose fate is still being written to the log.
type message struct {
	id     MessageID
	user   string
	at     int64 // when it was first told of, by the log or the policy service; Unix seconds
	logged int64 // when by the log; 0: not yet
	asked  bool  // the policy service has told of it
	// action is what was decided. Held messages have had no outcome: what a log
	// tells of their deliveries would not have happened. When they are let go it
	// does, and counts then. What was refused has none at all.
	action     Action
	strange    bool
	queued     bool // its recipients have been counted: Postfix repeats the line at each retry
	removed    bool // while it was held
	recipients uint32
	bounces    uint32

	next *message // another with the same queue id, on another host

	moment         *moment // its place among the brief ones; nil: it has none
	older, younger *message
}

// passing tells whether nothing will be heard of a message's fate: it was refused,
// or no log has told of it.
func (m *message) passing() bool {
	return m.action >= Block || m.logged == 0 && m.action == Allow
}

// messages are those in the queue.
type messages struct {
	byID  map[string]*message // by queue id
	count int
	brief brief  // those that were passing; most are not for long
	swept int32  // the day on which old ones were last forgotten
	left  []left // those that left the queue last, by a hash of their names; made for the first

	changed map[string]bool // queue ids of those that have, since the last Changes; nil where nobody asks
}

const (
	// maxMessages bounds what is followed at once; more in the queue than this
	// and outcomes of the newest go uncounted.
	maxMessages = 500_000
	// messageLife is longer than Postfix keeps a message in its queue
	// (maximal_queue_lifetime is 5 days). A client that hangs up before the end
	// of its message leaves no other sign, before Postfix 3.10.
	messageLife = 6 * dayStep
	// rememberedLeft bounds of how many messages a line is known again although they
	// have left the queue: a relay of logs that does not know what has come sends a
	// window of some hundred lines once more, perhaps behind those of other hosts.
	rememberedLeft = 1 << 16
	// sameMessage is how far apart the log and the policy service may tell of
	// one message: a line waits in buffers, and a client between RCPT and DATA.
	// Later, a short queue id may be another message's.
	sameMessage = hourStep
)

// find is the message of that name: the one that is called so exactly, or else
// one that may be.
func (ms *messages) find(id MessageID) *message {
	var near *message
	for m := ms.byID[id.ID]; m != nil; m = m.next {
		if m.id == id {
			return m
		}
		if near == nil && m.id.fits(id) {
			near = m
		}
	}
	return near
}

// heard is find for what the log tells of a message's fate: the log's name for
// it is known from then on.
func (ms *messages) heard(id MessageID) *message {
	m := ms.find(id)
	if m != nil && m.id != id {
		m.id.adopt(id)
		ms.touch(m)
	}
	return m
}

func (ms *messages) touch(m *message) {
	if ms.changed != nil {
		ms.changed[m.id.ID] = true
	}
}

// again finds the message of a submission that was judged before, and takes note
// of the new witness: the log and the policy service tell of the same messages,
// a line can be read twice, and Postfix asks twice when an answer is late.
func (ms *messages) again(sub *Submission) *message {
	m := ms.find(sub.Message)
	if m == nil {
		return ms.gone(sub)
	}
	if m.user != sub.User || m.removed {
		return nil
	}
	at := sub.Time.Unix()
	if !sub.Asked && m.logged != 0 {
		if m.logged != at {
			return nil
		}
		return m
	}
	if apart := at - m.at; apart > sameMessage || apart < -sameMessage {
		return nil
	}
	if sub.Asked {
		m.asked = true
	} else {
		m.logged = at
	}
	m.id.adopt(sub.Message)
	ms.touch(m)
	return m
}

// follow adds a message, in the place of an older one of the same name.
func (ms *messages) follow(m *message) {
	ms.drop(ms.find(m.id))
	for ms.count >= maxMessages && ms.brief.oldest() != nil {
		ms.dropBriefest()
	}
	if m.id.ID == "" || ms.count >= maxMessages {
		return
	}
	ms.add(m)
	ms.touch(m)
}

func (ms *messages) add(m *message) {
	m.next = ms.byID[m.id.ID]
	ms.byID[m.id.ID] = m
	ms.count++
	ms.mayPass(m)
}

// mayPass puts a message among the passing ones if it is one.
func (ms *messages) mayPass(m *message) {
	if m.passing() && m.moment == nil {
		ms.brief.add(m)
	}
}

// decide changes what becomes of a message.
func (ms *messages) decide(m *message, action Action) {
	m.action = action
	ms.mayPass(m)
	ms.touch(m)
}

// of are the messages of one user.
func (ms *messages) of(user string) (list []*message) {
	for _, m := range ms.byID {
		for ; m != nil; m = m.next {
			if m.user == user {
				list = append(list, m)
			}
		}
	}
	return list
}

// reunite puts the messages that are being followed in the place of those that a
// user's record holds.
func (ms *messages) reunite(u *user) {
	for i := range u.held {
		if m := ms.find(u.held[i].id); m != nil && m.becameOf(u.held[i].message) {
			u.held[i].message = m
		}
	}
}

// becameOf tells whether a message is another as more has been told of it.
func (m *message) becameOf(o *message) bool {
	return m.user == o.user && m.action == Hold && m.at == o.at
}

func (ms *messages) drop(m *message) {
	if m == nil {
		return
	}
	ms.touch(m)
	ms.brief.remove(m)
	first := ms.byID[m.id.ID]
	for at := &first; *at != nil; at = &(*at).next {
		if *at == m {
			*at, m.next = m.next, nil
			ms.count--
			break
		}
	}
	if first == nil {
		delete(ms.byID, m.id.ID)
		return
	}
	ms.byID[m.id.ID] = first
}

// dropBriefest forgets the message that has been passing for longest, unless
// its fate is being told by now.
func (ms *messages) dropBriefest() {
	m := ms.brief.oldest()
	ms.brief.remove(m)
	if m.passing() {
		ms.drop(m)
	}
}

// left is a message that has left the queue.
type left struct {
	name   uint64 // hash of its id and user
	logged uint32 // as in message
	action Action
}

// leave takes a message out that has left the queue.
func (ms *messages) leave(m *message) {
	ms.drop(m)
	if ms.left == nil {
		ms.left = make([]left, rememberedLeft)
	}
	name := nameOf(m.id, m.user)
	ms.left[name%rememberedLeft] = left{name, uint32(m.logged), m.action}
}

// gone finds the message of a line of the log among those that have left the queue.
func (ms *messages) gone(sub *Submission) *message {
	if sub.Asked || ms.left == nil {
		return nil
	}
	name, at := nameOf(sub.Message, sub.User), sub.Time.Unix()
	l := ms.left[name%rememberedLeft]
	if l.name != name || l.logged != uint32(at) {
		return nil
	}
	return &message{id: sub.Message, user: sub.User, logged: at, action: l.action}
}

func nameOf(id MessageID, user string) uint64 {
	var room [128]byte
	name := room[:0]
	for _, part := range []string{id.Host, id.Queue, id.ID, user} {
		name = append(append(name, part...), 0)
	}
	return fnv1a(name)
}

// tidy forgets messages that will not be heard of again: those that are passing
// after an hour, the others once a day.
func (ms *messages) tidy(now int64) {
	for m := ms.brief.oldest(); m != nil && now-m.at > sameMessage; m = ms.brief.oldest() {
		ms.dropBriefest()
	}
	day := int32(now / dayStep)
	if day == ms.swept {
		return
	}
	ms.swept = day
	var old []*message
	for _, m := range ms.byID {
		for ; m != nil; m = m.next {
			if now-m.at > messageLife {
				old = append(old, m)
			}
		}
	}
	for _, m := range old {
		ms.drop(m)
	}
}
