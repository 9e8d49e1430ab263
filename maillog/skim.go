package maillog

import (
	"bytes"
	"time"
)

// Mark is a line in a block of lines that may be an event.
type Mark struct {
	Start, End uint32 // within the block, without the newline
	Line       uint32 // counted from 0 in the block
	// ID hashes the queue id of a line that is only an event about that
	// message. 0: the line is to be parsed whatever messages are known.
	ID uint32
}

// Skim marks the lines of a block that are worth parsing, at the price of a
// glance a line. It keeps no state, so that several blocks can be skimmed at
// the same time. It answers the marks, appended, and how many lines there are.
func Skim(block []byte, marks []Mark) ([]Mark, int) {
	line := 0
	for start := 0; start < len(block); line++ {
		end := bytes.IndexByte(block[start:], '\n')
		if end < 0 {
			end = len(block)
		} else {
			end += start
		}
		switch kind, id := Glance(block[start:end]); kind {
		case Always:
			marks = append(marks, Mark{uint32(start), uint32(end), uint32(line), 0})
		case OfMessage:
			marks = append(marks, Mark{uint32(start), uint32(end), uint32(line), hashID(id)})
		}
		start = end + 1
	}
	return marks, line
}

// hashID hashes a queue id (FNV-1a); it is never 0.
func hashID(id []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range id {
		h = (h ^ uint32(c)) * 16777619
	}
	return h | 1
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
	return m.ID == 0 || k.bits[h/64]&(1<<(h%64)) != 0
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
		if s, ok := readStamp(f.stamp); ok {
			if t, ok := p.clock.at(s); ok {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
