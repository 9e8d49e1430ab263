package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"sendwarden/follow"
	"sendwarden/policy"
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

First it learns what is usual for whom from the log and its rotated elders, as
far as they are there. Thefts that it finds in them are acted on if they began
after it last ran, and only told of at its first start.

SIGHUP reads the rules and databases again; a fault in them keeps the old ones.
SIGTERM stops.`,
		Example: "  sendwarden run --watch\n  sendwarden run --log /var/log/mail.log --geo /var/lib/GeoIP/GeoLite2-City.mmdb --geo /var/lib/GeoIP/GeoLite2-ASN.mmdb",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
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
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
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
	var door policy.Config
	var queues queueConfig
	if err := errors.Join(section(origin, "door", rules, &door), section(origin, "queue", rules, &queues)); err != nil {
		return err
	}
	d := newDaemon(c, log, rules, places, zone)
	if err := d.openList(ctx); err != nil {
		return err
	}
	if err := d.openDoor(door); err != nil {
		return err
	}
	d.openQueue(ctx, queues)
	offset, err := d.catchUp(ctx, name, zone)
	if errors.Is(err, errStopped) {
		log.Info("stopped")
		return nil
	}
	if err != nil {
		return err
	}
	lines, err := follow.Tail(ctx, name, offset)
	if err != nil {
		return err
	}
	log.Info("running", "version", version, "rules", origin, "mode", d.mode(), "log", name, "blocklist", c.file(rules))
	for _, s := range places.Sources() {
		log.Info("geolocation", "data", sourceLine(s, time.Now()))
	}
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	if d.porter != nil {
		others.Go(func() { d.porter.work(ctx) })
	}
	if d.door != nil {
		others.Go(func() { d.stand(ctx) })
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
	return "", errors.New("there is neither /var/log/mail.log nor /var/log/maillog (name the log with --log, or under log: in the rules; " +
		"where there is only the journal, install rsyslog, or set maillog_file in main.cf)")
}
