package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// catchUp lets the scorer learn from the log that is there already, with its
// rotated elders, so that a restart forgets nobody. It answers the offset to
// follow the log from.
//
// A block found in it is carried out if it happened while no daemon was
// looking. If one was, it did block, and a person has released the user if the
// blocklist does not hold them now. Before the first start nobody looked: what
// happened then is only told.
func (d *daemon) catchUp(ctx context.Context, name string, zone *time.Location) (int64, error) {
	logs, offset, err := d.openHistory(name, zone)
	if err != nil {
		return 0, err
	}
	defer logs.Close()
	d.places.Prepare()
	found := make(map[string]scoring.Verdict)
	past := d.path
	past.judged = func(_ *maillog.Event, v scoring.Verdict) {
		if v.Action == scoring.Block {
			found[v.User] = v
		}
	}
	past.released = func(scoring.Release) {}
	past.doubtful = func(*maillog.Event) {}
	for _, ev := range logs.all(ctx) {
		past.follow(ev)
		d.seen = ev.Time
	}
	if errors.Is(logs.err, errStopped) {
		return 0, errStopped
	}
	if logs.err != nil {
		d.log.Warn("an old log could not be read to its end", "error", logs.err)
	}
	d.settle(found)
	if d.seen.IsZero() {
		d.seen = time.Now()
	}
	d.stillWatching(time.Now())
	d.log.Info("learnt from the logs so far", "lines", logs.lines, "files", len(logs.logs))
	return offset, nil
}

// settle makes of the blocks found in old logs what has become of them.
func (d *daemon) settle(found map[string]scoring.Verdict) {
	standing := make(map[string]bool)
	entries, err := blocklist.Read(d.command.file(d.rules))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.log.Warn("the blocklist cannot be read", "error", err)
	}
	for _, e := range entries {
		if e.Blocks() {
			standing[blocklist.Fold(e.User)] = true
			d.scorer.Blocked(blocklist.Fold(e.User), time.Now())
		}
	}
	watched, known := d.watchedUntil()
	for user, v := range found {
		switch {
		case standing[user]:
		case !known:
			d.log.Warn("would have been blocked before the first start; sendwarden block does it now", "user", maillog.Mask(user), "at", v.Time.Format(stampLayout), "why", why(v))
			d.scorer.Released(user, v.Time, false)
		case v.Time.After(watched):
			d.block(v)
		default:
			d.scorer.Released(user, v.Time, true)
		}
	}
}

// watchedFile stands beside the blocklist and says up to which moment of the
// log a daemon has looked after it.
const watchedFile = ".watched"

// watchPause is how often that is written; it is also after each block.
const watchPause = 10 * time.Second

// stillWatching notes how far the log has been acted upon. In watch mode it is
// not.
func (d *daemon) stillWatching(now time.Time) {
	if d.mode() == "watch" || now.Sub(d.noted) < watchPause || d.seen.IsZero() {
		return
	}
	d.noted = now
	text := d.seen.UTC().Format(time.RFC3339Nano) + " is the moment of the mail log up to which this blocklist has been looked after. The daemon keeps this file.\n"
	if err := os.WriteFile(d.command.file(d.rules)+watchedFile, []byte(text), 0o640); err != nil {
		d.fault("it cannot be noted until when the blocklist was looked after", err)
	}
}

// watchedUntil reads what stillWatching wrote.
func (d *daemon) watchedUntil() (t time.Time, known bool) {
	text, err := os.ReadFile(d.command.file(d.rules) + watchedFile)
	if err != nil {
		return time.Time{}, false
	}
	stamp, _, _ := strings.Cut(string(text), " ")
	t, err = time.Parse(time.RFC3339Nano, stamp)
	return t, err == nil
}

// openHistory opens the log, up to its last whole line, and its rotated elders
// (mail.log.1, mail.log.2.gz, maillog-20261101).
func (d *daemon) openHistory(name string, zone *time.Location) (*oldLogs, int64, error) {
	elders, err := rotated(name)
	var logs *oldLogs
	if err == nil {
		logs, err = openOldLogs(elders, zone, time.Now())
	}
	if err != nil {
		d.log.Warn("rotated logs are not read", "error", err)
		logs = &oldLogs{zone: zone, now: time.Now(), skimmed: true, bar: func(int64) {}}
	}
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		d.log.Warn("the log is not there: waiting until it is", "log", name)
		return logs, 0, nil
	}
	current, err := follow.Open(name)
	if err != nil {
		return nil, 0, errors.Join(err, logs.Close())
	}
	logs.add(current)
	offset, err := current.EndAtWholeLine()
	if err != nil {
		return nil, 0, errors.Join(err, logs.Close())
	}
	return logs, offset, nil
}

// rotated lists the elders of a log.
func rotated(name string) ([]string, error) {
	files, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.Name(), filepath.Base(name))
		if ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "-")) && strings.ContainsAny(rest, "0123456789") {
			names = append(names, filepath.Join(filepath.Dir(name), f.Name()))
		}
	}
	return names, nil
}
