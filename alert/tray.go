package alert

import (
	"slices"
	"time"
)

const (
	// maxWaiting bounds the notices that wait for one way out.
	maxWaiting = 500
	// calmTime is how long holds and releases wait for another notice to ride with.
	calmTime = 24 * time.Hour

	firstPause = 30 * time.Second // after a failure; it doubles
	lastPause  = 30 * time.Minute
)

// tray holds what waits for one way out, and knows when the next message may
// go. It does nothing by itself; time is an argument.
type tray struct {
	on       []Kind
	interval time.Duration
	perHour  int
	single   bool // one notice a message, none of them a digest

	waiting  []item
	dropped  int         // that there was no room for, since the last message
	sent     []time.Time // the messages of the last hour
	failures int         // in a row
	tryAt    time.Time   // not before
}

type item struct {
	Notice
	came time.Time
	late bool // it came when the hour's messages had gone
}

// add takes a notice in, and returns one that had to make room for it.
func (t *tray) add(n Notice, now time.Time) (dropped *Notice) {
	if !slices.Contains(t.on, n.Kind) {
		return nil
	}
	if len(t.waiting) >= maxWaiting {
		dropped = &t.waiting[0].Notice
		t.waiting = slices.Delete(slices.Clone(t.waiting), 0, 1)
		t.dropped++
	}
	t.waiting = append(t.waiting, item{n, now, !t.single && t.lastHour(now) >= t.perHour})
	return dropped
}

// lastHour counts the messages within the hour before now.
func (t *tray) lastHour(now time.Time) int {
	for len(t.sent) > 0 && !t.sent[0].After(now.Add(-time.Hour)) {
		t.sent = t.sent[1:]
	}
	return len(t.sent)
}

// due is when the next message may go; without one there is nothing to say.
func (t *tray) due(now time.Time) (time.Time, bool) {
	if len(t.waiting) == 0 {
		return time.Time{}, false
	}
	at := t.tryAt
	if n := t.lastHour(now); n > 0 {
		at = later(at, t.sent[n-1].Add(t.interval))
		if n >= t.perHour {
			at = later(at, t.sent[n-t.perHour].Add(time.Hour))
		}
	}
	if !slices.ContainsFunc(t.waiting, func(i item) bool { return !i.Kind.calm() }) {
		at = later(at, t.waiting[0].came.Add(calmTime))
	}
	return at, true
}

// digest is the message that goes now, of all that waits.
func (t *tray) digest(now time.Time, host string) *digest {
	d := &digest{time: now, host: host, dropped: t.dropped}
	waiting := t.waiting
	if t.single {
		waiting = waiting[:1]
		d.dropped = 0 // no user is told of others
	}
	for _, i := range waiting {
		d.notices = append(d.notices, i.Notice)
		d.brief = d.brief || i.late
	}
	slices.SortStableFunc(d.notices, func(a, b Notice) int { return a.Kind.urgency() - b.Kind.urgency() })
	return d
}

// went takes what a message told out of the tray. More may have come since it
// was made, and what it told may have been dropped.
func (t *tray) went(d *digest, now time.Time) {
	told := make(map[string]bool, len(d.notices))
	for i := range d.notices {
		told[d.notices[i].ID()] = true
	}
	t.waiting = slices.DeleteFunc(slices.Clone(t.waiting), func(i item) bool { return told[i.ID()] })
	t.dropped -= d.dropped
	t.sent = append(t.sent, now)
	t.failures, t.tryAt = 0, time.Time{}
}

// failed sets the time of the next try.
func (t *tray) failed(now time.Time) {
	pause := lastPause
	if t.failures < 6 {
		pause = firstPause << t.failures
	}
	t.failures++
	t.tryAt = now.Add(min(pause, lastPause))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
