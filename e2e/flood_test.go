//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sendwarden/queue"

	"github.com/stretchr/testify/require"
)

const (
	flood    = 10_000 // messages of each user
	sessions = 4      // of each user, at the same time
)

// pour hands in messages as fast as Postfix takes them, and returns their ids.
func (s *session) pour(user string, n int) ([]string, error) {
	var ids []string
	for range n {
		err := s.conn.PrintfLine("MAIL FROM:<%s>\r\nRCPT TO:<customer@example.com>\r\nDATA", user)
		for range 3 {
			if err == nil {
				_, err = s.reply()
			}
		}
		if err == nil {
			err = s.conn.PrintfLine("From: %s\r\nSubject: an offer\r\n\r\nGood morning.\r\n.", user)
		}
		reply := ""
		if err == nil {
			reply, err = s.reply()
		}
		if err != nil {
			return ids, err
		}
		_, id, queued := strings.Cut(reply, "queued as ")
		if !queued {
			return ids, fmt.Errorf("the server answers %q", reply)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// fill has two users send at the same time, and returns the ids of the first.
func fill(t *testing.T, p *postfix, thief, other string) map[string]bool {
	t.Helper()
	began := time.Now()
	sent := make([][]string, 2*sessions)
	errs := make([]error, len(sent))
	var group sync.WaitGroup
	for i := range sent {
		user := []string{thief, other}[i%2]
		s := p.login(t, user, spain)
		require.NoError(t, s.raw.SetDeadline(time.Now().Add(5*time.Minute)))
		group.Go(func() { sent[i], errs[i] = s.pour(user, flood/sessions) })
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	t.Logf("Postfix took %d messages in %.1f s", 2*flood, time.Since(began).Seconds())
	his := map[string]bool{}
	for i := 0; i < len(sent); i += 2 {
		for _, id := range sent[i] {
			his[id] = true
		}
	}
	return his
}

// The thief's mail is held, out of 20,000 messages and while Postfix still
// moves them about; and released again. The other's is not touched.
func TestQueueFlood(t *testing.T) {
	p := stuck(t, "in_flow_delay = 0")
	ctx, q := context.Background(), p.queue()
	his := fill(t, p, alice, bob)
	require.Len(t, his, flood)

	began := time.Now()
	result, err := q.Hold(ctx, alice, nil)
	require.NoError(t, err)
	t.Logf("%d of %d messages held in %.2f s", len(result), 2*flood, time.Since(began).Seconds())
	require.Len(t, result.IDs(queue.Held), flood)
	places := p.queued(t)
	for id, place := range places {
		require.Equal(t, his[id], place == "hold", id)
	}
	require.Len(t, places, 2*flood)

	began = time.Now()
	mail, err := q.List(ctx, alice)
	require.NoError(t, err)
	require.Len(t, mail, flood)
	t.Logf("listed in %.2f s", time.Since(began).Seconds())

	began = time.Now()
	result, err = q.Hold(ctx, alice, nil)
	require.NoError(t, err)
	require.Len(t, result.IDs(queue.AlreadyHeld), flood)
	t.Logf("found nothing more in %.2f s", time.Since(began).Seconds())

	began = time.Now()
	result, err = q.Release(ctx, alice, nil)
	require.NoError(t, err)
	require.Len(t, result.IDs(queue.Released), flood)
	t.Logf("released in %.2f s", time.Since(began).Seconds())
	for id, place := range p.queued(t) {
		require.NotEqual(t, "hold", place, id)
	}
}
