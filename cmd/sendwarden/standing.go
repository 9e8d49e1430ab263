package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/shared"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// reportCommand is how `sendwarden report` was called.
type reportCommand struct {
	actSetup
	html, since, timezone string
	asJSON                bool
}

func newReport() *cobra.Command {
	var c reportCommand
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write a report of how things stand: who is blocked, and why",
		Long: `Report tells from what the daemon remembers, the one that runs or the last one as
it left its state: who is blocked, with a timeline of places and score, the
reasons, how much was sent and how much refused; whose mail waits and who is close to it; what was
done, by whom and why; where users are at home; and how often each rule fired.
--html writes it as a page, in one file, for a browser, a phone or a printer.

What became of messages is kept by the hour, for five weeks, and in sums for who is
blocked; of each message the logs tell:
"sendwarden replay --html report.html /var/log/mail.log*".`,
		Example: "  sendwarden report --html report.html\n  sendwarden report --since 7d | mail -s 'the week' postmaster",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.reach.flags(cmd)
	c.stateFlag(cmd)
	cmd.Flags().StringVar(&c.html, "html", "", "write a page for people to `FILE`.html: one file, with a map and timelines")
	cmd.Flags().StringVar(&c.since, "since", "30d", "what was done since a `TIME`, such as 2026-04-01, '2026-04-01 18:00' or 7d")
	cmd.Flags().StringVar(&c.timezone, "zone", "", "`ZONE` in which times are shown, such as Europe/Madrid (default: this machine's)")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print one JSON object")
	return cmd
}

// standing is all that is told, as `report --json` prints it: a format that others
// build on.
type standing struct {
	Made    time.Time `json:"made"`
	Running bool      `json:"running"` // else it is as the daemon left it
	Source  string    `json:"source"`
	Rules   string    `json:"rules"`

	Status *control.Status `json:"status,omitempty"` // of the daemon that runs
	// Blocked are whole: with what is remembered, and what was done about them.
	Blocked []control.Account `json:"blocked"`
	Others  []control.Account `json:"others_listed,omitempty"`
	Held    []control.Account `json:"held"`
	Close   []control.Account `json:"close"`
	Holds   bool              `json:"holds"`
	Trusts  []control.Trust   `json:"trusts"`
	Since   time.Time         `json:"since"`
	Done    []control.Record  `json:"done"`
	Crowd   control.Crowd     `json:"crowd"`
	// Fired is of the daemon that runs: it is not kept.
	Fired []control.Rule `json:"rules_fired,omitempty"`

	rules *scoring.Rules
}

func (c *reportCommand) run(cmd *cobra.Command) error {
	if err := checkHTML(c.html); err != nil {
		return err
	}
	zone, err := loadZone("zone", c.timezone)
	if err != nil {
		return err
	}
	now := time.Now().In(zone)
	since, err := when("since", c.since, now, true)
	if err != nil {
		return err
	}
	s := standing{Made: now, Since: since}
	if err := c.gather(cmd.Context(), &s); err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	if c.html != "" {
		if err := writeWhole(c.html, newStandingPage(&s).Write); err != nil {
			return err
		}
	}
	switch {
	case c.asJSON:
		writeJSON(out, s)
	case c.html != "":
		fmt.Fprintln(out, writtenTo(c.html))
	default:
		printStanding(&narrow{to: out}, &s)
	}
	return out.Flush()
}

// gather asks for everything.
func (c *reportCommand) gather(ctx context.Context, s *standing) (err error) {
	if s.rules, s.Rules, err = c.rules(); err != nil {
		return err
	}
	d, end, err := c.doer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	all, err := d.Accounts(ctx)
	if err != nil {
		return err
	}
	s.Held, s.Close, s.Holds = all.Held, all.Close, all.Holds
	if err := s.listed(ctx, d, all.Listed); err != nil {
		return err
	}
	if s.Trusts, err = d.Trusts(ctx); err != nil {
		return err
	}
	if s.Done, err = d.History(ctx, control.Span{Since: s.Since}); err != nil {
		return err
	}
	if s.Crowd, err = d.Crowd(ctx); err != nil {
		return err
	}
	client, running := d.(*control.Client)
	if !running {
		state := c.stateFile(s.rules)
		s.Source = fmt.Sprintf("the state %s, written %s (no daemon runs)", state, written(state, s.Made.Location()))
		if shared.IsURL(s.rules.State) {
			s.Source += ", which is what this host knew of what all share"
		}
		return nil
	}
	return s.live(ctx, client)
}

// mostWhole is of how many of the blocked everything is asked.
const mostWhole = 100

// listed are those on the blocklist.
func (s *standing) listed(ctx context.Context, d doer, list []control.Account) error {
	s.Blocked = []control.Account{}
	for _, a := range list {
		if !a.Blocked {
			s.Others = append(s.Others, a)
			continue
		}
		if len(s.Blocked) < mostWhole {
			whole, err := d.Account(ctx, a.User)
			var unknown *control.Error
			switch {
			case err == nil:
				a = whole
			case !errors.As(err, &unknown): // released meanwhile
				return err
			}
		}
		s.Blocked = append(s.Blocked, a)
	}
	return nil
}

// live is what only a daemon that runs can tell.
func (s *standing) live(ctx context.Context, client *control.Client) error {
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	s.Running, s.Status, s.Rules = true, &status, status.Rules
	s.Source = fmt.Sprintf("the daemon on %s, running since %s", maillog.Mask(status.Host), status.Since.In(s.Made.Location()).Format(words.Stamp))
	s.Fired, err = client.Rules(ctx)
	return err
}

// here counts of how many users that stand out a rule is among the reasons.
func (s *standing) here(rule string) (n int) {
	for _, list := range [][]control.Account{s.Blocked, s.Held, s.Close} {
		for _, a := range list {
			for _, r := range a.Reasons {
				if r.Rule == rule {
					n++
					break
				}
			}
		}
	}
	return n
}

// loadZone is a zone that a flag names; "" is this machine's.
func loadZone(flag, name string) (*time.Location, error) {
	if name == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, usageError{fmt.Errorf("--%s %s: unknown zone (write it as Europe/Madrid)", flag, maillog.Mask(name))}
	}
	return zone, nil
}

// zoneWords say whose clock times are of.
func zoneWords(zone *time.Location, now time.Time) string {
	if zone != time.Local {
		return "are those of " + zone.String()
	}
	return "are by this machine's clock, now " + now.In(zone).Format("-0700")
}
