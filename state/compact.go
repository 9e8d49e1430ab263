package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// Size is that of the file, and how much of it is free for new records.
func (s *Store) Size() (file, free int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	err = s.db.View(func(tx *bolt.Tx) error {
		file = tx.Size()
		stats := s.db.Stats()
		free = int64(stats.FreePageN+stats.PendingPageN) * int64(s.db.Info().PageSize)
		return nil
	})
	return file, free, err
}

// batchSize is how many bytes of records go into one transaction while the file
// is rewritten.
const batchSize = 4 << 20

// Compact rewrites the file without its free pages: the file of a bbolt database
// never shrinks by itself, and what was removed may stand in free pages for
// long. Reading goes on meanwhile, a Commit waits. A crash leaves the old file.
func (s *Store) Compact() error {
	s.committing.Lock()
	defer s.committing.Unlock()
	return s.rewrite()
}

// rewrite is Compact for who has the right to commit.
func (s *Store) rewrite() error {
	name := s.path + ".compact"
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // of a compaction that was killed
	}
	fresh, err := bolt.Open(name, 0o600, &bolt.Options{Timeout: patience, FreelistType: bolt.FreelistMapType, NoSync: true})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	err = guarded(func() error { return bolt.Compact(fresh, s.db, batchSize) })
	if err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = os.Rename(name, s.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", s.path, err), fresh.Close(), os.Remove(name))
	}
	fresh.NoSync = false
	s.mu.Lock()
	old := s.db
	s.db = fresh // it has the lock of the new file
	s.mu.Unlock()
	return errors.Join(old.Close(), syncDir(filepath.Dir(s.path)))
}

// syncDir makes sure that a directory has the new name after a crash.
func syncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
