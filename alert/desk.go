package alert

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	// maxKnown bounds the identities of notices that were told.
	maxKnown = 4096
	// grace is how long a message that is on its way when the program ends has
	// to arrive.
	grace = 5 * time.Second
	// maxKept bounds the reasons of one notice.
	maxKept = 60
)

// Desk takes notices in and sees to it that they are told.
type Desk struct {
	host  string
	log   *slog.Logger
	now   func() time.Time
	went  func()
	other chan struct{} // the ways are others; holds one

	mu      sync.Mutex // guards what follows
	journal bool
	ways    []*way
	leaving []*way   // gone, and Run has not heard of it
	known   []string // identities, the oldest first
	seen    map[string]bool
	warned  map[string]time.Time // users who were written to

	sent, failed uint64 // messages
}

// Counts tells how many messages went, and how often one did not and was kept to
// be tried again.
func (d *Desk) Counts() (sent, failed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent, d.failed
}

// way is one way out, with what waits for it. The desk's mu guards all but its name
// and wake.
type way struct {
	name  string
	send  func(context.Context, *digest) error
	limit time.Duration // of one send
	wake  chan struct{} // something came; holds one

	admits func(n *Notice, now time.Time) bool // nil admits all
	tray
	gone  bool   // it is not configured any more
	heirs []*way // that then take over what waits
}

// Options are what a desk is given beside its configuration.
type Options struct {
	Host string // this mail server's name
	Log  *slog.Logger
	Now  func() time.Time // the clock: time.Now
	Sent func()           // is told when a message has gone, so that the Outbox is saved soon; must not wait
}

// New returns a desk for a configuration that Check has found nothing in.
// Nothing is sent until Run.
func New(c Config, o Options) *Desk {
	d := &Desk{host: o.Host, log: o.Log, now: o.Now, went: o.Sent, journal: c.Journal, other: make(chan struct{}, 1),
		seen: make(map[string]bool), warned: make(map[string]time.Time)}
	for _, w := range d.configured(c) {
		d.add(w)
	}
	return d
}

// configured makes the ways of a configuration.
func (d *Desk) configured(c Config) (ways []*way) {
	if c.Interval == 0 {
		c.Interval = interval
	}
	if c.PerHour == 0 {
		c.PerHour = perHour
	}
	if c.From == "" {
		c.From = "sendwarden@" + d.host
	}
	for _, m := range c.Mail {
		w := mailWay(c, m, d.host)
		w.tray = tray{on: m.On, interval: c.Interval, perHour: c.PerHour}
		ways = append(ways, w)
	}
	for _, w := range c.Webhook {
		hook := newWebhook(w)
		ways = append(ways, &way{name: hook.name(), send: hook.send, limit: w.timeout(),
			tray: tray{on: w.On, interval: c.Interval, perHour: c.PerHour}})
	}
	if c.NotifyUser {
		ways = append(ways, userWay(c, d.host, d.warned))
	}
	return ways
}

// add completes a way. What waits for it is remembered under its name, so that
// a second one of the same name gets a number.
func (d *Desk) add(w *way) {
	if len(w.tray.on) == 0 {
		w.tray.on = usualKinds()
	}
	w.wake = make(chan struct{}, 1)
	for name, n := w.name, 2; d.way(w.name) != nil; n++ {
		w.name = fmt.Sprintf("%s (%d)", name, n)
	}
	d.ways = append(d.ways, w)
}

// way is the way of a name, or nil.
func (d *Desk) way(name string) *way {
	i := slices.IndexFunc(d.ways, func(w *way) bool { return w.name == name })
	if i < 0 {
		return nil
	}
	return d.ways[i]
}

// Tell takes a notice in. It does not wait for anything to be sent, and takes
// one that it knows already for told.
func (d *Desk) Tell(n Notice) {
	if n.Host == "" {
		n.Host = d.host
	}
	n.Reasons = slices.Clone(n.Reasons[:min(len(n.Reasons), maxKept)])
	journal, lost := d.take(n)
	if journal {
		d.log.Warn("alert", "notice", n)
	}
	for _, w := range lost {
		d.log.Error("an alert is not told: too many wait", "way", w.Way, "notice", w.Notice)
	}
}

// take lays a notice into the trays, if it is new, and returns whether it is one for
// the log, too, and what had to make room.
func (d *Desk) take(n Notice) (journal bool, lost []Waiting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.remember(n.ID()) {
		return false, nil
	}
	now := d.now()
	for _, w := range d.ways {
		if w.admits != nil && !w.admits(&n, now) {
			continue
		}
		if dropped := w.tray.add(n, now); dropped != nil {
			lost = append(lost, Waiting{Way: w.name, Notice: *dropped})
		}
		poke(w.wake)
	}
	return d.journal, lost
}

// poke wakes who waits for a channel that holds one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it knows already
	}
}

