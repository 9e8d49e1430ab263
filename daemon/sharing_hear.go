package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/shared"
)

// inLoop has the loop do something, and waits until it is done.
func (d *Daemon) inLoop(ctx context.Context, do func()) {
	done := make(chan struct{})
	d.turn.Lock()
	d.later(func() {
		do()
		close(done)
	})
	d.turn.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
	case <-d.steward.ended:
	}
}

// hearken hears what other hosts decide and learn.
func (d *Daemon) hearken(ctx context.Context) {
	s := d.sharing
	pause := time.NewTicker(time.Second)
	defer pause.Stop()
	select {
	case <-s.joined:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		var heard shared.Heard
		d.inLoop(ctx, func() { heard = s.heard })
		wire, err := s.engine.Hear(ctx, heard)
		if err != nil {
			select {
			case <-pause.C:
			case <-ctx.Done():
			}
			continue
		}
		if wire.Heard == heard {
			continue
		}
		d.inLoop(ctx, func() {
			if s.heard != heard {
				return // it was taken over from another host meanwhile
			}
			for _, next := range wire.Decisions {
				d.obey(next.Data, time.Now())
			}
			d.turn.Lock()
			for _, news := range wire.News {
				if err := d.path.Scorer.Hear(news); err != nil {
					d.log.Error("news of another host cannot be read", "error", err)
				}
			}
			d.turn.Unlock()
			s.heard = wire.Heard // saved with what was heard
		})
	}
}

// obey carries out what another host decided.
func (d *Daemon) obey(data []byte, now time.Time) {
	var next decision
	if err := json.Unmarshal(data, &next); err != nil || next.User == "" || next.User != blocklist.Fold(next.User) {
		d.log.Error("a decision of another host cannot be read", "error", err)
		return
	}
	if next.Memory == d.sharing.host {
		return
	}
	if next.Act == forgetAct {
		d.forget(next.User)
		return
	}
	if next.Act == control.Block && next.Score > 0 && !next.First { // by a verdict
		d.turn.Lock()
		d.path.Scorer.BlockedElsewhere(next.Time)
		d.turn.Unlock()
	}
	log := d.log.With("user", maillog.Mask(next.User), "host", maillog.Mask(next.Host), "who", maillog.Mask(next.Who), "why", maillog.Mask(next.Why))
	if d.mode() == "watch" {
		log.Info("decided on another host, and not done in watch mode", "act", string(next.Act))
		return
	}
	entry, listed := d.list.Lookup(next.User)
	blocked := listed && entry.Blocks()
	switch {
	case next.Act == control.Block && !blocked:
		log.Warn("blocking, as another host does")
		if next.Action == "" {
			next.Action = d.rules.Reply
		}
		d.sharing.agreed[next.User] = true
		if !d.write(blocklist.Entry{User: next.User, Action: next.Action, Since: next.Time, Score: next.Score, Notes: next.Notes}) {
			return
		}
		d.apart(func(s *scoring.Scorer) { s.Blocked(next.User, now) })
		d.porter.hold(next.User)
	case next.Act == control.Release && blocked:
		log.Info("released, as on another host")
		if _, _, err := d.list.Release(next.User); err != nil && !errors.Is(err, blocklist.ErrTable) {
			d.log.Error("the blocklist could not be written: still blocked here", "user", maillog.Mask(next.User), "error", err)
			return
		}
		delete(d.sharing.agreed, next.User)
		delete(d.untold, next.User)
		d.pardon(next.User, now, !next.NoLearn, true)
	default:
		if next.Act == control.Block {
			d.sharing.agreed[next.User] = true
		}
		return // as it is here
	}
	d.sharing.heeded[next.Act]++
	d.note(control.Record{
		Time: now, Who: next.Who + " on " + next.Host, Act: next.Act, User: next.User, Why: next.Why,
		Score: round(next.Score), NoLearn: next.NoLearn,
	})
	delete(d.sharing.words, next.User)
}

// apart does to what this host knows what another has done to what all know.
func (d *Daemon) apart(do func(*scoring.Scorer)) {
	d.turn.Lock()
	defer d.turn.Unlock()
	d.path.Scorer.Apart(func() { do(d.path.Scorer) })
}

