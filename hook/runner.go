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
	done  func()
	grace time.Duration
	other chan struct{} // the programs are others; holds one

	mu       sync.Mutex
	programs []*queue // replaced, never changed
	leaving  []*queue // gone, and Run has not heard of it
	ending   []*queue // gone, and what waited for them is being done
}

// queue is a program, with what waits for it.
type queue struct {
	run  []string
	wake chan struct{} // something came; holds one

	mu      sync.Mutex
	program Program
	running *alert.Notice
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
	Done func()             // is told when a program has been run, so that the Outbox is saved soon; must not wait; may be nil
}

// New returns a runner for a configuration that Check has found nothing in.
func New(c Config, o Options) *Runner {
	r := &Runner{log: o.Log, now: o.Now, tell: o.Tell, done: o.Done, grace: grace, other: make(chan struct{}, 1)}
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
	r.ending, r.leaving = append(r.ending, r.leaving...), nil
	return all
}

// Tell takes a notice in. It does not wait for any program.
func (r *Runner) Tell(n alert.Notice) {
	for _, q := range r.inUse() {
		if !q.add(n) {
			r.failed(q.name(), n, errors.New("not run: too many notices wait for it"))
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

// take is the next notice, or none, and whether there may be one later. It is the
// running one until rest.
func (q *queue) take() (n *alert.Notice, p Program, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, q.program, !q.gone
	}
	q.running = &q.waiting[0]
	q.waiting = slices.Clone(q.waiting[1:])
	return q.running, q.program, true
}

// rest notes that no program runs.
func (q *queue) rest() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = nil
}

// Run runs the programs until ctx is done. One that is running then gets a few
// seconds to end; what waits then is in the Outbox.
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
			r.over(q)
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
		q.rest()
		if err != nil {
			r.failed(q.name(), *n, fmt.Errorf("%w%s", err, after(said)))
		} else {
			r.log.Info("hook done", "hook", q.name(), "notice", *n, "took", r.now().Sub(began).Round(time.Millisecond), "said", said)
		}
		if r.done != nil {
			r.done()
		}
	}
}

// over forgets a program that is gone, and for which nothing waits any more.
func (r *Runner) over(q *queue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = slices.DeleteFunc(r.ending, func(other *queue) bool { return other == q })
}

// failed logs a failure and tells people, once for each notice.
func (r *Runner) failed(name string, n alert.Notice, err error) {
	r.log.Error("hook failed", "hook", name, "err", err, "notice", n)
	if n.Kind == alert.Fault {
		return // or the failure would be told to the hook that failed
	}
	r.tell(alert.Notice{
		Kind: alert.Fault, Time: r.now(), Host: n.Host, User: n.User,
		Detail: fmt.Sprintf("the hook %s for %s: %v", name, n.Kind, err),
	})
}

func after(said string) string {
	if said == "" {
		return ""
	}
	return ": " + said
}
