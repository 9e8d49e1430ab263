package geo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"syscall"
	"unicode/utf8"

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
	db, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, diagnose(data))
	}
	if err := verify(db); err != nil {
		return nil, fmt.Errorf("%s: is damaged (%w); download it again", path, err)
	}
	records, tells, err := open(db, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	covered := cover(db, tells)
	if covered == (coverage{}) {
		return nil, fmt.Errorf("%s: has no networks in it; download it again", path)
	}
	source := Source{Path: path, Type: db.Metadata.DatabaseType, Built: db.Metadata.BuildTime().UTC()}
	return &file{source: source, records: records, tells: covered, stat: stat}, nil
}

// cover tells for which addresses there are such facts: ip-location-db, for
// one, also has files for IPv4 alone and for IPv6 alone.
func cover(db *maxminddb.Reader, tells facts) coverage {
	var c coverage
	for range db.NetworksWithin(netip.MustParsePrefix("0.0.0.0/0")) {
		c.v4 = tells
		break
	}
	if db.Metadata.IPVersion == 4 {
		return c
	}
	for range db.NetworksWithin(netip.MustParsePrefix("2000::/3")) { // all of IPv6 that is in use
		c.v6 = tells
		break
	}
	return c
}

// verify walks the whole tree and all records, because a disk that lost blocks
// or a download put together wrongly would otherwise show months later, as
// single wrong countries.
func verify(db *maxminddb.Reader) error {
	// Verify refuses a database without a description, such as ip-location-db's.
	// It looks at this copy of the metadata.
	if len(db.Metadata.Description) == 0 {
		db.Metadata.Description = map[string]string{"en": "none"}
	}
	return db.Verify()
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

// diagnose says what data is that has not the form of a MaxMind DB.
func diagnose(data []byte) error {
	starts := func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) }
	switch {
	case starts("\x1f\x8b"):
		return errors.New("is compressed with gzip; unpack it (tar xzf for a .tar.gz) and name the .mmdb file")
	case starts("PK\x03\x04"):
		return errors.New("is a zip archive; unpack it and name the .mmdb file")
	case starts("\x28\xb5\x2f\xfd"), starts("\xfd7zXZ\x00"), starts("BZh"):
		return errors.New("is compressed; unpack it and name the .mmdb file")
	case len(data) > 262 && string(data[257:262]) == "ustar":
		return errors.New("is a tar archive; unpack it and name the .mmdb file")
	case isText(data):
		return errors.New("is text; the .mmdb edition is needed, not the CSV one")
	case !bytes.Contains(data, []byte("\xab\xcd\xefMaxMind.com")):
		return errors.New("has no MaxMind DB metadata at its end: it is cut short or something else; download it again")
	default:
		return errors.New("has less in it than its metadata says: it is damaged; download it again")
	}
}

func isText(data []byte) bool {
	data = data[:min(len(data), 512)]
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && len(data) >= utf8.UTFMax || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
		data = data[size:]
	}
	return true
}
