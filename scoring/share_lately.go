package scoring

import (
	"cmp"
	"slices"
)

// lately are the last things that the engine took of this host. One that comes back
// with an older copy of a user's memory, as a replica that was behind or a server that
// had not written its last second to the disk, may have lost them although another
// host has put a newer version in its place.
type lately struct {
	of    map[string][]told
	order []string // of whom, the oldest first
}

const (
	// maxLately is how much of one user is kept, and maxLatelyAll of all: some seconds
	// of a busy host.
	maxLately    = 16
	maxLatelyAll = 20_000
)

// add notes what the engine took.
func (l *lately) add(name string, list []told) {
	for _, t := range list {
		if t.source == 0 && t.token == 0 {
			continue // no memory can say whether it knows that
		}
		if slices.ContainsFunc(l.of[name], func(o told) bool { return o.token == t.token && o.source == t.source && o.place() == t.place() }) {
			continue // it was told again
		}
		if len(l.order) >= maxLatelyAll {
			l.drop(l.order[0])
			l.order = l.order[1:]
		}
		if len(l.of[name]) >= maxLately {
			l.of[name] = slices.Delete(l.of[name], 0, 1)
		}
		t.open = nil
		l.of[name] = append(l.of[name], t)
		l.order = append(l.order, name)
	}
}

// drop forgets the oldest of a user's.
func (l *lately) drop(name string) {
	if list := l.of[name]; len(list) > 1 {
		l.of[name] = list[1:]
		return
	}
	delete(l.of, name)
}

// missing are those that a memory does not know, although its notes go back that far.
func (l *lately) missing(name string, known *share) (lost []told) {
	if len(known.recent) == 0 || len(known.recent) >= maxRecent || len(known.marks) >= maxMarks {
		return nil
	}
	byTime := func(a, b recent) int { return cmp.Compare(a.at, b.at) }
	first, last := slices.MinFunc(known.recent, byTime).at, slices.MaxFunc(known.recent, byTime).at
	for _, t := range l.of[name] {
		marked := t.source != 0 && slices.ContainsFunc(known.marks, func(m mark) bool { return m.source == t.source })
		if !known.knows(&t) && (marked || t.at >= first && last-t.at <= sameMessage) {
			lost = append(lost, t)
		}
	}
	return lost
}
