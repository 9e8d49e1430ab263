package daemon

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sendwarden/follow"
	"sendwarden/maillog"
)

// logs are what is followed, and how far. They are the loop's.
type logs struct {
	sources   []string
	positions map[string]follow.Position // up to where what they told is in the state
	read      map[string]follow.Batch    // what was read last of each since then
	began     time.Time                  // of the first start, where history is read as it is followed; else zero

	outages map[string]outage // of those that cannot be read

	parsers map[string]*maillog.Parser // one for each, as each has its own calendar
	zone    *time.Location             // of stamps that carry none
	now     func() time.Time           // their year is that of this clock
}

func newLogs(sources []string, zone *time.Location, now func() time.Time) logs {
	return logs{
		sources: sources, positions: make(map[string]follow.Position), read: make(map[string]follow.Batch), outages: make(map[string]outage),
		parsers: make(map[string]*maillog.Parser), zone: zone, now: now,
	}
}

// parser is the one for a log.
func (l *logs) parser(source string) *maillog.Parser {
	p := l.parsers[source]
	if p == nil {
		p = maillog.NewParser(maillog.Options{Location: l.zone, Reference: l.now(), Clients: true})
		l.parsers[source] = p
	}
	p.SetReference(l.now())
	return p
}

// at is where reading has come in a log.
func (l *logs) at(source string) follow.Position {
	if batch, newer := l.read[source]; newer {
		return batch.After()
	}
	return l.positions[source]
}

// settle makes what was read the place that is written down.
func (l *logs) settle() {
	for source, read := range l.read {
		l.positions[source] = read.After()
	}
	clear(l.read)
}

// outage is a time in which a log cannot be read, as follow says again and again.
type outage struct {
	since, last time.Time
	why         error
}

// An outage is one from patience on, and over when it is no longer said: follow tries
// at least every half minute.
const (
	patience = 10 * time.Second
	quiet    = 45 * time.Second
)

// down takes note that a log cannot be read.
func (l *logs) down(source string, why error, now time.Time) {
	o := l.outages[source]
	if o.since.IsZero() {
		o.since = now
	}
	o.last, o.why = now, why
	l.outages[source] = o
}

// deaf answers why logs are not read; nil: they are.
func (l *logs) deaf(now time.Time) error {
	var all []error
	for _, source := range slices.Sorted(maps.Keys(l.outages)) {
		switch o := l.outages[source]; {
		case now.Sub(o.last) > quiet:
			delete(l.outages, source)
		case o.last.Sub(o.since) >= patience:
			all = append(all, fmt.Errorf("%s: %w", source, o.why))
		}
	}
	return errors.Join(all...)
}
