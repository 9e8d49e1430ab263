package blocklist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

var (
	// ErrAlready says that the user has a line, which stays as it is.
	ErrAlready = errors.New("has a line in the blocklist already")
	// ErrExempt says that a person's line lets this user pass, whatever happens.
	ErrExempt = errors.New("is exempt by a line in the blocklist")
)

// mergeTries bounds how often an editor may win the race for the file.
const mergeTries = 5

// head is what a new file begins with.
const head = `# Who may not send mail. Postfix reads this file (access(5)), Sendwarden and people write it.
#
# To release a user, delete their line and the comments above it: sendwarden release USER
# To block one, add a line such as this one, without the "# ":    sendwarden block USER --reason WHY
# user@example.com    REJECT 5.7.1 Sending is suspended for this account. Please contact your administrator.
# A line "user@example.com    DUNNO" keeps Sendwarden from ever blocking that user.
#
# Sendwarden notices what you save, keeps it as it stands, and tells Postfix.
`

// List is a blocklist file and the table built from it. It may be used by
// several goroutines.
type List struct {
	path  string // as given; the table is named after it
	table Table

	turn sync.Mutex // one operation at a time; held while waiting for others' locks

	mu    sync.RWMutex // guards text alone, so that a look-up never waits for a disk
	text  *text
	seen  fs.FileInfo      // the version of the text that was read or written last
	built fs.FileInfo      // the version that the table was built from; nil if it was not
	made  fs.FileInfo      // the table's file after that
	known map[string]Entry // what the caller has been told, by folded user
	told  *text            // the text that known was taken from
}

// Change is what other hands did to the list.
type Change struct {
	Added, Removed, Changed []Entry
}

// Empty reports whether nothing changed.
func (c Change) Empty() bool {
	return len(c.Added) == 0 && len(c.Removed) == 0 && len(c.Changed) == 0
}

// Open reads the file, making it when there is none, and builds the table
// whatever its age: a postmap that was killed leaves one that looks new. With
// an [ErrTable] the list is usable nevertheless.
func Open(path string, table Table) (*List, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("blocklist: %w", err)
	}
	l := &List{path: path, table: table}
	to, err := target(path)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(to)
	if err != nil {
		return nil, err
	}
	defer unlock()
	t, info, err := read(to)
	if errors.Is(err, os.ErrNotExist) {
		if err := replace(to, []byte(head), nil); err != nil && !errors.Is(err, errMoved) {
			return nil, err
		}
		t, info, err = read(to)
	}
	if err != nil {
		return nil, err
	}
	l.adopt(t, info)
	l.known, l.told = t.current(), t
	return l, l.build()
}

// Read returns the entries of a file without lock or table, for looking only.
func Read(path string) ([]Entry, error) {
	t, _, err := read(path)
	if err != nil {
		return nil, err
	}
	return t.all(), nil
}

func (t *text) all() []Entry {
	entries := make([]Entry, len(t.entries))
	for i, e := range t.entries {
		entries[i] = e.Entry
	}
	return entries
}

// Entries returns what stands in the file, in its order, the exempting lines
// and second lines for one user included.
func (l *List) Entries() []Entry {
	return l.now().all()
}

// Lookup returns the line that counts for a user, which may be an exempting
// one. The name is folded as Postfix folds it.
func (l *List) Lookup(user string) (Entry, bool) {
	return l.now().lookup(user)
}

// Problems returns the faults of the file as it was last read; see [Check].
func (l *List) Problems() []Problem {
	return at(l.path, l.now().faults)
}

// Path is the file's.
func (l *List) Path() string { return l.path }

// Map is the table as main.cf names it.
func (l *List) Map() string { return l.table.Map(l.path) }

// ForExim reports whether Exim reads the table, in place of Postfix.
func (l *List) ForExim() bool { return l.table.ForExim() }

func (l *List) now() *text {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.text
}

// Block appends an entry. Notes from a log may be handed over as they are:
// whatever would break a line is made harmless, and a header is put above them
// unless the first is one. The error is an [ErrAlready] or [ErrExempt] when the
// user has a line, an [ErrName] when no table can hold the name, and an
// [ErrTable] when the entry stands in the file and not yet in the table.
func (l *List) Block(e Entry) error {
	if err := CanHold(e.User); err != nil {
		return fmt.Errorf("blocklist: %w", err)
	}
	if effect(e.written()) == malformed {
		return fmt.Errorf("blocklist: %s: the action %q is none of access(5)", e.User, clean(e.Action, 80))
	}
	return l.edit(e.User, func(t *text) ([]byte, error) {
		have, ok := t.lookup(e.User)
		switch {
		case ok && have.Exempt():
			return nil, fmt.Errorf("blocklist: %s:%d: %s %w", l.path, have.Line, have.User, ErrExempt)
		case ok:
			return nil, fmt.Errorf("blocklist: %s:%d: %s %w", l.path, have.Line, have.User, ErrAlready)
		}
		return t.with(e), nil
	})
}

