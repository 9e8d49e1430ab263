package maillog

import (
	"net/netip"
	"time"
)

// Options says what a log does not.
type Options struct {
	// Location is the zone of stamps that name none; nil is UTC.
	Location *time.Location
	// Reference is when the log was last written, or now for one that is
	// followed. A stamp without a year is not later than this and a day.
	Reference time.Time
	// Clients asks for Accepted events.
	Clients bool
	// Trust says whom to believe among the journal's entries.
	Trust Trust
}

// Trust names the journal's entries that may be believed. Any local user can
// write "postfix/smtpd" lines with logger(1), and a text file does not tell; in
// the journal, fields that begin with an underscore are journald's own
// (systemd.journal-fields(7)). The zero Trust believes all. It concerns journal
// entries only: a text line says nothing about its writer.
type Trust struct {
	UIDs  []uint32 // _UID must be one of these, when there are any
	Units []string // _SYSTEMD_UNIT must begin with one of these, when there are any
}

// Parser reads the lines of one log in their order. It is not safe for
// concurrent use; Glance is.
type Parser struct {
	clock   clock
	clients bool
	trust   Trust
	names   interner
	buf     []byte // of one JSON entry's text
	stats   Stats
}

// NewParser makes a parser for one log.
func NewParser(o Options) *Parser {
	if o.Location == nil {
		o.Location = time.UTC
	}
	return &Parser{
		clock: clock{loc: o.Location, reference: o.Reference},
		trust: o.Trust, clients: o.Clients,
		names: interner{known: make(map[string]string)},
	}
}

// Restart makes the parser fit for another log, or another part of one. Unlike a
// new one it has not to learn the names again.
func (p *Parser) Restart(o Options) {
	known := p.names
	*p = *NewParser(o)
	p.names = known
}

// SetReference moves Options.Reference on. One who follows a log sets it, from
// time to time, to the time at which they read.
func (p *Parser) SetReference(t time.Time) { p.clock.reference = t }

// Parse reads one line, with or without its newline. It reports whether the line
// makes an event; ev is then set as a whole, and otherwise left in no particular
// state. Lines are to come in the log's order, which tells the year and the hour
// of stamps that do not; lines that Glance calls Nothing may be left out.
func (p *Parser) Parse(line []byte, ev *Event) bool {
	p.stats.Lines++
	if len(line) > MaxLine {
		p.stats.Long++
		return false
	}
	var w Words
	return p.Words(line, &w) && p.Read(&w, ev)
}

// read fills the event from a text of a known form.
func (p *Parser) read(f *frame, s *sight, ev *Event) bool {
	switch s.source {
	case Dovecot:
		return p.dovecot(s.rest, ev)
	case Exim:
		return p.exim(s, ev)
	case PHP:
		return p.script(f.tag, s, ev)
	}
	if len(s.id) > 0 && !isQueueID(s.id) {
		return false
	}
	p.setService(f.tag, ev)
	ev.QueueID = string(s.id)
	switch s.form {
	case clientForm:
		ev.Type = Submission
		return p.submission(s, ev)
	case acceptedForm:
		ev.Type = Accepted
		return p.accepted(s, ev)
	case failureForm:
		ev.Type = AuthFailure
		return p.authFailure(s, ev)
	case queuedForm:
		ev.Type = Queued
		return p.queued(s, ev)
	case expiredForm:
		ev.Type = Delivery
		return p.expired(s, ev)
	case deliveryForm:
		ev.Type = Delivery
		return p.delivery(s, ev)
	case rejectForm:
		ev.Type = Reject
		return p.reject(s, ev)
	case removedForm:
		ev.Type = Removed
		return true
	case pickupForm:
		ev.Type = Local
		return p.local(s, ev)
	}
	return false
}

// setService takes a tag apart: instance, and the service that the client
// talked to. "postfix/submission/smtpd" is the service "submission" of instance
// "postfix/submission"; "postfix-in/smtpd" is "smtpd" of "postfix-in".
func (p *Parser) setService(tag []byte, ev *Event) {
	last, first := -1, -1
	for i, c := range tag {
		if c == '/' {
			if last = i; first < 0 {
				first = i
			}
		}
	}
	ev.Instance = p.names.keep(tag[:last])
	if first < last {
		ev.Service = p.names.keep(tag[first+1 : last])
	} else {
		ev.Service = p.names.keep(tag[last+1:])
	}
}

// setTime dates the event: by its own stamp when that names an instant, else by
// the outer framing's, else by inference.
func (p *Parser) setTime(f *frame, when time.Time, ev *Event) bool {
	if !when.IsZero() && !hasZone(f.stamp) {
		ev.Time, p.clock.last = when, when
		return true
	}
	if len(f.stamp) == 0 {
		return ev.Source == PHP // before 5.4
	}
	var ok bool
	ev.Time, ok = p.clock.read(f.stamp)
	return ok
}

// Key identifies a message within one host: queue ids are unique within one
// queue only.
type Key struct {
	Queue string // first part of the syslog_name: "postfix", "postfix-out"
	ID    string
}

// QueueKey is the key of the message that an event is about. The programs of one
// Postfix instance log under "postfix", "postfix/submission" and so on, and share
// a queue; "postfix-out" is another instance with a queue of its own.
func QueueKey(ev *Event) Key {
	queue := ev.Instance
	for i := range len(queue) {
		if queue[i] == '/' {
			queue = queue[:i]
			break
		}
	}
	return Key{Queue: queue, ID: ev.QueueID}
}

// Stats counts what a parser has seen.
type Stats struct {
	Lines  int
	Long   int                 // lines of over MaxLine, passed over
	Events [len(typeNames)]int // by Type
	Odd    [PHP + 1]int        // by Source: lines that look like an event and do not read as one
	Sample [PHP + 1][]string   // by Source: the first few odd lines, masked
}

// maxSamples bounds how many odd lines are kept for a person to see.
const maxSamples = 5

// Stats gives the counts so far.
func (p *Parser) Stats() Stats { return p.stats }

func (p *Parser) odd(s Source, line []byte) {
	p.stats.Odd[s]++
	if len(p.stats.Sample[s]) < maxSamples {
		p.stats.Sample[s] = append(p.stats.Sample[s], Mask(string(line)))
	}
}

// interner keeps one copy of each short string that comes again and again.
type interner struct {
	known map[string]string
}

const (
	maxKept     = 4096 // strings
	maxKeptSize = 128  // bytes each
)

func (in *interner) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := in.known[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(b) <= maxKeptSize {
		if len(in.known) >= maxKept {
			clear(in.known)
		}
		in.known[s] = s
	}
	return s
}

// parseAddr reads an address of a log, with an IPv4 one that is written as IPv6
// as IPv4.
func (p *Parser) parseAddr(b []byte) (netip.Addr, bool) {
	addr, ok := p.address(b)
	return addr, ok && addr.IsValid()
}
