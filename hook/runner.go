package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sendwarden/alert"
)

const (
	// maxWaiting bounds the notices that wait for one program.
	maxWaiting = 1000
	// grace is how long a program that runs when the daemon ends has to end, too.
	grace = 5 * time.Second
)

// Runner takes notices in and runs the programs for them.
type Runner struct {
	log   *slog.Logger
	now   func() time.Time
	tell  func(alert.Notice)
	grace time.Duration
	other chan struct{} // the programs are others; holds one

	mu       sync.Mutex
	programs []*queue // replaced, never changed
	leaving  []*queue // gone, and Run has not heard of it
}

// queue is a program, with what waits for it.
type queue struct {
	run  []string
	wake chan struct{} // something came; holds one

	mu      sync.Mutex
	program Program
	waiting []alert.Notice
	gone    bool // it is not configured any more; what waits is done
}

func newQueue(p Program) *queue { return &queue{run: p.Run, program: p, wake: make(chan struct{}, 1)} }

func (q *queue) name() string { return (&Program{Run: q.run}).name() }

// Options are what a runner is given beside its configuration.
type Options struct {
	Log  *slog.Logger
	Now  func() time.Time   // the clock: time.Now
	Tell func(alert.Notice) // is told of failures; must not wait
}

// New returns a runner for a configuration that Check has found nothing in.
func New(c Config, o Options) *Runner {
	r := &Runner{log: o.Log, now: o.Now, tell: o.Tell, grace: grace, other: make(chan struct{}, 1)}
	for _, p := range c {
		r.programs = append(r.programs, newQueue(p))
	}
	return r
}

// Use goes on by another configuration, one that Check has found nothing in. A
// program that stays keeps what waits for it; one that goes is run for what it was
// told of, and no more.
func (r *Runner) Use(c Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := slices.Clone(r.programs)
	now := make([]*queue, 0, len(c))
	for _, p := range c {
		at := slices.IndexFunc(before, func(q *queue) bool { return slices.Equal(q.run, p.Run) })
		if at < 0 {
			now = append(now, newQueue(p))
			continue
		}
		q := before[at]
		q.set(p, false)
		now = append(now, q)
		before = slices.Delete(before, at, at+1)
	}
	for _, q := range before {
		q.set(Program{Run: q.run}, true)
	}
	r.programs, r.leaving = now, append(r.leaving, before...)
	poke(r.other)
}

func (q *queue) set(p Program, gone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone = gone; gone {
		p.Timeout = q.program.Timeout
	}
	q.program = p
	poke(q.wake)
}

// poke wakes who waits for a channel that holds one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it knows already
	}
}

func (r *Runner) inUse() []*queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.programs
}

// toServe are the programs, with those that came and went since the last call.
func (r *Runner) toServe() []*queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Concat(r.programs, r.leaving)
	r.leaving = nil
	return all
}

// Tell takes a notice in. It does not wait for any program.
func (r *Runner) Tell(n alert.Notice) {
	for _, q := range r.inUse() {
		if !q.add(n) {
			r.failed(q, n, errors.New("not run: too many notices wait for it"))
		}
	}
}

// add reports whether there was room, if the program is to be run for such a notice.
// The oldest stay: a lock that was promised first is done first.
func (q *queue) add(n alert.Notice) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone || !slices.Contains(q.program.On, n.Kind) {
		return true
	}
	if len(q.waiting) >= maxWaiting {
		return false
	}
	q.waiting = append(q.waiting, n)
	poke(q.wake)
	return true
}

// take is the next notice, or none, and whether there may be one later.
func (q *queue) take() (n *alert.Notice, p Program, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, q.program, !q.gone
	}
	n = &q.waiting[0]
	q.waiting = slices.Clone(q.waiting[1:])
	return n, q.program, true
}

// Run runs the programs until ctx is done. One that is running then gets a few
// seconds to end; what was not run is told as a failure.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	served := make(map[*queue]bool)
	for {
		now := make(map[*queue]bool)
		for _, q := range r.toServe() {
			if now[q] = true; !served[q] {
				all.Go(func() { r.serve(ctx, q) })
			}
		}
		served = now
		select {
		case <-ctx.Done():
			return
		case <-r.other:
		}
	}
}

func (r *Runner) serve(ctx context.Context, q *queue) {
	for ctx.Err() == nil {
		n, p, more := q.take()
		if !more {
			return
		}
		if n == nil {
			select {
			case <-ctx.Done():
			case <-q.wake:
			}
			continue
		}
		began := r.now()
		said, err := r.run(ctx, &p, n)
		if err != nil {
			r.failed(q, *n, fmt.Errorf("%w%s", err, after(said)))
			continue
		}
		r.log.Info("hook done", "hook", q.name(), "notice", *n, "took", r.now().Sub(began).Round(time.Millisecond), "said", said)
	}
	for n, _, _ := q.take(); n != nil; n, _, _ = q.take() {
		r.failed(q, *n, errors.New("not run: the daemon ends"))
	}
}

// failed logs a failure and tells people, once for each notice.
func (r *Runner) failed(q *queue, n alert.Notice, err error) {
	r.log.Error("hook failed", "hook", q.name(), "err", err, "notice", n)
	if n.Kind == alert.Fault {
		return // or the failure would be told to the hook that failed
	}
	r.tell(alert.Notice{
		Kind: alert.Fault, Time: r.now(), Host: n.Host, User: n.User,
		Detail: fmt.Sprintf("the hook %s for %s: %v", q.name(), n.Kind, err),
	})
}

func after(said string) string {
	if said == "" {
		return ""
	}
	return ": " + said
}
