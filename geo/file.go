package geo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// file is one database, in memory. It is not mapped: a mapped file that is
// shortened in place, as cp does before it writes, kills the process with
// SIGBUS.
type file struct {
	source  Source
	records finder
	tells   coverage
	stat    os.FileInfo // of the file when it was read
}

// maxFile bounds what is read into memory. The largest editions have 0.5 GB.
const maxFile = 2 << 30

// load reads and checks the file at path.
func load(path string) (*file, error) {
	data, stat, err := read(path)
	if err != nil {
		return nil, err
	}
	f, err := parse(path, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f.stat = stat
	return f, nil
}

// parse checks the bytes of a database and picks a reader for it.
func parse(path string, data []byte) (*file, error) {
	db, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, diagnose(data)
	}
	if err := verify(db, data); err != nil {
		// The message may quote damaged bytes.
		return nil, fmt.Errorf("is damaged (%s); download it again", masked(err.Error()))
	}
	records, tells, err := open(db, data)
	if err != nil {
		return nil, err
	}
	covered := cover(db, tells)
	if covered == (coverage{}) {
		return nil, errors.New("has no networks in it; download it again")
	}
	source := Source{Path: path, Type: printable(db.Metadata.DatabaseType), Built: db.Metadata.BuildTime().UTC()}
	return &file{source: source, records: records, tells: covered}, nil
}

// again is f, or what its path now holds. With an error it is f.
func (f *file) again() (*file, error) {
	now, err := os.Stat(f.source.Path)
	if err == nil && same(f.stat, now) {
		return f, nil
	}
	fresh, err := load(f.source.Path)
	if err != nil {
		return f, fmt.Errorf("%w; the one built on %s stays in use", err, f.source.Built.Format("2006-01-02"))
	}
	return fresh, nil
}

// same tells whether a file has neither been replaced (geoipupdate renames a
// new one over it) nor been written to.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// read returns the bytes of a regular file and which file that was.
func read(path string) ([]byte, os.FileInfo, error) {
	if path == "" {
		return nil, nil, errors.New("a database's file name is empty; name an .mmdb file")
	}
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("%s: %w; geoipupdate keeps its files in /var/lib/GeoIP or /usr/share/GeoIP", path, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return nil, nil, fmt.Errorf("%s: %w; let the user that sendwarden runs as read it", path, fs.ErrPermission)
	case err != nil:
		return nil, nil, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	switch {
	case before.IsDir():
		return nil, nil, fmt.Errorf("%s: is a directory; name the .mmdb file in it", path)
	case !before.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s: is not a regular file; name an .mmdb file", path)
	case before.Size() == 0:
		return nil, nil, fmt.Errorf("%s: is empty; download it again", path)
	case before.Size() > maxFile:
		return nil, nil, fmt.Errorf("%s: has %d MB, more than any such database; name an .mmdb file", path, before.Size()>>20)
	}
	data := make([]byte, before.Size())
	_, err = io.ReadFull(f, data)
	after, statErr := f.Stat()
	if err != nil || statErr != nil || !same(before, after) {
		return nil, nil, fmt.Errorf("%s: changed while it was read; it must be replaced by a rename, not overwritten", path)
	}
	return data, after, nil
}

// open picks the reader for the database's type.
func open(db *maxminddb.Reader, data []byte) (finder, facts, error) {
	known, err := geoip2.OpenBytes(data)
	if err == nil {
		kind, tells := geoipKindOf(db.Metadata.DatabaseType)
		if kind == 0 {
			return nil, facts{}, neither(db)
		}
		return geoipDB{known, kind}, tells, nil
	}
	records, tells := newLooseDB(db)
	if !tells.country && !tells.network {
		return nil, facts{}, neither(db)
	}
	return records, tells, nil
}

func neither(db *maxminddb.Reader) error {
	return fmt.Errorf("a database of type %q tells neither country nor network; name a Country, City, Enterprise or ASN one",
		db.Metadata.DatabaseType)
}
