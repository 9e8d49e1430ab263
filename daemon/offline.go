package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/state"
)

// Offline does what a person asks for where no daemon runs: on the blocklist, and
// on the state that the daemon will go on with. The daemon compares both at its
// start, and does what is left to do, such as letting mail go.
type Offline struct {
	rules *scoring.Rules
	files Files
	store *state.Store
	look  bool // it was opened to look at only

	// What was read of them so far; nil: nothing.
	seen    *sight
	entries []blocklist.Entry
}

// Files are what a daemon leaves behind.
type Files struct {
	Blocklist string                                         // the text
	Open      func(context.Context) (*blocklist.List, error) // opens it, to be changed
	State     string
}

// NewOffline works on a daemon's files. They are opened when they are needed.
func NewOffline(rules *scoring.Rules, files Files) *Offline {
	return &Offline{rules: rules, files: files}
}

// openToRead opens the state to look at it.
func (o *Offline) openToRead() (err error) {
	if o.store == nil {
		if _, err = os.Stat(o.files.State); err == nil {
			o.look = true
			o.store, err = state.OpenToRead(o.files.State)
		}
	}
	return err
}

// open opens the state. None is made: a daemon's first start is another thing.
func (o *Offline) open() error {
	if o.store != nil && !o.look {
		return nil
	}
	if err := o.Close(); err != nil {
		return err
	}
	o.store = nil
	if _, err := os.Stat(o.files.State); err != nil {
		return err
	}
	store, err := OpenState(o.files.State)
	o.store, o.look = store, false
	return err
}

func (o *Offline) Close() error {
	if o.store == nil {
		return nil
	}
	return o.store.Close()
}

// Do is that of control.Service.
func (o *Offline) Do(ctx context.Context, who control.Who, act control.Act) (done control.Done, err error) {
	now := time.Now()
	o.seen = nil
	record := control.Record{
		Time: now, Who: who.String(), UID: &who.UID, Act: act.Kind, User: blocklist.Fold(act.User), Why: act.Why,
		NoLearn: act.NoLearn, Trust: act.Trust, Offline: true,
	}
	switch act.Kind {
	case control.Block, control.Release:
		return done, o.edit(ctx, act, record)
	case control.TrustPlace, control.Untrust:
		if err := o.open(); err != nil {
			return done, o.noState(err)
		}
		return o.vouch(act, record)
	case control.Keep:
		if err := o.open(); err != nil {
			return done, o.noState(err)
		}
		return o.retain(act, record)
	}
	return done, fmt.Errorf("no daemon runs: `sendwarden queue %s --release %s` lets the message go", maillog.Mask(act.User), act.QueueID)
}

// noState says what a state that is not there means for an act that needs it.
func (o *Offline) noState(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no daemon runs, and there is no state yet (start the daemon; --state names another file)", o.files.State)
	}
	return err
}

// edit changes the blocklist. The ledger has it if there is one to be had: where
// another daemon has the state, that one notices the change by itself.
func (o *Offline) edit(ctx context.Context, act control.Act, record control.Record) error {
	unknown := o.open()
	if act.NoLearn && unknown != nil && !errors.Is(unknown, os.ErrNotExist) {
		return fmt.Errorf("--no-learn cannot be told to the daemon: %w", unknown)
	}
	list, err := o.files.Open(ctx)
	if err != nil && list == nil {
		return err
	}
	if act.Kind == control.Block {
		err = list.Block(blocklist.Entry{User: act.User, Action: o.rules.Reply, Since: record.Time, Notes: []string{byHand(act, record.Who, record.Time)}})
	} else {
		var was bool
		if _, was, err = list.Release(act.User); err == nil && !was {
			err = control.NotFound("%s is not on the blocklist (`sendwarden list` shows who is)", maillog.Mask(act.User))
		}
	}
	if err != nil && !errors.Is(err, blocklist.ErrTable) || unknown != nil {
		return err
	}
	var batch state.Batch
	putRecord(&batch, &record, 0)
	return errors.Join(err, o.store.Commit(&batch))
}

// vouch changes what is trusted, and has the daemon let go what waits no more.
func (o *Offline) vouch(act control.Act, record control.Record) (done control.Done, err error) {
	scorer, err := remembering(o.store, o.rules)
	if err != nil {
		return done, err
	}
	var place scoring.Trust
	if act.Trust != nil {
		place = trustIn(*act.Trust)
	}
	var free []scoring.MessageID
	if act.Kind == control.Untrust {
		if scorer.Untrust(record.User, place) == 0 {
			return done, notTrusted(act)
		}
	} else {
		ok := false
		if free, ok = scorer.Trust(record.User, place, record.Time); !ok {
			return done, control.Conflict("%s is trusted in too many places already", maillog.Mask(act.User))
		}
	}
	var batch state.Batch
	scorer.Changes(batch.Put)
	record.Messages = len(free)
	putRecord(&batch, &record, 0)
	if len(free) > 0 {
		if err := o.errand(&batch, errand{User: record.User, Release: queueIDs(free)}); err != nil {
			return done, err
		}
		done.Notes = append(done.Notes, fmt.Sprintf("%s: the daemon lets go what waits at its start", maillog.Mask(act.User)))
	}
	return done, o.store.Commit(&batch)
}

// holds tells whether the daemon makes doubtful mail wait, as far as its rules say:
// where nobody asks at the door it is only reported.
func (o *Offline) holds() bool { return o.rules.Sections["door"] != nil && !o.rules.Watch }

// retain has held mail wait until a person decides.
func (o *Offline) retain(act control.Act, record control.Record) (done control.Done, err error) {
	if !o.holds() {
		return done, notHeldHere()
	}
	scorer, err := remembering(o.store, o.rules)
	if err != nil {
		return done, err
	}
	kept := make(map[string][]string)
	if data, err := o.store.Load(keptKey); err != nil || data != nil && json.Unmarshal(data, &kept) != nil {
		return done, errors.Join(err, errors.New("the record of what is kept cannot be read (start the daemon, which passes over it)"))
	}
	ids := retained(scorer, record.User, act.QueueID, record.Time)
	if len(ids) == 0 {
		return done, notHeld(act)
	}
	kept[record.User] = append(kept[record.User], ids...)
	data, err := json.Marshal(kept)
	if err != nil {
		return done, err
	}
	var batch state.Batch
	scorer.Changes(batch.Put)
	batch.Put(keptKey, data)
	record.QueueID, record.Messages = act.QueueID, len(ids)
	putRecord(&batch, &record, 0)
	return control.Done{Kept: len(ids)}, o.store.Commit(&batch)
}

// errand leaves something to do in Postfix's queue to the daemon.
func (o *Offline) errand(batch *state.Batch, e errand) error {
	var errands []errand
	record, err := o.store.Load(errandsKey)
	if err == nil && record != nil {
		err = json.Unmarshal(record, &errands)
	}
	if err != nil {
		return err
	}
	record, err = json.Marshal(append(errands, e))
	batch.Put(errandsKey, record)
	return err
}

// remembering is a scorer with what a state remembers.
func remembering(store *state.Store, rules *scoring.Rules) (*scoring.Scorer, error) {
	scorer := scoring.New(rules)
	scorer.Remember(func(key string) []byte {
		record, err := store.Load(key)
		if err != nil {
			return nil // as the daemon takes it: the user is as good as new
		}
		return record
	}, func(string, error) {})
	for _, prefix := range []string{"message/", "trust/", "server/"} {
		if err := store.Each(prefix, scorer.Restore); err != nil {
			return nil, err
		}
	}
	return scorer, nil
}
