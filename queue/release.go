package queue

import (
	"context"
	"errors"
	"time"
)

// Release lets the user's mail go that is on hold: the messages named, or all
// for nil. Who wants to leave alone what others held names what Hold held.
//
// Postfix counts a message's lifetime from its arrival, also while it is on
// hold, and returns a message to its sender that is older when it can't be
// delivered at once. So one that has waited half its lifetime goes through
// "postsuper -r", as the manual advises, which gives it a new file and a new
// lifetime; the others through "-H", which changes nothing about them. Of a
// message that was deferred before, the file's time is when Postfix tries next,
// up to an hour later; it is set to now, as flush(8) does (flush.c).
func (l Local) Release(ctx context.Context, user string, ids []string) (Result, error) {
	if ids != nil && len(ids) == 0 {
		return nil, nil
	}
	s, err := l.search(ctx, user, ids)
	if err != nil {
		return nil, err
	}
	defer s.close()
	young, old, err := s.held(ctx)
	if err != nil {
		return s.result(), err
	}
	err = errors.Join(
		s.free(ctx, "-H", young, Released),
		s.free(ctx, "-r", old, Requeued))
	return s.result(), err
}

// held finds the user's messages on hold, apart by whether half their lifetime
// is over.
func (s *search) held(ctx context.Context) (young, old []string, err error) {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	at := now()
	aged := at.Add(-s.lifetime / 2)
	err = s.walk(ctx, hold, func(m message) error {
		if !s.wanted(m.id) {
			return nil
		}
		e, err := m.envelope()
		switch {
		case err != nil || !s.same(e.user):
			s.leave(m.id, err)
			return nil
		case e.queued.Before(aged) && s.lifetime > 0: // a lifetime of 0 is one attempt, with either
			old = append(old, m.id)
		default:
			_ = m.dir.Chtimes(m.id, at, at) // else it is delivered later
			young = append(young, m.id)
		}
		s.fates[m.id] = Failed
		return nil
	})
	if err != nil || s.all {
		return young, old, err
	}
	return young, old, s.notHeld(ctx)
}

// notHeld tells messages that are elsewhere in the queue from those that are gone.
func (s *search) notHeld(ctx context.Context) error {
	for _, queue := range moving {
		err := s.walk(ctx, queue, func(m message) error {
			if s.fates[m.id] != Gone {
				return nil
			}
			e, err := m.envelope()
			if err == nil && s.same(e.user) {
				s.fates[m.id] = NotHeld
				return nil
			}
			s.leave(m.id, err)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// free takes messages out of hold, and notes the outcome of those that have left it.
func (s *search) free(ctx context.Context, option string, ids []string, outcome Outcome) error {
	if len(ids) == 0 {
		return nil
	}
	err := s.postsuper(ctx, option, ids, hold)
	for _, id := range ids {
		s.fates[id] = outcome
	}
	ctx = context.WithoutCancel(ctx) // what was moved is told in any case
	err = errors.Join(err, s.walk(ctx, hold, func(m message) error {
		if s.fates[m.id] == outcome {
			s.fates[m.id] = Failed
		}
		return nil
	}))
	if option == "-r" {
		wake(ctx, s.directory, "pickup", 'W')
	} else {
		wake(ctx, s.directory, "qmgr", 'D')
	}
	return err
}
