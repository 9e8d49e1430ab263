package maillog

import "time"

// clock turns stamps into instants, in the order of the log.
//
// A stamp of RFC 3164 says neither year nor zone. The zone is the log host's
// (loc). The year is the latest that does not put the first line after the
// reference, which is when the file was last written; from then on, the log's
// own order decides: December is followed by January.
type clock struct {
	loc       *time.Location
	reference time.Time
	last      time.Time // of the line before
	zone      *time.Location
	offset    int                       // of zone
	named     map[string]*time.Location // zones that PHP's stamps name
}

const (
	day = 24 * time.Hour
	// disorder is how far back lines of one log may reach because several
	// programs write to it at once.
	disorder = time.Minute
)

// read gives the instant of a stamp as a log wrote it.
func (c *clock) read(b []byte) (time.Time, bool) {
	if isPHPStamp(b) {
		return c.readPHP(b)
	}
	s, ok := readStamp(b)
	if !ok {
		return time.Time{}, false
	}
	return c.at(s)
}

// at gives the instant of a stamp; false: no year has such a day.
func (c *clock) at(s stamp) (time.Time, bool) {
	t, ok := c.infer(s)
	if ok {
		c.last = t
	}
	return t, ok
}

func (c *clock) infer(s stamp) (time.Time, bool) {
	switch {
	case s.zoned:
		return c.date(s, s.year, c.fixed(s.offset))
	case s.year != 0:
		return c.local(s, s.year)
	case c.last.IsZero():
		return c.first(s)
	}
	return c.next(s)
}

// first places the first stamp without a year.
func (c *clock) first(s stamp) (time.Time, bool) {
	year := c.reference.In(c.loc).Year() + 1
	for range 10 { // 29 February may be 8 years back (1896–1904, 2096–2104)
		t, ok := c.local(s, year)
		if ok && !t.After(c.reference.Add(day)) {
			return t, true
		}
		year--
	}
	return time.Time{}, false
}

// next places a stamp without a year after the line before it.
func (c *clock) next(s stamp) (time.Time, bool) {
	year := c.last.In(c.loc).Year()
	t, ok := c.local(s, year)
	if !ok { // 29 February after a line of another year
		if t, ok = c.local(s, year+1); !ok {
			return c.first(s)
		}
		return t, true
	}
	switch gap := t.Sub(c.last); {
	case gap < -day:
		later, ok := c.local(s, year+1)
		// Autumn and then winter is New Year whatever the reference says (a
		// daemon outlives its own); any other step back may as well be the
		// clock of a host that has just started, or files out of order.
		newYear := later.Sub(c.last) < 120*day
		if ok && (newYear || !later.After(c.reference.Add(day))) {
			return later, true
		}
	case gap > 330*day: // 31 December after 1 January: one line overtook another
		if earlier, ok := c.local(s, year-1); ok {
			return earlier, true
		}
	}
	return t, true
}

// local places a stamp without a zone. An hour that the change to winter time
// repeats is the second one when the first would run back.
func (c *clock) local(s stamp, year int) (time.Time, bool) {
	t, ok := c.date(s, year, c.loc)
	if !ok {
		return t, false
	}
	_, before := t.Add(-3 * time.Hour).Zone()
	_, after := t.Add(3 * time.Hour).Zone()
	if before <= after {
		return t, true
	}
	// time.Date does not promise which of the two it gives.
	shift := time.Duration(before-after) * time.Second
	first, second := t, t.Add(shift)
	if !sameClock(first, second) {
		first, second = t.Add(-shift), t
	}
	if !sameClock(first, second) {
		return t, true
	}
	if !c.last.IsZero() && first.Before(c.last.Add(-disorder)) {
		return second, true
	}
	return first, true
}

// date is time.Date without its carrying over: 30 February is no date.
func (c *clock) date(s stamp, year int, loc *time.Location) (time.Time, bool) {
	t := time.Date(year, s.month, s.day, s.hour, s.minute, s.sec, s.nsec, loc)
	if s.day > 28 && t.Day() != s.day && s.sec < 60 {
		return time.Time{}, false
	}
	return t, true
}

// fixed keeps the zone of the line before: a log seldom changes it.
func (c *clock) fixed(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	if c.zone == nil || c.offset != offset {
		c.zone, c.offset = time.FixedZone("", offset), offset
	}
	return c.zone
}

func sameClock(a, b time.Time) bool {
	return a.Hour() == b.Hour() && a.Minute() == b.Minute()
}
