package queue

import "time"

// Outcome is what became of a message.
type Outcome string

const (
	Held        Outcome = "held"         // it is on hold now, and was not before
	AlreadyHeld Outcome = "already_held" // it was, by the administrator or by a restriction
	Released    Outcome = "released"     // Postfix delivers it now
	Requeued    Outcome = "requeued"     // the same, under another queue id (postsuper -r)
	NotHeld     Outcome = "not_held"     // to be released, but it is not on hold
	Foreign     Outcome = "foreign"      // another user's, or nobody's
	Gone        Outcome = "gone"         // not in the queue: delivered, or never there
	Unfinished  Outcome = "unfinished"   // Postfix is still receiving it
	Unreadable  Outcome = "unreadable"   // whose it is can't be told
	Failed      Outcome = "failed"       // it is where it was
)

// Done is one message and what became of it.
type Done struct {
	ID      string  `json:"id"`
	Outcome Outcome `json:"outcome"`
}

// Result is what became of each message that was asked about, by its queue id.
type Result []Done

// IDs returns the messages with an outcome. Those that Hold returns as Held are
// the caller's to release.
func (r Result) IDs(outcomes ...Outcome) []string {
	var ids []string
	for _, d := range r {
		for _, o := range outcomes {
			if d.Outcome == o {
				ids = append(ids, d.ID)
			}
		}
	}
	return ids
}

// Mail is a message in the queue. Its texts are fit to be shown.
type Mail struct {
	ID         string    `json:"id"`
	Queue      string    `json:"queue"` // incoming, active, deferred or hold; Exim's are input and frozen
	Arrived    time.Time `json:"arrived"`
	Size       int64     `json:"size"` // bytes
	Sender     string    `json:"sender"`
	Recipients int       `json:"recipients"` // still to be served
	To         []string  `json:"to"`         // the first of them
	Subject    string    `json:"subject"`
}

// Held tells whether the message waits for someone to release it.
func (m Mail) Held() bool { return m.Queue == hold || m.Queue == frozen }
