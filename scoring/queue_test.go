package scoring

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The queue answers whom a scan of all who wait would find, in any order of
// coming, being put off and going.
func TestQueue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	q, at := newQueue(), map[string]int64{}
	var order []string
	for now := range int64(5000) {
		switch name := userName(r.IntN(40)); r.IntN(4) {
		case 0, 1:
			when := now + r.Int64N(100)
			if was, waits := at[name]; !waits {
				order = append(order, name)
				at[name] = when
			} else {
				at[name] = min(was, when)
			}
			q.add(name, when)
		case 2:
			q.drop(name)
			delete(at, name)
			order = slices.DeleteFunc(order, func(o string) bool { return o == name })
		}
		for w := q.next(now); w != nil; w = q.next(now) {
			require.Equal(t, at[w.name], w.at)
			if w.at = now + 1 + r.Int64N(50); r.IntN(2) == 0 {
				at[w.name] = w.at
				q.put(w)
				continue
			}
			q.drop(w.name)
			delete(at, w.name)
			order = slices.DeleteFunc(order, func(o string) bool { return o == w.name })
		}
		for _, when := range at {
			require.Greater(t, when, now)
		}
		require.Equal(t, order, append([]string(nil), q.names()...))
	}
	q.all(math.MinInt64)
	for range order {
		require.NotNil(t, q.next(0))
	}
	require.Nil(t, q.next(0))
}
