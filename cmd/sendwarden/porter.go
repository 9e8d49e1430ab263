package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/queue"
)

// queueConfig is the section "queue" of the rules file.
type queueConfig struct {
	Helper string `yaml:"helper"` // the socket of queue-helper, for a daemon that is not root
}

func (c queueConfig) Check() error {
	if c.Helper != "" && !strings.HasPrefix(c.Helper, "/") {
		return fmt.Errorf("helper: %s: the path is not whole (write /run/sendwarden/queue.sock)", c.Helper)
	}
	return nil
}

// porter holds mail and lets it go, one job after the other: a long queue takes
// seconds, which the log does not wait for.
type porter struct {
	queue mailQueue
	log   *slog.Logger
	jobs  chan func(context.Context)
}

// maxJobs is more than there are blocks and releases in any minute.
const maxJobs = 4096

func newPorter(q mailQueue, log *slog.Logger) *porter {
	return &porter{queue: q, log: log, jobs: make(chan func(context.Context), maxJobs)}
}

// work does the jobs until the context ends, and then those that are left.
func (p *porter) work(ctx context.Context) {
	if p == nil {
		return
	}
	for {
		select {
		case job := <-p.jobs:
			job(ctx)
			continue
		case <-ctx.Done():
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastJobs)
		defer cancel()
		for len(p.jobs) > 0 && last.Err() == nil {
			(<-p.jobs)(last)
		}
		return
	}
}

// lastJobs is how long the daemon's end may be put off for the queue.
const lastJobs = 5 * time.Second

func (p *porter) take(job func(context.Context)) {
	select {
	case p.jobs <- job:
	default:
		p.log.Error("more work on Postfix's queue than can be done: some mail is neither held nor released (see `sendwarden queue USER`)")
	}
}

// hold keeps back what a blocked user has in the queue, and tells which messages
// those were.
func (p *porter) hold(user string, kept func(ids []string)) {
	if p == nil {
		return
	}
	p.take(func(ctx context.Context) {
		result, err := p.queue.Hold(ctx, user, nil)
		if err != nil {
			p.log.Error("what the user has in the queue may go out: hold it with `sendwarden queue USER --hold`", "user", maillog.Mask(user), "error", err)
		}
		ids := result.IDs(queue.Held)
		if len(ids) > 0 {
			p.log.Warn("held in the queue", "user", maillog.Mask(user), "messages", len(ids))
		}
		kept(ids)
	})
}

// release lets messages go.
func (p *porter) release(user string, ids []string) {
	if p == nil || len(ids) == 0 {
		return
	}
	p.take(func(ctx context.Context) {
		result, err := p.queue.Release(ctx, user, ids)
		if err != nil {
			p.log.Error("held mail could not be let go: `sendwarden queue USER --release` does it", "user", maillog.Mask(user), "error", err)
			return
		}
		if gone := result.IDs(queue.Released, queue.Requeued); len(gone) > 0 {
			p.log.Info("let go", "user", maillog.Mask(user), "messages", len(gone))
		}
	})
}
