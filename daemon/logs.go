package daemon

import (
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

	parsers map[string]*maillog.Parser // one for each, as each has its own calendar
	zone    *time.Location             // of stamps that carry none
	now     func() time.Time           // their year is that of this clock
}

func newLogs(sources []string, zone *time.Location, now func() time.Time) logs {
	return logs{
		sources: sources, positions: make(map[string]follow.Position), read: make(map[string]follow.Batch),
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
