package trace

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sendwarden/maillog"
)

// Story is what the logs say about one message.
type Story struct {
	Host  string
	Queue string // "postfix", "postfix-out", "exim"
	ID    string
	Began time.Time // of its first line
	Ended time.Time // of its last line
	Gone  bool      // it has left the queue

	Service    string // what the client talked to: "submission"
	User       string // who logged in, or Exim's local account
	Method     string
	Addr       netip.Addr
	ClientName string
	UID        int // of the local account that handed it in, or maillog.NoUID

	From       string
	Known      bool // the envelope is: the queue manager, or Exim, has told
	Size       int64
	Recipients int
	MessageID  string // without <>

	Deliveries []Delivery // in order of the first attempt, as many as are kept
	Outcomes   map[string]int
	Remarks    []Remark
	Links      []Link
	Lines      []string // as they stand in the log, fit to be shown; if they were asked for
	Left       int      // lines about recipients and remarks that were not kept

	begun bool // the line that brings it in was there
	raw   int  // lines
	place int  // among the stories, in the logs' order
}

// Delivery is what became of one recipient.
type Delivery struct {
	To     string
	OrigTo string // what was written to, where To was made of it
	Status string // of the last attempt
	Relay  string
	DSN    string
	Reason string
	First  time.Time
	Last   time.Time
	Times  int // attempts
}

// Remark is anything else that was done with the message: held, refused.
type Remark struct {
	Time time.Time
	Text string
}

// Kind is how two stories belong together.
type Kind uint8

const (
	_ Kind = iota
	// Filtered: a content filter took the message and handed it back.
	Filtered
	// Bounce: a notice to the sender that it could not be delivered.
	Bounce
	// Notice: one that it is late, or was delivered.
	Notice
	// Forwarded: an alias or .forward made another message of it.
	Forwarded
	// Requeued: postsuper -r took it through the queue anew.
	Requeued
	// SameID: both carry the same message-id, as a message does on its way
	// through several servers.
	SameID
)

var kindNames = [...]string{
	Filtered: "content filter", Bounce: "bounce", Notice: "notice", Forwarded: "forward", Requeued: "requeued", SameID: "same message-id",
}

// String names a kind in a word or two.
func (k Kind) String() string { return kindNames[k] }

// MarshalText writes a kind as its name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Link leads to another story.
type Link struct {
	Kind   Kind
	ID     string
	Before bool // the other was there first
	Time   time.Time
}

const (
	maxDeliveries = 100 // recipients kept of one message
	maxRemarks    = 20
	maxLines      = 400
	maxText       = 300 // bytes kept of a server's answer
)

// tell adds what a line says.
func (s *Story) tell(l *line, keepLines bool) {
	if s.raw == 0 {
		s.Began = l.time
	}
	s.raw++
	s.Ended = l.time
	if keepLines {
		if len(s.Lines) < maxLines {
			s.Lines = append(s.Lines, maillog.Mask(string(l.raw)))
		} else {
			s.Left++
		}
	}
	if l.messageID != "" && s.MessageID == "" {
		s.MessageID = clip(l.messageID)
	}
	if l.begins() {
		s.begun, s.Addr = true, l.client
	}
	switch {
	case l.event:
		s.happened(&l.ev)
	case bytes.HasPrefix(l.text, []byte("client=")):
		s.ClientName, _, _ = strings.Cut(string(l.text[len("client="):]), "[")
		if s.ClientName == "unknown" {
			s.ClientName = ""
		}
	case isRemark(l):
		s.remark(l.time, string(l.text))
	}
	if k, id, before := l.link(); k != 0 {
		s.link(Link{k, id, before, l.time})
	}
}

// isRemark knows what people do to a message in the queue, and warnings about it.
func isRemark(l *line) bool {
	switch l.program {
	case "postsuper":
		return true
	case "cleanup", "qmgr":
		return bytes.HasPrefix(l.text, []byte("warning: ")) || bytes.Contains(l.text[:min(len(l.text), 40)], []byte("expire"))
	case "exim", "exim4":
		return bytes.HasPrefix(l.text, []byte("Frozen")) || bytes.HasPrefix(l.text, []byte("frozen")) || bytes.HasPrefix(l.text, []byte("Unfrozen"))
	}
	return false
}

func (s *Story) happened(ev *maillog.Event) {
	switch ev.Type {
	case maillog.Submission, maillog.Local:
		s.Service, s.User, s.Method = ev.Service, clip(ev.User), ev.Method
		s.ClientName, s.UID = ev.ClientName, ev.UID
		if ev.Type == maillog.Submission {
			s.UID = maillog.NoUID
		}
		if ev.Source == maillog.Exim {
			s.envelope(ev)
		} else if ev.Type == maillog.Local {
			s.From = clip(ev.From)
		}
	case maillog.Queued:
		s.ClientName = cmpOr(ev.ClientName, s.ClientName)
		s.envelope(ev)
	case maillog.Delivery:
		s.delivery(ev)
	case maillog.Reject:
		s.Outcomes[ev.Action]++
		s.remark(ev.Time, strings.TrimSpace(ev.Action+" "+ev.Stage+": "+ev.Reason))
	case maillog.Removed:
		s.Gone = true
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (s *Story) envelope(ev *maillog.Event) {
	s.Known, s.From, s.Size = true, clip(ev.From), ev.Size
	s.Recipients = max(s.Recipients, ev.Recipients)
}

func (s *Story) delivery(ev *maillog.Event) {
	if ev.To == "" { // qmgr gives the whole message up
		s.remark(ev.Time, ev.Status+", returned to sender")
		return
	}
	i := slices.IndexFunc(s.Deliveries, func(d Delivery) bool { return d.To == ev.To })
	if i < 0 && len(s.Deliveries) == maxDeliveries {
		s.Outcomes[ev.Status]++ // each attempt, as it is not known which was whose
		s.Left++
		return
	}
	if i < 0 {
		i = len(s.Deliveries)
		s.Deliveries = append(s.Deliveries, Delivery{To: clip(ev.To), OrigTo: clip(ev.OrigTo), First: ev.Time})
	} else if s.Outcomes[s.Deliveries[i].Status]--; s.Outcomes[s.Deliveries[i].Status] == 0 {
		delete(s.Outcomes, s.Deliveries[i].Status)
	}
	d := &s.Deliveries[i]
	d.Status, d.Relay, d.DSN, d.Reason = ev.Status, clip(ev.Relay), ev.DSN, clip(ev.Reason)
	d.Last = ev.Time
	d.Times++
	s.Outcomes[d.Status]++
}

func (s *Story) remark(t time.Time, text string) {
	if len(s.Remarks) == maxRemarks {
		s.Left++
		return
	}
	s.Remarks = append(s.Remarks, Remark{t, clip(text)})
}

func (s *Story) link(l Link) {
	for _, known := range s.Links {
		if known.ID == l.ID && known.Kind == l.Kind {
			return
		}
	}
	if len(s.Links) < maxRemarks {
		s.Links = append(s.Links, l)
	}
}

// clip bounds what is kept of a text; it is masked where it is shown.
func clip(text string) string {
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
