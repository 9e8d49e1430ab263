package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sendwarden/control"
	"sendwarden/follow"
	"sendwarden/past"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

type runCommand struct {
	listSetup
	log     []string
	state   string
	control string
	review  string
	watch   bool
}

func newRun() *cobra.Command {
	var c runCommand
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Follow the mail log and block who must not send (the daemon)",
		Long: `Run follows the mail log, scores every authenticated submission, and writes a
user whose score passes the threshold to the blocklist that Postfix reads.

At its first start it learns what is usual for whom from the log and its rotated
elders, as far as they are there; thefts that it finds in them are only told of.
Later it goes on exactly where it stopped, and acts on what happened since.

A rules file that is changed is in force within seconds, and SIGHUP reads it and the
databases at once; a fault in them keeps the old ones. The log says what changed.
SIGTERM stops.`,
		Example: "  sendwarden run --watch\n  sendwarden run --log /var/log/mail.log --geo /var/lib/GeoIP/GeoLite2-City.mmdb --geo /var/lib/GeoIP/GeoLite2-ASN.mmdb",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.listSetup.flags(cmd)
	c.tableFlags(cmd)
	c.timezoneFlag(cmd)
	cmd.Flags().StringArrayVar(&c.geoFiles, "geo", nil, "geolocation database `DB` (.mmdb; repeat it for country and network; default: the embedded data)")
	cmd.Flags().StringArrayVar(&c.log, "log", nil, "mail log `FILE` to follow; journal is the systemd journal (repeat it for several; default: what this machine has)")
	cmd.Flags().StringVar(&c.state, "state", "", "`FILE` that is remembered in (default "+settings.DefaultState+")")
	cmd.Flags().StringVar(&c.control, "control", "", "`SOCKET` where commands ask (default "+control.DefaultSocket+"; none: nowhere)")
	cmd.Flags().StringVar(&c.review, "review", "", "`ADDRESS` of the review page, such as 127.0.0.1:8025 (default: none)")
	cmd.Flags().BoolVar(&c.watch, "watch", false, "only say what would be done, as with mode: watch in the rules")
	cmd.Flags().Lookup("watch").NoOptDefVal = "true"
	return cmd
}

func (c *runCommand) run(cmd *cobra.Command) error {
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	rules, origin, err := c.rules()
	if err != nil {
		return err
	}
	with, err := settings.Read(origin, rules)
	if err != nil {
		return err
	}
	places, err := c.places(rules)
	if err != nil {
		return err
	}
	sources, err := c.sources(rules, log)
	if err != nil {
		return err
	}
	d := newDaemon(c, log, rules, places, with)
	d.origin, d.sources, d.file.path = origin, sources, settings.Path(c.rulesFile)
	if d.zone, err = c.zone(); err != nil {
		return err
	}
	switch err := d.open(ctx, sources); {
	case errors.Is(err, past.ErrStopped): // before all was learnt: the next start begins anew
		log.Info("stopped")
		return nil
	case err != nil:
		return err
	}
	log.Info("running", "version", version, "rules", origin, "mode", d.mode(), "log", strings.Join(sources, " "), "blocklist", c.file(rules))
	for _, s := range places.Sources() {
		log.Info("geolocation", "data", words.Database(s, time.Now()))
	}
	d.service.ready(d.status())
	err = d.live(ctx, stop, sources)
	log.Info("stopped")
	return err
}

// open opens all that the daemon works on, and brings back what it knew.
func (d *daemon) open(ctx context.Context, sources []string) error {
	if err := d.openList(ctx); err != nil {
		return err
	}
	if err := d.openState(d.command.stateFile(d.rules)); err != nil {
		return err
	}
	if err := d.openClerk(ctx, time.Now()); err != nil {
		return err
	}
	if err := d.openDoor(); err != nil {
		return err
	}
	if err := d.openControl(); err != nil {
		return err
	}
	if err := d.openReview(); err != nil {
		return err
	}
	var err error
	if d.meter, err = openMeter(d.settings.Metrics); err != nil {
		return err
	}
	d.porter.try(ctx)
	if !d.porter.able.Load() {
		d.log.Warn("Postfix's queue is out of reach: no mail is held until it is (a daemon that is not root asks `sendwarden queue-helper`; see queue: in the rules)")
	}
	if err := d.remember(); err != nil {
		return err
	}
	unknown := slices.DeleteFunc(slices.Clone(sources), func(source string) bool { _, known := d.positions[source]; return known })
	if slices.Contains(unknown, follow.Journal) || slices.Contains(unknown, follow.Stdin) {
		d.began = time.Now().Truncate(time.Second) // as stamps are
	}
	if len(unknown) == 0 {
		return nil
	}
	if err := d.learn(ctx, unknown); err != nil {
		return err
	}
	d.firstSave()
	return nil
}

// live runs the loop, and beside it those who wait for others: for Postfix at the
// door, for its queue, for mail servers and programs. What they had in hand when
// the loop ends is done, then all is written down.
func (d *daemon) live(ctx context.Context, stop func(), sources []string) error {
	var others sync.WaitGroup
	for _, other := range []func(context.Context){d.stand, d.steward.serve, d.showReview, d.porter.work, d.clerk.work, d.hooks.Run, d.desk.Run, d.fade, d.serveMetrics} {
		others.Go(func() { other(ctx) })
	}
	err := d.loop(follow.Follow(ctx, sources, follow.Options{From: slices.Collect(maps.Values(d.positions))}))
	close(d.steward.ended)
	d.service.stopping()
	stop()
	others.Wait()
	d.lastSave()
	return err
}

// sources are the logs to follow.
func (c *runCommand) sources(rules *scoring.Rules, log *slog.Logger) ([]string, error) {
	switch {
	case len(c.log) > 0:
		return c.log, nil
	case len(rules.Log) > 0:
		return rules.Log, nil
	}
	source, why, err := follow.Choose(time.Now())
	if err == nil {
		log.Info("a log is chosen", "log", source, "because", why)
	}
	return []string{source}, err
}

// stateFile is where the daemon keeps what it remembers.
func (c *runCommand) stateFile(rules *scoring.Rules) string {
	switch {
	case c.state != "":
		return c.state
	case rules.State != "":
		return rules.State
	}
	return settings.DefaultState
}
