package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/shared"
	"sendwarden/state"
)

// Keys of what a daemon that shares keeps of that.
const (
	hostKey   = "shared/host"   // its name among the memories of all hosts
	epochKey  = "shared/epoch"  // the engine's memory that it met last
	linesKey  = "shared/lines"  // how many lines it ever read, by log
	heardKey  = "shared/heard"  // how far it has heard of the others
	agreedKey = "shared/listed" // who is blocked, as the others were told
	leftKey   = "shared/left"   // what they are still to be told
)

// sharing is the daemon's part in what several hosts know together. What a user does
// goes into the engine on the path, by the scorer; who is on the blocklist is told
// as decisions, which each host carries out on its own list.
type sharing struct {
	engine *shared.Engine
	host   string
	meter  *meter

	// The loop's.
	lines  map[string]int64
	heard  shared.Heard
	epoch  string
	agreed map[string]bool
	words  map[string]control.Record // what was noted last about a user, and not told yet
	heeded map[control.Kind]int64    // what others decided and was done here since the start

	mu         sync.Mutex // guards what follows, up to poke
	left       []decision
	news       []byte // for the others
	newsNumber uint64
	crowd      *shared.Crowd // what this host knows with them; nil: others say that
	crowdDue   bool          // it is time to say that
	poke       chan struct{} // there is something to tell

	found  chan string   // the engine is there, with a memory of that name
	joined chan struct{} // closed when it was met first
	once   sync.Once
}

// outOfReach is a fault: this host judges by what it knows.
const outOfReach = "the state that is shared is out of reach; this host goes on by what it knows"

// place is the file in which this host remembers, and where the others do; nil: they
// do not.
func place(name string) (file string, engine *shared.Config, err error) {
	if !shared.IsURL(name) {
		return name, nil, nil
	}
	c, err := shared.Parse(name)
	if err != nil {
		return "", nil, fmt.Errorf("state: %w", err)
	}
	if file = c.Local(); file == "" {
		file = settings.DefaultState
	}
	return file, &c, nil
}

// StateFile is the file in which a host with such a state remembers.
func StateFile(name string) string {
	if file, _, err := place(name); err == nil {
		return file
	}
	return name
}

// share begins to share, before anything is taken up again.
func (d *Daemon) share(c *shared.Config) {
	if c == nil {
		return
	}
	s := &sharing{meter: d.meter, lines: make(map[string]int64), agreed: make(map[string]bool), words: make(map[string]control.Record),
		heeded: map[control.Kind]int64{control.Block: 0, control.Release: 0},
		poke:   make(chan struct{}, 1), found: make(chan string, 1), joined: make(chan struct{})}
	d.recall(hostKey, &s.host)
	if s.host == "" {
		s.host = shared.NewHost()
	}
	var agreed []string
	d.recall(epochKey, &s.epoch)
	d.recall(linesKey, &s.lines)
	d.recall(heardKey, &s.heard)
	d.recall(leftKey, &s.left)
	d.recall(agreedKey, &agreed)
	if d.memory.said[agreedKey] == nil {
		agreed = d.listed() // of before there were others: see met
	}
	for _, user := range agreed {
		s.agreed[user] = true
	}
	s.engine = shared.New(*c, s.host, d.host, time.Now())
	d.sharing = s
	d.path.Scorer.Share(scoring.Sharing{Host: s.host, Swap: d.swap, Fetch: d.fetch, Wait: d.await, Late: d.late, Odd: d.unreadableShared})
	d.log.Info("the state is shared with other hosts", "engine", c.URL)
}

func (d *Daemon) unreadableShared(user string, err error) {
	d.log.Error("what is shared of a user cannot be read", "user", maillog.Mask(user), "error", err)
}

// patience is by when a question that comes now must be answered, whoever is before it.
func (s *sharing) patience() time.Time {
	if s == nil {
		return time.Time{}
	}
	return time.Now().Add(s.engine.Wait())
}

// swap, fetch and await are scoring.Sharing's. Others have the turn meanwhile: no
// question at the door waits for what another one asks the engine.
func (d *Daemon) swap(all []*scoring.Exchange) (err error) {
	d.turn.aside(func(until time.Time) { err = d.sharing.swap(all, until) })
	return err
}

func (d *Daemon) fetch(user string) (record []byte) {
	d.turn.aside(func(time.Time) {
		record, _ = d.sharing.engine.Record(context.Background(), user) // the engine's status says why not
	})
	return record
}

func (d *Daemon) await(landed <-chan struct{}) (has bool) {
	d.turn.aside(func(until time.Time) {
		if until.IsZero() {
			<-landed // its time is bounded
			has = true
			return
		}
		late := time.NewTimer(time.Until(until))
		defer late.Stop()
		select {
		case <-landed:
			has = true
		case <-late.C:
		}
	})
	return has
}

// swap has the engine take records, until a time; zero is as long as anybody waits.
func (s *sharing) swap(all []*scoring.Exchange, until time.Time) error {
	swaps := make([]*shared.Swap, len(all))
	for i, x := range all {
		swaps[i] = &shared.Swap{Key: x.User, Was: x.Was, Record: x.Record, Life: x.Life}
	}
	began := time.Now()
	err := s.engine.Swap(swaps, until)
	if !errors.Is(err, shared.ErrLost) { // else nobody was asked
		s.meter.exchanged(time.Since(began))
	}
	if err != nil {
		return err
	}
	for i, x := range all {
		x.Newer = swaps[i].Newer
	}
	return nil
}

