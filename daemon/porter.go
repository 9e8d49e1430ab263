package daemon

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sendwarden/maillog"
	"sendwarden/queue"
)

// errand is something to do in Postfix's queue: to hold what a blocked user has
// in it, or to let messages go.
type errand struct {
	User    string   `json:"user"`
	Release []string `json:"release,omitempty"` // queue ids; none: hold all that there is
	Tries   int      `json:"tries,omitempty"`   // so often some of it was in another's hands
}

// porter runs errands one after the other: a long queue takes seconds, which the
// log does not wait for. What fails is tried again until it succeeds, so that no
// honest mail is left on hold; what is left when the daemon ends is the next
// one's.
type porter struct {
	queue Queue
	log   *slog.Logger
	held  func(user string, ids []string) // is told what was put on hold
	able  atomic.Bool                     // the queue could be reached, last time
	wake  chan struct{}

	mu      sync.Mutex
	errands []errand
}

const (
	// maxErrands is more than there are blocks and releases in any minute.
	maxErrands = 4096
	// errandPause is how long a porter waits after a failure.
	errandPause = 30 * time.Second
	// busyPause is how long it waits for a message that is being delivered, which
	// cannot be held or let go, and busyTries how often: a delivery that hangs ends
	// within the mail server's time limits, of some minutes.
	busyPause = 2 * time.Second
	busyTries = 300
	// noMessage is a queue id that Postfix never gives: to ask for it costs a look
	// at the names of the queue's files.
	noMessage = "000000"
)

func newPorter(q Queue, log *slog.Logger, held func(string, []string)) *porter {
	return &porter{queue: q, log: log, held: held, wake: make(chan struct{}, 1)}
}

// try looks whether the queue can be reached.
func (p *porter) try(ctx context.Context) {
	_, err := p.queue.Release(ctx, "nobody@example.com", []string{noMessage})
	p.reached(err)
}

// reached notes whether the queue could be reached, and says when that changes.
func (p *porter) reached(err error) {
	switch was := p.able.Swap(err == nil); {
	case err == nil && !was:
		p.log.Info("the mail queue can be reached")
	case err != nil && was:
		p.log.Error("the mail queue is out of reach: nothing is held; what waits is let go when it is back", "error", err)
	}
}

// take accepts an errand.
func (p *porter) take(e errand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Release != nil { // who is released has no mail to be held any more
		p.errands = slices.DeleteFunc(p.errands, func(other errand) bool { return other.User == e.User && other.Release == nil })
	}
	if e.Release != nil && len(e.Release) == 0 {
		return
	}
	if len(p.errands) >= maxErrands {
		p.log.Error("more to do in the mail queue than can be remembered: see `sendwarden queue USER`", "user", maillog.Mask(p.errands[0].User))
		p.errands = p.errands[1:]
	}
	p.errands = append(p.errands, e)
	select {
	case p.wake <- struct{}{}:
	default: // it is awake
	}
}

// hold keeps back what a blocked user has in the queue.
func (p *porter) hold(user string) { p.take(errand{User: user}) }

// release lets messages go. It passes over what is no queue id: who lies to the
// door about its own can keep only itself from being released.
func (p *porter) release(user string, ids []string) {
	p.take(errand{User: user, Release: slices.DeleteFunc(append([]string{}, ids...), func(id string) bool { return !queue.IsID(id) })})
}

// left are the errands that are not done.
func (p *porter) left() []errand {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.errands)
}

// work runs errands until the context ends.
func (p *porter) work(ctx context.Context) {
	for ctx.Err() == nil {
		pause := errandPause
		if e, any := p.next(); !any {
			if p.able.Load() {
				pause = time.Hour // or until there is one
			} else {
				p.try(ctx)
			}
		} else if pause = p.run(ctx, e); pause == 0 {
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (p *porter) next() (errand, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errands) == 0 {
		return errand{}, false
	}
	return p.errands[0], true
}

// run runs one errand, and answers how long to wait before the next. One that
// fails goes behind the others.
func (p *porter) run(ctx context.Context, e errand) (pause time.Duration) {
	var result queue.Result
	var err error
	if e.Release == nil {
		result, err = p.queue.Hold(ctx, e.User, nil)
		p.tell("held in the queue", e.User, result.IDs(queue.Held))
		p.held(e.User, result.IDs(queue.Held))
	} else {
		result, err = p.queue.Release(ctx, e.User, e.Release)
		p.tell("let go", e.User, result.IDs(queue.Released, queue.Requeued))
	}
	if ctx.Err() == nil {
		p.reached(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.errands, func(other errand) bool { return other.User == e.User && slices.Equal(other.Release, e.Release) })
	if i < 0 {
		return 0 // it was taken back meanwhile
	}
	p.errands = slices.Delete(p.errands, i, i+1)
	switch busy := result.IDs(queue.Failed); {
	case err != nil:
		pause = errandPause
	case len(busy) == 0:
		return 0
	case e.Tries == busyTries:
		p.log.Error("some mail could not be moved in the queue: see `sendwarden queue USER`", "user", maillog.Mask(e.User), "messages", len(busy))
		return 0
	default:
		e.Tries++
		pause = busyPause
	}
	p.errands = append(p.errands, e)
	return pause
}

func (p *porter) tell(what, user string, ids []string) {
	if len(ids) > 0 {
		p.log.Warn(what, "user", maillog.Mask(user), "messages", len(ids))
	}
}
