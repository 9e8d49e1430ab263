package trace

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	"sendwarden/maillog"
)

// line is a log line about a message, taken apart.
type line struct {
	id, text  []byte // what it is about, and what it says of that
	program   string // "smtpd", "exim"
	queue     string // first part of the tag: ids are unique within it
	host      string
	time      time.Time
	messageID string     // without <>; "": the line does not tell
	client    netip.Addr // of a line that begins a message

	event bool // the line makes an event:
	ev    maillog.Event
	raw   []byte
}

// read takes a line apart; false: it is about no message.
func (l *line) read(raw []byte, p *maillog.Parser) bool {
	var w maillog.Words
	if !p.Words(raw, &w) {
		return false
	}
	*l = line{raw: raw}
	if l.id, l.text, _ = w.About(); l.id == nil {
		return false
	}
	tag := w.Tag()
	l.program = string(tag[bytes.LastIndexByte(tag, '/')+1:])
	queue, _, _ := bytes.Cut(tag, []byte("/"))
	l.queue, l.host = string(queue), string(w.Host())
	l.event = p.Read(&w, &l.ev)
	if l.event {
		l.time, l.client = l.ev.Time, l.ev.Addr
	} else if t, ok := p.Time(&w); ok {
		l.time = t
	}
	if l.event && l.ev.Source == maillog.Exim {
		l.messageID = l.ev.MessageID
	} else if _, id, ok := w.MessageID(); ok {
		l.messageID = trimAngles(id)
	}
	if client, _, ok := w.Accepted(); ok {
		l.client = client
	}
	return true
}

func trimAngles(id []byte) string {
	return string(bytes.TrimSuffix(bytes.TrimPrefix(id, []byte("<")), []byte(">")))
}

// begins tells whether a message comes into the queue by this line.
func (l *line) begins() bool {
	return bytes.HasPrefix(l.text, []byte("client=")) || bytes.HasPrefix(l.text, []byte("<= ")) ||
		l.program == "pickup" && bytes.HasPrefix(l.text, []byte("uid="))
}

// notices are what bounce(8) says when it has sent one.
var notices = [...]struct {
	words string
	kind  Kind
}{
	{"sender non-delivery notification: ", Bounce},
	{"postmaster non-delivery notification: ", Bounce},
	{"sender delay notification: ", Notice},
	{"postmaster delay notification: ", Notice},
	{"sender delivery status notification: ", Notice},
}

// link answers the other message that the line names: one that this message
// became, or (before) was.
func (l *line) link() (k Kind, id string, before bool) {
	if id, ok := maillog.Before(l.text); ok {
		switch {
		case l.program == "pickup":
			return Requeued, string(id), true
		case l.text[0] == '<':
			return Bounce, string(id), true
		}
		return Filtered, string(id), true
	}
	if l.program == "bounce" {
		for _, n := range notices {
			if rest, ok := bytes.CutPrefix(l.text, []byte(n.words)); ok && maillog.IsMessageID(string(rest)) {
				return n.kind, string(rest), false
			}
		}
	}
	if !l.event || l.ev.Type != maillog.Delivery || l.ev.Status != "sent" {
		return 0, "", false
	}
	if id, ok := strings.CutPrefix(l.ev.Reason, "forwarded as "); ok && maillog.IsMessageID(id) {
		return Forwarded, id, false
	}
	// A server far away has ids of its own, which may be the same as ours.
	if i := strings.LastIndex(l.ev.Reason, "queued as "); i >= 0 && isNear(l.ev.Relay) {
		if id := l.ev.Reason[i+len("queued as "):]; maillog.IsMessageID(id) {
			return Filtered, id, false
		}
	}
	return 0, "", false
}

// isNear tells whether a relay, "127.0.0.1[127.0.0.1]:10024", is this host or in
// its network, as a content filter is.
func isNear(relay string) bool {
	_, rest, _ := strings.Cut(relay, "[")
	address, _, ok := strings.Cut(rest, "]")
	addr, err := netip.ParseAddr(address)
	return ok && err == nil && (addr.IsLoopback() || addr.IsPrivate())
}
