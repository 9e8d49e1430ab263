package tally

// set is of numbers that are hashes already: a table in which each has its place by
// its last bits, or the next that is free. A log of a busy week has millions of
// messages one after the other, and Go's map, which hashes once more, takes twice
// as long for them.
type set struct {
	slots []uint64 // a power of two; 0 is free
	count int
}

const fewest = 1 << 12 // slots

// add reports whether a number is a new one. A set that has the most is emptied
// before.
func (s *set) add(n uint64, most int) bool {
	if 2*s.count >= len(s.slots) {
		s.grow()
	}
	i := s.find(n)
	if s.slots[i] != 0 {
		return false
	}
	if s.count >= most {
		clear(s.slots)
		s.count = 0
		i = s.find(n)
	}
	s.slots[i] = some(n)
	s.count++
	return true
}

// some keeps 0 free.
func some(n uint64) uint64 { return max(n, 1) }

// find answers where a number is, or would be.
func (s *set) find(n uint64) uint64 {
	n = some(n)
	last := uint64(len(s.slots) - 1)
	i := n & last
	for s.slots[i] != 0 && s.slots[i] != n {
		i = (i + 1) & last
	}
	return i
}

func (s *set) grow() {
	old := s.slots
	s.slots = make([]uint64, max(fewest, 2*len(old)))
	for _, n := range old {
		if n != 0 {
			s.slots[s.find(n)] = n
		}
	}
}

// remove takes a number out, and moves those that come after it closer to their
// places, so that find does not stop before them.
func (s *set) remove(n uint64) {
	if s.count == 0 {
		return
	}
	free, last := s.find(n), uint64(len(s.slots)-1)
	if s.slots[free] == 0 {
		return
	}
	s.count--
	for i := (free + 1) & last; s.slots[i] != 0; i = (i + 1) & last {
		if fromHome := (i - s.slots[i]) & last; fromHome >= (i-free)&last {
			s.slots[free], free = s.slots[i], i
		}
	}
	s.slots[free] = 0
}
