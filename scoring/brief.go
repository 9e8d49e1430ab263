package scoring

import (
	"cmp"
	"slices"
)

// brief are messages in the order in which they were told of. A busy server has
// hundreds of thousands of them in an hour, and any of them may leave at any time,
// or come in late: so those of one second are a list, and only the seconds are kept
// in order.
type brief struct {
	moments []*moment // the earliest first
	count   int
}

// moment is a second with its messages.
type moment struct {
	at            int64
	first, latest *message
}

func (b *brief) add(m *message) {
	s := b.moment(m.at)
	m.moment, m.older = s, s.latest
	if s.latest == nil {
		s.first = m
	} else {
		s.latest.younger = m
	}
	s.latest = m
	b.count++
}

// moment finds a second, mostly the last, and makes one where there is none.
func (b *brief) moment(at int64) *moment {
	n := len(b.moments)
	if n > 0 && b.moments[n-1].at == at {
		return b.moments[n-1]
	}
	i := n
	if n > 0 && b.moments[n-1].at > at {
		var found bool
		i, found = slices.BinarySearchFunc(b.moments, at, func(s *moment, at int64) int { return cmp.Compare(s.at, at) })
		if found {
			return b.moments[i]
		}
	}
	b.moments = slices.Insert(b.moments, i, &moment{at: at})
	return b.moments[i]
}

func (b *brief) remove(m *message) {
	s := m.moment
	if s == nil {
		return
	}
	if m.older == nil {
		s.first = m.younger
	} else {
		m.older.younger = m.younger
	}
	if m.younger == nil {
		s.latest = m.older
	} else {
		m.younger.older = m.older
	}
	m.moment, m.older, m.younger = nil, nil, nil
	b.count--
}

// oldest is the message that was told of first; nil when there is none.
func (b *brief) oldest() *message {
	for len(b.moments) > 0 {
		if m := b.moments[0].first; m != nil {
			return m
		}
		b.moments[0] = nil
		b.moments = b.moments[1:]
	}
	return nil
}
