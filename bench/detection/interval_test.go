package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The bounds are those of Newcombe 1998 (table I, method 3).
func TestWilson(t *testing.T) {
	tests := []struct {
		k, n   int
		lo, hi float64
	}{
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0.0000, 0.1611},
		{1, 29, 0.0061, 0.1718},
	}
	for _, test := range tests {
		lo, hi := wilson(test.k, test.n)
		require.InDelta(t, test.lo, lo, 0.00005)
		require.InDelta(t, test.hi, hi, 0.00005)
	}
}

func TestQuantiles(t *testing.T) {
	var sorted []int
	for i := range 100 {
		sorted = append(sorted, i)
	}
	require.Equal(t, 50, quantile(sorted, 0.5))
	require.Equal(t, 90, quantile(sorted, 0.9))
	lo, hi := between(sorted, 0.5) // ranks 50 ± 1.96 · 5
	require.Equal(t, 40, lo)
	require.Equal(t, 60, hi)
	require.Equal(t, "5 (5–5)", rank([]int{5}, 0.9))
	require.Equal(t, "0 (0–0)", rank(nil, 0.5))
}

func TestWriting(t *testing.T) {
	require.Equal(t, "97.7 % (92.1–99.4)", percentage(86, 88, 1))
	require.Equal(t, "–", percentage(0, 0, 1))
	require.Equal(t, "0.79 (0.14–4.50)", perDays(1, 25200))
	require.Equal(t, "252,000", thousands(252000))
}
