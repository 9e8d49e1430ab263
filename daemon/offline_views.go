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
)

// sight is what the state and the blocklist have, as the daemon left them.
func (o *Offline) sight() (seen sight, entries []blocklist.Entry, err error) {
	if o.seen != nil {
		return *o.seen, o.entries, nil
	}
	if err := o.openToRead(); err != nil {
		return seen, nil, o.noState(err)
	}
	entries, err = blocklist.Read(o.files.Blocklist)
	if errors.Is(err, os.ErrNotExist) {
		return seen, nil, fmt.Errorf("%s: there is no blocklist (start the daemon, which makes it; --blocklist names another file)", o.files.Blocklist)
	}
	if err != nil {
		return seen, nil, err
	}
	scorer, err := remembering(o.store, o.rules)
	if err != nil {
		return seen, nil, err
	}
	told := newChronicle()
	if err := told.restore(o.store); err != nil {
		return seen, nil, err
	}
	seen = sight{scorer: scorer, rules: o.rules, kept: make(map[string][]string), raised: make(map[string]bool), told: &told}
	for key, into := range map[string]any{keptKey: &seen.kept, raisedKey: &seen.raised} {
		if record, err := o.store.Load(key); err != nil {
			return seen, nil, err
		} else if record != nil && json.Unmarshal(record, into) != nil {
			return seen, nil, fmt.Errorf("%s: the record %s cannot be read (start the daemon, which passes over it)", o.files.State, key)
		}
	}
	o.seen, o.entries = &seen, entries
	return seen, entries, nil
}

// Accounts is that of control.Service: who stands on the blocklist, and by the state
// whose mail waited and who was close to it when the daemon ended.
func (o *Offline) Accounts(context.Context) (all control.Accounts, err error) {
	seen, entries, err := o.sight()
	if err != nil {
		return all, err
	}
	now := time.Now()
	all.Listed = seen.listed(entries, now)
	all.Held, all.Close = seen.standOut(now)
	all.Holds = o.holds()
	return all, nil
}

// Account is that of control.Service.
func (o *Offline) Account(_ context.Context, user string) (a control.Account, err error) {
	seen, entries, err := o.sight()
	if err != nil {
		return a, err
	}
	history, err := readLedger(o.store, nil, control.Span{User: escapeGlob(user)})
	if err != nil {
		return a, err
	}
	var entry *blocklist.Entry
	for i := range entries {
		if blocklist.Fold(entries[i].User) == blocklist.Fold(user) {
			entry = &entries[i]
		}
	}
	return seen.whole(user, entry, history)
}

// Crowd is that of control.Service.
func (o *Offline) Crowd(context.Context) (control.Crowd, error) {
	seen, _, err := o.sight()
	if err != nil {
		return control.Crowd{}, err
	}
	return crowdOut(seen.scorer, seen.told), nil
}

// Trusts is that of control.Service.
func (o *Offline) Trusts(context.Context) ([]control.Trust, error) {
	err := o.openToRead()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	scorer, err := remembering(o.store, o.rules)
	if err != nil {
		return nil, err
	}
	return trusts(scorer, time.Now()), nil
}

// History is that of control.Service.
func (o *Offline) History(_ context.Context, span control.Span) ([]control.Record, error) {
	if err := o.openToRead(); err != nil {
		return nil, o.noState(err)
	}
	return readLedger(o.store, nil, span)
}
