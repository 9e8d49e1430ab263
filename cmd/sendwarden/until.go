package main

import (
	"fmt"
	"time"
)

// end is the moment that --until names.
//
// A log is read with the clock that wrote it in mind, and one log may hold two
// offsets, before and after a change to summer time. A time without a zone is
// therefore compared with what the log's clock showed, not with a moment.
type end struct {
	t    time.Time // zero: no end
	wall bool      // t, in UTC, is what the log's clock shows
}

// untilTime reads --until; --timezone gives a time without a zone that one.
func (c *replayCommand) untilTime(zone *time.Location) (end, error) {
	if c.until == "" {
		return end{}, nil
	}
	if t, err := time.Parse(time.RFC3339, c.until); err == nil {
		return end{t: t}, nil
	}
	wall := c.timezone == ""
	if wall {
		zone = time.UTC
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, c.until, zone); err == nil {
			return end{t, wall}, nil
		}
	}
	if t, err := time.ParseInLocation("2006-01-02", c.until, zone); err == nil {
		return end{t.AddDate(0, 0, 1).Add(-time.Nanosecond), wall}, nil // a day alone means its end
	}
	return end{}, usageError{fmt.Errorf("--until %q: no time (write 2026-04-15, '2026-04-15 21:15' or 2026-04-15T21:15:00+02:00)", c.until)}
}

// before tells whether a time in the log is after the end.
func (e end) before(t time.Time) bool {
	if e.t.IsZero() {
		return false
	}
	if e.wall {
		_, offset := t.Zone()
		t = t.Add(time.Duration(offset) * time.Second)
	}
	return e.t.Before(t)
}

// in is the end as a moment, by a clock of that zone.
func (e end) in(zone *time.Location) time.Time {
	if !e.wall {
		return e.t.In(zone)
	}
	y, m, d := e.t.Date()
	return time.Date(y, m, d, e.t.Hour(), e.t.Minute(), e.t.Second(), e.t.Nanosecond(), zone)
}
