package daemon

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// steward shows people the daemon and does what they ask for: it is the daemon as
// a control.Service. What only the loop may touch it has the loop do, in turn with
// everything else (see ask).
type steward struct {
	*Daemon
	listener *control.Listener // nil: nobody can ask
	ended    chan struct{}     // closed when the loop has ended
}

// openControl opens the control socket. Without one the daemon does its work all
// the same: a socket that was asked for by name is worth a stop at the start, the
// usual one is not.
func (d *Daemon) openControl() error {
	config := d.settings.Control
	if d.with.Control != "" {
		config.Socket = d.with.Control
	}
	named := config.Socket != ""
	if !named {
		config.Socket = control.DefaultSocket
	}
	d.steward = &steward{Daemon: d, ended: make(chan struct{})}
	if config.Socket == control.None {
		return nil
	}
	l, err := control.Listen(config)
	switch {
	case err != nil && named:
		return fmt.Errorf("control: %w", err)
	case err != nil:
		d.log.Warn("there is no control socket: commands work on the files, and status and watch not at all (see control: in the rules)", "error", err)
		return nil
	}
	d.steward.listener = l
	return nil
}

// serve answers people until the context ends.
func (s *steward) serve(ctx context.Context) {
	if s.listener == nil {
		return
	}
	if err := control.Serve(ctx, s.listener, s, s.log); err != nil {
		s.log.Error("nobody can talk to the daemon any more: commands work on the files", "error", err)
	}
}

// ask has the loop do something, and waits for what it answers. Who does not wait
// to the end has it done nevertheless.
func ask[T any](ctx context.Context, s *steward, do func() (T, error)) (none T, err error) {
	type answer struct {
		is  T
		err error
	}
	done := make(chan answer, 1)
	s.turn.Lock()
	s.later(func() {
		is, err := do()
		done <- answer{is, err}
	})
	s.turn.Unlock()
	select {
	case a := <-done:
		return a.is, a.err
	case <-s.ended:
		return none, context.Canceled
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// counts are what the daemon has seen since its start. The turn guards them.
type counts struct {
	submissions int64
	last        time.Time // of the last submission, by the log's clock
	fired       map[string]fired
	logs        map[string]logCount
}

// fired is how often a rule added points, and when it did last.
type fired struct {
	times int64
	last  time.Time
}

// logCount is what was read of one log.
type logCount struct {
	lines int64
	last  time.Time     // when
	delay time.Duration // of the last event, from its stamp
}

// lines takes note of a batch that has been read.
func (c *counts) lines(source string, n int, now, stamp time.Time) {
	if n == 0 {
		return
	}
	was := c.logs[source]
	was.lines += int64(n)
	was.last = now
	if !stamp.IsZero() {
		was.delay = max(0, now.Sub(stamp))
	}
	c.logs[source] = was
}

// judged takes note of a verdict.
func (c *counts) judged(v scoring.Verdict) {
	c.submissions++
	if v.Time.After(c.last) {
		c.last = v.Time
	}
	for _, r := range v.Reasons[len(v.Reasons)-v.Fired:] {
		was := c.fired[r.Rule]
		c.fired[r.Rule] = fired{was.times + 1, v.Time}
	}
}

// gallery are those who watch. Whoever reads slowly misses some, and is told how
// many: the path waits for nobody.
type gallery struct {
	mu    sync.Mutex
	seats map[*seat]struct{}
}

// seat is one who watches.
type seat struct {
	shows  chan control.Judged
	missed int
}

// seatRoom is how far a watcher may lag behind.
const seatRoom = 256

func (g *gallery) enter() *seat {
	s := &seat{shows: make(chan control.Judged, seatRoom)}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seats == nil {
		g.seats = make(map[*seat]struct{})
	}
	g.seats[s] = struct{}{}
	return s
}

func (g *gallery) leave(s *seat) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.seats, s)
}

func (g *gallery) empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.seats) == 0
}

// show shows a verdict to all.
func (g *gallery) show(j control.Judged) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.seats {
		j.Missed = s.missed
		select {
		case s.shows <- j:
			s.missed = 0
		default:
			s.missed++
		}
	}
}

// Watch is control.Service's.
func (s *steward) Watch(ctx context.Context, each func(control.Judged) error) error {
	seat := s.gallery.enter()
	defer s.gallery.leave(seat)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.ended:
			return nil
		case j := <-seat.shows:
			if err := each(j); err != nil {
				return err
			}
		}
	}
}

// show lets those who watch see a verdict.
func (d *Daemon) show(ev *maillog.Event, v scoring.Verdict) {
	if d.gallery.empty() {
		return
	}
	j := control.Judged{
		Time: v.Time, User: v.User, Action: v.Action.String(), Score: round(v.Score), QueueID: ev.QueueID,
		Place: placeOf(d.path.Places.Place(ev.Addr)),
	}
	for _, r := range v.Reasons[len(v.Reasons)-v.Fired:] {
		j.Reasons = append(j.Reasons, reasonOf(r))
	}
	d.gallery.show(j)
}
