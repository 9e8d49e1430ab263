package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Local works on the queue of the Postfix on this host. Only root may.
type Local struct {
	// ConfigDir is Postfix's, as in "postsuper -c DIR"; empty is its default.
	ConfigDir string
	// Fold spells a user name as all its spellings have in common; names are
	// the same when they are equal or fold to the same. Nil compares exactly.
	Fold func(string) string
	// Now is the clock that the age of held mail is measured by; nil is the
	// system's, as it is Postfix's.
	Now func() time.Time

	// programs stands for Postfix's in tests.
	programs func(input, name string, args ...string) (string, error)
}

// maxUser bounds a user name in bytes.
const maxUser = 512

// maxRounds bounds how often a search is repeated. The second finds what
// Postfix moved during the first, and what it was receiving.
const maxRounds = 3

// search is one call's work on the queue.
type search struct {
	Local
	settings
	*spool
	user   string
	all    bool // of the user's mail, not only named messages
	fates  map[string]Outcome
	others map[string]bool // already known not to be the user's
}

func (l Local) search(ctx context.Context, user string, ids []string) (*search, error) {
	if user == "" || len(user) > maxUser {
		return nil, fmt.Errorf("queue: a user name of %d bytes (1 to %d)", len(user), maxUser)
	}
	s := &search{Local: l, user: user, all: ids == nil, fates: map[string]Outcome{}, others: map[string]bool{}}
	for _, id := range ids {
		if !validID(id) {
			return nil, fmt.Errorf("queue: %q is no queue id", mask(id, maxID))
		}
		s.fates[id] = Gone
	}
	var err error
	if s.settings, err = l.ask(ctx); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.directory)
	if err != nil {
		return nil, fmt.Errorf("queue: %s: %w", s.directory, plain(err))
	}
	s.spool = &spool{root, newRecords()}
	return s, nil
}

func (s *search) close() { _ = s.root.Close() } // it was only read

// Hold puts the user's mail that is to be delivered on hold: the messages
// named, or all for nil. A message of anyone else is left alone.
func (l Local) Hold(ctx context.Context, user string, ids []string) (Result, error) {
	s, err := l.search(ctx, user, ids)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for range maxRounds {
		mine, err := s.find(ctx)
		if err == nil && len(mine) > 0 {
			err = s.postsuper(ctx, "-h", mine, moving...)
			err = errors.Join(err, s.confirm(ctx, mine))
		}
		if err != nil || len(mine) == 0 {
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

// wanted tells whether a message of the queue is of interest, and not done.
func (s *search) wanted(id string) bool {
	fate, known := s.fates[id]
	if !known {
		return s.all && !s.others[id]
	}
	return fate != Held && fate != AlreadyHeld && fate != Foreign
}

// leave notes why a message is left alone.
func (s *search) leave(id string, err error) {
	fate := Foreign
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // the queue that it moved to comes next, or the next round
	case errors.Is(err, errUnfinished):
		fate = Unfinished
	case err != nil:
		fate = Unreadable
	}
	switch {
	case !s.all:
		s.fates[id] = fate
	case fate == Foreign:
		s.others[id] = true
	}
}

// same tells whether an envelope's user is the one asked for.
func (s *search) same(user string) bool {
	switch {
	case user == "":
		return false
	case user == s.user:
		return true
	}
	return s.Fold != nil && s.Fold(user) == s.Fold(s.user)
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

// Release lets the user's mail go that is on hold: the messages named, or all
// for nil. Who wants to leave alone what others held names what Hold held.
//
// Postfix counts a message's lifetime from its arrival, also while it is on
// hold, and returns a message to its sender that is older when it can't be
// delivered at once. So one that has waited half its lifetime goes through
// "postsuper -r", as the manual advises, which gives it a new file and a new
// lifetime; the others through "-H", which changes nothing about them.
func (l Local) Release(ctx context.Context, user string, ids []string) (Result, error) {
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
	aged := now().Add(-s.lifetime / 2)
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

// List returns the user's mail in the queue, the oldest first.
func (l Local) List(ctx context.Context, user string) ([]Mail, error) {
	s, err := l.search(ctx, user, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	found := map[string]Mail{} // what moves during the walk is met twice
	for _, queue := range append(slices.Clone(moving), hold) {
		err := s.walk(ctx, queue, func(m message) error {
			if s.others[m.id] {
				return nil
			}
			mail, is, err := m.mail(s.same)
			switch {
			case is:
				found[m.id] = mail
			case err == nil:
				s.others[m.id] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	mail := make([]Mail, 0, len(found))
	for _, m := range found {
		mail = append(mail, m)
	}
	slices.SortFunc(mail, func(a, b Mail) int {
		return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID))
	})
	return mail, nil
}

func (s *search) result() Result {
	r := make(Result, 0, len(s.fates))
	for id, fate := range s.fates {
		r = append(r, Done{id, fate})
	}
	slices.SortFunc(r, func(a, b Done) int { return cmp.Compare(a.ID, b.ID) })
	return r
}
