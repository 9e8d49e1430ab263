package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/scoring"

	"github.com/spf13/cobra"
)

type runCommand struct {
	listSetup
	log   string
	watch bool
}

func newRun() *cobra.Command {
	var c runCommand
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Follow the mail log and block who must not send (the daemon)",
		Long: `Run follows the mail log, scores every authenticated submission, and writes a
user whose score passes the threshold to the blocklist that Postfix reads.

SIGHUP reads the rules and databases again; a fault in them keeps the old ones.
SIGTERM stops.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.listSetup.flags(cmd)
	c.tableFlags(cmd)
	c.timezoneFlag(cmd)
	cmd.Flags().StringArrayVar(&c.geoFiles, "geo", nil, "geolocation database `DB` (.mmdb; repeat it for country and network; default: the embedded data)")
	cmd.Flags().StringVar(&c.log, "log", "", "mail log `FILE` to follow (default: /var/log/mail.log or /var/log/maillog)")
	cmd.Flags().BoolVar(&c.watch, "watch", false, "only say what would be done, as with mode: watch in the rules")
	cmd.Flags().Lookup("watch").NoOptDefVal = "true"
	return cmd
}

func (c *runCommand) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	rules, origin, err := c.rules()
	if err != nil {
		return err
	}
	zone, err := c.zone()
	if err != nil {
		return err
	}
	places, err := c.places(rules)
	if err != nil {
		return err
	}
	name, err := c.logFile(rules)
	if err != nil {
		return err
	}
	d := &daemon{command: c, log: log, rules: rules, parser: maillog.NewParser(maillog.Options{Location: zone, Reference: time.Now()})}
	d.path = path{places: places, scorer: scoring.New(rules), judged: d.judged, released: d.released, doubtful: d.doubtful}
	edited, existed := lastEdit(c.file(rules))
	if d.list, err = c.open(ctx, rules); err != nil && (d.list == nil || !errors.Is(err, blocklist.ErrTable)) {
		return err
	} else if err != nil {
		log.Error("the table for Postfix is behind the blocklist", "error", err)
	}
	offset, err := d.catchUp(name, zone, edited, existed)
	if err != nil {
		return err
	}
	lines, err := follow.Tail(ctx, name, offset)
	if err != nil {
		return err
	}
	log.Info("running", "version", version, "rules", origin, "mode", d.mode(), "log", name,
		"blocklist", c.file(rules), "postfix reads", d.list.Map(), "blocked", len(d.list.Entries()))
	for _, s := range places.Sources() {
		log.Info("geolocation", "data", sourceLine(s, time.Now()))
	}
	return d.loop(ctx, lines)
}

// logFile is the log to follow.
func (c *runCommand) logFile(rules *scoring.Rules) (string, error) {
	if c.log != "" {
		return c.log, nil
	}
	if len(rules.Log) > 1 {
		return "", fmt.Errorf("log: names %d files; run follows one", len(rules.Log))
	}
	if len(rules.Log) == 1 {
		return rules.Log[0], nil
	}
	for _, usual := range []string{"/var/log/mail.log", "/var/log/maillog"} {
		if _, err := os.Stat(usual); err == nil {
			return usual, nil
		}
	}
	return "", errors.New("there is neither /var/log/mail.log nor /var/log/maillog (name the log with --log, or under log: in the rules)")
}

// lastEdit is when somebody last wrote the blocklist.
func lastEdit(name string) (t time.Time, existed bool) {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}

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
				d.log.Info("stopped")
				return nil
			case line.Err != nil:
				return line.Err
			case d.parser.Parse([]byte(line.Text), &ev):
				d.follow(&ev)
			}
		case now := <-second.C:
			d.parser.SetReference(now)
			d.letGo(now)
			d.reviewed(now)
			d.retry()
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
	if v.Spared {
		d.log.Warn("never_block spared a user", "user", maillog.Mask(v.User), "score", points(v.Score), "why", why(v))
	}
}

func (d *daemon) block(v scoring.Verdict) {
	attrs := []any{"user", maillog.Mask(v.User), "score", points(v.Score), "threshold", points(v.Limit), "why", why(v)}
	if d.mode() == "watch" {
		d.log.Warn("would block", attrs...)
		return
	}
	d.log.Warn("blocked", attrs...)
	d.write(blocklist.Entry{User: v.User, Action: d.rules.Reply, Since: v.Time, Score: v.Score, Notes: notes(v)})
}

// write puts an entry on the blocklist; what cannot be written now is tried
// again each second.
func (d *daemon) write(e blocklist.Entry) {
	err := d.list.Block(e)
	switch {
	case err == nil:
	case errors.Is(err, blocklist.ErrAlready):
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
	if d.odd == nil {
		d.odd = make(map[string]bool)
	}
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

// catchUp lets the scorer learn from the log that is there already, with its
// rotated elders, so that a restart forgets nobody. What it finds is not acted
// on, unless it happened while nobody was looking: after the blocklist was last
// written, by whom so ever. What is older has been seen, and overruled if the
// user is not on the list. It answers the offset to follow the log from.
func (d *daemon) catchUp(name string, zone *time.Location, edited time.Time, existed bool) (int64, error) {
	logs, offset, err := d.openHistory(name, zone)
	if err != nil {
		return 0, err
	}
	defer logs.Close()
	d.places.Prepare()
	missed := make(map[string]scoring.Verdict)
	past := d.path
	past.judged = func(_ *maillog.Event, v scoring.Verdict) {
		if v.Action == scoring.Block {
			missed[v.User] = v
		}
	}
	past.released = func(scoring.Release) {}
	past.doubtful = func(*maillog.Event) {}
	for _, ev := range logs.all() {
		past.follow(ev)
	}
	if logs.err != nil {
		d.log.Warn("an old log could not be read to its end", "error", logs.err)
	}
	for user, v := range missed {
		if _, listed := d.list.Lookup(user); listed {
			continue
		}
		if existed && v.Time.After(edited) {
			d.block(v)
			continue
		}
		if !existed {
			d.log.Warn("the log tells of an account that would have been blocked", "user", maillog.Mask(user), "at", v.Time.Format(stampLayout), "why", why(v))
		}
		d.scorer.Released(user, v.Time, existed)
	}
	for _, e := range d.list.Entries() {
		if e.Blocks() {
			d.scorer.Blocked(blocklist.Fold(e.User), time.Now())
		}
	}
	d.log.Info("learnt from the logs so far", "lines", logs.lines, "files", len(logs.logs))
	return offset, nil
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
		return logs, 0, nil // it will appear
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
