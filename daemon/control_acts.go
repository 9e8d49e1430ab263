package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// Do is control.Service's.
func (s *steward) Do(ctx context.Context, who control.Who, act control.Act) (control.Done, error) {
	if err := act.Check(); err != nil {
		return control.Done{}, err
	}
	return ask(ctx, s, func() (control.Done, error) { return s.do(who, act, time.Now()) })
}

// do carries out an act, and puts it into the ledger.
func (s *steward) do(who control.Who, act control.Act, now time.Time) (done control.Done, err error) {
	switch act.Kind {
	case control.Block:
		err = s.stop(who, act, now)
	case control.Release:
		done, err = s.release(act, now)
	case control.Send:
		done, err = s.send(act, now)
	case control.Keep:
		done, err = s.retain(act, now)
	case control.TrustPlace:
		done, err = s.vouch(act, now)
	case control.Untrust:
		err = s.unvouch(act)
	}
	if err != nil {
		return done, err
	}
	var uid *int
	if who.UID != control.NoUID {
		uid = &who.UID
	}
	s.note(control.Record{
		Time: now, Who: who.String(), UID: uid, Act: act.Kind, User: blocklist.Fold(act.User), Why: act.Why,
		NoLearn: act.NoLearn, QueueID: act.QueueID, Trust: act.Trust, Messages: done.Messages + done.Kept,
	})
	s.log.Info("done for a person", "act", string(act.Kind), "user", maillog.Mask(act.User), "who", maillog.Mask(who.String()), "why", maillog.Mask(act.Why))
	return done, nil
}

// stop blocks a user by hand.
func (s *steward) stop(who control.Who, act control.Act, now time.Time) error {
	err := s.list.Block(blocklist.Entry{User: act.User, Action: s.rules.Reply, Since: now, Notes: []string{byHand(act, who.String(), now)}})
	switch {
	case errors.Is(err, blocklist.ErrAlready), errors.Is(err, blocklist.ErrExempt), errors.Is(err, blocklist.ErrName):
		return control.Conflict("%v", err)
	case errors.Is(err, blocklist.ErrTable):
		s.fault(behind, err) // it stands in the text, and the table is built again
	case err != nil:
		return err
	}
	name := blocklist.Fold(act.User)
	s.turn.Lock()
	s.path.Scorer.Blocked(name, now)
	s.turn.Unlock()
	s.porter.hold(name)
	s.tell(alert.Notice{Kind: alert.Block, Time: now, User: name, Detail: detail(act, who)})
	return nil
}

// byHand is the comment above the line of who was blocked by a person.
func byHand(act control.Act, who string, now time.Time) string {
	header := fmt.Sprintf("%s: blocked %s, by %s", maillog.Mask(act.User), now.Format(words.Stamp), maillog.Mask(who))
	if act.Why != "" {
		header += ": " + maillog.Mask(act.Why)
	}
	return header
}

func detail(act control.Act, who control.Who) string {
	text := "by " + maillog.Mask(who.String())
	if act.Why != "" {
		text += ": " + maillog.Mask(act.Why)
	}
	return text
}

// release lets a user send again, with all the mail that waits. It is for who is
// not blocked as well: points and doubts go, and what was held.
func (s *steward) release(act control.Act, now time.Time) (done control.Done, err error) {
	name := blocklist.Fold(act.User)
	_, listed, err := s.list.Release(act.User)
	if err != nil && !errors.Is(err, blocklist.ErrTable) {
		return done, err
	}
	s.fault(behind, err)
	pending := len(s.pending)
	s.pending = slices.DeleteFunc(s.pending, func(e blocklist.Entry) bool { return blocklist.Fold(e.User) == name })
	s.turn.Lock()
	a := s.sight().account(name, now)
	s.turn.Unlock()
	if !listed && pending == len(s.pending) && !a.Blocked && len(a.Held) == 0 && len(a.Reasons) == 0 {
		if e, is := s.list.Lookup(act.User); is {
			return done, control.Conflict("%s is not blocked: line %d of the blocklist says %s", maillog.Mask(act.User), e.Line, maillog.Mask(e.Action))
		}
		return done, control.NotFound("%s is not on the blocklist (`sendwarden list` shows who is)", maillog.Mask(act.User))
	}
	s.forgive(act.User, now, !act.NoLearn)
	s.tell(alert.Notice{Kind: alert.Release, Time: now, User: name})
	done.Messages = len(a.Held)
	if !listed && !a.Blocked {
		done.Notes = append(done.Notes, fmt.Sprintf("%s was not blocked: what was held is let go, and the score is gone", maillog.Mask(act.User)))
	}
	return done, nil
}

