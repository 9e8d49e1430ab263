package main

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sendwarden/control"

	"github.com/stretchr/testify/require"
)

// enforced is how long it took until something done on one host held on others.
type enforced struct {
	next       int             // thieves whose very next message was refused on another host
	of         int             // thieves who tried that
	door, list []time.Duration // until another host's door refuses, and its list has the user
	freed      []time.Duration // until a release holds at another host's door
}

// blocks has thieves blocked on one host, and looks at others.
func (b *bench) blocks(t testing.TB) {
	e := single(t)
	a, next, other := b.site.host(t, 0, e.url), b.site.host(t, 1, e.url), b.site.host(t, 2, e.url)
	at, atNext, atOther := a.visit(), next.visit(), other.visit()
	for n := range b.thefts {
		user := thiefName(n)
		b.steal(t, at, user)
		blocked := time.Now()
		if n%2 == 0 { // the thief's next message comes by another host, as fast as it can
			action, err := atNext.sends(b.site.crowd.thief(user, 0))
			require.NoError(t, err)
			if b.blocked.of++; refuses(action) {
				b.blocked.next++
			}
			continue
		}
		asked := b.site.crowd.thief(user, 0)
		refused := func() bool {
			action, err := atOther.ask("RCPT", asked, "") // of which nothing is learnt
			require.NoError(t, err)
			return refuses(action)
		}
		other.within(10*time.Second, user+" is refused", refused)
		b.blocked.door = append(b.blocked.door, time.Since(blocked))
		other.within(10*time.Second, user+" is on the list", func() bool { return other.blocks(user) })
		b.blocked.list = append(b.blocked.list, time.Since(blocked))
		_, err := a.control.Do(context.Background(), control.Who{}, control.Act{Kind: control.Release, User: user, Why: "the password is changed"})
		require.NoError(t, err)
		released := time.Now()
		other.within(10*time.Second, user+" is released", func() bool { return !refused() })
		b.blocked.freed = append(b.blocked.freed, time.Since(released))
	}
	for _, all := range [][]time.Duration{b.blocked.door, b.blocked.list, b.blocked.freed} {
		slices.Sort(all)
	}
}

// steal has a thief send from one country after the other, until a message is refused.
func (b *bench) steal(t testing.TB, at *visit, user string) {
	action := ""
	for n := 0; n < 5 && !refuses(action); n++ {
		var err error
		action, err = at.sends(b.site.crowd.thief(user, n))
		require.NoError(t, err)
	}
	require.True(t, refuses(action), "%s: %s: %s", at.name, user, action)
}

func (b *bench) blockTables() []*table {
	t := &table{name: "blocks", head: []string{"from the refusal of a thief's message on one host", "times", "p50", "p99", "longest"}}
	row := func(what string, took []time.Duration) {
		if n := len(took); n > 0 {
			t.add(what, n, took[n/2], took[(n-1)*99/100], took[n-1])
		}
	}
	t.add("the thief's next message, on another host at once: refused", fmt.Sprintf("%d of %d", b.blocked.next, b.blocked.of), "", "", "")
	row("until another host's door refuses by its list", b.blocked.door)
	row("until the table of another host's Postfix has the user", b.blocked.list)
	row("from a release on one host until another's door lets the user send", b.blocked.freed)
	return []*table{t}
}
