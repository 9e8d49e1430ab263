package queue

import (
	"context"
	"errors"
	"slices"
)

// maxRounds bounds how often a search is repeated. The second finds what
// Postfix moved during the first, and what it was receiving.
const maxRounds = 3

// Hold puts the user's mail that is to be delivered on hold: the messages
// named, or all for nil. A message of anyone else is left alone.
func (l Local) Hold(ctx context.Context, user string, ids []string) (Result, error) {
	if ids != nil && len(ids) == 0 {
		return nil, nil
	}
	s, err := l.search(ctx, user, ids)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for range maxRounds {
		mine, err := s.find(ctx)
		if err == nil && len(mine) > 0 {
			err = s.postsuper(ctx, "-h", mine, moving...)
			// What was moved is told also when the caller has lost patience.
			err = errors.Join(err, s.confirm(context.WithoutCancel(ctx), mine))
		}
		if err != nil || len(mine) == 0 || s.done() {
			return s.result(), err
		}
	}
	return s.result(), nil
}

// find returns the user's messages that are to be held.
func (s *search) find(ctx context.Context) ([]string, error) {
	var mine []string
	for id, fate := range s.fates {
		if fate != Held && fate != AlreadyHeld && fate != Foreign {
			s.fates[id] = Gone // unless it is met again
		}
	}
	for _, queue := range append(slices.Clone(moving), hold) {
		err := s.walk(ctx, queue, func(m message) error {
			if !s.wanted(m.id) {
				return nil
			}
			e, err := m.envelope()
			switch {
			case err != nil || !s.same(e.user):
				s.leave(m.id, err)
			case queue == hold:
				s.fates[m.id] = AlreadyHeld
			case s.fates[m.id] != Failed: // else it has just moved on
				s.fates[m.id] = Failed
				mine = append(mine, m.id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return mine, nil
}

// done tells whether each message that was named has been dealt with.
func (s *search) done() bool {
	for id := range s.fates {
		if s.wanted(id) {
			return false
		}
	}
	return !s.all
}

// confirm looks what postsuper put on hold. Between our look into a file and
// postsuper's rename Postfix may have delivered that message and given its id,
// if it is a short one, to the next; such a message is let go again.
func (s *search) confirm(ctx context.Context, mine []string) error {
	asked := make(map[string]bool, len(mine))
	for _, id := range mine {
		asked[id] = true
	}
	var mistaken []string
	err := s.walk(ctx, hold, func(m message) error {
		if !asked[m.id] {
			return nil
		}
		e, err := m.envelope()
		switch {
		case err == nil && s.same(e.user):
			s.fates[m.id] = Held
		case err == nil:
			s.fates[m.id] = Foreign
			mistaken = append(mistaken, m.id)
		}
		return nil
	})
	if len(mistaken) > 0 {
		err = errors.Join(err, s.postsuper(ctx, "-H", mistaken, hold))
		wake(ctx, s.directory, "qmgr", 'D')
	}
	return err
}
