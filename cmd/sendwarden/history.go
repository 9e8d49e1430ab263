package main

import (
	"context"
	"errors"
	"os"
	"time"

	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// learn lets the scorer learn from logs that it has never read, as at the first
// start, with their rotated elders, and notes where reading goes on. What was
// stolen before then is only told of: nobody knows what has been done about it.
func (d *daemon) learn(ctx context.Context, sources []string) error {
	logs := &oldLogs{zone: d.zone, now: time.Now(), skimmed: true, bar: func(int64) {}}
	defer logs.Close()
	for _, source := range sources {
		if err := d.history(logs, source); err != nil {
			return err
		}
	}
	logs.sort()
	logs.heed(d.rules)
	d.places.Prepare()
	found := make(map[string]scoring.Verdict)
	past := d.path
	past.judged = func(_ *maillog.Event, v scoring.Verdict) {
		d.raise(v)
		if v.Action == scoring.Block {
			found[v.User] = v
		}
	}
	past.released = func(scoring.Release) {}
	past.doubtful = func(*maillog.Event) {}
	for _, ev := range logs.all(ctx) {
		past.follow(ev)
	}
	if errors.Is(logs.err, errStopped) {
		return errStopped
	}
	if logs.err != nil {
		d.log.Warn("an old log could not be read to its end", "error", logs.err)
	}
	for user, v := range found {
		d.before(user, v)
	}
	d.log.Info("learnt from the logs so far", "lines", logs.lines, "files", len(logs.logs))
	return nil
}

// before makes of a theft from before the first start what has become of it: the
// user stands on the blocklist, or else a person is told.
func (d *daemon) before(user string, v scoring.Verdict) {
	if entry, listed := d.list.Lookup(user); listed && entry.Blocks() {
		return
	}
	d.log.Warn("would have been blocked before the first start; sendwarden block does it now",
		"user", maillog.Mask(user), "at", v.Time.Format(stampLayout), "why", why(v))
	d.forgive(user, v.Time, false)
}

// history adds a log, up to its last whole line, and its rotated elders. The
// journal is learnt from as it is read (see daemon.block).
func (d *daemon) history(logs *oldLogs, source string) error {
	if source == follow.Stdin || source == follow.Journal {
		return nil
	}
	elders, err := follow.Elders(source)
	if err != nil {
		d.log.Warn("rotated logs are not read", "error", err)
	}
	for _, name := range elders {
		old, err := follow.Open(name)
		if err != nil {
			d.log.Warn("a rotated log is not read", "error", err)
			continue
		}
		logs.add(old)
	}
	if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
		d.log.Warn("the log is not there: waiting until it is", "log", source)
		d.positions[source] = follow.Position{Source: source}
		return nil
	}
	current, err := follow.Open(source)
	if err != nil {
		return err
	}
	logs.add(current)
	if _, err := current.EndAtWholeLine(); err != nil {
		return err
	}
	d.positions[source], err = current.Position()
	return err
}
