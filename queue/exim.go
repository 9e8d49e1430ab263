package queue

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Exim works on the queue of the Exim on this host, as [Local] does on Postfix's.
// Only root may. What Postfix has on hold, Exim has frozen: "exim -Mf" keeps a
// message from being delivered, "exim -Mt" lets it go, and the line "-frozen" of
// its -H file says which it is.
//
// Whose a message is, the -H file says. Its ids are those of this one spool, and
// Exim gives each only once. A message may be in one of Exim's named queues (the ACL
// modifier "queue = bulk"), which are folders of the spool like its own, bulk/input
// beside input; Exim is told which by "-qGbulk".
type Exim struct {
	// Program is Exim's; empty is exim4 or exim, where root installs them.
	Program string
	// Config is Exim's configuration file, as in "exim -C FILE"; empty is its own.
	Config string
	// Fold is [Local]'s.
	Fold func(string) string
	// Deliver has what is let go tried at once, and not with Exim's next queue run.
	// A helper that is shut off from the net must not: what fails there, Exim would
	// hold against the servers that it could not reach.
	Deliver bool

	// programs stands for Exim in tests.
	programs func(args ...string) (string, error)
}

const (
	frozen = "frozen"
	input  = "input"

	eximTime    = 2 * time.Minute  // for one call of exim
	deliverTime = 20 * time.Second // to try what was let go
	// eximArgs is how many messages one call names, and deliverNow how many are
	// tried at once when they are let go: exim -Mc takes one after the other. The
	// others go with Exim's next queue run.
	eximArgs   = 500
	deliverNow = 20
)

// eximSpool is one call's work.
type eximSpool struct {
	Exim
	root  *os.Root // the spool directory
	named []string // its named queues
	user  string
	ids   []string // nil is all of the user's
	fates map[string]Outcome
}

func (x Exim) open(ctx context.Context, user string, ids []string) (*eximSpool, error) {
	if user == "" || len(user) > maxUser {
		return nil, fmt.Errorf("queue: a user name of %d bytes (1 to %d)", len(user), maxUser)
	}
	s := &eximSpool{Exim: x, user: user, ids: ids, fates: map[string]Outcome{}}
	for _, id := range ids {
		if !IsID(id) {
			return nil, fmt.Errorf("queue: %q is no message id of Exim's", mask(id, maxID))
		}
		s.fates[id] = Gone // unless it is met
	}
	dir, err := x.spool(ctx)
	if err != nil {
		return nil, err
	}
	if s.named, err = namedQueues(dir); err != nil {
		return nil, fmt.Errorf("queue: %s: %w", dir, plain(err))
	}
	if s.root, err = os.OpenRoot(dir); err != nil {
		return nil, fmt.Errorf("queue: %s: %w", dir, plain(err))
	}
	return s, nil
}

// spool is the spool directory.
func (x Exim) spool(ctx context.Context) (string, error) {
	out, err := x.run(ctx, eximTime, "-bP", "spool_directory")
	if err != nil {
		return "", fmt.Errorf("queue: where is Exim's spool? %w", err)
	}
	_, dir, _ := strings.Cut(strings.TrimSpace(out), " = ")
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("queue: spool_directory = %s: no absolute path", mask(dir, 200))
	}
	return dir, nil
}

// mostQueues bounds how many named queues are looked into.
const mostQueues = 100

// namedQueues are the folders of a spool that have an input/ of their own.
func namedQueues(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		name := entry.Name()
		info, err := os.Stat(filepath.Join(dir, name, input))
		if entry.IsDir() && isQueueName(name) && err == nil && info.IsDir() && len(names) < mostQueues {
			names = append(names, name)
		}
	}
	return names, err
}

// isQueueName tells whether a name can stand behind -qG, where a slash begins an
// interval.
func isQueueName(name string) bool {
	return len(name) <= 64 && strings.Trim(name, base62+"-_.") == ""
}

// inQueue has Exim work on a named queue; "" is its own.
func inQueue(name string, args ...string) []string {
	if name == "" {
		return args
	}
	return append([]string{"-qG" + name}, args...)
}

func (s *eximSpool) close() { _ = s.root.Close() } // it was only read

