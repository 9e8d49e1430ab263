package follow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// mostFiles is how many files of one log stay open; more than two only are
// where a log is rotated every minute.
const mostFiles = 64

// follower reads one log. Its files stand oldest first; the last is the one that
// is written now.
type follower struct {
	path   string
	o      Options
	send   func(Batch) bool
	files  []*file
	from   []Place // where an earlier reader stood; nil as soon as the files are open
	begun  bool
	folder time.Time // when names in the log's folder had last changed, as far as that has been looked into
	again  bool      // what the files are could not be told for sure
	notes  []Note
	said   string // the last fault, so that it is said once
	buffer []byte
	wake   *wake
}

func newFollower(path string, o Options, send func(Batch) bool) *follower {
	return &follower{path: path, o: o, send: send, from: o.position(path).Files, buffer: make([]byte, 1+blockSize+MaxLine)}
}

// follow reads until the context is done or the log can never be read.
func (l *follower) follow(ctx context.Context) {
	l.wake = newWake(l.path, l.o.Poll)
	defer func() {
		l.wake.close()
		for _, f := range l.files {
			f.close()
		}
	}()
	if l.wake.err != nil {
		l.note(false, "looking at the log every %v, as the system does not tell of changes: %v", pollOften, l.wake.err)
	}
	for ctx.Err() == nil {
		found, err := l.round()
		switch {
		case errors.Is(err, errGone):
			return
		case err != nil:
			l.send(Batch{Notes: l.notes, Err: err, kept: l.from})
			return
		}
		l.wake.wait(ctx, found)
	}
}

// errGone says that nobody takes the lines any more.
var errGone = errors.New("nobody listens")

// round reads all that there is. Its order makes the order of the lines: a file's
// length is taken before those of its elders. A writer that went from an elder
// to it wrote to the elder before, so that what it wrote there is read first.
func (l *follower) round() (found bool, err error) {
	if l.moved() || l.again || l.renamed() {
		if err := l.arrange(); err != nil {
			return false, err
		}
	}
	now := time.Now()
	for _, f := range slices.Backward(l.files) {
		f.measure(now)
	}
	if l.emptied() {
		err := l.arrange()
		return !l.emptied(), err
	}
	l.dropCopies()
	for i, f := range l.files {
		for f.more() {
			before := f.offset
			lines, err := f.read(l.buffer)
			if errors.Is(err, errReplaced) {
				break
			}
			if err != nil {
				l.note(true, "%v", err)
			}
			found = found || f.offset != before
			if !l.deliver(i, before, lines) {
				return false, errGone
			}
		}
	}
	if l.emptied() {
		err := l.arrange()
		return !l.emptied(), err
	}
	return found, l.letGo(now)
}

func (l *follower) emptied() bool {
	return slices.ContainsFunc(l.files, func(f *file) bool { return f.emptied })
}

// deliver hands on lines of a file, and notes.
func (l *follower) deliver(i int, before int64, lines []Line) bool {
	f := l.files[i]
	if n := f.cutter.long; n > 0 {
		f.cutter.long = 0
		l.note(true, "lines of more than %d KiB were cut off there: %d", MaxLine>>10, n)
	}
	if len(lines) == 0 && len(l.notes) == 0 {
		return true
	}
	b := Batch{Notes: l.notes, Lines: lines, at: i, places: make([]place, len(l.files))}
	for j, f := range l.files {
		b.places[j] = f.place
	}
	b.places[i].offset = before
	l.notes = nil
	return l.send(b)
}

// letGo closes the oldest files if nothing has come to them for long, and says
// what is left to say.
func (l *follower) letGo(now time.Time) error {
	for len(l.files) > 1 {
		f := l.files[0]
		idle := now.Sub(f.touched) > l.o.Grace && slices.ContainsFunc(l.files[1:], func(f *file) bool { return f.packed || f.offset > 0 })
		if f.more() || f.emptied || !f.packed && !idle && len(l.files) <= mostFiles {
			break
		}
		before := f.offset
		if lines := f.rest(l.buffer); len(lines) > 0 && !l.deliver(0, before, lines) {
			return errGone
		}
		f.close()
		l.files = l.files[1:]
	}
	if len(l.notes) > 0 {
		last := len(l.files) - 1
		if last < 0 {
			notes := l.notes
			l.notes = nil
			if !l.send(Batch{Notes: notes, kept: l.from}) {
				return errGone
			}
		} else if !l.deliver(last, l.files[last].offset, nil) {
			return errGone
		}
	}
	return nil
}

