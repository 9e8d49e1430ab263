package maillog

import (
	"bytes"
	"encoding/binary"
	"time"
)

// Mark is a line in a block of lines that may be an event.
type Mark struct {
	Start, End uint32 // within the block, without the newline
	Line       uint32 // counted from 0 in the block
	// ID hashes the queue id of a line that is only an event about that
	// message, and is odd. 0: the line is to be parsed whatever messages are
	// known. refused: whichever they are, it is about none of them.
	ID uint32
}

const refused = 2

// Skim marks the lines of a block that are worth parsing, at the price of a
// glance a line. It keeps no state, so that several blocks can be skimmed at
// the same time. It answers the marks, appended, and how many lines there are.
func Skim(block []byte, marks []Mark) ([]Mark, int) {
	line := 0
	var manager managerHead
	for start := 0; start < len(block); line++ {
		end := bytes.IndexByte(block[start:], '\n')
		if end < 0 {
			end = len(block)
		} else {
			end += start
		}
		kind, id := manager.glance(block[start:end])
		switch kind {
		case Always:
			marks = append(marks, Mark{uint32(start), uint32(end), uint32(line), 0})
		case OfMessage:
			marks = append(marks, Mark{uint32(start), uint32(end), uint32(line), hashID(id)})
		case Refused:
			marks = append(marks, Mark{uint32(start), uint32(end), uint32(line), refused})
		}
		start = end + 1
	}
	return marks, line
}

// managerHead is how the queue manager's lines begin after their stamps. It is
// one process with one name, and writes most of a busy log:
//
//	2026-11-05T10:00:00.123456+01:00 mail postfix/qmgr[1187]: 3F2A1B4C5D: removed
//	                                 |--------- head --------|
type managerHead []byte

// glance is Glance, without taking apart a head that it has met before.
func (h *managerHead) glance(line []byte) (Glimpse, []byte) {
	n := stampLen(line)
	if !h.begins(line, n) {
		kind, id := Glance(line)
		if kind == OfMessage {
			h.learn(line, n)
		}
		return kind, id
	}
	text := trimEnd(line[n+1+len(*h):])
	if len(text) == 0 || !isCapital(text[0]) && !isDigit(text[0]) {
		return Glance(line) // no queue id, or one of a framing's oddities before it
	}
	if id, rest := cutQueueID(text); len(id) > 0 && managerForm(rest) != nothing {
		return OfMessage, id
	}
	return Nothing, nil
}

func (h *managerHead) begins(line []byte, stamp int) bool {
	return stamp > 0 && len(*h) > 0 && len(line) > stamp+1+len(*h) && len(line) <= MaxLine &&
		line[stamp] == ' ' && bytes.HasPrefix(line[stamp+1:], *h)
}

// learn takes the head of a line, unless more than the head decides how it is
// taken apart (see cutOddHead).
func (h *managerHead) learn(line []byte, stamp int) {
	var f frame
	if line = trimEnd(line); stamp == 0 || !f.cut(line) || f.depth != 1 {
		return
	}
	head := line[stamp+1 : len(line)-len(f.text)]
	if len(head) == 0 { // Exim's own file
		return
	}
	if c := head[0]; c < 'a' || c > 'z' || c == 's' {
		return
	}
	if bytes.HasSuffix(f.tag, []byte("/qmgr")) && bytes.HasSuffix(head, []byte("]: ")) {
		*h = head
	}
}

func isCapital(c byte) bool { return c-'A' <= 'Z'-'A' }

// hashID hashes a queue id, to an odd number. Ids differ in a few of their first
// and last letters, which all reach the upper half of the product.
func hashID(id []byte) uint32 {
	const prime = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio
	var first, last uint64
	if n := len(id); n >= 8 {
		first, last = binary.LittleEndian.Uint64(id), binary.LittleEndian.Uint64(id[n-8:])
	} else {
		for _, c := range id {
			first = first<<8 | uint64(c)
		}
	}
	h := (first*prime ^ last) * prime
	return uint32(h>>32) | 1
}

// Known remembers which messages are followed, well enough to pass over the
// lines about all others: it never forgets one, and mistakes few others for
// one (a Bloom filter with one hash).
type Known struct{ bits []uint64 }

const knownBits = 1 << 22

// NewKnown makes an empty one of half a megabyte.
func NewKnown() *Known { return &Known{make([]uint64, knownBits/64)} }

// Add remembers the message of an event.
func (k *Known) Add(ev *Event) {
	h := hashID([]byte(ev.QueueID)) >> 1 % knownBits
	k.bits[h/64] |= 1 << (h % 64)
}

// Wants tells whether a marked line is to be parsed.
func (k *Known) Wants(m Mark) bool {
	h := m.ID >> 1 % knownBits
	return m.ID == 0 || m.ID != refused && k.bits[h/64]&(1<<(h%64)) != 0
}

// FirstTime is the time of the first of some lines that carries one.
func FirstTime(lines []byte, o Options) (time.Time, bool) {
	p := NewParser(o)
	for line := range bytes.Lines(lines) {
		line = trimEnd(line)
		if len(line) > MaxLine {
			continue
		}
		var f frame
		if len(line) > 0 && line[0] == '{' {
			if e, ok := p.entry(line); ok && !e.when().IsZero() {
				return e.when(), true
			}
			continue
		}
		if !f.cut(line) {
			continue
		}
		if t, ok := p.clock.read(f.stamp); ok {
			return t, true
		}
	}
	return time.Time{}, false
}