// EximHere tells whether it is Exim that this host has, and no Postfix.
func EximHere() bool {
	installed := func(name string) bool { _, err := exec.LookPath(program(name)); return err == nil }
	return !installed("postconf") && (installed("exim4") || installed("exim"))
}

// Hold is [Local.Hold].
func (x Exim) Hold(ctx context.Context, user string, ids []string) (Result, error) {
	return x.change(ctx, user, ids, func(s *eximSpool) error {
		mine, err := s.find(ctx, false)
		if err != nil || len(mine) == 0 {
			return err
		}
		return s.do(ctx, "-Mf", mine, true, Held)
	})
}

// Release is [Local.Release]. Exim counts a message's age from its arrival, too,
// and what it does with a frozen one that is old, timeout_frozen_after says.
func (x Exim) Release(ctx context.Context, user string, ids []string) (Result, error) {
	return x.change(ctx, user, ids, func(s *eximSpool) error {
		mine, err := s.find(ctx, true)
		if err != nil || len(mine) == 0 {
			return err
		}
		if err := s.do(ctx, "-Mt", mine, false, Released); err != nil {
			return err
		}
		for _, queue := range slices.Sorted(maps.Keys(mine)) {
			if ids := mine[queue]; s.Deliver { // what can't be delivered now is Exim's to say, in its log
				_, _ = s.run(ctx, deliverTime, inQueue(queue, append([]string{"-Mc"}, ids[:min(len(ids), deliverNow)]...)...)...)
			}
		}
		return nil
	})
}

// change repeats a step until nothing is left to do: mail may arrive meanwhile.
func (x Exim) change(ctx context.Context, user string, ids []string, step func(*eximSpool) error) (Result, error) {
	if ids != nil && len(ids) == 0 {
		return nil, nil
	}
	s, err := x.open(ctx, user, ids)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for range maxRounds {
		before := maps.Clone(s.fates)
		if err = step(s); err != nil || maps.Equal(before, s.fates) {
			break
		}
	}
	result := make(Result, 0, len(s.fates))
	for _, id := range slices.Sorted(maps.Keys(s.fates)) {
		result = append(result, Done{id, s.fates[id]})
	}
	return result, err
}

// find returns the user's messages that are frozen or not, as is asked, by queue, and
// notes why others that were named are left alone.
func (s *eximSpool) find(ctx context.Context, wantFrozen bool) (mine map[string][]string, err error) {
	mine = make(map[string][]string)
	err = s.each(ctx, func(id string, e eximEnvelope, err error) {
		switch fate, known := s.fates[id]; {
		case known && fate != Gone && fate != Failed:
		case s.ids != nil && !known:
		case err != nil || !s.same(e.user):
			if s.ids != nil {
				s.fates[id] = whyNot(err)
			}
		case e.frozen != wantFrozen && wantFrozen:
			if s.ids != nil {
				s.fates[id] = NotHeld
			}
		case e.frozen != wantFrozen:
			s.fates[id] = AlreadyHeld
		case fate != Failed:
			s.fates[id] = Failed // until it is seen to be done
			mine[e.queue] = append(mine[e.queue], id)
		}
	})
	return mine, err
}

func whyNot(err error) Outcome {
	if err != nil {
		return Unreadable
	}
	return Foreign
}

// do has Exim change messages, and looks at what it did: it says so in words only.
func (s *eximSpool) do(ctx context.Context, option string, mine map[string][]string, toFrozen bool, outcome Outcome) error {
	var failed error
	left := make(map[string]bool)
	for _, queue := range slices.Sorted(maps.Keys(mine)) {
		for part := range slices.Chunk(mine[queue], eximArgs) {
			if _, err := s.run(ctx, eximTime, inQueue(queue, append([]string{option}, part...)...)...); err != nil {
				failed = fmt.Errorf("queue: exim %s: %w", option, err)
			}
		}
		for _, id := range mine[queue] {
			left[id] = true
		}
	}
	done := 0
	// What was changed is told also when the caller has lost patience.
	err := s.each(context.WithoutCancel(ctx), func(id string, e eximEnvelope, err error) {
		if left[id] && err == nil && e.frozen == toFrozen {
			s.fates[id], done = outcome, done+1
		}
		delete(left, id)
	})
	for id := range left { // delivered meanwhile
		s.fates[id] = Gone
		if !toFrozen {
			s.fates[id], done = outcome, done+1
		}
	}
	if done > 0 {
		failed = nil // the others are locked, by a delivery that goes on
	}
	return errors.Join(failed, err)
}

