package follow

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// elder is a name under which older lines of a log stand.
type elder struct {
	name     string
	stem     string // without the ending of a compression
	number   int    // of mail.log.2.gz; -1 for a dated one
	modified time.Time
}

// Elders lists the files that a log was rotated to, oldest first:
//
//	mail.log.2.gz  mail.log.1                      logrotate; the greater number is the older
//	maillog-20261115.xz  maillog-20261122          its dateext, which must sort as text
//	mail.log.20261128-020000.gz                    postfix logrotate
func Elders(path string) ([]string, error) {
	elders, err := listElders(path)
	var names []string
	for _, e := range elders {
		names = append(names, e.name)
	}
	return names, err
}

// errMoving says that a name went away while the folder was looked at.
var errMoving = errors.New("its files are being renamed")

// listElders lists again for as long as names go away meanwhile: a file that is
// renamed between two looks would be overlooked.
func listElders(path string) (elders []elder, err error) {
	for range 100 {
		if elders, err = listOnce(path); !errors.Is(err, errMoving) {
			break
		}
	}
	return elders, err
}

func listOnce(path string) ([]elder, error) {
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var numbered, dated []elder
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.Name(), filepath.Base(path))
		if !ok || f.IsDir() {
			continue
		}
		stem, number, ok := rotation(rest)
		if !ok {
			continue
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w", path, errMoving)
		}
		if err != nil {
			return nil, err
		}
		e := elder{filepath.Join(filepath.Dir(path), f.Name()), stem, number, info.ModTime()}
		if number >= 0 {
			numbered = append(numbered, e)
		} else {
			dated = append(dated, e)
		}
	}
	// While a file is compressed it stands there twice; the plain one, whose name
	// is the shorter, is complete.
	byStem := func(order func(a, b elder) int) func(a, b elder) int {
		return func(a, b elder) int { return cmp.Or(order(a, b), cmp.Compare(len(a.name), len(b.name))) }
	}
	same := func(a, b elder) bool { return a.stem == b.stem }
	slices.SortFunc(numbered, byStem(func(a, b elder) int { return -cmp.Compare(a.number, b.number) }))
	slices.SortFunc(dated, byStem(func(a, b elder) int { return strings.Compare(a.stem, b.stem) }))
	return merge(slices.CompactFunc(numbered, same), slices.CompactFunc(dated, same)), nil
}

// rotation reads what logrotate has put behind a log's name.
func rotation(rest string) (stem string, number int, ok bool) {
	stem = rest
	for _, ending := range []string{".gz", ".zst", ".xz", ".bz2"} {
		stem = strings.TrimSuffix(stem, ending)
	}
	if len(stem) < 2 || stem[0] != '.' && stem[0] != '-' || strings.Trim(stem, "0123456789-._T") != "" || !strings.ContainsAny(stem, "0123456789") {
		return "", 0, false
	}
	if number, err := strconv.Atoi(stem[1:]); err == nil && stem[0] == '.' && len(stem) <= 5 {
		return stem, number, true
	}
	return stem, -1, true
}

// merge joins the elders of two ways of naming, between which only the time of
// the last line tells.
func merge(a, b []elder) []elder {
	var all []elder
	for len(a) > 0 && len(b) > 0 {
		if b[0].modified.Before(a[0].modified) {
			a, b = b, a
		}
		all, a = append(all, a[0]), a[1:]
	}
	return append(append(all, a...), b...)
}

// candidate is a file of a log that is open.
type candidate struct {
	name string
	identity
	size     int64
	modified time.Time
	f        *os.File
	magic    []byte // its first bytes, as they stand on the disk
	head     []byte // the same of its text
}

