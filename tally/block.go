package tally

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"sendwarden/geo"
	"sendwarden/maillog"
)

// Counter counts the blocks of logs. Its Block may run for several blocks at the
// same time.
type Counter struct {
	options maillog.Options
	places  *geo.DB
	seed    maphash.Seed
}

// NewCounter makes one that finds addresses in places; nil: countries are not
// counted.
func NewCounter(places *geo.DB) Counter {
	return Counter{places: places, seed: maphash.MakeSeed()}
}

// Of is the counter of one log.
func (k Counter) Of(o maillog.Options) Counter {
	k.options = o
	return k
}

// Block counts the lines of a block, and answers the notes for Order, appended.
// The year of a stamp that has none is inferred for each block by itself; only
// From and To ask for it. The notes point into the block.
func (k Counter) Block(block []byte, c *Counts, notes []Note) []Note {
	if c.parser == nil {
		c.parser = maillog.NewParser(k.options)
	}
	c.parser.Restart(k.options)
	b := blockCount{Counts: c, Counter: k, tags: make(map[string]*lines), notes: notes}
	for line := range bytes.Lines(block) {
		c.Lines++
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			b.line(line)
		}
	}
	b.end(block)
	for tag, n := range b.tags {
		c.Programs.add(tag, n.n)
	}
	s := b.parser.Stats()
	for source, n := range s.Odd {
		c.Odd += n
		for _, text := range s.Sample[source] {
			c.sample(text)
		}
	}
	return b.notes
}

// end notes the time of the last line that has one.
func (b *blockCount) end(block []byte) {
	for range 100 { // lines without a time are few
		block = bytes.TrimRight(block, "\r\n")
		start := bytes.LastIndexByte(block, '\n') + 1
		if b.parser.Words(block[start:], &b.words) {
			if t, ok := b.parser.Time(&b.words); ok {
				b.seen(t)
				return
			}
		}
		block = block[:start]
	}
}

// blockCount is the counting of one block.
type blockCount struct {
	*Counts
	Counter
	tags  map[string]*lines
	notes []Note

	words   maillog.Words // of the line
	ev      maillog.Event
	last    *lines // of lastTag
	lastTag string
}

// lines counts those of one tag.
type lines struct {
	tag   string
	queue uint64 // hash of the tag's first part: queue ids are unique within it
	n     int
}

func (b *blockCount) line(line []byte) {
	w := &b.words
	if !b.parser.Words(line, w) {
		if line[0] != ' ' && line[0] != '\t' { // else it goes on from the line before
			b.Unframed++
			b.sample(maillog.Mask(string(line)))
		}
		return
	}
	if b.last == nil {
		if t, ok := b.parser.Time(w); ok {
			b.seen(t)
		}
	}
	b.tag(w.Tag())
	if bytes.HasSuffix(w.Tag(), []byte("/smtpd")) {
		if client, again, ok := w.Accepted(); ok {
			b.accepted(client, w.Hour())
			if again {
				b.Reinjected++
			}
		}
	}
	if bytes.HasSuffix(w.Tag(), []byte("/qmgr")) {
		if id, from, size, ok := w.Queued(); ok {
			b.notes = append(b.notes, Note{b.message(id), maillog.Queued, size, from})
			return
		}
		if id, ok := w.Removed(); ok {
			b.notes = append(b.notes, Note{message: b.message(id), kind: maillog.Removed})
			return
		}
	}
	if b.parser.Read(w, &b.ev) {
		b.event(&b.ev)
	}
}

// message names one of the messages of all hosts and queues by a hash.
func (b *blockCount) message(id []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	return (maphash.Bytes(b.seed, id)*odd+maphash.Bytes(b.seed, b.words.Host()))*odd + b.last.queue
}

// tag counts a line of a program. Most lines are by the program of the line
// before.
func (b *blockCount) tag(tag []byte) {
	if string(tag) != b.lastTag {
		b.last = b.tags[string(tag)]
		if b.last == nil {
			queue, _, _ := bytes.Cut(tag, []byte("/"))
			b.last = &lines{tag: string(tag), queue: maphash.Bytes(b.seed, queue)}
			b.tags[b.last.tag] = b.last
		}
		b.lastTag = b.last.tag
	}
	b.last.n++
}

// accepted counts a message that a client on the net, or none, handed in.
func (b *blockCount) accepted(client netip.Addr, hour int) {
	b.happened(Accepted, hour, 1)
	if client.IsValid() && b.places != nil {
		b.Countries.add(b.country(b.places, client), 1)
	}
}

// event counts what stands in one line. A message of Postfix has been counted by
// its client= line already.
func (b *blockCount) event(ev *maillog.Event) {
	hour := hourOf(ev.Time)
	switch ev.Type {
	case maillog.Submission:
		b.Users.add(ev.User, 1)
		b.arrived(ev, hour)
	case maillog.Local:
		account := ev.User
		if account == "" {
			account = "uid " + strconv.Itoa(ev.UID)
		}
		b.Accounts.add(account, 1)
		b.arrived(ev, hour)
		if ev.Source == maillog.Postfix {
			b.accepted(netip.Addr{}, hour)
		}
	case maillog.Queued:
		b.arrived(ev, hour)
	case maillog.Delivery:
		b.delivery(ev, hour)
	case maillog.Reject:
		switch {
		case strings.HasSuffix(ev.Action, "hold"):
			b.happened(Held, hour, ev.Repeat)
		case strings.HasSuffix(ev.Action, "reject"), ev.Action == "defer":
			b.happened(Rejected, hour, ev.Repeat)
		}
	case maillog.AuthFailure:
		b.happened(Failed, hour, ev.Repeat)
	case maillog.Script:
		script := ev.Script
		if script == "" {
			script = ev.User
		}
		b.Scripts.add(script, 1)
	}
}

// arrived counts a message of Exim's, whose "<=" tells everything at once.
func (b *blockCount) arrived(ev *maillog.Event, hour int) {
	if ev.Source == maillog.Exim {
		b.accepted(ev.Addr, hour)
		b.Senders.add(ev.From, 1)
		b.Bytes += ev.Size
	}
}

func (b *blockCount) delivery(ev *maillog.Event, hour int) {
	switch ev.Status {
	case "sent":
		if strings.HasPrefix(ev.Reason, "forwarded as ") { // local/forward.c
			b.happened(Forwarded, hour, 1)
			return
		}
		b.happened(Sent, hour, 1)
		b.Domains.add(domain(ev.To), 1)
	case "bounced":
		b.happened(Bounced, hour, 1)
	case "deferred":
		b.happened(Deferred, hour, 1)
		b.notes = append(b.notes, Note{message: b.message([]byte(ev.QueueID)), kind: maillog.Delivery})
	}
}

// domain is what follows the last @, in lower case; an address without one is of
// this host.
func domain(addr string) string {
	if i := strings.LastIndexByte(addr, '@'); i >= 0 {
		return strings.ToLower(addr[i+1:])
	}
	return "(this host)"
}

func hourOf(t time.Time) int {
	if t.IsZero() {
		return -1
	}
	return t.Hour()
}
