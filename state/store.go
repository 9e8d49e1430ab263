// Package state keeps on disk what is remembered across restarts: records under
// keys, in one file, written whole or not at all.
//
// The file is a bbolt database (go.etcd.io/bbolt): a tree of pages that is changed
// by writing new pages beside the old ones and then, after a sync, one page that
// says which tree is in force. A crash or a full disk at any moment leaves the
// state before the Commit or the one after it. The records and how far the logs
// have been read go into the same Commit, so that reading goes on exactly where
// the remembered state ends.
//
// # What is stored of people, and for how long
//
// Keys are in clear: user/ana@example.es is what is remembered of that log-in
// name. Of where somebody has been the record has countries, networks and, where
// a database knows them, the coordinates of the last places; addresses and
// envelope senders are in it as hashes only, with the days or the time of their
// use, which fade within weeks. Addresses stand in clear in two things that people
// must be able to check: the reasons of a score, until it has faded (hours) or the
// user is released, and messages that are held. Contents, subjects and recipients
// of mail are never stored. A user who is not seen is dropped after 400 days
// (forget in the rules); an address that failed to log in after 14 days, one that
// took part in a theft after 30; a message when it leaves the queue, after 6 days
// at the latest.
//
// `sendwarden state export USER` shows all of one person, `state forget USER`
// removes it and rewrites the file, so that nothing of it stays in free pages.
package state

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// schema is the version of how records are laid out in the file. The records have
// versions of their own.
const schema = 1

var (
	records    = []byte("records")
	about      = []byte("sendwarden") // of the file itself
	schemaName = []byte("schema")
)

// Store is an open state. It may be used by several goroutines.
type Store struct {
	path string
	// Damaged says that the file that was there could not be read, and where it
	// is now; "" as a rule. The store began empty then.
	Damaged string

	committing sync.Mutex   // held by one who writes
	doubtful   bool         // what the disk has of the file; guarded by committing
	toRead     bool         // the file is open to be read only, as it cannot be written now; guarded by committing
	walks      atomic.Int32 // that are under way

	mu sync.RWMutex // guards what follows
	db *bolt.DB
	// pending are records that no Commit could write yet; nil: to be removed.
	pending map[string][]byte
}

// patience is how long Open waits for another process to let go of the file.
const patience = 2 * time.Second

// Open opens a state, or makes an empty one. A damaged file is set aside, under a
// name with the date, and said in Damaged.
func Open(path string, now time.Time) (*Store, error) {
	db, err := openFile(path, false)
	damage := err
	if errors.Is(err, errDamaged) {
		aside := path + ".corrupt-" + now.UTC().Format("20060102T150405")
		if err := os.Rename(path, aside); err != nil {
			return nil, fmt.Errorf("%w; it cannot be set aside: %w", damage, err)
		}
		if db, err = openFile(path, false); err == nil {
			return &Store{path: path, db: db, pending: make(map[string][]byte),
				Damaged: fmt.Sprintf("%v; it is kept as %s, and a new state begins", damage, aside)}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return &Store{path: path, db: db, pending: make(map[string][]byte)}, nil
}

// OpenToRead opens a state to look at it: nothing is made, changed or set aside, and
// a Commit fails.
func OpenToRead(path string) (*Store, error) {
	db, err := openFile(path, true)
	if err != nil {
		return nil, err
	}
	return &Store{path: path, db: db, pending: make(map[string][]byte)}, nil
}

// errDamaged is of a file that is no state, or none any more.
var errDamaged = errors.New("the file is damaged")

// openFile opens the file of a name.
func openFile(path string, toRead bool) (*bolt.DB, error) {
	var db *bolt.DB
	var file *os.File
	options := bolt.Options{Timeout: patience, FreelistType: bolt.FreelistMapType, ReadOnly: toRead,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		}}
	err := guarded(func() (err error) {
		db, err = bolt.Open(path, 0o600, &options)
		return err
	})
	if err != nil {
		return nil, openFault(path, err)
	}
	if replaced(path, file) {
		if err := db.Close(); err != nil {
			return nil, err
		}
		return openFile(path, toRead)
	}
	if err := guarded(func() error { return prepare(db, path) }); err != nil {
		err = errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
		return nil, err
	}
	return db, nil
}

// replaced tells whether the file that was waited for is not the one of that name
// any more: who had it has compacted it.
func replaced(path string, file *os.File) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && !os.SameFile(held, named)
}

