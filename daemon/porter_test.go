package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sendwarden/queue"

	"github.com/stretchr/testify/require"
)

// fakeQueue is a queue that is sometimes out of reach.
type fakeQueue struct {
	mu   sync.Mutex
	down bool
	busy int // so often a message is being delivered when it is to be held
	done []string
}

func (q *fakeQueue) goes(down bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down = down
}

func (q *fakeQueue) note(what string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = append(q.done, what)
}

func (q *fakeQueue) notes() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.done)
}

func (q *fakeQueue) isDown() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.down
}

var errDown = errors.New("nobody answers")

func (q *fakeQueue) Hold(_ context.Context, user string, _ []string) (queue.Result, error) {
	if q.isDown() {
		return nil, errDown
	}
	q.note("hold " + user)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy > 0 {
		q.busy--
		return queue.Result{{ID: first, Outcome: queue.Failed}}, nil
	}
	return queue.Result{{ID: "A672A9BAA49", Outcome: queue.Held}}, nil
}

func (q *fakeQueue) Release(_ context.Context, user string, ids []string) (queue.Result, error) {
	switch {
	case q.isDown():
		return nil, errDown
	case ids[0] == noMessage:
		return queue.Result{{ID: noMessage, Outcome: queue.Gone}}, nil
	}
	for _, id := range ids {
		q.note("release " + user + " " + id)
	}
	return nil, nil
}

func (q *fakeQueue) List(context.Context, string) ([]queue.Mail, error) { return nil, errDown }

const (
	ana   = "ana@example.es"
	first = "A672A9BAA49"
)

// portered runs a test with a porter that works.
func portered(t *testing.T, story func(*porter, *fakeQueue)) {
	synctest.Test(t, func(t *testing.T) {
		q := &fakeQueue{}
		p := newPorter(q, slog.New(slog.DiscardHandler), func(user string, ids []string) {
			if len(ids) > 0 {
				q.note("kept " + user + " " + ids[0])
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan struct{})
		go func() { defer close(ended); p.work(ctx) }()
		synctest.Wait() // it has tried whether the queue is there
		story(p, q)
		cancel()
		<-ended
	})
}

func TestPorter(t *testing.T) {
	portered(t, func(p *porter, q *fakeQueue) {
		p.hold(ana)
		synctest.Wait()
		p.release(ana, []string{first})
		synctest.Wait()
		require.Equal(t, []string{"hold " + ana, "kept " + ana + " " + first, "release " + ana + " " + first}, q.notes())
		require.Empty(t, p.left())
	})
}

// A traveller's mail is let go however long the helper is away.
func TestPorterTriesAgain(t *testing.T) {
	portered(t, func(p *porter, q *fakeQueue) {
		require.True(t, p.able.Load())
		q.goes(true)
		p.release(ana, []string{first})
		synctest.Wait()
		require.False(t, p.able.Load(), "nothing may be held now")
		require.Equal(t, []errand{{User: ana, Release: []string{first}}}, p.left(), "what is left is the next daemon's")
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		require.Empty(t, q.notes())
		q.goes(false)
		time.Sleep(errandPause)
		synctest.Wait()
		require.Equal(t, []string{"release " + ana + " " + first}, q.notes())
		require.True(t, p.able.Load())
		require.Empty(t, p.left())
	})
}

// A message that is being delivered is held when that has failed.
func TestPorterWaitsForADelivery(t *testing.T) {
	portered(t, func(p *porter, q *fakeQueue) {
		q.busy = 2
		p.hold(ana)
		time.Sleep(2 * busyPause)
		synctest.Wait()
		require.Equal(t, []string{"hold " + ana, "hold " + ana, "hold " + ana, "kept " + ana + " " + first}, q.notes())
		require.Empty(t, p.left())
		require.True(t, p.able.Load(), "the queue could be reached all the while")
	})
}

// What can never be moved is not tried for ever.
func TestPorterGivesUp(t *testing.T) {
	portered(t, func(p *porter, q *fakeQueue) {
		q.busy = 1 << 30
		p.hold(ana)
		time.Sleep((busyTries + 1) * busyPause)
		synctest.Wait()
		require.Empty(t, p.left())
		require.Len(t, q.notes(), busyTries+1)
	})
}

// Who is released before the porter came to it has nothing held any more.
func TestPorterHoldTakenBack(t *testing.T) {
	portered(t, func(p *porter, q *fakeQueue) {
		q.goes(true)
		p.hold(ana)
		synctest.Wait()
		p.release(ana, nil)
		synctest.Wait()
		q.goes(false)
		time.Sleep(errandPause)
		synctest.Wait()
		require.Empty(t, q.notes())
	})
}

// A queue id that is none would be refused for ever.
func TestPorterOddID(t *testing.T) {
	portered(t, func(p *porter, q *fakeQueue) {
		p.release(ana, []string{"-d ALL", first})
		synctest.Wait()
		require.Equal(t, []string{"release " + ana + " " + first}, q.notes())
	})
}
