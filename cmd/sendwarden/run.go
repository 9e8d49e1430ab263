package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/daemon"
	"sendwarden/follow"
	"sendwarden/queue"
	"sendwarden/review"
	"sendwarden/scoring"
	"sendwarden/settings"

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
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	rules, origin, err := c.rules()
	if err != nil {
		return err
	}
	with, err := settings.Read(origin, rules)
	if err != nil {
		return err
	}
	if err := c.checkReview(with.Review); err != nil {
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
	zone, err := c.zone()
	if err != nil {
		return err
	}
	list, behind := c.open(cmd.Context(), rules)
	if list == nil {
		return behind
	}
	d := daemon.New(rules, with, daemon.Options{
		Origin: origin, File: settings.Path(c.rulesFile), Overruled: c.overruled(), Watch: c.watch,
		List: list, Path: c.file(rules), Behind: behind, State: c.stateFile(rules), Places: places, Sources: sources, Zone: zone,
		Queue:   c.queue(list, with.Queue).open(),
		Control: c.control, Review: c.review, Postfix: c.configDir, Host: hostName(), Version: version, Revision: revision(), Log: log,
	})
	return d.Run(cmd.Context())
}

// queue is that of the mail server which reads the blocklist.
func (c *runCommand) queue(list *blocklist.List, config queue.Config) *queueSetup {
	exim := eximSetup{exim: config.Exim, eximConfig: config.EximConfig, is: list.ForExim()}
	return &queueSetup{eximSetup: exim, configDir: c.configDir, socket: config.Helper}
}

// checkReview says what is wrong with the address of the review page.
func (c *runCommand) checkReview(config review.Config) error {
	if c.review == "" {
		return nil
	}
	config.Listen = c.review
	if err := config.Check(); err != nil {
		return usageError{fmt.Errorf("--review %w", err)}
	}
	return nil
}

// overruled are the parts of the rules file in whose place flags stand.
func (c *runCommand) overruled() (parts []string) {
	for part, is := range map[string]bool{
		"log": len(c.log) > 0, "geo": len(c.geoFiles) > 0, "blocklist": c.path != "", "table": c.table != "", "state": c.state != "",
	} {
		if is {
			parts = append(parts, part)
		}
	}
	return parts
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

// hostName is this mail server's name, for people who have several.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost" // nothing but a greeting depends on it
	}
	return name
}