// met takes note that the engine is there. One with another memory than before was
// restarted empty, or is another: it is given what this host knows, where it does
// not know better. Then what was decided meanwhile is compared.
func (d *Daemon) met(ctx context.Context, epoch string) error {
	s := d.sharing
	var before string
	var err error
	d.inLoop(ctx, func() {
		before = s.epoch
		d.turn.Lock()
		defer d.turn.Unlock()
		if err = d.path.Scorer.Agree(); err != nil {
			return
		}
		if epoch == before {
			err = d.path.Scorer.Remind()
			return
		}
		err = d.path.Scorer.Offer()
	})
	if err != nil {
		return err
	}
	if epoch != before {
		if before != "" {
			d.log.Warn("the engine has lost what it knew, or is another one: it is given what this host knows")
		}
		n, err := d.contribute(ctx)
		if err != nil {
			return err
		}
		d.log.Info("the others know what this host knows", "users", n)
	}
	if err := d.catchUp(ctx, before == ""); err != nil {
		return err
	}
	latest, err := s.engine.Latest(ctx)
	if err != nil {
		return err
	}
	all, err := s.engine.List(ctx)
	if err != nil {
		return err
	}
	d.inLoop(ctx, func() {
		s.epoch, d.memory.due = epoch, true
		d.compareList(all, time.Now())
		if s.heard.Wire == "" {
			s.heard.Wire = latest // what was decided before is on the list
		}
	})
	s.once.Do(func() { close(s.joined) })
	return ctx.Err()
}

// catchUp takes over from another host what all users together do, where this one has
// just joined or has been off for so long that the engine does not have all news.
func (d *Daemon) catchUp(ctx context.Context, joins bool) error {
	s := d.sharing
	var heard shared.Heard
	d.inLoop(ctx, func() { heard = s.heard })
	if heard.News == "" && !joins {
		return nil // it was there from the beginning, and hears all
	}
	crowd, err := s.engine.Missed(ctx, heard)
	if err != nil || crowd == nil {
		return err
	}
	d.inLoop(ctx, func() {
		d.turn.Lock()
		defer d.turn.Unlock()
		if err = d.path.Scorer.TakeSnapshot(crowd.Record, joins); err != nil {
			d.log.Error("what another host knows of all users cannot be read", "error", err)
			err = nil // the news are heard all the same
			return
		}
		s.heard = crowd.From(heard.Wire)
		d.log.Info("what another host knows of all users together was taken over")
	})
	return err
}

// contributedAtOnce is how many users go to the engine in one round trip.
const contributedAtOnce = 200

// contribute gives the engine those of the users in the state whom it does not know.
func (d *Daemon) contribute(ctx context.Context) (n int, err error) {
	var part []*scoring.Exchange
	flush := func() error {
		n += len(part)
		err := d.sharing.swap(part, time.Time{})
		part = part[:0]
		return err
	}
	err = d.memory.store.Each(scoring.UserKey(""), func(key string, record []byte) error {
		name, _ := scoring.UserOf(key)
		if scoring.KindOf(name) != scoring.Users {
			return ctx.Err()
		}
		trusted, err := d.memory.store.Load(trustKey + name)
		if err != nil {
			return err
		}
		x, err := scoring.ToShared(name, record, trusted)
		if err != nil {
			d.unreadable(key, err)
			return ctx.Err()
		}
		if part = append(part, x); len(part) == contributedAtOnce {
			return errors.Join(flush(), ctx.Err())
		}
		return ctx.Err()
	})
	if err == nil && len(part) > 0 {
		err = flush()
	}
	return n, err
}

// compareList does what was decided and not heard of, and tells an engine that has
// no word about a user who is blocked here that this is so.
func (d *Daemon) compareList(all []shared.Decision, now time.Time) {
	s := d.sharing
	if d.mode() == "watch" {
		return
	}
	known := make(map[string]bool, len(all))
	for _, one := range all {
		known[one.User] = true
		if shared.Later(one.ID, s.heard.Wire) {
			d.obey(one.Data, now)
		}
	}
	for _, e := range d.list.Entries() {
		if user := blocklist.Fold(e.User); e.Blocks() && !known[user] {
			s.agreed[user] = true
			next := d.decision(control.Block, user, e, now)
			next.First = true
			s.tell(next)
		}
	}
}

// tellNews tells the others the news that have just been saved.
func (d *Daemon) tellNews() {
	s := d.sharing
	if s == nil {
		return
	}
	d.turn.Lock()
	number, news := d.path.Scorer.News()
	d.turn.Unlock()
	if news == nil {
		return
	}
	s.mu.Lock()
	s.news, s.newsNumber = news, number
	s.mu.Unlock()
	s.wake()
}