// send lets one held message go.
func (s *steward) send(act control.Act, now time.Time) (done control.Done, err error) {
	name := blocklist.Fold(act.User)
	s.turn.Lock()
	defer s.turn.Unlock()
	kept := slices.Index(s.kept[name], act.QueueID)
	if !s.path.Scorer.LetGo(name, act.QueueID, now) && kept < 0 {
		return done, notHeld(act)
	}
	if kept >= 0 {
		if s.kept[name] = slices.Delete(s.kept[name], kept, kept+1); len(s.kept[name]) == 0 {
			delete(s.kept, name)
		}
	}
	s.porter.release(name, []string{act.QueueID})
	return control.Done{Messages: 1}, nil
}

func notHeldHere() error {
	return control.Conflict("doubtful mail is not held here, only reported (that takes the door and the queue; see `sendwarden status`)")
}

// retain has held mail wait until a person decides: one message, or all that a user
// has. What is held from then on waits as usual.
func (s *steward) retain(act control.Act, now time.Time) (done control.Done, err error) {
	if !s.holds() {
		return done, notHeldHere()
	}
	name := blocklist.Fold(act.User)
	s.turn.Lock()
	defer s.turn.Unlock()
	ids := retained(s.path.Scorer, name, act.QueueID, now)
	s.kept[name] = append(s.kept[name], ids...)
	done.Kept = len(s.kept[name])
	if act.QueueID != "" {
		done.Kept = 1
		if !slices.Contains(s.kept[name], act.QueueID) {
			done.Kept = 0
		}
	}
	if len(s.kept[name]) == 0 {
		delete(s.kept, name)
	}
	if done.Kept == 0 {
		return done, notHeld(act)
	}
	return done, nil
}

// retained takes mail out of what goes by itself: one message, or all of a user's.
func retained(scorer *scoring.Scorer, name, id string, now time.Time) (ids []string) {
	account, _ := scorer.Account(name, now)
	for _, m := range account.Held {
		if (id == "" || id == m.QueueID) && scorer.Keep(name, m.QueueID) {
			ids = append(ids, m.QueueID)
		}
	}
	return ids
}

func notHeld(act control.Act) error {
	user := maillog.Mask(act.User)
	if act.QueueID == "" {
		return control.NotFound("no mail of %s is held (`sendwarden list` shows whose is)", user)
	}
	return control.NotFound("%s of %s is not held (`sendwarden queue %[2]s` shows what is in the queue)", act.QueueID, user)
}

// vouch takes a person's word for a place of a user's.
func (s *steward) vouch(act control.Act, now time.Time) (done control.Done, err error) {
	name := blocklist.Fold(act.User)
	t := trustIn(*act.Trust)
	if !t.Until.IsZero() && !t.Until.After(now) {
		return done, control.Conflict("%s is past", t.Until.Format(words.Stamp))
	}
	s.turn.Lock()
	free, ok := s.path.Scorer.Trust(name, t, now)
	blocks, exempts := s.path.Scorer.Blocks(name), false
	s.turn.Unlock()
	if !ok {
		return done, control.Conflict("%s is trusted in too many places already (`sendwarden untrust %[1]s` takes them back)", maillog.Mask(act.User))
	}
	s.porter.release(name, queueIDs(free))
	done.Messages = len(free)
	entry, listed := s.list.Lookup(act.User)
	if listed {
		blocks, exempts = entry.Blocks(), entry.Exempt()
	}
	switch {
	case exempts:
		done.Notes = append(done.Notes, fmt.Sprintf("a line of the blocklist exempts %s anyway", maillog.Mask(act.User)))
	case blocks:
		done.Notes = append(done.Notes, fmt.Sprintf("%s is blocked, and stays so: `sendwarden release %[1]s` lets them send", maillog.Mask(act.User)))
	}
	return done, nil
}

func queueIDs(messages []scoring.MessageID) []string {
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = m.ID
	}
	return ids
}

// unvouch takes such a word back.
func (s *steward) unvouch(act control.Act) error {
	var t scoring.Trust
	if act.Trust != nil {
		t = trustIn(*act.Trust)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if s.path.Scorer.Untrust(blocklist.Fold(act.User), t) == 0 {
		return notTrusted(act)
	}
	return nil
}

func notTrusted(act control.Act) error {
	where := "anywhere"
	if act.Trust != nil {
		where = "in " + act.Trust.Place()
	}
	return control.NotFound("%s is not trusted %s (`sendwarden trust` shows who is)", maillog.Mask(act.User), where)
}

// History is control.Service's.
func (s *steward) History(ctx context.Context, span control.Span) ([]control.Record, error) {
	return ask(ctx, s, func() ([]control.Record, error) { return readLedger(s.memory.store, s.ledger.fresh, span) })
}
