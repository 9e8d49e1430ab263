package daemon

import (
	"context"
	"errors"
	"os"
	"time"

	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/scoring"
	"sendwarden/words"
)

// learn lets the scorer learn from logs that it has never read, as at the first
// start, with their rotated elders, and notes where reading goes on. What was
// stolen before then is only told of: nobody knows what has been done about it.
func (d *Daemon) learn(ctx context.Context, sources []string) error {
	logs := past.New(d.logs.zone, time.Now())
	defer logs.Close()
	for _, source := range sources {
		if err := d.history(logs, source); err != nil {
			return err
		}
	}
	logs.Sort()
	logs.Heed(d.rules)
	d.path.Places.Prepare()
	found := make(map[string]scoring.Verdict)
	way := d.path
	way.Judged = func(_ *maillog.Event, v scoring.Verdict) {
		d.raise(v)
		if v.Action == scoring.Block {
			found[v.User] = v
		}
	}
	way.Released = func(scoring.Release) {}
	way.Doubtful = func(*maillog.Event) {}
	d.path.Scorer.Alone(func() { // the others are told when they are met
		for _, ev := range logs.All(ctx) {
			way.Follow(ev)
		}
	})
	if errors.Is(logs.Err, past.ErrStopped) {
		return past.ErrStopped
	}
	if logs.Err != nil {
		d.log.Warn("an old log could not be read to its end", "error", logs.Err)
	}
	for user, v := range found {
		d.before(user, v)
	}
	d.log.Info("learnt from the logs so far", "lines", logs.Lines, "files", len(logs.Files))
	return nil
}

// before makes of a theft from before the first start what has become of it: the
// user stands on the blocklist, or else a person is told.
func (d *Daemon) before(user string, v scoring.Verdict) {
	if entry, listed := d.list.Lookup(user); listed && entry.Blocks() {
		return
	}
	d.log.Warn("would have been blocked before the first start; sendwarden block does it now",
		"user", maillog.Mask(user), "at", v.Time.Format(words.Stamp), "why", why(v))
	d.forgive(user, v.Time, false)
}

// history adds a log, up to its last whole line, and its rotated elders. The
// journal is learnt from as it is read (see Daemon.block).
func (d *Daemon) history(logs *past.Logs, source string) error {
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
		logs.Add(old)
	}
	if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
		d.log.Warn("the log is not there: waiting until it is", "log", source)
		d.logs.positions[source] = follow.Position{Source: source}
		return nil
	}
	current, err := follow.Open(source)
	if err != nil {
		return err
	}
	logs.Add(current)
	if _, err := current.EndAtWholeLine(); err != nil {
		return err
	}
	d.logs.positions[source], err = current.Position()
	return err
}
