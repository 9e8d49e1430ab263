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
		if !isPostfixID(id) {
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
func (s *search) same(user string) bool { return sameUser(user, s.user, s.Fold) }

// sameUser tells whether a user's name means the one that is asked for. Who has no
// name is nobody.
func sameUser(user, wanted string, fold func(string) string) bool {
	switch {
	case user == "":
		return false
	case user == wanted:
		return true
	}
	return fold != nil && fold(user) == fold(wanted)
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
