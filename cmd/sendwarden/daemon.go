package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/policy"
	"sendwarden/scoring"
)

// daemon is what run keeps while it runs. One goroutine, that of loop, does its
// work; those of the door only ask for verdicts, in turn with it.
type daemon struct {
	turn sync.Mutex // held on the way along the path; guards what follows, up to wake
	path
	rules *scoring.Rules
	deeds []func()      // what verdicts ask for, to be done off the path
	wake  chan struct{} // there are deeds that the loop does not know of

	command *runCommand
	log     *slog.Logger
	parser  *maillog.Parser
	list    *blocklist.List
	door    *policy.Server      // where Postfix asks; nil: nowhere
	porter  *porter             // holds queued mail and lets it go; nil: nobody may
	kept    map[string][]string // what it holds, queue ids by folded user

	pending []blocklist.Entry // blocks that could not be written yet
	failing string            // the last fault said, so that it is said once
	odd     map[string]bool   // doubtful names that were reported
	seen    time.Time         // of the log's last event
	noted   time.Time         // when that was last written down
}

func newDaemon(c *runCommand, log *slog.Logger, rules *scoring.Rules, places *geo.DB, zone *time.Location) *daemon {
	d := &daemon{
		command: c, log: log, rules: rules, wake: make(chan struct{}, 1), odd: make(map[string]bool), kept: make(map[string][]string),
		parser: maillog.NewParser(maillog.Options{Location: zone, Reference: time.Now()}),
	}
	d.path = path{places: places, scorer: scoring.New(rules), judged: d.judged, released: d.released, doubtful: d.doubtful}
	return d
}

// openQueue finds a way to Postfix's queue. Without one, what a blocked user has
// in it goes out, and nothing is held at the door: nobody would let it go again.
func (d *daemon) openQueue(ctx context.Context, config queueConfig) {
	q := (&queueSetup{d.command.configDir, config.Helper}).open()
	if _, err := q.List(ctx, "nobody@example.com"); err != nil {
		d.log.Warn("Postfix's queue is out of reach: no mail is held (start `sendwarden queue-helper`; queue: {helper: SOCKET} in the rules says where it listens)", "error", err)
		return
	}
	d.porter = newPorter(q, d.log)
}

// openList opens the blocklist, and makes it with its table if there is none:
// without the table that main.cf names, Postfix would put off all mail. In watch
// mode that is all that is written. A table that cannot be built is no reason to
// stop: the text is right, and building is tried again.
func (d *daemon) openList(ctx context.Context) error {
	list, err := d.command.open(ctx, d.rules)
	if list == nil {
		return err
	}
	d.list = list
	d.fault("the table for Postfix is behind the blocklist", err)
	d.log.Info("the blocklist is open", "postfix reads", list.Map(), "entries", len(list.Entries()))
	return nil
}

func (d *daemon) mode() string {
	if d.rules.Watch || d.command.watch {
		return "watch"
	}
	return "enforce"
}

// loop is the daemon's life: lines go along the path, and what is decided is
// done; once a second it looks after what other hands did to the blocklist.
func (d *daemon) loop(ctx context.Context, lines <-chan follow.Line) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case line, open := <-lines:
			if !open {
				d.noted = time.Time{}
				d.stillWatching(time.Now())
				d.log.Info("stopped")
				return nil
			}
			if line.Err != nil {
				return line.Err
			}
			d.take(line)
		case <-d.wake:
		case now := <-second.C:
			d.parser.SetReference(now)
			d.letGoUntil(now)
			d.reviewed(now)
			d.retry()
			d.stillWatching(now)
		case <-minute.C:
			d.reloadPlaces()
		case <-hangup:
			d.reload()
		}
		d.perform()
	}
}

// take sends one line along the path.
func (d *daemon) take(line follow.Line) {
	var ev maillog.Event
	if !d.parser.Parse([]byte(line.Text), &ev) {
		return
	}
	d.seen = ev.Time
	d.turn.Lock()
	defer d.turn.Unlock()
	d.follow(&ev)
}

func (d *daemon) letGoUntil(now time.Time) {
	d.turn.Lock()
	defer d.turn.Unlock()
	d.letGo(now)
}

// reload reads rules and databases again. A fault keeps what runs.
func (d *daemon) reload() {
	rules, origin, err := d.command.rules()
	if err != nil {
		d.log.Error("the rules stay as they were", "error", err)
	} else {
		d.turn.Lock()
		d.rules = rules
		d.scorer.Use(rules)
		d.turn.Unlock()
		d.log.Info("rules read again", "rules", origin, "mode", d.mode(), "number", len(rules.Rules))
	}
	d.reloadPlaces()
}

func (d *daemon) reloadPlaces() {
	changed, err := d.places.Reload()
	if err != nil {
		d.fault("a geolocation database stays as it was", err)
	}
	for _, s := range changed {
		d.log.Info("geolocation replaced", "data", sourceLine(s, time.Now()))
	}
}
