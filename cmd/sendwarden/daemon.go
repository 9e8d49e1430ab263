package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// daemon is what run keeps while it runs.
type daemon struct {
	path
	command *runCommand
	log     *slog.Logger
	rules   *scoring.Rules
	parser  *maillog.Parser
	list    *blocklist.List

	pending []blocklist.Entry // blocks that could not be written yet
	failing string            // the last fault said, so that it is said once
	odd     map[string]bool   // doubtful names that were reported
	seen    time.Time         // of the log's last event
	noted   time.Time         // when that was last written down
}

func newDaemon(c *runCommand, log *slog.Logger, rules *scoring.Rules, places *geo.DB, zone *time.Location) *daemon {
	d := &daemon{
		command: c, log: log, rules: rules, odd: make(map[string]bool),
		parser: maillog.NewParser(maillog.Options{Location: zone, Reference: time.Now()}),
	}
	d.path = path{places: places, scorer: scoring.New(rules), judged: d.judged, released: d.released, doubtful: d.doubtful}
	return d
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

// loop is the daemon's life: lines go along the path; once a second it looks
// after what other hands did to the blocklist.
func (d *daemon) loop(ctx context.Context, lines <-chan follow.Line) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	var ev maillog.Event
	for {
		select {
		case line, open := <-lines:
			switch {
			case !open:
				d.noted = time.Time{}
				d.stillWatching(time.Now())
				d.log.Info("stopped")
				return nil
			case line.Err != nil:
				return line.Err
			case d.parser.Parse([]byte(line.Text), &ev):
				d.seen = ev.Time
				d.follow(&ev)
			}
		case now := <-second.C:
			d.parser.SetReference(now)
			d.letGo(now)
			d.reviewed(now)
			d.retry()
			d.stillWatching(now)
		case <-minute.C:
			d.reloadPlaces()
		case <-hangup:
			d.reload()
		}
	}
}

// judged acts on a verdict.
func (d *daemon) judged(ev *maillog.Event, v scoring.Verdict) {
	switch v.Action {
	case scoring.Hold:
		d.log.Warn("unsure", "user", maillog.Mask(v.User), "score", points(v.Score), "queue_id", ev.QueueID, "why", why(v))
	case scoring.Block:
		d.block(v)
	}
	if v.Braked {
		d.log.Error("too many users in one hour to be thefts: not blocked. Look at the rules and the age of the geolocation data; max_blocks sets the limit", "user", maillog.Mask(v.User), "score", points(v.Score), "why", why(v))
	}
	if v.Spared {
		d.log.Warn("never_block spared a user", "user", maillog.Mask(v.User), "score", points(v.Score), "why", why(v))
	}
}

func (d *daemon) block(v scoring.Verdict) {
	log := d.log.With("user", maillog.Mask(v.User), "score", points(v.Score), "threshold", points(v.Limit), "why", why(v))
	if d.mode() == "watch" {
		log.Warn("would block")
		return
	}
	log.Warn("blocking")
	d.write(blocklist.Entry{User: v.User, Action: d.rules.Reply, Since: v.Time, Score: v.Score, Notes: notes(v)})
}

// write puts an entry on the blocklist; what cannot be written now is tried
// again each second.
func (d *daemon) write(e blocklist.Entry) {
	err := d.list.Block(e)
	switch {
	case err == nil:
		d.log.Warn("blocked", "user", maillog.Mask(e.User))
		d.noted = time.Time{}
	case errors.Is(err, blocklist.ErrAlready):
		d.log.Info("stands on the blocklist already", "user", maillog.Mask(e.User))
	case errors.Is(err, blocklist.ErrExempt):
		d.log.Warn("not blocked: the blocklist says never to", "user", maillog.Mask(e.User))
		d.scorer.Released(blocklist.Fold(e.User), e.Since, false)
	case errors.Is(err, blocklist.ErrName):
		d.log.Error("cannot be blocked by any table: lock the account itself", "user", maillog.Mask(e.User), "error", err)
	case errors.Is(err, blocklist.ErrTable):
		d.fault("the table for Postfix is behind the blocklist", err)
	default:
		d.pending = append(d.pending, e)
		d.fault("the blocklist could not be written; trying again", err)
	}
}

// fault logs an error once until it changes.
func (d *daemon) fault(text string, err error) {
	if err == nil || err.Error() == d.failing {
		return
	}
	d.failing = err.Error()
	d.log.Error(text, "error", err)
}

func (d *daemon) retry() {
	pending := d.pending
	d.pending = nil
	for _, e := range pending {
		d.write(e)
	}
	if len(pending) > 0 && len(d.pending) == 0 {
		d.log.Info("the blocklist is written again")
		d.failing = ""
	}
}

// reviewed takes note of what people and other commands did to the blocklist.
func (d *daemon) reviewed(now time.Time) {
	change, err := d.list.Refresh()
	if err != nil {
		d.fault("the blocklist", err)
	} else if len(d.pending) == 0 {
		d.failing = ""
	}
	for _, e := range change.Removed {
		d.log.Info("released by hand", "user", maillog.Mask(e.User))
		d.scorer.Released(blocklist.Fold(e.User), now, true)
	}
	for _, e := range append(change.Added, change.Changed...) {
		d.log.Info("set by hand", "user", maillog.Mask(e.User), "action", e.Action)
		if e.Blocks() {
			d.scorer.Blocked(blocklist.Fold(e.User), now)
		} else {
			d.scorer.Released(blocklist.Fold(e.User), now, e.Exempt())
		}
	}
}

func (d *daemon) released(r scoring.Release) {
	d.log.Info("no longer unsure", "user", maillog.Mask(r.User), "queue_id", queueID(r.Message))
}

func (d *daemon) doubtful(ev *maillog.Event) {
	if !d.odd[ev.User] && len(d.odd) < 1000 {
		d.odd[ev.User] = true
		d.log.Warn("not judged: a log cannot be trusted with such a name", "user", maillog.Mask(ev.User), "ip", ev.Addr.String(), "queue_id", ev.QueueID)
	}
}

// reload reads rules and databases again. A fault keeps what runs.
func (d *daemon) reload() {
	rules, origin, err := d.command.rules()
	if err != nil {
		d.log.Error("the rules stay as they were", "error", err)
	} else {
		d.rules = rules
		d.scorer.Use(rules)
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
