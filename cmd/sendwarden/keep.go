package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/state"
)

// Keys of what the daemon keeps beside the scorer's memory, in the same
// transactions: a crash leaves the state of some line, and reading goes on from
// that line.
const (
	positionKey = "log/"          // and the source: a follow.Position
	keptKey     = "daemon/kept"   // queue ids that we hold, by user
	listedKey   = "daemon/listed" // who stood on the blocklist
	outboxKey   = "daemon/alerts" // notices on their way
)

// openState opens what is remembered from earlier runs.
func (d *daemon) openState(path string) error {
	if path == installedState {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("%w (name another place with --state, or under state: in the rules)", err)
		}
	}
	store, err := state.Open(path, time.Now())
	if err != nil {
		return err
	}
	if store.Damaged != "" {
		d.log.Error("the state of earlier runs is lost", "error", store.Damaged)
	}
	d.store = store
	return nil
}

// remember takes the memory of earlier runs up again, and tells whether there
// was any. Users are fetched when they are heard of.
func (d *daemon) remember() (bool, error) {
	d.scorer.Remember(func(key string) []byte {
		record, err := d.store.Load(key)
		if err != nil {
			d.unreadable(key, err)
		}
		return record
	}, d.unreadable)
	for _, prefix := range []string{"message/", "server/"} {
		err := d.store.Each(prefix, func(key string, record []byte) error {
			if err := d.scorer.Restore(key, record); err != nil {
				d.unreadable(key, err)
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	err := d.store.Each(positionKey, func(key string, record []byte) error {
		var p follow.Position
		if err := json.Unmarshal(record, &p); err != nil {
			d.unreadable(key, err)
			return nil
		}
		d.positions[p.Source] = p
		return nil
	})
	var outbox alert.Outbox
	var listed []string
	d.recall(keptKey, &d.kept)
	d.recall(outboxKey, &outbox)
	d.recall(listedKey, &listed)
	d.desk.Restore(outbox)
	d.compare(listed)
	return len(d.positions) > 0, err
}

// recall reads one of the daemon's own records; what is not there stays as it is.
func (d *daemon) recall(key string, into any) {
	record, err := d.store.Load(key)
	if err == nil && record != nil {
		err = json.Unmarshal(record, into)
	}
	if err != nil {
		d.unreadable(key, err)
	}
	d.said[key] = record
}

// unreadable passes over a record: who it was about is as good as new, and mail
// goes on.
func (d *daemon) unreadable(key string, err error) {
	d.log.Error("a record of the state cannot be read and is passed over", "key", maillog.Mask(key), "error", err)
}

// compare finds what people did to the blocklist while no daemon ran.
func (d *daemon) compare(before []string) {
	now := d.listed()
	for _, user := range before {
		if !slices.Contains(now, user) {
			d.log.Info("released by hand", "user", maillog.Mask(user))
			d.forgive(user, time.Now(), true)
		}
	}
	for _, user := range now {
		if !slices.Contains(before, user) {
			d.scorer.Blocked(user, time.Now())
		}
	}
}

// listed are the users who stand on the blocklist.
func (d *daemon) listed() []string {
	users := []string{}
	for _, e := range d.list.Entries() {
		if e.Blocks() {
			users = append(users, blocklist.Fold(e.User))
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// save writes down what has changed, off the loop; one at a time. What cannot be
// written is written with the next.
func (d *daemon) save() {
	if d.saving {
		return
	}
	batch := d.batch()
	if batch.Len() == 0 && !d.unsaved {
		return
	}
	d.saving = true
	go func() { d.saved <- d.store.Commit(batch) }()
}

// batch gathers what has changed since the last one.
func (d *daemon) batch() *state.Batch {
	var batch state.Batch
	d.turn.Lock()
	d.scorer.Changes(batch.Put)
	kept := d.record(keptKey, d.kept)
	d.turn.Unlock()
	for source, read := range d.read {
		d.positions[source] = read.After()
		batch.Put(positionKey+source, encode(d.positions[source]))
	}
	clear(d.read)
	for key, record := range map[string][]byte{
		keptKey: kept, listedKey: d.record(listedKey, d.listed()), outboxKey: d.record(outboxKey, d.desk.Outbox()),
	} {
		if record != nil {
			batch.Put(key, record)
		}
	}
	return &batch
}

// record is one of the daemon's own records; nil if it is as it was.
func (d *daemon) record(key string, v any) []byte {
	record := encode(v)
	if bytes.Equal(record, d.said[key]) {
		return nil
	}
	d.said[key] = record
	return record
}

func encode(v any) []byte {
	record, err := json.Marshal(v)
	if err != nil {
		panic(err) // only of types that JSON has no form for; there are none here
	}
	return record
}

// written takes note of how a save ended.
func (d *daemon) written(err error) {
	d.saving, d.unsaved = false, err != nil
	d.fault(unsaved, err)
}

// lastSave writes everything down as the daemon ends.
func (d *daemon) lastSave() {
	if d.saving {
		d.written(<-d.saved)
	}
	d.fault(unsaved, errors.Join(d.store.Commit(d.batch()), d.store.Close()))
}
