package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// z is the normal quantile of a two-sided 95 % interval.
const z = 1.959964

// wilson is the 95 % confidence interval of a share (Wilson 1927).
func wilson(k, n int) (lo, hi float64) {
	if n == 0 {
		return 0, 1
	}
	p, size := float64(k)/float64(n), float64(n)
	middle := p + z*z/(2*size)
	reach := z * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	whole := 1 + z*z/size
	return max(0, (middle-reach)/whole), min(1, (middle+reach)/whole)
}

// quantile is a quantile of sorted values.
func quantile[T int | time.Duration](sorted []T, q float64) (value T) {
	if len(sorted) == 0 {
		return value
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// between is the 95 % confidence interval of a quantile, from the ranks that
// the binomial distribution gives (its normal approximation): it supposes
// nothing of how the values are distributed.
func between[T int | time.Duration](sorted []T, q float64) (lo, hi T) {
	if len(sorted) == 0 {
		return lo, hi
	}
	n := float64(len(sorted))
	reach := z * math.Sqrt(n*q*(1-q))
	last := len(sorted) - 1
	return sorted[max(0, int(math.Floor(n*q-reach)))], sorted[min(last, int(math.Ceil(n*q+reach)))]
}

// percentage writes "98.6 % (97.6–99.2)", with the digits asked for.
func percentage(k, n, digits int) string {
	if n == 0 {
		return "–"
	}
	lo, hi := wilson(k, n)
	return fmt.Sprintf("%.*f %% (%.*f–%.*f)", digits, 100*float64(k)/float64(n), digits, 100*lo, digits, 100*hi)
}

// perDays writes how many users were blocked in 20,000 user-days.
func perDays(k, userDays int) string {
	const days = 20000
	if userDays == 0 {
		return "–"
	}
	lo, hi := wilson(k, userDays)
	return fmt.Sprintf("%.2f (%.2f–%.2f)", days*float64(k)/float64(userDays), days*lo, days*hi)
}

// rank writes a quantile with its interval: "0 (0–1)".
func rank(sorted []int, q float64) string {
	lo, hi := between(sorted, q)
	return fmt.Sprintf("%d (%d–%d)", quantile(sorted, q), lo, hi)
}

// thousands writes 252,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
