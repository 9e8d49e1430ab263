package maillog

import (
	"bytes"
	"net/netip"
	"time"
)

// Words is a line taken apart: what the logger wrote around it, and what the
// program said. It points into the line, and in the parser's buffer, until the
// parser takes the next line.
type Words struct {
	frame frame
	when  time.Time // the outer framing's
	line  []byte
	// foreign: the line is in no framing; it follows the time in what seems to
	// be Exim's own file, and makes no event.
	foreign bool
}

// Words takes any line apart, also one that makes no event. It reports false for
// a line in no known framing.
func (p *Parser) Words(line []byte, w *Words) bool {
	if len(line) > MaxLine {
		return false
	}
	*w = Words{line: trimEnd(line)}
	line = w.line
	if len(line) > 0 && line[0] == '{' {
		e, ok := p.entry(line)
		if !ok || !e.frame(&w.frame) {
			return false
		}
		w.when = e.when()
		return true
	}
	if w.frame.cut(line) {
		return true
	}
	if n := stampLen(line); n > 0 && n+1 < len(line) && line[10] == ' ' && isDigit(line[0]) && line[n] == ' ' {
		w.frame = frame{stamp: line[:n], tag: []byte("exim"), text: line[n+1:]}
		w.foreign = true
		return true
	}
	return false
}

// Read is Parse for a line that has been taken apart.
func (p *Parser) Read(w *Words, ev *Event) bool {
	var s sight
	if w.foreign {
		return false
	}
	if w.frame.look(&s); s.form == nothing || s.form == acceptedForm && !p.clients {
		return false
	}
	*ev = Event{Source: s.source, Repeat: s.repeat}
	if !p.read(&w.frame, &s, ev) || !p.setTime(&w.frame, w.when, ev) {
		p.odd(s.source, w.line)
		return false
	}
	ev.Host = p.names.keep(w.frame.host)
	p.stats.Events[ev.Type]++
	return true
}

// Tag is who wrote the line: "postfix/submission/smtpd", "dovecot", "exim".
func (w *Words) Tag() []byte { return w.frame.tag }

// Text is what the program said.
func (w *Words) Text() []byte { return w.frame.text }

// Hour is the hour of the day, by the log's own clock; -1: the line has no time.
func (w *Words) Hour() int {
	if s, ok := readStamp(w.frame.stamp); ok {
		return s.hour
	}
	if isPHPStamp(w.frame.stamp) {
		if hour, ok := decimal(w.frame.stamp[12:14]); ok && hour < 24 {
			return hour
		}
	}
	if w.when.IsZero() {
		return -1
	}
	return w.when.Hour()
}

// Host is the log's host name; nil where the framing has none.
func (w *Words) Host() []byte { return w.frame.host }

// Time is when the line was written.
func (p *Parser) Time(w *Words) (time.Time, bool) {
	if !w.when.IsZero() && !hasZone(w.frame.stamp) {
		return w.when, true
	}
	return p.clock.read(w.frame.stamp)
}

// Queued reads the text of qmgr's line about a message that it took over, without
// making an event of it. (It is most of a busy log.)
func (w *Words) Queued() (queueID, from []byte, size int64, ok bool) {
	id, rest := cutQueueID(w.frame.text)
	if !bytes.HasPrefix(rest, []byte("from=<")) || !bytes.HasSuffix(rest, []byte(" (queue active)")) || !isQueueID(id) {
		return nil, nil, 0, false
	}
	from, size, _, ok = cutQueued(rest)
	return id, from, size, ok
}

// Removed reads the text of qmgr's line about a message that left the queue.
func (w *Words) Removed() (queueID []byte, ok bool) {
	id, rest := cutQueueID(w.frame.text)
	return id, removalForm(rest) == removedForm && isQueueID(id)
}

// Accepted reads the text of smtpd's line about a message that any client begins
// to hand in, logged in or not:
//
//	4F1C2A3B4D: client=mx.example.com[192.0.2.9]
//
// A message that comes back from a content filter has orig_queue_id=.
func (w *Words) Accepted() (client netip.Addr, again, ok bool) {
	id, rest := cutQueueID(w.frame.text)
	rest, ok = bytes.CutPrefix(rest, []byte("client="))
	if !ok || len(id) > 0 && !isQueueID(id) {
		return client, false, false
	}
	c, tail := cutClient(rest)
	if tail == nil {
		return client, false, false
	}
	client, _ = netip.ParseAddr(string(bytes.TrimPrefix(c.addr, []byte("IPv6:")))) // the invalid one for "unknown"
	return client.Unmap(), bytes.HasPrefix(tail, []byte(", orig_queue_id=")), true
}

// MessageID reads the text of cleanup's line about a message's id, which is the
// sender's words:
//
//	4F1C2A3B4D: message-id=<x@pc.example.es>
func (w *Words) MessageID() (queueID, messageID []byte, ok bool) {
	id, rest := cutQueueID(w.frame.text)
	rest, ok = bytes.CutPrefix(bytes.TrimPrefix(rest, []byte("resent-")), []byte("message-id="))
	return id, rest, ok && isQueueID(id)
}
