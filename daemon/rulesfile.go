package daemon

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"syscall"
	"time"

	"sendwarden/settings"
)

// rulesFile notices when the rules file has other contents. Editors and packages
// write in pieces, or put another file in its place: it is read when it has been
// the same from one look to the next.
type rulesFile struct {
	path  string
	seen  stamp     // at the last look
	since time.Time // when it was first seen like that
	read  stamp     // when it was read last
	sum   [sha256.Size]byte
}

// settled is how long a file stays the same until it counts: less than the second
// between two looks, as ticks come a little early or late.
const settled = 700 * time.Millisecond

// stamp is what tells a changed file without reading it. The time of the change
// (ctime) cannot be set by a copy that keeps the time of writing.
type stamp struct {
	device, inode    uint64
	size             int64
	written, changed syscall.Timespec
	trouble          string // why there is none
}

func (f *rulesFile) stamp() stamp {
	info, err := os.Stat(f.path)
	if err != nil {
		return stamp{trouble: err.Error()}
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{size: info.Size(), written: syscall.NsecToTimespec(info.ModTime().UnixNano())}
	}
	return stamp{device: uint64(s.Dev), inode: s.Ino, size: s.Size, written: s.Mtim, changed: s.Ctim}
}

// look is called once a second. It returns contents that are others than those it
// returned last, and an error for as long as there are none.
func (f *rulesFile) look(now time.Time) (text []byte, changed bool, err error) {
	is := f.stamp()
	if is != f.seen || f.since.IsZero() {
		f.seen, f.since = is, now
		return nil, false, nil
	}
	if is == f.read || now.Sub(f.since) < settled {
		return nil, false, nil
	}
	before := f.sum
	text, err = f.take()
	return text, err == nil && f.sum != before, err
}

// take reads the file as it is.
func (f *rulesFile) take() ([]byte, error) {
	is := f.stamp()
	text, err := f.contents()
	if err != nil {
		f.read, f.sum = stamp{}, [sha256.Size]byte{} // it is read whenever it is there again
		return nil, err
	}
	f.read, f.sum = is, sha256.Sum256(text)
	return text, nil
}

func (f *rulesFile) contents() ([]byte, error) {
	info, err := os.Stat(f.path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &fs.PathError{Op: "read again", Path: f.path, Err: errNoFile} // a pipe would have the daemon wait
	}
	return settings.File(f.path)
}
