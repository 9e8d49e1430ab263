package trace

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"sendwarden/maillog"
)

// Query is what is looked for.
type Query struct {
	word  string
	lower []byte // of the word, as it has to stand in a line
	addr  netip.Addr
	uid   int
	to    bool // a recipient
	ids   []string
}

// NewQuery makes a query of what a person types: a message's id in the queue, its
// message-id, a user name, an envelope sender, uid:33 for a local account, or a
// client's address.
func NewQuery(word string) (Query, error) {
	q := Query{word: strings.TrimSuffix(strings.TrimPrefix(word, "<"), ">"), uid: maillog.NoUID}
	if q.word == "" {
		return q, errors.New("nothing to look for")
	}
	needle := strings.ToLower(q.word)
	if number, ok := strings.CutPrefix(needle, "uid:"); ok {
		uid, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return q, errors.New("uid: is for the number of a local account, as in uid:33")
		}
		q.uid, needle = int(uid), "uid="+number+" "
	} else if addr, err := netip.ParseAddr(q.word); err == nil {
		q.addr = addr.Unmap()
		needle = strings.ToLower(q.addr.String())
	}
	q.lower = []byte(needle)
	return q, nil
}

// To makes a query for the messages to a recipient, or to what it was made of.
func To(recipient string) (Query, error) {
	q, err := NewQuery(recipient)
	q.to = true
	return q, err
}

// Messages makes a query for messages whose ids in the queue are known.
func Messages(ids []string) Query { return Query{ids: ids, uid: maillog.NoUID} }

// find appends the lines of a block that contain what is looked for, in whatever
// letters. lower is scratch.
func (q *Query) find(block, lower []byte, found []Span) ([]Span, []byte) {
	lower = append(lower[:0], block...)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + ('a' - 'A')
		}
	}
	for at := 0; at < len(lower); {
		i := bytes.Index(lower[at:], q.lower)
		if i < 0 {
			break
		}
		start := bytes.LastIndexByte(lower[:at+i], '\n') + 1
		end := len(lower)
		if n := bytes.IndexByte(lower[at+i:], '\n'); n >= 0 {
			end = at + i + n
		}
		found = append(found, Span{start, end})
		at = end
	}
	return found, lower
}

// matches tells whether a line about a message says that it is wanted.
func (q *Query) matches(l *line) bool {
	if q.ids != nil {
		return slices.Contains(q.ids, string(l.id))
	}
	if q.to {
		return l.event && l.ev.Type == maillog.Delivery && (strings.EqualFold(l.ev.To, q.word) || strings.EqualFold(l.ev.OrigTo, q.word))
	}
	switch {
	case q.uid != maillog.NoUID:
		return l.event && l.ev.Type == maillog.Local && l.ev.UID == q.uid
	case q.addr.IsValid():
		return l.begins() && l.client == q.addr
	case string(l.id) == q.word, l.messageID != "" && l.messageID == q.word:
		return true
	case !l.event:
		return false
	}
	switch l.ev.Type {
	case maillog.Submission, maillog.Local, maillog.Queued:
		return strings.EqualFold(l.ev.User, q.word) || strings.EqualFold(l.ev.From, q.word)
	}
	return false
}
