package daemon

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"sendwarden/alert"
	"sendwarden/state"
)

// Keys of what the daemon keeps beside the scorer's memory, in the same
// transactions: a crash leaves the state of some line, and reading goes on from
// that line.
const (
	positionKey = "log/"           // and the source: a follow.Position
	keptKey     = "daemon/kept"    // queue ids that we hold, by user
	errandsKey  = "daemon/errands" // what is to be done in Postfix's queue
	listedKey   = "daemon/listed"  // who stood on the blocklist
	pendingKey  = "daemon/pending" // who could not be written to it yet
	outboxKey   = "daemon/alerts"  // notices on their way
	raisedKey   = "daemon/raised"  // users whose score is near a threshold
)

// OpenState opens a state for somebody other than the daemon, who has to hear of it if
// it is damaged.
func OpenState(path string) (*state.Store, error) {
	store, err := state.Open(path, time.Now())
	if err == nil && store.Damaged != "" {
		return nil, errors.Join(errors.New(store.Damaged), store.Close())
	}
	return store, err
}

// Forget drops what the daemon's own records tell of a user beside its
// memory: notices on their way, and that the score was near a threshold.
func Forget(store *state.Store, user string, batch *state.Batch) error {
	var outbox alert.Outbox
	raised := make(map[string]bool)
	for key, into := range map[string]any{outboxKey: &outbox, raisedKey: &raised} {
		record, err := store.Load(key)
		if err != nil {
			return err
		}
		if record != nil && json.Unmarshal(record, into) != nil {
			batch.Put(key, nil) // nobody can read it, so nobody can tell whom it is about
		}
	}
	before := len(outbox.Waiting) + len(outbox.Warned) + len(raised)
	outbox.Waiting = slices.DeleteFunc(outbox.Waiting, func(w alert.Waiting) bool { return w.Notice.User == user })
	delete(outbox.Warned, user)
	delete(raised, user)
	if len(outbox.Waiting)+len(outbox.Warned)+len(raised) == before {
		return nil
	}
	for key, v := range map[string]any{outboxKey: outbox, raisedKey: raised} {
		record, err := json.Marshal(v)
		if err != nil {
			return err
		}
		batch.Put(key, record)
	}
	return nil
}

// Awaits tells whether mail of the user waits in Postfix's queue. The queue ids are
// kept as long, or nobody would let it go.
func Awaits(store *state.Store, user string) bool {
	var kept map[string][]string
	var errands []errand
	for key, into := range map[string]any{keptKey: &kept, errandsKey: &errands} {
		if record, err := store.Load(key); err == nil && record != nil {
			_ = json.Unmarshal(record, into) // what cannot be read tells of nobody
		}
	}
	return len(kept[user]) > 0 || slices.ContainsFunc(errands, func(e errand) bool { return e.User == user })
}
