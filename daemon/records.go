package daemon

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/hook"
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
	hooksKey    = "daemon/hooks"   // notices for which programs are to be run
	raisedKey   = "daemon/raised"  // users whose score is near a threshold
	fatesKey    = "daemon/fates"   // what became of the messages of blocked users
	volumeKey   = "daemon/volume/" // and a day: what became of all users' messages, by the hour
	trustKey    = "trust/"         // and a user: the scorer's, where the user is vouched for
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

// ours are the daemon's own records that tell of people.
type ours struct {
	Kept    map[string][]string `json:"kept,omitempty"`
	Errands []errand            `json:"errands,omitempty"`
	Listed  []string            `json:"listed,omitempty"`
	Pending []blocklist.Entry   `json:"pending,omitempty"`
	Alerts  *alert.Outbox       `json:"alerts,omitempty"`
	Hooks   []hook.Waiting      `json:"hooks,omitempty"`
	Raised  map[string]bool     `json:"raised,omitempty"`

	Fates map[string]*control.Fate `json:"fates,omitempty"`
}

// read reads one of them. Other records tell of nobody.
func (o *ours) read(key string, record []byte) error {
	into := map[string]any{
		keptKey: &o.Kept, errandsKey: &o.Errands, listedKey: &o.Listed, pendingKey: &o.Pending, outboxKey: &o.Alerts, hooksKey: &o.Hooks, raisedKey: &o.Raised, fatesKey: &o.Fates,
	}[key]
	if into == nil {
		return nil
	}
	return json.Unmarshal(record, into)
}

// split keeps what tells of a user, or all but that.
func (o *ours) split(user string, of bool) {
	other := func(name string) bool { return (blocklist.Fold(name) == user) != of }
	maps.DeleteFunc(o.Kept, func(name string, _ []string) bool { return other(name) })
	maps.DeleteFunc(o.Raised, func(name string, _ bool) bool { return other(name) })
	maps.DeleteFunc(o.Fates, func(name string, _ *control.Fate) bool { return other(name) })
	o.Errands = slices.DeleteFunc(o.Errands, func(e errand) bool { return other(e.User) })
	o.Listed = slices.DeleteFunc(o.Listed, other)
	o.Pending = slices.DeleteFunc(o.Pending, func(e blocklist.Entry) bool { return other(e.User) })
	o.Hooks = slices.DeleteFunc(o.Hooks, func(w hook.Waiting) bool { return other(w.Notice.User) })
	if a := o.Alerts; a != nil {
		a.Waiting = slices.DeleteFunc(a.Waiting, func(w alert.Waiting) bool { return other(w.Notice.User) })
		a.Known = slices.DeleteFunc(a.Known, func(id string) bool { return other(alert.UserOf(id)) })
		maps.DeleteFunc(a.Warned, func(name string, _ time.Time) bool { return other(name) })
	}
}

// size counts what it tells.
func (o *ours) size() int {
	n := len(o.Kept) + len(o.Errands) + len(o.Listed) + len(o.Pending) + len(o.Hooks) + len(o.Raised) + len(o.Fates)
	if a := o.Alerts; a != nil {
		n += len(a.Waiting) + len(a.Known) + len(a.Warned)
	}
	return n
}

// Part is what one of the daemon's own records tells of a user; nil is nothing.
func Part(key string, record []byte, user string) any {
	var o ours
	if o.read(key, record) != nil {
		return nil // nobody can read it, so nobody can tell whom it is about
	}
	if o.split(user, true); o.size() == 0 {
		return nil
	}
	return o
}

// Forget drops what the daemon's own records tell of a user beside its memory:
// notices on their way, programs that are to be run for them, that the score was near
// a threshold, and what became of messages. What it has to do in Postfix's queue stays, see Awaits, and who
// stands on the blocklist.
func Forget(store *state.Store, user string, batch *state.Batch) error {
	for _, key := range []string{outboxKey, hooksKey, raisedKey, fatesKey} {
		record, err := store.Load(key)
		if err != nil {
			return err
		}
		if record == nil {
			continue
		}
		var o ours
		if o.read(key, record) != nil {
			batch.Put(key, nil) // nobody can read it, so nobody can tell whom it is about
			continue
		}
		before := o.size()
		if o.split(user, false); o.size() == before {
			continue
		}
		rest, err := json.Marshal(map[string]any{outboxKey: o.Alerts, hooksKey: o.Hooks, raisedKey: o.Raised, fatesKey: o.Fates}[key])
		if err != nil {
			return err
		}
		batch.Put(key, rest)
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