// openFault says what kept the file from being opened, and what to do.
func openFault(path string, err error) error {
	dir := filepath.Dir(path)
	_, missing := os.Stat(dir)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%s: in use by %s (only one can have it: stop that first)", path, holder(path))
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum),
		errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, errDamaged):
		return fmt.Errorf("%s: %w (%v)", path, errDamaged, err)
	case errors.Is(missing, os.ErrNotExist):
		return fmt.Errorf("%s: no such directory (mkdir -p %s)", dir, dir)
	case errors.Is(err, os.ErrPermission), readOnly(err):
		return fmt.Errorf("%s: cannot be written: %w (the state needs a place where Sendwarden may write)", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// prepare looks whether the file can be trusted, and brings it to this version.
func prepare(db *bolt.DB, path string) error {
	version, err := versionOf(db, path)
	if err != nil || version == schema {
		return err
	}
	return db.Update(func(tx *bolt.Tx) error { return migrate(tx, version) })
}

// Examine tells what is wrong with a state's file: nil is nothing. It changes
// nothing, where Open would set a damaged file aside.
func Examine(path string) error {
	var db *bolt.DB
	err := guarded(func() (err error) {
		db, err = bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: patience})
		return err
	})
	if err != nil {
		return openFault(path, err)
	}
	if err := guarded(func() error { _, err := versionOf(db, path); return err }); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return db.Close()
}

// versionOf is the schema of a file that can be trusted; 0 is a new file.
func versionOf(db *bolt.DB, path string) (version int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	err = db.View(func(tx *bolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("%w (it should have %d bytes and has %d)", errDamaged, tx.Size(), info.Size())
		}
		if b := tx.Bucket(about); b != nil {
			version, err = strconv.Atoi(string(b.Get(schemaName)))
			return err
		}
		return nil
	})
	if err == nil && version > schema {
		err = fmt.Errorf("of version %d, by a newer Sendwarden; this one reads up to %d (install the newer one again, or name another file)", version, schema)
	}
	return version, err
}

// migrate brings a file from an older schema to this one; 0 is a new file. Each
// step that is added goes from one version to the next.
func migrate(tx *bolt.Tx, from int) error {
	if from == 0 {
		if _, err := tx.CreateBucketIfNotExists(records); err != nil {
			return err
		}
	}
	b, err := tx.CreateBucketIfNotExists(about)
	if err != nil {
		return err
	}
	return b.Put(schemaName, []byte(strconv.Itoa(schema)))
}

// guarded turns what bbolt does about pages that make no sense, a panic, and what
// the kernel does about a file that was cut short under a memory map, a fault,
// into errors.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%v)", errDamaged, p)
		}
	}()
	return do()
}

// Close lets go of the file. What is pending is lost.
func (s *Store) Close() error {
	s.committing.Lock()
	defer s.committing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return nil
}

// Batch is what one Commit changes.
type Batch struct{ records map[string][]byte }

// Put sets a record; nil removes it. The later of two under one key counts.
func (b *Batch) Put(key string, record []byte) {
	if b.records == nil {
		b.records = make(map[string][]byte)
	}
	b.records[key] = record
}

// Len is the number of records that the batch changes.
func (b *Batch) Len() int { return len(b.records) }

