package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// errReplaced says that a file has other contents than it had.
var errReplaced = errors.New("was emptied")

// file is one of a log's files, open. A plain one is read at offsets, so that
// nothing is kept of an unfinished line but where it begins.
type file struct {
	place
	name    string
	f       *os.File
	limit   int64     // its size when last looked at
	touched time.Time // when it was last seen to be written
	stuck   int64     // its size when there was nothing more in it than an unfinished line
	emptied bool
	fresh   bool // it was empty when it was opened: it may become a copy of another
	cutter  cutter
	probe   [headSize]byte

	packed bool // compressed: complete, and read once from its beginning
	text   *Old // the same once its reading has begun
	ended  bool
}

// newFile makes a candidate a file that is read from an offset on.
func newFile(c *candidate, offset int64) *file {
	f := &file{name: c.name, f: c.f, limit: c.size, touched: c.modified, stuck: -1, packed: c.packed()}
	f.place = place{identity: c.identity, head: c.text(), modified: c.modified}
	f.offset = offset
	if !f.packed {
		f.fresh = c.size == 0
		if info, err := f.f.Stat(); err == nil {
			f.limit = info.Size() // a copy may have become complete since it was found
		}
		f.offset = min(offset, f.limit)
		last := []byte{'\n'}
		if f.offset > 0 {
			_, _ = f.f.ReadAt(last, f.offset-1) // of what cannot be read, reading will tell
		}
		f.cutter.within = last[0] != '\n' && last[0] != 0 // see hole
	}
	return f
}

func (f *file) close() {
	if f.text != nil {
		f.text.release()
	}
	f.f.Close()
}

// measure looks at how long the file has become, and whether it is still the same.
func (f *file) measure(now time.Time) {
	if f.packed || f.emptied {
		return
	}
	info, err := f.f.Stat()
	if err != nil {
		return // NFS: stale; reading will tell
	}
	if info.Size() != f.limit || !info.ModTime().Equal(f.modified) {
		f.touched = now
	}
	// Of a file of which nothing was read its beginning is all that tells.
	if f.emptied = info.Size() < f.offset || f.offset == 0 && !f.same(); !f.emptied {
		f.limit, f.modified = info.Size(), info.ModTime()
	}
}

// refilled reports whether a file of which nothing was read had other contents
// when it was found than it has now: nothing else tells that it was emptied.
func (f *file) refilled(found []*candidate) bool {
	return f.offset == 0 && !f.emptied && slices.ContainsFunc(found, func(c *candidate) bool {
		return c.identity == f.identity && !bytes.HasPrefix(f.head, c.magic)
	})
}

// more reports whether there may be something to read.
func (f *file) more() bool {
	if f.packed {
		return !f.ended
	}
	return !f.emptied && f.offset < f.limit && f.stuck != f.limit
}

// read answers the next lines, as many as fit the buffer. No line comes when
// the rest of the file is none yet.
func (f *file) read(buffer []byte) ([]Line, error) {
	if f.packed {
		return f.unpacked(buffer)
	}
	n, err := f.f.ReadAt(buffer[:min(int64(len(buffer)), f.limit-f.offset)], f.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		f.stuck = f.limit // until it changes
		return nil, fmt.Errorf("%s: reading at byte %d: %w", f.name, f.offset, err)
	}
	// A file that was emptied and filled again since it was measured has another
	// beginning. Looking after the reading, one can be sure of what was read.
	if !f.same() {
		f.emptied = true
		return nil, errReplaced
	}
	lines, used := f.cutter.cut(buffer[:n], f.offset, false)
	if f.offset += int64(used); used == 0 {
		f.stuck = f.limit
	}
	return lines, nil
}

// same reports whether the file begins as it did, and learns more of its
// beginning as it grows.
func (f *file) same() bool {
	n, _ := f.f.ReadAt(f.probe[:], 0)
	now := f.probe[:n]
	if !bytes.HasPrefix(now, f.head) {
		return false
	}
	if len(now) > len(f.head) {
		f.head = bytes.Clone(now)
	}
	return true
}

// rest answers the unfinished last line of a file to which nothing will be added.
func (f *file) rest(buffer []byte) []Line {
	if f.packed || f.emptied || f.offset >= f.limit {
		return nil
	}
	n, _ := f.f.ReadAt(buffer[:min(int64(len(buffer)), f.limit-f.offset)], f.offset)
	lines, used := f.cutter.cut(buffer[:n], f.offset, true)
	f.offset += int64(used)
	return lines
}

// unpacked reads on in a compressed file.
func (f *file) unpacked(buffer []byte) ([]Line, error) {
	if f.text == nil {
		text, err := unpack(f.name, f.f)
		if err == nil {
			f.text = text
			err = f.skip(buffer)
		}
		if err != nil {
			f.ended = true
			return nil, err
		}
	}
	text, err := f.text.readStream(buffer)
	f.ended = len(text) == 0 || err != nil
	lines, used := f.cutter.cut(text, f.offset, true)
	f.offset += int64(used)
	return lines, err
}

// skip passes over what has been read before the file was compressed.
func (f *file) skip(buffer []byte) error {
	for left := f.offset; left > 0; {
		n, err := f.text.stream.Read(buffer[:min(int64(len(buffer)), left)])
		left -= int64(n)
		if n > 0 {
			f.cutter.within = buffer[n-1] != '\n'
		}
		switch {
		case errors.Is(err, io.EOF):
			f.offset -= left
			return nil
		case err != nil:
			return fmt.Errorf("%s: cannot be unpacked up to byte %d, where reading had come to: %w", f.name, f.offset, err)
		}
	}
	return nil
}
