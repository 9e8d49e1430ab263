package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sendwarden/settings"
	"sendwarden/state"
)

// memory is what stays from one run to the next: the state's file, and how far what
// happened has come there. It is the loop's, but for the store.
type memory struct {
	store *state.Store
	said  map[string][]byte // the daemon's own records, as they were written last

	due      bool       // a save is, and cannot wait for the next second
	saving   bool       // one is under way
	ended    chan error // how it ended
	unsaved  bool       // the last one failed
	compacts bool       // with the next one: somebody was forgotten
}

func newMemory() memory {
	return memory{said: make(map[string][]byte), ended: make(chan error, 1)}
}

// compactable is a size from which the state's file is rewritten at the start
// when most of it is free.
const compactable = 64 << 20

// open opens the file. What damage was found there the store says.
func (m *memory) open(path string) error {
	if path == settings.DefaultState {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("%w (name another place with --state, or under state: in the rules)", err)
		}
	}
	store, err := state.Open(path, time.Now())
	if err != nil {
		return err
	}
	m.store = store
	file, free, err := store.Size()
	if err == nil && file > compactable && free > file/2 {
		err = store.Compact()
	}
	return err
}

// recall reads one of the daemon's own records; what is not there stays as it is.
func (m *memory) recall(key string, into any) error {
	record, err := m.store.Load(key)
	m.said[key] = record
	if err != nil || record == nil {
		return err
	}
	return json.Unmarshal(record, into)
}

// record adds one of the daemon's own records to what is to be written, unless it is
// as it was.
func (m *memory) record(batch *state.Batch, key string, v any) {
	record, err := json.Marshal(v)
	if err != nil {
		panic(err) // only of types that JSON has no form for; there are none here
	}
	if !bytes.Equal(record, m.said[key]) {
		m.said[key] = record
		batch.Put(key, record)
	}
}

// write writes, off the loop; how that ended comes out of ended. What cannot be
// written is written with the next.
func (m *memory) write(batch *state.Batch, meter *meter) {
	compact := m.compacts
	m.saving, m.compacts = true, false
	go func() {
		began := time.Now()
		err := m.store.Commit(batch)
		meter.saved(time.Since(began), err)
		if err == nil && compact {
			err = m.store.Compact() // what was forgotten stands in free pages
		}
		m.ended <- err
	}()
}