// late carries out a verdict that came of what several hosts know together, or that
// another host gave: that one tells people.
func (d *Daemon) late(v scoring.Verdict) {
	d.later(func() {
		if !v.Elsewhere {
			d.act(v, "")
			return
		}
		if d.mode() != "watch" {
			d.log.Warn("blocked on another host", "user", maillog.Mask(v.User), "why", why(v))
			if e, listed := d.list.Lookup(v.User); !listed || !e.Blocks() { // else it was heard of and done
				d.sharing.heeded[control.Block]++
			}
			d.write(blocklist.Entry{User: v.User, Action: d.rules.Reply, Since: v.Time, Score: v.Score, Notes: notes(v)})
			d.porter.hold(v.User)
		}
	})
}

// line counts a line of a log.
func (s *sharing) line(log string) {
	if s != nil {
		s.lines[log]++
	}
}

// reading tells the scorer which line of a log is read next; "" is none. The caller
// has the turn.
func (d *Daemon) reading(log string) {
	if d.sharing != nil {
		d.path.Scorer.Reading(log, d.sharing.lines[log])
	}
}

// put adds what is known of the others to a save.
func (s *sharing) put(d *Daemon, batch *state.Batch) {
	if s == nil {
		return
	}
	d.memory.record(batch, hostKey, s.host)
	d.memory.record(batch, epochKey, s.epoch)
	d.memory.record(batch, linesKey, s.lines)
	d.memory.record(batch, heardKey, s.heard)
	d.memory.record(batch, leftKey, s.toTell())
	agreed := make([]string, 0, len(s.agreed))
	for user := range s.agreed {
		agreed = append(agreed, user)
	}
	slices.Sort(agreed)
	d.memory.record(batch, agreedKey, agreed)
}

// agree has the others know what was read, now that nothing more is to be read at
// once: that a message went to many, or comes back, is judged with the next, and that
// one may be another host's. The caller has the turn.
func (d *Daemon) agree() {
	s := d.sharing
	if s == nil || s.engine.Status().Lost != nil {
		return
	}
	_ = d.path.Scorer.Agree() // the engine's status says why it failed, and it is tried again each second
	if _, soon := d.path.Scorer.HasNews(); soon {
		d.memory.due = true
	}
}

// together is what is to be done once a second: what was told here and could not be
// told to the engine goes there, and how it does is said.
func (d *Daemon) together(now time.Time) {
	s := d.sharing
	if s == nil {
		return
	}
	d.turn.Lock()
	err := d.path.Scorer.Agree()
	d.turn.Unlock()
	status := s.engine.Status()
	switch {
	case status.Lost != nil && now.Sub(status.Since) > 2*time.Second:
		d.fault(outOfReach, status.Lost)
	case status.Lost == nil && err == nil:
		if _, was := d.failing[outOfReach]; was {
			d.log.Info("the state that is shared is in reach again")
		}
		d.fault(outOfReach, nil)
	}
	var warns error
	if status.Warns != "" {
		warns = errors.New(status.Warns)
	}
	d.fault("the state that is shared", warns)
	s.wake()
}

// sharedStatus is how the engine does; nil where there is none.
func (d *Daemon) sharedStatus() *control.Shared {
	if d.sharing == nil {
		return nil
	}
	e := d.sharing.engine.Status()
	s := &control.Shared{
		Engine: d.others.URL, Since: e.Since, Took: e.Waited, Swaps: e.Swaps, Conflicts: e.Conflicts, Failures: e.Failures,
		ByKind: e.ByKind, Heeded: maps.Clone(d.sharing.heeded),
	}
	if e.Lost != nil {
		s.Lost = e.Lost.Error()
	}
	d.turn.Lock()
	defer d.turn.Unlock()
	s.Behind, s.Heard = d.path.Scorer.Behind(), d.sharing.heard.News
	s.News, s.Soon = d.path.Scorer.HasNews()
	s.Waits, s.Dropped = d.path.Scorer.Untold()
	s.Waits += len(d.sharing.toTell())
	return s
}

// tend looks after the engine, hears what others decide, and tells them, until the
// context ends.
func (d *Daemon) tend(ctx context.Context) {
	s := d.sharing
	if s == nil {
		return
	}
	var others sync.WaitGroup
	others.Go(func() {
		s.engine.Tend(ctx, func(epoch string) {
			select {
			case <-s.found: // of before
			default:
			}
			s.found <- epoch
		})
	})
	others.Go(func() { d.meet(ctx) })
	others.Go(func() { d.hearken(ctx) })
	for {
		select {
		case <-s.poke:
			d.tellAll(ctx)
		case <-ctx.Done():
			others.Wait()
			return
		}
	}
}

// meet meets the engine each time that it is there again, until that was done.
func (d *Daemon) meet(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	epoch := ""
	for {
		select {
		case epoch = <-d.sharing.found:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if epoch != "" && d.met(ctx, epoch) == nil {
			epoch = ""
		}
	}
}