// remember reports whether an identity is new.
func (d *Desk) remember(id string) bool {
	if d.seen[id] {
		return false
	}
	if len(d.known) >= maxKnown {
		delete(d.seen, d.known[0])
		d.known = d.known[1:]
	}
	d.known = append(d.known, id)
	d.seen[id] = true
	return true
}

// Run tells what was and will be taken in, until ctx is done and what is on its
// way has arrived. What waits then is in the Outbox.
func (d *Desk) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	served := make(map[*way]bool)
	for ctx.Err() == nil {
		now := make(map[*way]bool)
		for _, w := range d.toServe() {
			if now[w] = true; !served[w] {
				all.Go(func() { d.serve(ctx, w) })
			}
		}
		served = now
		select {
		case <-ctx.Done():
		case <-d.other:
		}
	}
}

// toServe are the ways, with those that came and went since the last call.
func (d *Desk) toServe() []*way {
	d.mu.Lock()
	defer d.mu.Unlock()
	ways := slices.Concat(d.ways, d.leaving)
	d.leaving = nil
	return ways
}

// serve sends one way's messages. A slow one delays nobody else's.
func (d *Desk) serve(ctx context.Context, w *way) {
	for ctx.Err() == nil {
		wait, next := d.next(w)
		if next != nil {
			d.deliver(ctx, w, next)
			continue
		}
		if wait < 0 {
			break
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	d.bequeath(w)
}

// next is the message that may go now, or how long to wait for one: less than
// nothing when none will come any more.
func (d *Desk) next(w *way) (time.Duration, *digest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.gone {
		return -1, nil
	}
	now := d.now()
	at, any := w.tray.due(now)
	switch {
	case !any:
		return time.Hour, nil // or until something comes
	case at.After(now):
		return at.Sub(now), nil
	}
	return 0, w.tray.digest(now, d.host)
}

// deliver tries once. The path of the mail does not wait for it.
func (d *Desk) deliver(ctx context.Context, w *way, next *digest) {
	d.mu.Lock()
	send, limit := w.send, w.limit
	d.mu.Unlock()
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	defer stop()
	err := send(sending, next)
	var some *refusedError
	if errors.As(err, &some) {
		d.log.Error("some are not told by alert", "way", w.name, "err", some)
		err = nil
	}
	t := d.settle(w, next, err)
	if err == nil && d.went != nil {
		d.went()
	}
	if err != nil {
		d.log.Error("an alert was not sent", "way", w.name, "err", err, "failures", t.failures, "waiting", len(t.waiting),
			"again at", t.tryAt.Format(time.TimeOnly), "says", next.subject())
	}
}

// settle notes in the tray what came of a message, and returns its state.
func (d *Desk) settle(w *way, told *digest, err error) tray {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.sent++
		w.tray.went(told, d.now())
	} else {
		d.failed++
		w.tray.failed(d.now())
	}
	return w.tray
}

// Outbox is what a desk has to remember across a restart. It can be written as
// JSON.
type Outbox struct {
	Waiting []Waiting            `json:"waiting,omitempty"`
	Known   []string             `json:"known,omitempty"`  // identities of notices that were taken in
	Warned  map[string]time.Time `json:"warned,omitempty"` // users who were written to
}

// Waiting is a notice that has not gone by all ways.
type Waiting struct {
	Way    string    `json:"way"`
	Came   time.Time `json:"came"`
	Notice Notice    `json:"notice"`
}

// Outbox returns what to remember. Whoever saves it with their own position in
// the log, and restores both, tells each notice once: one that is told again
// is known, one that was not sent still waits. Only a message that went between
// the last save and a crash goes twice.
func (d *Desk) Outbox() Outbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := Outbox{Known: slices.Clone(d.known), Warned: maps.Clone(d.warned)}
	for _, w := range d.ways {
		for _, i := range w.tray.waiting {
			o.Waiting = append(o.Waiting, Waiting{w.name, i.came, i.Notice})
		}
	}
	return o
}

// Forget forgets that some users were told of and written to. Notices of them that
// are on their way go.
func (d *Desk) Forget(user func(name string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = slices.DeleteFunc(d.known, func(id string) bool {
		gone := user(UserOf(id))
		if gone {
			delete(d.seen, id)
		}
		return gone
	})
	maps.DeleteFunc(d.warned, func(name string, _ time.Time) bool { return user(name) })
}

// Restore takes in what was remembered; call it before Run. What waited for a
// way that is no more goes to the log.
func (d *Desk) Restore(o Outbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range o.Known[max(0, len(o.Known)-maxKnown):] {
		d.remember(id)
	}
	maps.Copy(d.warned, o.Warned)
	for _, waiting := range o.Waiting {
		if w := d.way(waiting.Way); w != nil {
			w.tray.add(waiting.Notice, waiting.Came)
			continue
		}
		d.untold(waiting)
	}
}
