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
	queued  map[uint64]struct{} // in the queue now
	waiting map[uint64]struct{} // deferred at least once
}

// NewOrder begins with an empty queue.
func NewOrder() *Order {
	return &Order{make(map[uint64]struct{}), make(map[uint64]struct{})}
}

// maxMessages bounds how many messages are remembered. A log that says of more
// that they came, and of none that it left, is incomplete anyway.
const maxMessages = 1 << 22

// Count counts the notes of the next block.
func (o *Order) Count(notes []Note, c *Counts) {
	for i := range notes {
		n := &notes[i]
		switch n.kind {
		case maillog.Queued:
			if remember(o.queued, n.message) {
				c.Senders.addBytes(n.sender)
				c.Bytes += n.size
			}
		case maillog.Removed:
			delete(o.queued, n.message)
		case maillog.Delivery:
			if remember(o.waiting, n.message) {
				c.Waiting++
			}
		}
	}
}

// remember reports whether a message is a new one.
func remember(known map[uint64]struct{}, message uint64) bool {
	before := len(known)
	if before >= maxMessages {
		clear(known)
		before = 0
	}
	known[message] = struct{}{}
	return len(known) > before
}
