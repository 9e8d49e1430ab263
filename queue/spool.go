package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// hold is the queue whose messages wait for someone. The others are named in
// the order that a message passes them, so that one which moves during a search
// is met later rather than missed.
const hold = "hold"

var moving = []string{"incoming", "active", "deferred"}

// maxDepth is the deepest that Postfix hashes a queue into directories
// (mail_queue.h, MAX_HASH_QUEUE_DEPTH is 10).
const maxDepth = 16

// ready is what cleanup(8) adds to the mode of a file that is complete
// (mail_queue.h, MAIL_QUEUE_STAT_READY).
const ready fs.FileMode = 0o700

var errUnfinished = errors.New("still being received")

// spool reads Postfix's queue directory. The mail system's own user may put
// anything there; what the root beside it opens has to be a regular file.
type spool struct {
	root    *os.Root
	records *records
}

// message is a file of the queue.
type message struct {
	id, queue string
	dir       *os.Root
	spool     *spool
}

// walk calls visit with each message of a queue, however deep hash_queue_depth
// puts it.
func (s *spool) walk(ctx context.Context, queue string, visit func(message) error) error {
	dir, err := s.root.OpenRoot(queue)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: %s: %w", queue, plain(err))
	}
	defer dir.Close()
	return s.walkIn(ctx, message{queue: queue, dir: dir, spool: s}, 0, visit)
}

// walkIn visits the messages in a directory that m is given with.
func (s *spool) walkIn(ctx context.Context, m message, depth int, visit func(message) error) error {
	list, err := m.dir.Open(".")
	if err != nil {
		return fmt.Errorf("queue: %s: %w", m.queue, plain(err))
	}
	defer list.Close()
	for {
		entries, err := list.ReadDir(1000)
		for _, entry := range entries {
			m.id = entry.Name()
			if err := s.enter(ctx, m, entry, depth, visit); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("queue: %s: %w", m.queue, plain(err))
		}
	}
}

// enter visits a message, or a directory of hash_queue_depth, whose name is one
// character.
func (s *spool) enter(ctx context.Context, m message, entry fs.DirEntry, depth int, visit func(message) error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("queue: %s: %w", m.queue, ctx.Err())
	case !entry.IsDir() && isPostfixID(m.id):
		return visit(m)
	case !entry.IsDir() || len(m.id) != 1 || depth == maxDepth:
		return nil
	}
	dir, err := m.dir.OpenRoot(m.id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("queue: %s: %w", m.queue, plain(err))
	}
	defer dir.Close()
	m.dir = dir
	return s.walkIn(ctx, m, depth+1, visit)
}

// envelope reads a message's envelope. The error is fs.ErrNotExist where
// Postfix has moved the file meanwhile.
func (m message) envelope() (envelope, error) {
	f, err := m.open()
	if err != nil {
		return envelope{}, err
	}
	defer f.Close()
	return readEnvelope(m.spool.records)
}

// mail reads what is shown of a message, if its user is one that is asked for.
func (m message) mail(same func(user string) bool) (mail Mail, is bool, err error) {
	f, err := m.open()
	if err != nil {
		return Mail{}, false, err
	}
	defer f.Close()
	e, err := readEnvelope(m.spool.records)
	if err != nil || !same(e.user) {
		return Mail{}, false, err
	}
	subject := readSubject(m.spool.records)
	return Mail{m.id, m.queue, e.arrived, e.size, e.sender, e.recipients, e.to, subject}, true, nil
}

// open opens a message's file for the spool's records.
func (m message) open() (*os.File, error) {
	// A FIFO in place of the file must not stop us.
	f, err := m.dir.OpenFile(m.id, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errDamaged
	case info.Mode()&ready != ready:
		err = errUnfinished
	default:
		m.spool.records.open(f)
		return f, nil
	}
	_ = f.Close() // it was not read
	return nil, err
}

// plain takes off the path what the place says already, and adds the remedy.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w (only root may; sendwarden queue-helper does it for others)", err)
	}
	return err
}
