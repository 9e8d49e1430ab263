package main

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

// oldLogs reads complete logs as one stream of events, oldest first.
type oldLogs struct {
	zone *time.Location
	now  time.Time // a log that does not say when it was written is not newer
	logs []*oldLog
	bar  func(done int64) // told of the bytes read since the last call

	lines   int64 // so far
	clients bool  // messages of clients where nobody logged in are events, too
	skimmed bool  // events about messages of other servers are passed over
	err     error // what ended the stream before its end
}

// oldLog is one of the files.
type oldLog struct {
	*follow.Old
	first  time.Time // of its first line with a time; zero if none was found
	parser *maillog.Parser
	line   int64 // of the event handed on last, from 1
}

// openOldLogs opens the files and puts them in order of their first lines:
// mail.log.2.gz before mail.log.1 before mail.log.
func openOldLogs(names []string, zone *time.Location, now time.Time) (*oldLogs, error) {
	logs := &oldLogs{zone: zone, now: now, skimmed: true, bar: func(int64) {}}
	for _, name := range names {
		old, err := follow.Open(name)
		if err != nil {
			return nil, errors.Join(err, logs.Close())
		}
		logs.add(old)
	}
	logs.sort()
	return logs, nil
}

// sort puts the logs in order of their first lines.
func (o *oldLogs) sort() {
	slices.SortStableFunc(o.logs, func(a, b *oldLog) int { return a.first.Compare(b.first) })
}

// heed has the logs tell what rules ask for: of clients where nobody logged in only
// where there are rules for them, as it costs a look at most lines.
func (o *oldLogs) heed(rules *scoring.Rules) {
	if !rules.Judges(scoring.Host) && !rules.Judges(scoring.Total) {
		return
	}
	o.clients, o.skimmed = true, false
	for _, l := range o.logs {
		l.parser = maillog.NewParser(o.options(l.Old))
	}
}

// options is what the parser of a log is told.
func (o *oldLogs) options(old *follow.Old) maillog.Options {
	reference := old.Modified
	if reference.IsZero() {
		reference = o.now
	}
	return maillog.Options{Location: o.zone, Reference: reference, Clients: o.clients}
}

func (o *oldLogs) add(old *follow.Old) {
	options := o.options(old)
	first, _ := maillog.FirstTime(old.Head(), options)
	o.logs = append(o.logs, &oldLog{Old: old, first: first, parser: maillog.NewParser(options)})
}

// Size is the number of bytes to be read, 0 if it is not known.
func (o *oldLogs) Size() (size int64) {
	for _, l := range o.logs {
		if l.Size == 0 {
			return 0
		}
		size += l.Size
	}
	return size
}

// Close closes all files.
func (o *oldLogs) Close() error {
	var errs []error
	for _, l := range o.logs {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

var (
	// errEnough ends the reading of a log from which no more events are wanted.
	errEnough = errors.New("enough")
	// errStopped ends it when a signal has asked for that.
	errStopped = errors.New("stopped")
)

// events hands on the events of one log. An event is only valid until the
// next.
func (o *oldLogs) events(ctx context.Context, l *oldLog) iter.Seq[*maillog.Event] {
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
				return errStopped
			}
			for _, m := range b.Found.marks {
				if o.skimmed && !known.Wants(m) || !l.parser.Parse(b.Data[m.Start:m.End], &ev) {
					continue
				}
				if ev.Type == maillog.Submission || ev.Type == maillog.Local {
					known.Add(&ev)
				}
				l.line = lines + int64(m.Line) + 1
				if !yield(&ev) {
					return errEnough
				}
			}
			lines += int64(b.Found.lines)
			o.lines += int64(b.Found.lines)
			read := l.Done(b.Offset + int64(len(b.Data)))
			o.bar(read - done)
			done = read
			return nil
		})
		switch {
		case errors.Is(err, errStopped):
			o.err = errStopped // which each log says
		case err != nil && !errors.Is(err, errEnough):
			o.err = errors.Join(o.err, err)
		}
	}
}

// all hands on the events of all logs in order of time. A log is begun when
// the others have come to its first line; logs of several hosts, which cover
// the same time, are read side by side. When ctx ends, so do they all, with
// errStopped.
func (o *oldLogs) all(ctx context.Context) iter.Seq2[*oldLog, *maillog.Event] {
	return func(yield func(*oldLog, *maillog.Event) bool) {
		if len(o.logs) == 1 {
			for ev := range o.events(ctx, o.logs[0]) {
				if !yield(o.logs[0], ev) {
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
	log  *oldLog
	ev   *maillog.Event
	next func() (*maillog.Event, bool)
	stop func()
}

func (o *oldLogs) merge(ctx context.Context, yield func(*oldLog, *maillog.Event) bool) {
	var open []*reading
	defer func() {
		for _, r := range open {
			r.stop()
		}
	}()
	waiting := o.logs
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
