package daemon

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/metrics"
	"sendwarden/policy"
	"sendwarden/scoring"
)

const (
	// maxDelay is how long lines or a save may wait before somebody has to come.
	maxDelay = time.Minute
	// sizeEvery is how often the state's file is measured.
	sizeEvery = 10 * time.Second
)

// meter counts for a monitoring system. Nil is where there is none: its methods
// then do nothing.
type meter struct {
	set      *metrics.Set
	listener net.Listener
	gone     atomic.Bool  // the door
	saves    atomic.Int64 // that have ended

	// What follows is the loop's.
	read   map[string]time.Time // when lines last came, by log
	unread map[string]delay
	unwrit delay
	sized  time.Time
	size   [2]int64 // of the state's file, and free of it
}

// delay is something that waits, and since when it is the same.
type delay struct {
	what  string
	since time.Time
}

// lasts tells for how long it has been the same.
func (d *delay) lasts(what string, now time.Time) time.Duration {
	if d.what != what || d.since.IsZero() {
		*d = delay{what, now}
	}
	return now.Sub(d.since)
}

func openMeter(c metrics.Config, version string) (*meter, error) {
	if c.Listen == "" {
		return nil, nil
	}
	l, err := c.Open()
	if err != nil {
		return nil, err
	}
	actions := []string{scoring.Allow.String(), scoring.Hold.String(), scoring.Block.String(), scoring.Refuse.String()}
	return &meter{set: metrics.New(version, actions...), listener: l, read: make(map[string]time.Time), unread: make(map[string]delay)}, nil
}

// serveMetrics answers the monitoring system until the context ends.
func (d *Daemon) serveMetrics(ctx context.Context) {
	if d.meter == nil {
		return
	}
	d.log.Info("metrics", "at", "http://"+d.meter.listener.Addr().String()+"/metrics")
	if err := d.meter.set.Serve(ctx, d.meter.listener); err != nil {
		d.log.Error("no longer measured", "error", err)
	}
}

// judged counts a verdict. It is called on the path.
func (m *meter) judged(country string, v scoring.Verdict) {
	if m == nil {
		return
	}
	m.set.Submission(country)
	m.set.Verdict(v.Action.String())
	for _, r := range v.Reasons[len(v.Reasons)-v.Fired:] {
		m.set.Fired(r.Rule)
	}
}

// taken counts a line that has gone the whole way.
func (m *meter) taken(ev *maillog.Event) {
	if m != nil && ev.Type == maillog.Submission {
		m.set.Delay(time.Since(ev.Time))
	}
}

// came notes that lines came from a log.
func (m *meter) came(log string) {
	if m != nil {
		m.read[log] = time.Now()
	}
}

// timed measures how long Postfix waits for an answer.
func (m *meter) timed(answer func(*policy.Request) policy.Action) func(*policy.Request) policy.Action {
	if m == nil {
		return answer
	}
	return func(r *policy.Request) policy.Action {
		began := time.Now()
		defer func() { m.set.Asked(time.Since(began)) }()
		return answer(r)
	}
}

func (m *meter) saved(took time.Duration, err error) {
	if m != nil {
		m.saves.Add(1)
		m.set.Saved(took, err)
	}
}

// exchanged counts a round trip to the engine. It is called on the path.
func (m *meter) exchanged(took time.Duration) {
	if m != nil {
		m.set.Exchanged(took)
	}
}

func (m *meter) left() {
	if m != nil {
		m.gone.Store(true)
	}
}

