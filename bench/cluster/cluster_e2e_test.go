//go:build e2e

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func short(t *testing.T) *bench {
	b := &bench{quick: true, crowd: 2000, active: 200, pace: 100, thefts: 4}
	b.site = b.newSite(t)
	return b
}

// A Sentinel that makes a replica the server, and a Cluster whose replica takes a
// node's place, cost no answer, no block and no message, and count none twice.
func TestFailovers(t *testing.T) {
	b := short(t)
	for name, do := range map[string]func(testing.TB) failed{"sentinel": b.failover, "cluster": b.lostNode} {
		t.Run(name, func(t *testing.T) {
			f := do(t)
			t.Logf("%+v", f)
			require.Zero(t, f.asked.lost, "questions without an answer")
			require.Less(t, f.asked.at(1), patience/2)
			require.Zero(t, f.missing, "hosts that do not block whom they should")
			require.Zero(t, f.twice, "messages counted twice")
			// What the replica had not got when the server died, and another host then
			// wrote over: see docs/shared-state.md.
			require.LessOrEqual(t, f.uncounted, len(f.asked.took)/100)
		})
	}
}

// A block on one host is in force on the others for the thief's next message, and
// in their tables within a second.
func TestBlocksElsewhere(t *testing.T) {
	b := short(t)
	b.blocks(t)
	require.Equal(t, b.blocked.of, b.blocked.next, "thieves refused at once on another host")
	for _, all := range [][]time.Duration{b.blocked.door, b.blocked.list, b.blocked.freed} {
		require.Len(t, all, b.thefts/2)
		require.Less(t, all[len(all)-1], 3*time.Second) // one, on a machine with nothing else to do
	}
}

// What mail hosts log while the receiver is dead comes to the daemon when it is back:
// examples/rsyslog, tried.
func TestRelay(t *testing.T) {
	b := short(t)
	r := b.newRelay(t)
	r.both(10, 0)
	r.judged(20 * time.Second)
	b.thievesByRelay(t, r)
	o := r.outage(t, 3, false)
	t.Logf("%+v", o)
	require.Zero(t, o.missing, "lines")
	require.GreaterOrEqual(t, o.judged, o.messages)
}
