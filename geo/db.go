package geo

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// OldAge is when a database is called old. MaxMind and DB-IP publish their free
// editions at least monthly, so that one of this age has missed two, which is
// mostly an updater that stopped.
const OldAge = 60 * 24 * time.Hour

// Source is one database that look-ups are answered from.
type Source struct {
	Path  string    // file, or "embedded"
	Type  string    // database_type of its metadata: "GeoLite2-City"
	Built time.Time // when its maker built it, in UTC
}

// Embedded is the Path of the Source that the program carries with it.
const Embedded = "embedded"

// Age is how long ago the database was built.
func (s Source) Age(now time.Time) time.Duration { return now.Sub(s.Built) }

// DB is a set of databases that is asked as one. It may be used by several
// goroutines at once, also while Reload replaces what it holds.
type DB struct {
	set atomic.Pointer[set]

	reload sync.Mutex // held while the set is being replaced
}

// Open reads the databases into memory and checks them. What two of them know
// is taken from the one named first. The embedded data fills in what none of
// them is about: countries, networks or a version of IP. It does not fill in
// single addresses that they leave out, nor the network where it disagrees with
// them about the country. Open with no path uses it alone.
//
// The error holds one line for each file that cannot be used.
func Open(paths ...string) (*DB, error) {
	files := make([]*file, len(paths))
	errs := make([]error, len(paths))
	var wait sync.WaitGroup
	for i, path := range paths { // reading and checking a large one takes about 0.4 s
		wait.Go(func() { files[i], errs[i] = load(path) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	db := &DB{}
	db.set.Store(newSet(files))
	return db, nil
}

// Place tells what is known of addr. It never fails: what cannot be found is
// left empty, and Kind says why.
func (db *DB) Place(addr netip.Addr) Place { return db.set.Load().place(bare(addr)) }

// Prepare does what the first look-up would otherwise wait for: it unpacks the
// embedded data (about 30 ms) if it is used. It may run beside other work.
func (db *DB) Prepare() { db.set.Load().prepare() }

// Sources tells which databases are used, in the order in which they are asked.
func (db *DB) Sources() []Source { return db.set.Load().sources() }

// Reload reads the files again that were replaced or rewritten since they were
// read last, and tells which those were. A file that is gone, damaged or no
// database keeps what was read of it before; the error holds one line for each
// such file, and the next Reload tries it again. Look-ups go on meanwhile and
// are answered from the old files or from the new ones, never from a mixture.
func (db *DB) Reload() (changed []Source, err error) {
	db.reload.Lock()
	defer db.reload.Unlock()
	var (
		files []*file
		errs  []error
	)
	for _, old := range db.set.Load().files {
		f, err := old.again()
		if err != nil {
			errs = append(errs, err)
		}
		if f != old {
			changed = append(changed, f.source)
		}
		files = append(files, f)
	}
	if len(changed) > 0 {
		db.set.Store(newSet(files))
	}
	return changed, errors.Join(errs...)
}