// measure hands over what the loop knows. What it costs it costs once a second.
func (d *Daemon) measure(now time.Time) {
	m := d.meter
	if m == nil {
		return
	}
	s := &metrics.Sample{
		Time: now, Enforcing: d.mode() == "enforce", Blocked: len(d.listed()), Known: int(d.known.Load()),
		Errands: len(d.porter.left()), Reachable: d.porter.able.Load(), Faults: len(d.failing),
		Databases: make(map[string]time.Time), Problems: d.problems(now),
	}
	d.turn.Lock()
	s.Waiting = len(d.path.Scorer.Waiting())
	for _, ids := range d.kept {
		s.Held += len(ids)
	}
	d.turn.Unlock()
	d.measureLog(s)
	for _, source := range d.path.Places.Sources() {
		s.Databases[source.Path] = source.Built
	}
	if now.Sub(m.sized) >= sizeEvery {
		m.sized = now
		if file, free, err := d.memory.store.Size(); err == nil { // else the next look tells
			m.size = [2]int64{file, free}
		}
	}
	s.StateBytes, s.StateFree = m.size[0], m.size[1]
	sent, failed := d.desk.Counts()
	s.AlertsSent, s.AlertsFailed = sent, failed
	if d.door != nil {
		c := d.door.Counts()
		s.Door = &metrics.Door{Connections: c.Open, Requests: uint64(c.Requests), Surplus: uint64(c.Surplus), Broken: uint64(c.Broken), Faults: uint64(c.Faults)}
	}
	s.Shared = d.measureShared()
	m.set.Sample(s)
}

// measureShared is what is between this host and others; nil when there are none.
func (d *Daemon) measureShared() *metrics.Shared {
	c := d.sharedStatus()
	if c == nil {
		return nil
	}
	s := &metrics.Shared{
		Reachable: c.Lost == "", Exchanges: uint64(c.Swaps), Conflicts: uint64(c.Conflicts), Failures: make(map[string]uint64),
		Behind: c.Behind, Untold: c.Waits, Dropped: uint64(c.Dropped), Heeded: make(map[string]uint64),
	}
	for kind, n := range c.ByKind {
		s.Failures[kind] = uint64(n)
	}
	for act, n := range c.Heeded {
		s.Heeded[string(act)] = uint64(n)
	}
	return s
}

// measureLog adds up what the parsers count anyway.
func (d *Daemon) measureLog(s *metrics.Sample) {
	s.Events, s.Odd, s.Read = make(map[string]uint64), make(map[string]uint64), maps.Clone(d.meter.read)
	for _, parser := range d.logs.parsers {
		counts := parser.Stats()
		s.Lines += uint64(counts.Lines)
		s.TooLong += uint64(counts.Long)
		for kind, n := range counts.Events {
			s.Events[maillog.Type(kind).String()] += uint64(n)
		}
		for source, n := range counts.Odd {
			s.Odd[maillog.Source(source).String()] += uint64(n)
		}
	}
}

// problems are reasons for somebody to come: what keeps thieves from being
// blocked, or what happened from being remembered.
func (d *Daemon) problems(now time.Time) (found []string) {
	for _, fault := range []string{unheard, unsaved, unwritten, behind, unread, outOfReach} {
		if why, goesOn := d.failing[fault]; goesOn {
			found = append(found, fault+": "+why)
		}
	}
	save := "none"
	if d.memory.saving {
		save = fmt.Sprint(d.meter.saves.Load())
	}
	if lasts := d.meter.unwrit.lasts(save, now); d.memory.saving && lasts > maxDelay {
		found = append(found, fmt.Sprintf("what is remembered has been on its way to the disk for %s", lasts.Round(time.Second)))
	}
	for _, source := range slices.Sorted(maps.Keys(d.logs.positions)) {
		waits := d.meter.unread[source]
		if lasts := waits.lasts(d.waiting(source), now); waits.what != "" && lasts > maxDelay {
			found = append(found, fmt.Sprintf("%s: what was written to it has not been read for %s", source, lasts.Round(time.Second)))
		}
		d.meter.unread[source] = waits
	}
	if d.meter.gone.Load() {
		found = append(found, "Postfix is not answered at the door")
	}
	return found
}

// waiting names the place in a log behind which there is more than was read;
// nothing when there is none. A log that nobody writes to has none, however old
// its last line is.
func (d *Daemon) waiting(source string) string {
	if source == follow.Journal || source == follow.Stdin {
		return "" // see logs.deaf
	}
	info, err := os.Stat(source)
	if err != nil || info.Size() == 0 {
		return "" // between two files of a rotation
	}
	at := d.logs.at(source)
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	offset := int64(0)
	for _, file := range at.Files {
		if file.Inode == stat.Ino && file.Device == uint64(stat.Dev) {
			offset = file.Offset
		}
	}
	if info.Size() <= offset {
		return ""
	}
	return fmt.Sprint(stat.Ino, offset)
}
