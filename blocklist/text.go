package blocklist

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxText and maxPhysical bound what is taken for a blocklist, in bytes.
	maxText     = 16 << 20
	maxPhysical = 64 << 10
)

// lineKind is what Postfix takes a line for (src/util/readlline.c): comments
// and blank lines may stand even between an entry and its continuation.
type lineKind uint8

const (
	blank lineKind = iota
	comment
	start        // begins an entry
	continuation // begins with white space: more of the entry before it
)

// line is one physical line, with its newline if it has one.
type line struct {
	kind lineKind
	from int // offset in the data; it ends where the next begins
}

// entryAt is an entry and the lines that are its own.
type entryAt struct {
	Entry
	fold  string
	lines []int // the line it begins on and its continuations
	head  int   // the first comment line that belongs to it; lines[0] if none does
}

// text is a blocklist file as it was read. Its lines tile the data, so that
// whatever is not cut out stays as it was.
type text struct {
	data    []byte
	lines   []line
	entries []entryAt
	first   map[string]int // folded user to the entry that counts: Postfix takes the first
	faults  []Problem      // without path
}

// parse reads any data. What Postfix passes over stands in the faults.
func parse(data []byte) *text {
	t := &text{data: data, first: map[string]int{}}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		t.fault(0, "the file begins with a byte order mark, which Postfix reads as part of a name", "save it without one")
	}
	owner := -1 // the entry that a continuation would continue
	var own [][]int
	for from := 0; from < len(data); {
		end := lineEnd(data, from)
		kind := kindOf(data[from:end])
		n := len(t.lines)
		t.lines = append(t.lines, line{kind, from})
		switch {
		case kind == start:
			owner = len(own)
			own = append(own, []int{n})
		case kind == continuation && owner >= 0:
			own[owner] = append(own[owner], n)
		case kind == continuation:
			t.fault(n, "the line begins with white space and continues nothing", "begin it in the first column")
		}
		from = end
	}
	for _, lines := range own {
		t.addEntry(lines)
	}
	slices.SortStableFunc(t.faults, func(a, b Problem) int { return a.Line - b.Line })
	return t
}

func lineEnd(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(data)
}

func kindOf(line []byte) lineKind {
	trimmed := bytes.TrimLeft(line, blanks)
	switch {
	case len(trimmed) == 0:
		return blank
	case trimmed[0] == '#':
		return comment
	case len(trimmed) < len(line):
		return continuation
	}
	return start
}

// line returns line n, its newline included.
func (t *text) line(n int) []byte {
	return t.data[t.lines[n].from:t.offset(n+1)]
}

// offset returns where line n begins; the line after the last begins at the end.
func (t *text) offset(n int) int {
	if n >= len(t.lines) {
		return len(t.data)
	}
	return t.lines[n].from
}

// addEntry makes an entry of a logical line, unless Postfix would not.
func (t *text) addEntry(lines []int) {
	var joined strings.Builder
	for _, n := range lines {
		joined.Write(bytes.TrimSuffix(t.line(n), []byte("\n")))
	}
	key, action, ok := t.split(lines[0], joined.String())
	if !ok {
		return
	}
	e := entryAt{lines: lines, head: lines[0], fold: Fold(key)}
	e.User, e.Action, e.Line = key, action, lines[0]+1
	t.findNotes(&e)
	t.checkEntry(e)
	if first, twice := t.first[e.fold]; twice {
		t.fault(lines[0], fmt.Sprintf("%s stands on line %d already, and the first line counts",
			clean(key, maxName), t.entries[first].Line), "delete one of them")
	} else {
		t.first[e.fold] = len(t.entries)
	}
	t.entries = append(t.entries, e)
}

// findNotes gives the entry the comments that belong to it: directly above it,
// no blank line between, from the header "# USER:" on.
func (t *text) findNotes(e *entryAt) {
	top := e.lines[0]
	for top > 0 && t.lines[top-1].kind == comment {
		top--
	}
	for n := top; n < e.lines[0]; n++ {
		header, ok := bytes.CutPrefix(t.line(n), []byte("# "+e.User+":"))
		if !ok {
			continue
		}
		e.head = n
		for m := n; m < e.lines[0]; m++ {
			note := bytes.TrimPrefix(bytes.TrimLeft(t.line(m), blanks), []byte("#"))
			note = bytes.TrimRight(bytes.TrimPrefix(note, []byte(" ")), blanks)
			e.Notes = append(e.Notes, string(note))
		}
		e.readHeader(strings.TrimRight(string(header), blanks))
		return
	}
}

// lookup returns the entry that counts for a user.
func (t *text) lookup(user string) (Entry, bool) {
	i, ok := t.first[Fold(user)]
	if !ok {
		return Entry{}, false
	}
	return t.entries[i].Entry, true
}

// current returns the entries that count, by folded user.
func (t *text) current() map[string]Entry {
	m := make(map[string]Entry, len(t.first))
	for fold, i := range t.first {
		m[fold] = t.entries[i].Entry
	}
	return m
}

// with returns the data with the entry appended, after a blank line.
func (t *text) with(e Entry) []byte {
	data := slices.Clone(t.data)
	if len(data) > 0 {
		if data[len(data)-1] != '\n' {
			data = append(data, '\n')
		}
		data = append(data, '\n')
	}
	return append(data, e.text()...)
}

// without returns the data without the user's entries, save the exempting
// ones, and the first entry that it left out.
func (t *text) without(user string) ([]byte, Entry, bool) {
	fold := Fold(user)
	gone := make([]bool, len(t.lines)+1)
	var out Entry
	found := false
	for _, e := range t.entries {
		if e.fold != fold || e.Exempt() {
			continue
		}
		if !found {
			out, found = e.Entry, true
		}
		for n := e.head; n <= e.lines[0]; n++ {
			gone[n] = true
		}
		for _, n := range e.lines {
			gone[n] = true
		}
		t.closeGap(e, gone)
	}
	var data []byte
	for n := range t.lines {
		if !gone[n] {
			data = append(data, t.line(n)...)
		}
	}
	return data, out, found
}

// closeGap takes the blank line away that was put above the entry when it was
// appended, where nothing follows that it would still keep apart.
func (t *text) closeGap(e entryAt, gone []bool) {
	above, below := e.head-1, e.lines[len(e.lines)-1]+1
	if e.head == e.lines[0] || above < 0 || t.lines[above].kind != blank {
		return
	}
	if below >= len(t.lines) || t.lines[below].kind == blank {
		gone[above] = true
	}
}
