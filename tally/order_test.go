package tally

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSet plays with a few numbers in small tables, which meet often, beside a map.
func TestSet(t *testing.T) {
	for seed := range uint64(50) {
		r, most := rand.New(rand.NewPCG(seed, 1)), 1+int(seed)*100
		s, known := set{slots: make([]uint64, 8)}, make(map[uint64]bool)
		for range 3000 {
			n := r.Uint64N(100) * (1 << (seed % 8)) // 0, and many with the same last bits
			if n == 1 {
				continue // is taken for 0
			}
			if r.IntN(2) == 0 {
				s.remove(n)
				delete(known, n)
				continue
			}
			if !known[n] && len(known) >= most {
				clear(known)
			}
			require.Equal(t, !known[n], s.add(n, most))
			known[n] = true
			require.Equal(t, len(known), s.count)
		}
		for n := range known {
			require.False(t, s.add(n, most))
		}
	}
}

// TestSendersBounded: invented senders do not take the memory, either.
func TestSendersBounded(t *testing.T) {
	o, c := NewOrder(), NewCounts()
	for i := range maxNames + 10 {
		o.sender(fmt.Append(nil, i))
	}
	o.sender([]byte("1"))
	o.AddTo(c)
	require.Equal(t, 10, c.Senders[Others])
	require.Equal(t, 2, c.Senders["1"])
	require.LessOrEqual(t, len(c.Senders), maxNames+1)
}
