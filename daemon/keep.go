package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/follow"
	"sendwarden/hook"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/state"
)

// openMemory opens what is remembered from earlier runs.
func (d *Daemon) openMemory(name string) error {
	path, others, err := place(name)
	if err != nil {
		return err
	}
	if path == settings.DefaultState {
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
	d.store, d.others = store, others
	file, free, err := store.Size()
	if err == nil && file > compactable && free > file/2 {
		err = store.Compact()
	}
	return err
}

// compactable is a size from which the state's file is rewritten at the start
// when most of it is free.
const compactable = 64 << 20

// remember takes the memory of earlier runs up again. Users are fetched when they
// are heard of.
func (d *Daemon) remember() error {
	d.path.Scorer.Remember(func(key string) []byte {
		record, err := d.store.Load(key)
		if err != nil {
			d.unreadable(key, err)
		}
		return record
	}, d.unreadable)
	d.share(d.others)
	for _, prefix := range d.restored() {
		err := d.store.Each(prefix, func(key string, record []byte) error {
			if err := d.path.Scorer.Restore(key, record); err != nil {
				d.unreadable(key, err)
			}
			return nil
		})
		if err != nil {
			return err
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
	var hooks []hook.Waiting
	var listed []string
	d.recall(keptKey, &d.kept)
	d.recall(raisedKey, &d.raised)
	d.recall(errandsKey, &d.porter.errands)
	d.recall(pendingKey, &d.pending)
	d.recall(outboxKey, &outbox)
	d.recall(hooksKey, &hooks)
	d.recall(listedKey, &listed)
	d.desk.Restore(outbox)
	d.hooks.Restore(hooks)
	d.compare(listed)
	return err
}

// restored are the beginnings of the keys that are put back at the start.
func (d *Daemon) restored() []string {
	prefixes := []string{"message/", "trust/", "server/"}
	if d.sharing != nil {
		prefixes = append(prefixes, "untold/", "news/")
	}
	return prefixes
}

// recall reads one of the daemon's own records; what is not there stays as it is.
func (d *Daemon) recall(key string, into any) {
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
func (d *Daemon) unreadable(key string, err error) {
	d.log.Error("a record of the state cannot be read and is passed over", "key", maillog.Mask(key), "error", err)
}

// compare finds what people did to the blocklist while no daemon ran. Who stands
// there by a verdict that the state does not know of was blocked just before a
// crash: the lines that led to it are read again, and so is the verdict given
// again, with the reasons for people to be told.
func (d *Daemon) compare(before []string) {
	now, words := d.listed(), d.meanwhile()
	for _, user := range before {
		if !slices.Contains(now, user) {
			d.releasedByHand(user, time.Now(), words[user])
		}
	}
	first := d.said[listedKey] == nil
	for _, e := range d.list.Entries() {
		user := blocklist.Fold(e.User)
		switch {
		case !e.Blocks() || slices.Contains(before, user):
		case !first && e.Score > 0:
			d.untold[user] = e
		default:
			if !first && words[user].Act != control.Block {
				d.note(control.Record{Who: control.ByFile, Act: control.Block, User: user, Why: e.Action})
			}
			d.path.Scorer.Blocked(user, time.Now())
		}
	}
}

// meanwhile are the last words of the ledger about each user, where they were said
// while no daemon ran.
func (d *Daemon) meanwhile() map[string]control.Record {
	words := make(map[string]control.Record)
	records, err := readLedger(d.store, nil, control.Span{})
	if err != nil {
		d.log.Error("the ledger cannot be read", "error", err)
	}
	for _, r := range records {
		if delete(words, r.User); r.Offline {
			words[r.User] = r
		}
	}
	return words
}

// recollection is how long a verdict from before a crash has to come again.
const recollection = time.Minute

// recollect takes for blocked, and tells of, those whose verdict did not come
// again: it was given at the door, and the log does not have it.
func (d *Daemon) recollect(now time.Time) {
	if len(d.untold) == 0 || now.Sub(d.started) < recollection {
		return
	}
	for _, user := range slices.Sorted(maps.Keys(d.untold)) {
		e := d.untold[user]
		d.turn.Lock()
		d.path.Scorer.Blocked(user, now)
		d.turn.Unlock()
		d.porter.hold(user)
		d.note(control.Record{Time: now, Who: control.ByItself, Act: control.Block, User: user, Score: e.Score})
		d.tell(alert.Notice{Kind: alert.Block, Time: e.Since, User: user, Score: e.Score, Detail: strings.Join(e.Notes, "\n")})
	}
	clear(d.untold)
}

// listed are the users who stand on the blocklist.
func (d *Daemon) listed() []string {
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
func (d *Daemon) save() {
	d.due = true
	if d.saving {
		return // written comes back to it
	}
	batch, whole := d.batch()
	if !whole {
		return // the loop is about to perform them, and comes back to it
	}
	d.due = false
	if batch.Len() == 0 && !d.unsaved {
		return
	}
	compact := d.compacts
	d.saving, d.compacts = true, false
	go func() {
		began := time.Now()
		err := d.store.Commit(batch)
		d.meter.saved(time.Since(began), err)
		if err == nil && compact {
			err = d.store.Compact() // what was forgotten stands in free pages
		}
		d.saved <- err
	}()
}

// batch gathers what has changed since the last one. While verdicts wait to be
// carried out there is none: after a crash, a state that knows of a verdict would
// keep the line from being judged again.
func (d *Daemon) batch() (batch *state.Batch, whole bool) {
	batch = &state.Batch{}
	d.turn.Lock()
	if len(d.deeds) > 0 {
		d.turn.Unlock()
		return nil, false
	}
	d.path.Scorer.Changes(batch.Put)
	d.record(batch, keptKey, d.kept)
	d.record(batch, raisedKey, d.raised)
	d.turn.Unlock()
	for source, read := range d.read {
		d.positions[source] = read.After()
	}
	clear(d.read)
	for source, position := range d.positions {
		d.record(batch, positionKey+source, position)
	}
	d.record(batch, errandsKey, d.porter.left())
	d.record(batch, pendingKey, d.pending)
	d.record(batch, listedKey, d.listed())
	d.record(batch, outboxKey, d.desk.Outbox())
	d.record(batch, hooksKey, d.hooks.Outbox())
	d.ledger.put(batch)
	d.sharing.put(d, batch)
	return batch, true
}

// record adds one of the daemon's own records, unless it is as it was.
func (d *Daemon) record(batch *state.Batch, key string, v any) {
	record, err := json.Marshal(v)
	if err != nil {
		panic(err) // only of types that JSON has no form for; there are none here
	}
	if !bytes.Equal(record, d.said[key]) {
		d.said[key] = record
		batch.Put(key, record)
	}
}

// written takes note of how a save ended.
func (d *Daemon) written(err error) {
	d.saving, d.unsaved = false, err != nil
	d.ledger.saved(err)
	d.mended(unsaved, err, "what is remembered is written down again")
	if err == nil {
		d.tellNews()
	}
}

// firstSave writes down what was learnt before the first line is followed: a crash
// would make history of the lines that come now, and nobody is blocked for that.
func (d *Daemon) firstSave() {
	if batch, whole := d.batch(); whole {
		d.written(d.store.Commit(batch))
	}
}

// lastSave writes everything down as the daemon ends.
func (d *Daemon) lastSave() {
	if d.saving {
		d.written(<-d.saved)
	}
	batch, whole := d.batch()
	for !whole {
		d.perform()
		batch, whole = d.batch()
	}
	d.fault(unsaved, errors.Join(d.store.Commit(batch), d.store.Close()))
}

// fade drops the users who have not been seen for as long as anybody is
// remembered, once a day. A few at a time, so that no mail waits for it.
func (d *Daemon) fade(ctx context.Context) {
	for day := time.NewTicker(24 * time.Hour); ; {
		now := time.Now()
		stale, err := d.stale(ctx, now)
		if err != nil {
			d.log.Error("the state cannot be looked through for users to be forgotten", "error", err)
		}
		for names := range slices.Chunk(stale, 100) {
			d.turn.Lock()
			d.path.Scorer.Expire(names, now)
			d.turn.Unlock()
		}
		d.fadeLedger(now)
		if len(stale) > 0 {
			d.log.Info("forgotten, as not seen for long", "users", len(stale))
		}
		select {
		case <-day.C:
		case <-ctx.Done():
			day.Stop()
			return
		}
	}
}

// stale are the users in the state who have not been seen for long.
func (d *Daemon) stale(ctx context.Context, now time.Time) (names []string, err error) {
	known := int64(0)
	defer func() { d.known.Store(known) }()
	err = d.store.Each(scoring.UserKey(""), func(key string, record []byte) error {
		known++
		d.turn.Lock()
		defer d.turn.Unlock()
		if name, _ := scoring.UserOf(key); d.path.Scorer.Stale(record, now) {
			names = append(names, name)
		}
		return ctx.Err()
	})
	return names, err
}
