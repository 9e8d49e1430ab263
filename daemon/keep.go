package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
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
	"sendwarden/state"
)

// openMemory opens what is remembered from earlier runs.
func (d *Daemon) openMemory(name string) error {
	path, others, err := place(name)
	if err != nil {
		return err
	}
	d.others = others
	err = d.memory.open(path)
	if s := d.memory.store; s != nil && s.Damaged != "" {
		d.log.Error("the state of earlier runs is lost", "error", s.Damaged)
	}
	return err
}

// remember takes the memory of earlier runs up again. Users are fetched when they
// are heard of.
func (d *Daemon) remember() error {
	d.path.Scorer.Remember(func(key string) []byte {
		record, err := d.memory.store.Load(key)
		if err != nil {
			d.unreadable(key, err)
		}
		return record
	}, d.unreadable)
	d.share(d.others)
	for _, prefix := range d.restored() {
		err := d.memory.store.Each(prefix, func(key string, record []byte) error {
			if err := d.path.Scorer.Restore(key, record); err != nil {
				d.unreadable(key, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	err := d.memory.store.Each(positionKey, func(key string, record []byte) error {
		var p follow.Position
		if err := json.Unmarshal(record, &p); err != nil {
			d.unreadable(key, err)
			return nil
		}
		d.logs.positions[p.Source] = p
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
	err = errors.Join(err, d.told.restore(d.memory.store))
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
	if err := d.memory.recall(key, into); err != nil {
		d.unreadable(key, err)
	}
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
	first := d.memory.said[listedKey] == nil
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
	records, err := readLedger(d.memory.store, nil, control.Span{})
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

// save writes down what has changed; one at a time.
func (d *Daemon) save() {
	m := &d.memory
	m.due = true
	if m.saving {
		return // written comes back to it
	}
	batch, whole := d.batch()
	if !whole {
		return // the loop is about to perform them, and comes back to it
	}
	m.due = false
	if batch.Len() > 0 || m.unsaved {
		m.write(batch, d.meter)
	}
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
	d.sharing.knows(d.path.Scorer)
	d.memory.record(batch, keptKey, d.kept)
	d.memory.record(batch, raisedKey, d.raised)
	d.told.put(d, batch)
	d.turn.Unlock()
	d.logs.settle()
	for source, position := range d.logs.positions {
		d.memory.record(batch, positionKey+source, position)
	}
	d.memory.record(batch, errandsKey, d.porter.left())
	d.memory.record(batch, pendingKey, d.pending)
	d.memory.record(batch, listedKey, d.listed())
	d.memory.record(batch, outboxKey, d.desk.Outbox())
	d.memory.record(batch, hooksKey, d.hooks.Outbox())
	d.ledger.put(batch)
	d.sharing.put(d, batch)
	return batch, true
}

// written takes note of how a save ended.
func (d *Daemon) written(err error) {
	d.memory.saving, d.memory.unsaved = false, err != nil
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
		d.written(d.memory.store.Commit(batch))
	}
}

// lastSave writes everything down as the daemon ends.
func (d *Daemon) lastSave() {
	if d.memory.saving {
		d.written(<-d.memory.ended)
	}
	batch, whole := d.batch()
	for !whole {
		d.perform()
		batch, whole = d.batch()
	}
	d.fault(unsaved, errors.Join(d.memory.store.Commit(batch), d.memory.store.Close()))
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
		d.turn.Lock()
		d.told.fade(now)
		d.turn.Unlock()
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
	err = d.memory.store.Each(scoring.UserKey(""), func(key string, record []byte) error {
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
