package follow

import (
	"bytes"
	"slices"
)

// knownFile is a file of which something has been read: one that is open, or one
// that an earlier reader left a Place in.
type knownFile struct {
	Place
	file *file
}

// known is what is known of the log's files, oldest first.
func (l *follower) known() (known []knownFile) {
	for _, f := range l.files {
		at := f.place
		e := at.export()
		at.offset = max(at.offset, int64(len(at.head)))
		e.Head, e.HeadSize = at.export().Head, at.export().HeadSize
		known = append(known, knownFile{e, f})
	}
	for _, p := range l.from {
		if p.Offset >= 0 && p.HeadSize >= 0 {
			known = append(known, knownFile{Place: p})
		}
	}
	return known
}

// matches tells which known file each of the found ones is; -1: none.
type matches struct {
	found []*candidate
	known []knownFile
	of    []int
}

// match recognises files. Under the same inode stands the same file if it still
// begins alike, whatever it is called now; a copy, compressed or not, begins alike
// under another inode.
func match(found []*candidate, known []knownFile) matches {
	m := matches{found, known, make([]int, len(found))}
	for i := range m.of {
		m.of[i] = -1
	}
	// What an emptied file held is in a copy, which may have been opened before
	// it was filled.
	for k := range known {
		if f := known[k].file; f != nil && f.emptied {
			m.assign(k, func(c *candidate) bool { return known[k].begins(c.text()) && !isRead(c, known) })
		}
	}
	var missing []int
	for k := range known {
		if !slices.Contains(m.of, k) && !m.assign(k, known[k].isSame) {
			missing = append(missing, k)
		}
	}
	for _, k := range missing {
		m.assign(k, func(c *candidate) bool { return known[k].begins(c.text()) })
	}
	return m
}

// isRead reports whether something has been read of a file that is open.
func isRead(c *candidate, known []knownFile) bool {
	return slices.ContainsFunc(known, func(k knownFile) bool {
		return k.file != nil && k.file.identity == c.identity && k.file.offset > 0
	})
}

// isCopy reports whether a file that is not known is a copy of one that is, or of
// the one that is written now, as copytruncate makes it before it empties that one.
func (l *follower) isCopy(c *candidate, m matches) bool {
	if current := m.found[len(m.found)-1]; current != c && current.name == l.path && l.alike(current.magic, c.text()) {
		return true
	}
	return slices.ContainsFunc(m.known, func(k knownFile) bool {
		return k.file != nil && !k.file.emptied && k.file.identity != c.identity && l.alike(k.file.head, c.text())
	})
}

// alike compares beginnings. As long as one of them is short the answer may
// change.
func (l *follower) alike(a, b []byte) bool {
	n := min(len(a), len(b))
	if n == 0 || !bytes.Equal(a[:n], b[:n]) {
		return false
	}
	l.again = l.again || n < headSize
	return true
}

// dropCopies closes files that were empty when they were opened and turn out to be
// copies in the making; once the original is emptied they are found as such.
func (l *follower) dropCopies() {
	kept := l.files[:0:0]
	for i, f := range l.files {
		copied := f.fresh && len(f.head) > 0 && i < len(l.files)-1 && slices.ContainsFunc(l.files, func(g *file) bool {
			return g != f && !g.emptied && l.alike(g.head, f.head)
		})
		if len(f.head) > 0 {
			f.fresh = false
		}
		if copied {
			l.again = true
			f.close()
		} else {
			kept = append(kept, f)
		}
	}
	l.files = kept
}

// assign gives a known file the youngest of those found that it may be.
func (m *matches) assign(k int, may func(*candidate) bool) bool {
	for i, c := range slices.Backward(m.found) {
		if m.of[i] < 0 && may(c) {
			m.of[i] = k
			return true
		}
	}
	return false
}

func (k knownFile) isSame(c *candidate) bool {
	if k.Device != c.device || k.Inode != c.inode {
		return false
	}
	if k.file != nil { // it is open: nobody else can have its inode
		return !k.file.emptied
	}
	return k.HeadSize == 0 || k.begins(c.magic)
}

// first is the index of the file that reading begins with: the oldest that is
// known, as all younger ones are new. If none is, it begins with the oldest that
// was written to after those that were known.
func (l *follower) first(m matches) int {
	if i := slices.IndexFunc(m.of, func(k int) bool { return k >= 0 }); i >= 0 {
		l.lostCopy(m)
		return i
	}
	current := len(m.found)
	if current > 0 && m.found[current-1].name == l.path {
		current--
	}
	if len(m.known) == 0 {
		switch {
		case l.begun || l.o.Start == Oldest: // there was nothing yet: all is new
			return 0
		case current == len(m.found): // rotated a moment ago
			return max(0, current-1)
		}
		return current
	}
	newest := m.known[len(m.known)-1]
	first := slices.IndexFunc(m.found, func(c *candidate) bool { return c.modified.After(newest.Modified) })
	if first < 0 || first > current {
		first = current
	}
	l.lostCopy(m)
	if l.files == nil && newest.Offset > 0 {
		l.note(true, "the file in which reading ended (inode %d, byte %d) is not there any more, nor a copy: what came to it afterwards is lost; reading begins with the %d files that are younger",
			newest.Inode, newest.Offset, len(m.found)-first)
	}
	return first
}

// lostCopy says which emptied files have left no copy.
func (l *follower) lostCopy(m matches) {
	for k, f := range m.known {
		if f.file == nil || !f.file.emptied {
			continue
		}
		if slices.Contains(m.of, k) {
			l.note(false, "emptied after it was copied (copytruncate): what was written between the two is lost to everybody")
		} else {
			l.note(true, "emptied, and no copy of it is there: what came to it since the last look is lost")
		}
	}
}