// Commit writes a batch in one transaction. After an error the file is as it was;
// the next Commit writes this batch as well, and until then Load answers from it.
//
// When the disk has failed, the next one rewrites the whole file: Linux forgets the
// pages that a failed sync could not write (fsync(2), EIO), so that a sync that
// succeeds later says nothing about them. They can still be read.
func (s *Store) Commit(b *Batch) error {
	for key, record := range b.records {
		if len(key) == 0 || len(key) > bolt.MaxKeySize || len(record) > bolt.MaxValueSize {
			return fmt.Errorf("%s: no record may be called %.40q with %d bytes in it", s.path, key, len(record))
		}
	}
	s.committing.Lock()
	defer s.committing.Unlock()
	s.mu.Lock()
	maps.Copy(s.pending, b.records)
	s.mu.Unlock()
	if len(s.pending) == 0 {
		return nil
	}
	if s.toRead {
		if err := s.reopen(); err != nil {
			return err
		}
	}
	if s.doubtful {
		if err := s.rewrite(); err != nil {
			return err
		}
		s.doubtful = false
	}
	// Neighbours share pages, so that each is written once.
	keys := slices.Sorted(maps.Keys(s.pending))
	err := guarded(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			bucket := tx.Bucket(records)
			for _, key := range keys {
				if err := change(bucket, key, s.pending[key]); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		s.doubtful = errors.Is(err, syscall.EIO)
		return errors.Join(fmt.Errorf("%s: %w", s.path, err), s.revive())
	}
	s.mu.Lock()
	s.pending = make(map[string][]byte)
	s.mu.Unlock()
	return nil
}

func change(bucket *bolt.Bucket, key string, record []byte) error {
	if record == nil {
		return bucket.Delete([]byte(key))
	}
	return bucket.Put([]byte(key), record)
}

// Load answers the record of a key; nil when there is none.
func (s *Store) Load(key string) (record []byte, err error) {
	record, err = s.load(key)
	if lost(err) {
		s.revived()
		record, err = s.load(key)
	}
	return record, err
}

// revived waits until revive, which may be at work, has ended.
func (s *Store) revived() {
	s.committing.Lock()
	defer s.committing.Unlock()
}

func (s *Store) load(key string) (record []byte, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if record, found := s.pending[key]; found {
		return record, nil
	}
	err = guarded(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			record = bytes.Clone(tx.Bucket(records).Get([]byte(key)))
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", s.path, key, err)
	}
	return record, nil
}

// Each hands over the records whose keys begin with a prefix, in the order of the
// keys: as they are on the disk, so call it when nothing is pending. A record is
// valid until the function returns. An error from it ends the walk.
//
// They are read some at a time, and the file is let go of before they are handed
// over: the function may take its time, and load others. A reader that waited for
// a Load while a Commit waits for all readers, to map a file that has grown, would
// wait for ever (https://pkg.go.dev/go.etcd.io/bbolt#DB.Begin). What is committed
// during a walk it may have or not.
func (s *Store) Each(prefix string, each func(key string, record []byte) error) error {
	s.mu.RLock()
	s.walks.Add(1)
	s.mu.RUnlock()
	defer s.walks.Add(-1)
	for from, more := prefix, true; more; {
		page, next, err := s.page(from, prefix)
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		for _, p := range page {
			if err := each(p.key, p.record); err != nil {
				return err
			}
		}
		from, more = next, next != ""
	}
	return nil
}

// walkAtOnce and walkBytes bound what a walk reads at a time.
const (
	walkAtOnce = 500
	walkBytes  = 1 << 20
)

type pair struct {
	key    string
	record []byte
}

// page answers the next records from a key on, and with which key to go on; "" is
// the end.
func (s *Store) page(from, prefix string) (page []pair, next string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	err = guarded(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			size, c := 0, tx.Bucket(records).Cursor()
			for k, v := c.Seek([]byte(from)); k != nil && strings.HasPrefix(string(k), prefix); k, v = c.Next() {
				if len(page) == walkAtOnce || size > walkBytes {
					next = string(k)
					return nil
				}
				page, size = append(page, pair{string(k), bytes.Clone(v)}), size+len(v)
			}
			return nil
		})
	})
	return page, next, err
}
