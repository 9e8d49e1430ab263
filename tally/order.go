package tally

import "sendwarden/maillog"

// Note is what a line says that only counts in the log's order.
type Note struct {
	message uint64 // hash of host, queue and id
	kind    maillog.Type
	size    int64
	sender  []byte
}

// Order counts what needs a log's order. Postfix says "queue active" of a message
// whenever it tries again, and uses short queue ids again soon after "removed".
type Order struct {
	queued  set // in the queue now
	waiting set // deferred at least once

	senders map[string]*int // of the messages, by envelope sender
	others  int             // beyond those that are kept
	bytes   int64
	waits   int // messages that were waiting once
}

// NewOrder begins with an empty queue.
func NewOrder() *Order { return &Order{senders: make(map[string]*int)} }

// maxMessages bounds how many messages are remembered. A log that says of more
// that they came, and of none that it left, is incomplete anyway.
const maxMessages = 1 << 22

// Count counts the notes of the next block.
func (o *Order) Count(notes []Note) {
	for i := range notes {
		n := &notes[i]
		switch n.kind {
		case maillog.Queued:
			if o.queued.add(n.message, maxMessages) {
				o.sender(n.sender)
				o.bytes += n.size
			}
		case maillog.Removed:
			o.queued.remove(n.message)
		case maillog.Delivery:
			if o.waiting.add(n.message, maxMessages) {
				o.waits++
			}
		}
	}
}

// sender counts one, and makes a string of a new name only.
func (o *Order) sender(name []byte) {
	n := o.senders[string(name)]
	switch {
	case n != nil:
	case len(o.senders) >= maxNames:
		n = &o.others
	default:
		n = new(int)
		o.senders[string(name)] = n
	}
	*n++
}

// AddTo adds what was counted.
func (o *Order) AddTo(c *Counts) {
	for name, n := range o.senders {
		c.Senders.add(name, *n)
	}
	if o.others > 0 {
		c.Senders[Others] += o.others
	}
	c.Bytes += o.bytes
	c.Waiting += o.waits
}
