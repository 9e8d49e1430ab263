//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// asks asks the door about a message of a user as Postfix does, and answers what it
// was told and how long that took.
func asks(t *testing.T, door, user string, n int) (string, time.Duration) {
	t.Helper()
	c, err := net.Dial("tcp", door)
	require.NoError(t, err)
	defer c.Close()
	began := time.Now()
	_, err = fmt.Fprintf(c, "request=smtpd_access_policy\nprotocol_state=DATA\nclient_address=203.0.113.7\nclient_name=unknown\nsasl_method=PLAIN\nsasl_username=%s\nsender=%s@example.es\nqueue_id=4C%06dC0FFEE\nrecipient_count=1\n\n", user, user, n)
	require.NoError(t, err)
	action, err := bufio.NewReader(c).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(action), time.Since(began)
}

// However the engine fails, the daemon starts and says why, and the door answers within
// the time that is allowed: at the start, with nobody there; when it answers after a
// second; and when it is silent.
func TestDoorWithoutTheEngine(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr)
	s.Kill()
	door := redistest.FreeAddr(t)
	h := prepareHost(t, "mx1", p.Addr)
	text := read(t, h.file("rules.yaml"))
	write(t, h.file("rules.yaml"), text+"door: {listen: 'inet:"+door+"'}\n")
	h.start()
	out, err := h.run("block", "eve", "--reason", "by hand")
	require.NoError(t, err, out)
	n := 0
	answers := func(what string) {
		t.Helper()
		for range 20 {
			n++
			action, took := asks(t, door, "ana", n)
			require.Equal(t, "action=DUNNO", action)
			require.Less(t, took, 200*time.Millisecond+slack, what)
			action, took = asks(t, door, "eve", n)
			require.Contains(t, action, "REJECT", "the blocked stay blocked")
			require.Less(t, took, 200*time.Millisecond+slack, what)
		}
		within(t, 15*time.Second, "status says that it is out of reach", func() bool {
			out, err := h.run("status")
			return err == nil && strings.Contains(out, "out of reach")
		})
	}
	answers("with nobody there")
	h.says(t, 15*time.Second, "the state that is shared is out of reach")
	s.Begin()
	h.says(t, 20*time.Second, "the others know what this host knows")
	p.Slow(time.Second)
	answers("with answers after a second")
	p.Slow(0)
	h.says(t, 20*time.Second, "the state that is shared is in reach again")
	p.Cut(true)
	answers("with silence")
	p.Cut(false)
	within(t, 20*time.Second, "all that was told is known", func() bool {
		return counted(t, "redis://"+s.Addr)["ana"] == n
	})
}

// However slow the engine is, and however many ask at once, each is answered within the
// time that is allowed: whoever is before them, nobody waits for another's exchange.
func TestDoorWhereManyAsk(t *testing.T) {
	s := redistest.Start(t)
	p := redistest.NewProxy(t, s.Addr)
	door := redistest.FreeAddr(t)
	h := prepareHost(t, "mx1", p.Addr)
	text := read(t, h.file("rules.yaml"))
	write(t, h.file("rules.yaml"), text+"door: {listen: 'inet:"+door+"'}\n")
	h.start()
	h.says(t, 20*time.Second, "the others know what this host knows")
	sent := make(map[string]int)
	n := 0
	for _, delay := range []time.Duration{150 * time.Millisecond, time.Second} {
		p.Slow(delay)
		for range 3 {
			took, actions := make([]time.Duration, 50), make([]string, 50)
			var all sync.WaitGroup
			for i := range took {
				n++
				user, message := fmt.Sprint("user", i%30), n // some at the same time as themselves
				sent[user]++
				all.Go(func() { actions[i], took[i] = asks(t, door, user, message) })
			}
			all.Wait()
			require.Equal(t, slices.Repeat([]string{"action=DUNNO"}, len(took)), actions)
			slices.Sort(took)
			t.Logf("answers %v late: half of 50 within %v, all within %v", delay, took[25], took[49])
			require.Less(t, took[49], 200*time.Millisecond+slack, "with answers %v late", delay)
		}
	}
	p.Slow(0)
	within(t, 20*time.Second, "all that was told is known", func() bool {
		return maps.Equal(sent, counted(t, "redis://"+s.Addr))
	})
}

// slack is what a busy machine may add.
const slack = 200 * time.Millisecond