// moved reports whether another file stands under the log's name than those that
// are open.
func (l *follower) moved() bool {
	info, err := os.Stat(l.path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.fault(err)
		} else if len(l.files) == 0 {
			l.fault(fmt.Errorf("%s: there is no such file yet: waiting until there is", l.path))
		}
		return !l.begun
	}
	id := identify(info)
	return !slices.ContainsFunc(l.files, func(f *file) bool { return f.identity == id })
}

// renamed reports whether names in the log's folder have changed. Such a time has
// a coarse grain, so that a change may hide behind another just before.
func (l *follower) renamed() bool {
	const grain = 20 * time.Millisecond
	info, err := os.Stat(filepath.Dir(l.path))
	if err != nil || info.ModTime().Equal(l.folder) {
		return false
	}
	l.folder = info.ModTime()
	if age := time.Since(l.folder); age >= 0 && age < grain {
		l.folder = time.Time{}
	}
	return true
}

// arrange opens what is to be read: the files after the one that reading had
// come to, and that one from where it had come to.
func (l *follower) arrange() error {
	found, err := l.survey()
	switch {
	case errors.Is(err, errNoFile):
		return fmt.Errorf("%w: only files, journal and - can be followed", err)
	case err != nil:
		l.fault(openFault(l.path, err))
		l.again = true
		return nil
	}
	l.again = false
	known := l.known()
	m := match(found, known)
	first := l.first(m)
	files := l.elsewhere(m)
	for i, c := range found {
		k := m.of[i]
		switch {
		case k >= 0 && known[k].file != nil && !known[k].file.emptied:
			known[k].file.name = c.name
			files = append(files, known[k].file)
			c.f.Close()
		case i < first || k < 0 && l.isCopy(c, m):
			c.f.Close()
		case k >= 0:
			files = append(files, newFile(c, known[k].Offset))
		case !l.begun && len(known) == 0 && (l.o.Start == End || l.o.Start == Current && c.name != l.path):
			files = append(files, newFile(c, math.MaxInt64))
		default:
			files = append(files, newFile(c, 0))
		}
	}
	l.tell(files, known)
	l.files, l.begun, l.said = files, true, ""
	if len(l.files) > 0 {
		l.from = nil
	}
	l.wake.watch(l.path)
	return nil
}

// survey opens what is there, and measures what is open: afterwards, as what those
// files have more by then is not in others; and as a copy is complete for sure
// only once its original is found empty, opens all again in that case.
func (l *follower) survey() ([]*candidate, error) {
	for {
		found, err := survey(l.path)
		if err != nil {
			return nil, err
		}
		news := false
		now := time.Now()
		for _, f := range slices.Backward(l.files) {
			before := f.emptied
			f.measure(now)
			news = news || f.emptied && !before || f.refilled(found)
		}
		if !news {
			return found, nil
		}
		closeAll(found)
	}
}

// elsewhere answers the open files that were not found: deleted, or moved to where
// nobody looks. Such as were emptied are closed.
func (l *follower) elsewhere(m matches) (files []*file) {
	for k, f := range l.files { // the first of those known
		switch {
		case f.emptied || !slices.Contains(m.of, k) && slices.ContainsFunc(m.found, func(c *candidate) bool { return c.identity == f.identity }):
			f.close()
		case !slices.Contains(m.of, k):
			files = append(files, f)
		}
	}
	return files
}

// tell notes what an arrangement means.
func (l *follower) tell(files []*file, known []knownFile) {
	switch {
	case len(files) == 0 || !l.begun && len(known) == 0:
	case !l.begun && files[0].offset > 0:
		l.note(false, "reading goes on in %s after byte %d, then in %d younger files", filepath.Base(files[0].name), files[0].offset, len(files)-1)
	case l.begun && len(l.files) > 0:
		names := []string{}
		for _, f := range files {
			if !slices.Contains(l.files, f) && !l.emptied() {
				names = append(names, filepath.Base(f.name))
			}
		}
		if len(names) > 0 {
			l.note(false, "rotated: reading goes on in %v", names)
		}
	}
}

// fault notes what is wrong, once.
func (l *follower) fault(err error) {
	if err.Error() != l.said {
		l.said = err.Error()
		l.note(false, "%v", err)
	}
}

func (l *follower) note(lost bool, format string, args ...any) {
	l.notes = append(l.notes, Note{fmt.Sprintf(format, args...), lost})
}

func openFault(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return openError(path.Path, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}