// Release takes away the user's entry and the comments that belong to it, and
// every further line for the same user. Exempting lines stay. It reports false
// when there was nothing to release.
func (l *List) Release(user string) (Entry, bool, error) {
	var gone Entry
	found := false
	err := l.edit(user, func(t *text) (data []byte, err error) {
		data, gone, found = t.without(user)
		if !found {
			return nil, errNothing
		}
		return data, nil
	})
	if errors.Is(err, errNothing) {
		return Entry{}, false, nil
	}
	if err != nil && !errors.Is(err, ErrTable) {
		return Entry{}, false, err
	}
	return gone, true, err
}

var errNothing = errors.New("nothing to change")

// edit replaces the file by what change makes of its text as it is now, and
// builds the table. When somebody saves meanwhile, change is asked again. What
// becomes of user is the caller's own doing, and no news to it.
func (l *List) edit(user string, change func(*text) ([]byte, error)) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	to, err := target(l.path)
	if err != nil {
		return err
	}
	unlock, err := lock(to)
	if err != nil {
		return err
	}
	defer unlock()
	for range mergeTries {
		t, info, err := l.latest(to)
		if errors.Is(err, os.ErrNotExist) {
			// Gone with everybody in it: closed for the blocked.
			t, info, err = l.now(), nil, nil
		}
		if err != nil {
			return err
		}
		data, err := change(t)
		if err != nil {
			l.adopt(t, info)
			return err
		}
		err = replace(to, data, info)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return err
		}
		if info, err = os.Stat(to); err != nil {
			return fmt.Errorf("blocklist: %w", err)
		}
		l.adopt(parse(data), info)
		if e, ok := l.text.lookup(user); ok {
			l.known[Fold(user)] = e
		} else {
			delete(l.known, Fold(user))
		}
		return l.build()
	}
	return fmt.Errorf("blocklist: %s: %w, %d times over (close the program that writes it)", l.path, errMoved, mergeTries)
}

// latest reads the file again unless it is the version seen last.
func (l *List) latest(to string) (*text, fs.FileInfo, error) {
	if info, err := os.Stat(to); err == nil && same(info, l.seen) {
		return l.now(), info, nil
	}
	return read(to)
}

func (l *List) adopt(t *text, info fs.FileInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text, l.seen = t, info
}

// build makes the table; the lock is held.
func (l *List) build() error {
	l.built = nil
	if err := l.table.Build(context.Background(), l.path); err != nil {
		return err
	}
	l.built, l.made = l.seen, l.tableInfo()
	return nil
}

// tableInfo is nil when there is no table.
func (l *List) tableInfo() fs.FileInfo {
	info, err := os.Stat(l.table.File(l.path))
	if err != nil {
		return nil
	}
	return info
}

// stale reports whether the table has to be built: the text is another than it
// was built from, it is gone, or somebody put an older one in its place.
func (l *List) stale() bool {
	if l.built == nil || !same(l.built, l.seen) {
		return true
	}
	if l.table.File(l.path) == "" {
		return false
	}
	now := l.tableInfo()
	return now == nil || !same(now, l.made) && now.ModTime().Before(l.seen.ModTime())
}

// Refresh reads the file again if it is not the one seen last, and reports
// what other hands did to it since the caller last heard. It builds the table
// if it is behind the text. When nothing happened it costs two stat calls, so
// that it may be called every second.
//
// A file that can't be read, is gone or is broken changes nothing: what was
// known stays in force, and so does the table. With an [ErrTable] the change
// is reported and counts.
func (l *List) Refresh() (Change, error) {
	l.turn.Lock()
	defer l.turn.Unlock()
	to, err := target(l.path)
	if err != nil {
		return Change{}, err
	}
	info, err := os.Stat(to)
	if err == nil && same(info, l.seen) && !l.stale() {
		return l.news(), nil
	}
	unlock, err := lock(to)
	if err != nil {
		return Change{}, err
	}
	defer unlock()
	t, info, err := read(to)
	if err != nil {
		return Change{}, fmt.Errorf("%w (the list goes on as it was)", err)
	}
	l.adopt(t, info)
	if l.stale() {
		err = l.build()
	}
	return l.news(), err
}

// news compares the text with what the caller knows, and takes it as told.
func (l *List) news() Change {
	var c Change
	if l.told == l.now() {
		return c
	}
	l.told = l.now()
	now := l.told.current()
	for fold, e := range now {
		old, ok := l.known[fold]
		switch {
		case !ok:
			c.Added = append(c.Added, e)
		case old.Action != e.Action:
			c.Changed = append(c.Changed, e)
		}
	}
	for fold, e := range l.known {
		if _, ok := now[fold]; !ok {
			c.Removed = append(c.Removed, e)
		}
	}
	for _, entries := range [][]Entry{c.Added, c.Removed, c.Changed} {
		slices.SortFunc(entries, func(a, b Entry) int { return a.Line - b.Line })
	}
	l.known = now
	return c
}
