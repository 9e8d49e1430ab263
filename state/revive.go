package state

import (
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// revive opens the file anew, to be read, when bbolt cannot use it any more: to map a
// file that has grown, it gives up the map that it has, and on a file system that the
// kernel made read-only it gets no other. Users must not be strangers meanwhile. The
// caller has the right to commit.
func (s *Store) revive() error {
	if guarded(func() error { return s.db.View(func(*bolt.Tx) error { return nil }) }) == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.db.Close(); err != nil { // of a file without a map nobody reads
		return err
	}
	db, err := openFile(s.path, true)
	if err != nil {
		return err
	}
	s.db, s.toRead = db, true
	return nil
}

// reopen opens the file to be written again, when it can be. The caller has the right
// to commit.
func (s *Store) reopen() error {
	file, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return openFault(s.path, err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.walks.Load() > 0 {
		return fmt.Errorf("%s: it is opened to be written as soon as nobody looks through it", s.path)
	}
	if err := s.db.Close(); err != nil {
		return err
	}
	db, err := openFile(s.path, false)
	if err == nil {
		s.db, s.toRead = db, false
		return nil
	}
	db, again := openFile(s.path, true)
	if again == nil {
		s.db = db
	}
	return errors.Join(err, again)
}

// lost tells whether an error is that of a file that revive opens anew.
func lost(err error) bool {
	return errors.Is(err, bolterrors.ErrInvalidMapping) || errors.Is(err, bolterrors.ErrDatabaseNotOpen)
}
