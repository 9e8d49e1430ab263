package scoring

import (
	"fmt"
	"time"
)

// maxDuration bounds what a rules file can ask for; nothing is remembered
// longer.
const maxDuration = 10 * 365 * 24 * time.Hour

// ParseDuration reads a duration as rules write it: whole numbers with the
// units s, m, h, d (24 hours) and w, such as 30m, 2h, 7d or 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("empty duration (write 30m, 2h or 7d)")
	}
	var total time.Duration
	for rest := s; rest != ""; {
		n, digits := 0, 0
		for digits < len(rest) && digits < 9 && '0' <= rest[digits] && rest[digits] <= '9' {
			n = n*10 + int(rest[digits]-'0')
			digits++
		}
		if digits == 0 {
			return 0, fmt.Errorf("bad duration %q (write 30m, 2h or 7d)", s)
		}
		if digits == len(rest) {
			return 0, fmt.Errorf("duration %q has no unit (write %sm, %sh or %sd)", s, s, s, s)
		}
		unit, known := durationUnit(rest[digits])
		if !known {
			return 0, fmt.Errorf("duration %q: unknown unit %q (s, m, h, d or w)", s, rest[digits:])
		}
		total += time.Duration(n) * unit
		if total > maxDuration || total < 0 {
			return 0, fmt.Errorf("duration %q is longer than ten years", s)
		}
		rest = rest[digits+1:]
	}
	return total, nil
}

func durationUnit(c byte) (time.Duration, bool) {
	switch c {
	case 's':
		return time.Second, true
	case 'm':
		return time.Minute, true
	case 'h':
		return time.Hour, true
	case 'd':
		return 24 * time.Hour, true
	case 'w':
		return 7 * 24 * time.Hour, true
	}
	return 0, false
}