// survey opens all files of a log, oldest first, the one under its own name last
// if there is one. A rotation renames them one by one: what was opened counts
// only if each name still means the same file afterwards.
func survey(path string) (found []*candidate, err error) {
	for range 100 {
		found, err = openAll(path)
		switch {
		case errors.Is(err, errMoving):
		case err != nil:
			return nil, err
		case consistent(path, found):
			return unique(found), nil
		}
		closeAll(found)
		time.Sleep(time.Millisecond)
	}
	return nil, fmt.Errorf("%s: %w all the time", path, errMoving)
}

// unique leaves each file once, under its youngest name: mail.log may be a link
// to the dated file that is written now.
func unique(found []*candidate) (once []*candidate) {
	for i, c := range found {
		if slices.ContainsFunc(found[i+1:], func(d *candidate) bool { return d.identity == c.identity }) {
			c.f.Close()
		} else {
			once = append(once, c)
		}
	}
	return once
}

// allNames lists the names of a log's files, oldest first. Where the log is a
// link, its elders may also stand beside what it leads to. A folder that may not
// be listed has no elders.
func allNames(path string) ([]string, error) {
	const most = 1000
	names, err := Elders(path)
	if info, e := os.Lstat(path); e == nil && info.Mode()&os.ModeSymlink != 0 {
		target, _ := filepath.EvalSymlinks(path)
		more, e := Elders(target)
		names, err = append(names, more...), errors.Join(err, e)
	}
	if errors.Is(err, errMoving) {
		return nil, err
	}
	return append(names[max(0, len(names)-most):], path), nil
}

func openAll(path string) ([]*candidate, error) {
	names, err := allNames(path)
	if err != nil {
		return nil, err
	}
	var found []*candidate
	for _, name := range names {
		c, err := openCandidate(name)
		switch {
		case errors.Is(err, os.ErrNotExist) || errors.Is(err, errNoFile) && name != path || errors.Is(err, os.ErrPermission) && name != path:
		case err != nil:
			closeAll(found)
			return nil, err
		default:
			found = append(found, c)
		}
	}
	return found, nil
}

var errNoFile = errors.New("is no regular file")

func openCandidate(name string) (*candidate, error) {
	// A named pipe would wait for a writer.
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, errNoFile)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	c := &candidate{name: name, identity: identify(info), size: info.Size(), modified: info.ModTime(), f: f}
	c.magic = make([]byte, headSize)
	n, _ := f.ReadAt(c.magic, 0)
	c.magic = c.magic[:n]
	return c, nil
}

// consistent reports whether the names of a log mean the files that were opened.
func consistent(path string, opened []*candidate) bool {
	names, err := allNames(path)
	if err != nil {
		return false
	}
	var there []string
	for _, name := range names {
		info, err := os.Stat(name)
		if name != path && gone(name) {
			return false
		}
		if err == nil && info.Mode().IsRegular() {
			i := slices.IndexFunc(opened, func(c *candidate) bool { return c.name == name })
			if i < 0 && mayRead(name) || i >= 0 && opened[i].identity != identify(info) {
				return false
			}
			if i >= 0 {
				there = append(there, name)
			}
		}
	}
	return len(there) == len(opened)
}

// gone reports whether a name that was listed is not there any more; one that
// leads nowhere is.
func gone(name string) bool {
	_, err := os.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}

func mayRead(name string) bool {
	f, err := os.Open(name)
	if err == nil {
		f.Close()
	}
	return err == nil
}

func closeAll(cs []*candidate) {
	for _, c := range cs {
		c.f.Close()
	}
}

// packed reports whether the file is compressed.
func (c *candidate) packed() bool { return packing(c.magic) != "" }

// text answers the first bytes of the file's text; none if it cannot be
// unpacked.
func (c *candidate) text() []byte {
	if !c.packed() {
		return c.magic
	}
	if c.head == nil {
		c.head = []byte{}
		if o, err := unpack(c.name, c.f); err == nil {
			defer o.release()
			head := make([]byte, headSize)
			n, _ := io.ReadFull(o.stream, head)
			c.head = head[:n]
		}
	}
	return c.head
}
