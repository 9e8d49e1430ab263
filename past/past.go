// Package past reads logs that are complete, with their rotated elders, as one
// stream of events in order of time: what replay judges, and what the daemon learns
// from before it follows the log that grows.
package past

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// Logs are complete logs, read as one stream of events, oldest first.
type Logs struct {
	zone  *time.Location
	now   time.Time // a log that does not say when it was written is not newer
	Files []*Log
	Bar   func(done int64) // told of the bytes read since the last call

	Lines   int64 // so far
	clients bool  // messages of clients where nobody logged in are events, too
	Skimmed bool  // events about messages of other servers are passed over
	Err     error // what ended the stream before its end
}

// Log is one of the files.
type Log struct {
	*follow.Old
	first  time.Time // of its first line with a time; zero if none was found
	Parser *maillog.Parser
	Line   int64 // of the event handed on last, from 1
}

// Open opens the files and puts them in order of their first lines:
// mail.log.2.gz before mail.log.1 before mail.log.
func Open(names []string, zone *time.Location, now time.Time) (*Logs, error) {
	logs := New(zone, now)
	for _, name := range names {
		old, err := follow.Open(name)
		if err != nil {
			return nil, errors.Join(err, logs.Close())
		}
		logs.Add(old)
	}
	logs.Sort()
	return logs, nil
}

// New has no files yet.
func New(zone *time.Location, now time.Time) *Logs {
	return &Logs{zone: zone, now: now, Skimmed: true, Bar: func(int64) {}}
}

// Sort puts the logs in order of their first lines.
func (o *Logs) Sort() {
	slices.SortStableFunc(o.Files, func(a, b *Log) int { return a.first.Compare(b.first) })
}

// Heed has the logs tell what rules ask for: of clients where nobody logged in only
// where there are rules for them, as it costs a look at most lines.
func (o *Logs) Heed(rules *scoring.Rules) {
	if !rules.Judges(scoring.Host) && !rules.Judges(scoring.Total) {
		return
	}
	o.clients, o.Skimmed = true, false
	for _, l := range o.Files {
		l.Parser = maillog.NewParser(o.Options(l.Old))
	}
}

// Options is what the parser of a log is told.
func (o *Logs) Options(old *follow.Old) maillog.Options {
	reference := old.Modified
	if reference.IsZero() {
		reference = o.now
	}
	return maillog.Options{Location: o.zone, Reference: reference, Clients: o.clients}
}

// Add takes a file for one of the logs.
func (o *Logs) Add(old *follow.Old) {
	options := o.Options(old)
	first, _ := maillog.FirstTime(old.Head(), options)
	o.Files = append(o.Files, &Log{Old: old, first: first, Parser: maillog.NewParser(options)})
}

// Size is the number of bytes to be read, 0 if it is not known.
func (o *Logs) Size() (size int64) {
	for _, l := range o.Files {
		if l.Size == 0 {
			return 0
		}
		size += l.Size
	}
	return size
}

// Close closes all files.
func (o *Logs) Close() error {
	var errs []error
	for _, l := range o.Files {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

var (
	// errEnough ends the reading of a log from which no more events are wanted.
	errEnough = errors.New("enough")
	// ErrStopped ends the reading when a signal has asked for that.
	ErrStopped = errors.New("stopped")
)

// events hands on the events of one log. An event is only valid until the
// next.
func (o *Logs) events(ctx context.Context, l *Log) iter.Seq[*maillog.Event] {
	return func(yield func(*maillog.Event) bool) {
		known := maillog.NewKnown()
		var ev maillog.Event
		var done, lines int64
		type found struct {
			marks []maillog.Mark
			lines int
		}
		skim := func(b *follow.Block[found]) {
			b.Found.marks, b.Found.lines = maillog.Skim(b.Data, b.Found.marks[:0])
		}
		err := follow.Blocks(l.Old, skim, func(b *follow.Block[found]) error {
			if ctx.Err() != nil {
				return ErrStopped
			}
			for _, m := range b.Found.marks {
				if o.Skimmed && !known.Wants(m) || !l.Parser.Parse(b.Data[m.Start:m.End], &ev) {
					continue
				}
				if ev.Type == maillog.Submission || ev.Type == maillog.Local {
					known.Add(&ev)
				}
				l.Line = lines + int64(m.Line) + 1
				if !yield(&ev) {
					return errEnough
				}
			}
			lines += int64(b.Found.lines)
			o.Lines += int64(b.Found.lines)
			read := l.Done(b.Offset + int64(len(b.Data)))
			o.Bar(read - done)
			done = read
			return nil
		})
		switch {
		case errors.Is(err, ErrStopped):
			o.Err = ErrStopped // which each log says
		case err != nil && !errors.Is(err, errEnough):
			o.Err = errors.Join(o.Err, err)
		}
	}
}

// All hands on the events of all logs in order of time. A log is begun when
// the others have come to its first line; logs of several hosts, which cover
// the same time, are read side by side. When ctx ends, so do they all, with
// ErrStopped.
func (o *Logs) All(ctx context.Context) iter.Seq2[*Log, *maillog.Event] {
	return func(yield func(*Log, *maillog.Event) bool) {
		if len(o.Files) == 1 {
			for ev := range o.events(ctx, o.Files[0]) {
				if !yield(o.Files[0], ev) {
					return
				}
			}
			return
		}
		o.merge(ctx, yield)
	}
}

// reading is a log that has been begun.
type reading struct {
	log  *Log
	ev   *maillog.Event
	next func() (*maillog.Event, bool)
	stop func()
}

func (o *Logs) merge(ctx context.Context, yield func(*Log, *maillog.Event) bool) {
	var open []*reading
	defer func() {
		for _, r := range open {
			r.stop()
		}
	}()
	waiting := o.Files
	for len(open) > 0 || len(waiting) > 0 {
		for len(waiting) > 0 && (len(open) == 0 || !open[0].ev.Time.Before(waiting[0].first)) {
			next, stop := iter.Pull(o.events(ctx, waiting[0]))
			if ev, more := next(); more {
				open = append(open, &reading{waiting[0], ev, next, stop})
			}
			waiting = waiting[1:]
			slices.SortStableFunc(open, byTime)
		}
		if len(open) == 0 {
			continue
		}
		r := open[0]
		if !yield(r.log, r.ev) {
			return
		}
		var more bool
		if r.ev, more = r.next(); !more {
			open = open[1:]
			continue
		}
		slices.SortStableFunc(open, byTime)
	}
}

func byTime(a, b *reading) int { return cmp.Compare(a.ev.Time.UnixNano(), b.ev.Time.UnixNano()) }
