package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/scoring"
	"sendwarden/shared"
	"sendwarden/state"
)

// Engine is what hosts remember together, for a command that works on it while they
// run. Its records have the keys that a state of one host has, so that they can be
// carried from one to the other.
type Engine struct {
	engine *shared.Engine
	end    func()
}

// Keys of what only an engine has.
const (
	decidedKey = "decided/" // and the user: what was decided last
	wireKey    = "wire/"    // and a number: the same, as the hosts were told
)

// forgetAct is a decision that no person can ask a daemon for: it is made by a
// command on the engine.
const forgetAct control.Kind = "forget"

// OpenEngine connects to what hosts share.
func OpenEngine(ctx context.Context, url string) (*Engine, error) {
	c, err := shared.Parse(url)
	if err != nil {
		return nil, fmt.Errorf("--state: %w", err)
	}
	c.Wait = max(c.Wait, commandWait)
	e := &Engine{engine: shared.New(c, shared.NewHost(), "", time.Now())}
	e.end, err = e.engine.Connect(ctx)
	return e, err
}

// commandWait is how long a command waits for an answer: there is no mail behind it.
const commandWait = 10 * time.Second

// Close lets go of the engine.
func (e *Engine) Close() error {
	e.end()
	return nil
}

// Each hands over what the engine has of users, and what was decided about them.
func (e *Engine) Each(ctx context.Context, each func(key string, record []byte) error) error {
	err := e.engine.Each(ctx, func(user string, record []byte) error {
		own, trusted, err := scoring.FromShared(user, record)
		if err != nil || own == nil {
			return err
		}
		if trusted != nil {
			err = each(trustKey+user, trusted)
		}
		if err == nil {
			err = each(scoring.UserKey(user), own)
		}
		return err
	})
	if err != nil {
		return err
	}
	list, err := e.engine.List(ctx)
	if err != nil {
		return err
	}
	for _, one := range list {
		if err := each(decidedKey+one.User, one.Data); err != nil {
			return err
		}
	}
	return e.engine.Decisions(ctx, func(one shared.Decision) error { return each(wireKey+one.ID, one.Data) })
}

// Decides tells whether a record is a decision about a user.
func Decides(key string, record []byte, user string) bool {
	if name, found := strings.CutPrefix(key, decidedKey); found {
		return name == user
	}
	return strings.HasPrefix(key, wireKey) && about(record, user)
}

// IsShared tells whether a record is one that only an engine has.
func IsShared(key string) bool {
	return strings.HasPrefix(key, decidedKey) || strings.HasPrefix(key, wireKey)
}

func about(data []byte, user string) bool {
	var d decision
	return json.Unmarshal(data, &d) == nil && d.User == user
}

// Import is what is taken over into an engine.
type Import struct {
	Users, Decisions int // are new there
	Known            int // were there already, and stay
	Own              int // are of no concern to others

	engine  *Engine
	trusted map[string][]byte
	part    []*shared.Swap
}

// Import begins to take records over.
func (e *Engine) Import() *Import { return &Import{engine: e, trusted: make(map[string][]byte)} }

// Take takes one record over: what the engine has already stays. The places that a
// user is trusted in come before the user, as in an export.
func (i *Import) Take(ctx context.Context, key string, record []byte) error {
	if name, found := strings.CutPrefix(key, trustKey); found {
		i.trusted[name] = record
		return nil
	}
	if name, found := strings.CutPrefix(key, decidedKey); found {
		return i.decided(ctx, name, record)
	}
	if strings.HasPrefix(key, wireKey) {
		return nil // is of the past
	}
	name, isUser := scoring.UserOf(key)
	if !isUser || scoring.KindOf(name) != scoring.Users {
		i.Own++
		return nil
	}
	x, err := scoring.ToShared(name, record, i.trusted[name])
	if err != nil {
		return err
	}
	delete(i.trusted, name)
	i.part = append(i.part, &shared.Swap{Key: x.User, Record: x.Record})
	if len(i.part) == contributedAtOnce {
		return i.Flush()
	}
	return nil
}

// Flush has the engine take what is still here.
func (i *Import) Flush() error {
	if len(i.part) == 0 {
		return nil
	}
	if err := i.engine.engine.Swap(i.part, time.Time{}); err != nil {
		return err
	}
	for _, s := range i.part {
		if s.Newer != nil {
			i.Known++
		} else {
			i.Users++
		}
	}
	i.part = i.part[:0]
	return nil
}

// decided has a decision hold for all hosts, where nothing was decided about the user.
func (i *Import) decided(ctx context.Context, user string, data []byte) error {
	if !about(data, user) || user != blocklist.Fold(user) {
		return fmt.Errorf("%s%s: the record is damaged", decidedKey, user)
	}
	id, err := i.engine.engine.Decide(ctx, user, data, true)
	switch {
	case err != nil:
		return err
	case id == "":
		i.Known++
	default:
		i.Decisions++
	}
	return nil
}

// Forget has the engine and all hosts forget a user, at once or when they are there
// again. Whether mail may be sent stays as it is.
func (e *Engine) Forget(ctx context.Context, user string) (blocked bool, err error) {
	now := time.Now()
	order, err := json.Marshal(decision{Act: forgetAct, User: user, Time: now})
	if err != nil {
		return false, err
	}
	hash := scoring.TellsOf(user)
	err = e.engine.Forget(ctx, shared.Forgetting{
		User: user, Record: scoring.Forgotten(now), Order: order, Told: hash,
		Decided: func(data []byte) bool { return about(data, user) },
		Listed: func(data []byte) []byte {
			var last decision
			if json.Unmarshal(data, &last) != nil {
				return nil
			}
			if blocked = last.Act == control.Block; blocked {
				return data // as it stands on the blocklist of each host
			}
			data, err := json.Marshal(decision{Act: last.Act, User: user, Time: last.Time, Memory: last.Memory})
			if err != nil {
				return nil
			}
			return data
		},
	})
	return blocked, err
}

// forget forgets a user, as a command told all hosts to: beside what is remembered
// what the ledger and the alerts have of the user. What stands on the blocklist, and
// what has to be done in Postfix's queue, stays.
func (d *Daemon) forget(user string) {
	d.turn.Lock()
	d.path.Scorer.Forget(user)
	delete(d.raised, user)
	delete(d.told.fates, user)
	d.turn.Unlock()
	d.desk.Forget(func(name string) bool { return blocklist.Fold(name) == user })
	keys, err := LedgerOf(d.memory.store, user)
	if err != nil {
		d.log.Error("the ledger cannot be looked through for who is to be forgotten", "error", err)
	}
	d.ledger.forget(user, keys)
	delete(d.sharing.words, user)
	d.memory.due, d.memory.compacts = true, true
	d.log.Info("a user is forgotten, as `sendwarden state forget` told all hosts")
}

// forget drops the records of a user; those with keys are in the state.
func (l *ledger) forget(user string, keys []string) {
	kept := l.fresh[:0]
	for i, r := range l.fresh {
		if r.User != user {
			kept = append(kept, r)
			continue
		}
		if i < l.written {
			keys = append(keys, r.Key(i))
			l.written--
		}
	}
	l.fresh = kept
	l.faded = append(l.faded, keys...)
}

// LedgerOf are the keys of what the ledger in a state has about a user.
func LedgerOf(store *state.Store, user string) (keys []string, err error) {
	err = store.Each(control.LedgerKey, func(key string, data []byte) error {
		if r, err := control.ReadRecord(data); err == nil && r.User == user {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
}
