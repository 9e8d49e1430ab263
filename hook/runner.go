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
	log      *slog.Logger
	now      func() time.Time
	tell     func(alert.Notice)
	programs []*queue
	grace    time.Duration
}

// queue is a program, with what waits for it.
type queue struct {
	Program
	wake chan struct{} // something came; holds one

	mu      sync.Mutex
	waiting []alert.Notice
}

// Options are what a runner is given beside its configuration.
type Options struct {
	Log  *slog.Logger
	Now  func() time.Time   // the clock: time.Now
	Tell func(alert.Notice) // is told of failures; must not wait
}

// New returns a runner for a configuration that Check has found nothing in.
func New(c Config, o Options) *Runner {
	r := &Runner{log: o.Log, now: o.Now, tell: o.Tell, grace: grace}
	for _, p := range c {
		r.programs = append(r.programs, &queue{Program: p, wake: make(chan struct{}, 1)})
	}
	return r
}

// Tell takes a notice in. It does not wait for any program.
func (r *Runner) Tell(n alert.Notice) {
	for _, q := range r.programs {
		if !slices.Contains(q.On, n.Kind) {
			continue
		}
		if !q.add(n) {
			r.failed(q, n, errors.New("not run: too many notices wait for it"))
		}
	}
}

// add reports whether there was room. The oldest stay: a lock that was promised
// first is done first.
func (q *queue) add(n alert.Notice) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxWaiting {
		return false
	}
	q.waiting = append(q.waiting, n)
	select {
	case q.wake <- struct{}{}:
	default: // it knows already
	}
	return true
}

func (q *queue) take() (alert.Notice, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return alert.Notice{}, false
	}
	n := q.waiting[0]
	q.waiting = slices.Clone(q.waiting[1:])
	return n, true
}

// Run runs the programs until ctx is done. One that is running then gets a few
// seconds to end; what was not run is told as a failure.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, q := range r.programs {
		all.Go(func() { r.serve(ctx, q) })
	}
}

func (r *Runner) serve(ctx context.Context, q *queue) {
	for ctx.Err() == nil {
		n, any := q.take()
		if !any {
			select {
			case <-ctx.Done():
			case <-q.wake:
			}
			continue
		}
		began := r.now()
		said, err := r.run(ctx, &q.Program, &n)
		if err != nil {
			r.failed(q, n, fmt.Errorf("%w%s", err, after(said)))
			continue
		}
		r.log.Info("hook done", "hook", q.name(), "notice", n, "took", r.now().Sub(began).Round(time.Millisecond), "said", said)
	}
	for n, any := q.take(); any; n, any = q.take() {
		r.failed(q, n, errors.New("not run: the daemon ends"))
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
