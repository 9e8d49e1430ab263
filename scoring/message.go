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
	id   MessageID
	user string
	// When the log and when the policy service told of the submission, Unix
	// seconds; 0: not yet. Either may be first.
	logged, asked int64
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
}

// began is when the message was first heard of.
func (m *message) began() int64 {
	if m.logged == 0 || m.asked != 0 && m.asked < m.logged {
		return m.asked
	}
	return m.logged
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
	brief []*message // those that were passing, in order; most are not for long
	swept int32      // the day on which old ones were last forgotten
}

const (
	// maxMessages bounds what is followed at once; more in the queue than this
	// and outcomes of the newest go uncounted.
	maxMessages = 500_000
	// messageLife is longer than Postfix keeps a message in its queue
	// (maximal_queue_lifetime is 5 days). A client that hangs up before the end
	// of its message leaves no other sign, before Postfix 3.10.
	messageLife = 6 * dayStep
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
	if m != nil {
		m.id.adopt(id)
	}
	return m
}

// again finds the message of a submission that was judged before, and takes note
// of the new witness: the log and the policy service tell of the same messages,
// a line can be read twice, and Postfix asks twice when an answer is late.
func (ms *messages) again(sub *Submission) *message {
	m := ms.find(sub.Message)
	if m == nil || m.user != sub.User || m.removed {
		return nil
	}
	at := sub.Time.Unix()
	if !sub.Asked && m.logged != 0 {
		if m.logged != at {
			return nil
		}
		return m
	}
	if apart := at - m.began(); apart > sameMessage || apart < -sameMessage {
		return nil
	}
	if sub.Asked {
		m.asked = at
	} else {
		m.logged = at
	}
	m.id.adopt(sub.Message)
	return m
}

// follow adds a message, in the place of an older one of the same name.
func (ms *messages) follow(m *message) {
	ms.drop(ms.find(m.id))
	for ms.count >= maxMessages && len(ms.brief) > 0 {
		ms.dropBriefest()
	}
	if m.id.ID == "" || ms.count >= maxMessages {
		return
	}
	m.next = ms.byID[m.id.ID]
	ms.byID[m.id.ID] = m
	ms.count++
	if m.passing() {
		ms.brief = append(ms.brief, m)
	}
}

func (ms *messages) drop(m *message) {
	if m == nil {
		return
	}
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
	m := ms.brief[0]
	ms.brief = ms.brief[1:]
	if m.passing() {
		ms.drop(m)
	}
}

// tidy forgets messages that will not be heard of again: those that are passing
// after an hour, the others once a day.
func (ms *messages) tidy(now int64) {
	for len(ms.brief) > 0 && now-ms.brief[0].began() > sameMessage {
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
			if now-m.began() > messageLife {
				old = append(old, m)
			}
		}
	}
	for _, m := range old {
		ms.drop(m)
	}
}
