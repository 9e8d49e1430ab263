package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// mix folds numbers into one that looks random (the finalizer of splitmix64,
// Steele et al. 2014). Everything that must be the same whenever it is asked
// for, such as a line's address on a given day, is a mix and not a draw.
func mix(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h += p + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// dice is one actor's own source of chance, so that adding a person leaves the
// lives of the others as they were.
type dice struct{ *rand.Rand }

func newDice(parts ...uint64) dice {
	return dice{rand.New(rand.NewPCG(mix(parts...), mix(append(parts, 1)...)))}
}

// chance is true with probability p.
func (d dice) chance(p float64) bool { return d.Float64() < p }

// between draws evenly from [lo, hi].
func (d dice) between(lo, hi int) int {
	if hi <= lo {
		return lo
	}
	return lo + d.IntN(hi-lo+1)
}

// span draws a duration evenly from [lo, hi).
func (d dice) span(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(d.Int64N(int64(hi-lo)))
}

// spread draws a factor around 1: log-normal with median 1.
func (d dice) spread(sigma float64) float64 { return math.Exp(d.NormFloat64() * sigma) }

// wait draws an exponential waiting time with the given mean.
func (d dice) wait(mean time.Duration) time.Duration {
	return time.Duration(d.ExpFloat64() * float64(mean))
}

// count draws from a Poisson distribution: by Knuth's product for small means,
// by its normal approximation above 30.
func (d dice) count(mean float64) int {
	if mean <= 0 {
		return 0
	}
	if mean > 30 {
		return max(0, int(math.Round(mean+d.NormFloat64()*math.Sqrt(mean))))
	}
	limit, product, n := math.Exp(-mean), d.Float64(), 0
	for product > limit {
		product *= d.Float64()
		n++
	}
	return n
}

// among draws one of the choices.
func among[T any](d dice, choices []T) T { return choices[d.IntN(len(choices))] }