// List is [Local.List].
func (x Exim) List(ctx context.Context, user string) ([]Mail, error) {
	s, err := x.open(ctx, user, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var mail []Mail
	err = s.each(ctx, func(id string, e eximEnvelope, err error) {
		if err == nil && s.same(e.user) {
			mail = append(mail, Mail{id, e.where(), e.arrived, e.size, e.sender, e.recipients, e.to, e.subject})
		}
	})
	slices.SortFunc(mail, func(a, b Mail) int { return cmp.Or(a.Arrived.Compare(b.Arrived), cmp.Compare(a.ID, b.ID)) })
	return mail, err
}

func (s *eximSpool) same(user string) bool { return sameUser(user, s.user, s.Fold) }

// each visits the messages of the spool, with what their -H files say.
func (s *eximSpool) each(ctx context.Context, visit func(id string, e eximEnvelope, err error)) error {
	for _, queue := range append([]string{""}, s.named...) {
		err := s.eachOf(ctx, filepath.Join(queue, input), func(id string, e eximEnvelope, err error) {
			e.queue = queue
			visit(id, e, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachOf visits those of one queue: in its input/, or a directory below it for the
// sixth character of their ids (split_spool_directory). Exim's own user may put
// anything there; what is opened has to be a regular file.
func (s *eximSpool) eachOf(ctx context.Context, in string, visit func(id string, e eximEnvelope, err error)) error {
	dirs := []string{in}
	for i := 0; i < len(dirs); i++ {
		entries, err := fs.ReadDir(s.root.FS(), dirs[i])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // before the first message
		case err != nil:
			return fmt.Errorf("queue: %s: %w", dirs[i], plain(err))
		}
		for _, entry := range entries {
			name := entry.Name()
			if i == 0 && entry.IsDir() && len(name) == 1 {
				dirs = append(dirs, in+"/"+name)
			}
			id, is := strings.CutSuffix(name, "-H")
			if !is || !isEximID(id) {
				continue
			}
			if ctx.Err() != nil {
				return fmt.Errorf("queue: %s: %w", in, ctx.Err())
			}
			e, err := s.envelope(dirs[i], id)
			if !errors.Is(err, fs.ErrNotExist) { // else it was delivered meanwhile
				visit(id, e, err)
			}
		}
	}
	return nil
}

func (s *eximSpool) envelope(dir, id string) (eximEnvelope, error) {
	f, err := s.root.OpenFile(dir+"/"+id+"-H", os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO must not stop us
	if err != nil {
		return eximEnvelope{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return eximEnvelope{}, errDamaged
	}
	e, err := readSpoolHeader(id, f)
	if err != nil {
		return e, err
	}
	e.size = info.Size()
	if data, err := s.root.Lstat(dir + "/" + id + "-D"); err == nil {
		e.size += data.Size()
	}
	return e, nil
}

// run returns what Exim prints. Its error carries what it said.
func (x Exim) run(ctx context.Context, most time.Duration, args ...string) (string, error) {
	if x.programs != nil {
		return x.programs(args...)
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	name := x.path()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, name, x.args(args...)...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch said := strings.TrimSpace(complaint.String() + "\n" + out.String()); {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s did not end: %w", name, ctx.Err())
	case err != nil && said != "":
		return "", fmt.Errorf("%w: %s", err, mask(strings.ReplaceAll(said, "\n", "; "), 1000))
	case err != nil:
		return "", err
	}
	return out.String(), nil
}

// path is Exim's program.
func (x Exim) path() string {
	if x.Program != "" {
		return x.Program
	}
	if path := program("exim4"); path != "exim4" {
		return path
	}
	return program("exim") // its own name, elsewhere than on Debian
}

// Command is how this Exim is called in a shell.
func (x Exim) Command() string {
	name := x.Program
	if name == "" {
		name = filepath.Base(x.path())
	}
	return strings.Join(append([]string{name}, x.args()...), " ")
}

func (x Exim) args(args ...string) []string {
	if x.Config == "" {
		return args
	}
	return append([]string{"-C", x.Config}, args...)
}
