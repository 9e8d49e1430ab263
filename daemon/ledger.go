package daemon

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/state"
)

// ledger keeps what was done about who may send. Records go into the state with the
// rest of what is remembered; what is fresh is here until it is written.
type ledger struct {
	fresh   []control.Record
	written int      // how many of fresh the save under way writes
	faded   []string // keys of records that are to be removed
}

// Bounds of the ledger.
const (
	ledgerLife = 366 * 24 * time.Hour
	ledgerMost = 100_000
	// freshMost is more than is done while a disk is full for long.
	freshMost = 10_000
)

func (l *ledger) add(r control.Record) {
	if len(l.fresh) >= freshMost {
		l.fresh = slices.Delete(l.fresh, 0, 1)
		l.written = max(0, l.written-1)
	}
	l.fresh = append(l.fresh, r)
}

// put adds what is fresh to a save. A save that failed is made again, under the
// same keys.
func (l *ledger) put(batch *state.Batch) {
	for i := range l.fresh {
		putRecord(batch, &l.fresh[i], i)
	}
	l.written = len(l.fresh)
	for _, key := range l.faded { // of a save that fails the store remembers them
		batch.Put(key, nil)
	}
	l.faded = nil
}

func putRecord(batch *state.Batch, r *control.Record, n int) {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // only of types that JSON has no form for; there are none here
	}
	batch.Put(r.Key(n), data)
}

// saved takes note of how a save ended.
func (l *ledger) saved(err error) {
	if err == nil {
		l.fresh = slices.Delete(l.fresh, 0, l.written)
	}
	l.written = 0
}

// note puts something into the ledger, and has it saved soon.
func (d *Daemon) note(r control.Record) {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	d.ledger.add(r)
	if d.sharing != nil {
		d.sharing.words[r.User] = r
	}
	d.memory.due = true
}

// readLedger reads a part of a state's ledger, the oldest first, with what is not
// written yet behind it.
func readLedger(store *state.Store, fresh []control.Record, span control.Span) ([]control.Record, error) {
	most := span.Most
	if most == 0 {
		most = control.MaxRecords
	}
	records := []control.Record{}
	take := func(r control.Record) {
		if r.Time.Before(span.Since) || !blocklist.Matches(span.User, r.User) {
			return
		}
		if records = append(records, r); len(records) > 2*most {
			records = slices.Delete(records, 0, len(records)-most)
		}
	}
	err := store.Each(control.LedgerKey, func(key string, data []byte) error {
		if control.Before(key, span.Since) {
			return nil
		}
		r, err := control.ReadRecord(data)
		if err != nil {
			return nil // damaged: the others are still good
		}
		take(r)
		return nil
	})
	for _, r := range fresh {
		take(r)
	}
	return records[max(0, len(records)-most):], err
}

// escapeGlob makes a name the pattern that only it fits.
func escapeGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// fadeLedger has records removed that are too old or too many.
func (d *Daemon) fadeLedger(now time.Time) {
	old, err := outdated(d.memory.store, now)
	if err != nil {
		d.log.Error("the ledger cannot be looked through for what is to be forgotten", "error", err)
	}
	d.turn.Lock()
	defer d.turn.Unlock()
	d.path.Scorer.Trusts(now) // forgets those that have ended
	d.later(func() { d.ledger.faded = append(d.ledger.faded, old...) })
}

// outdated answers the keys of records that are too old or too many.
func outdated(store *state.Store, now time.Time) (old []string, err error) {
	var keys []string
	err = store.Each(control.LedgerKey, func(key string, _ []byte) error {
		keys = append(keys, key)
		return nil
	})
	for i, key := range keys {
		if control.Before(key, now.Add(-ledgerLife)) || len(keys)-i > ledgerMost {
			old = append(old, key)
		}
	}
	return old, err
}
