package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"sendwarden"
	"sendwarden/blocklist"
	"sendwarden/maillog"
	"sendwarden/postfix"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// health is what a check comes to.
type health string

const (
	well    health = "ok"
	warning health = "warning" // mail is protected; look at it all the same
	fault   health = "fault"   // somebody's mail is not protected, or is put off
)

// finding is one line of doctor's.
type finding struct {
	Check  string `json:"check"`
	State  health `json:"state"`
	Fact   string `json:"fact"`
	Remedy string `json:"remedy,omitempty"`
}

func fine(format string, a ...any) finding {
	return finding{State: well, Fact: fmt.Sprintf(format, a...)}
}

func doubt(remedy, format string, a ...any) finding {
	return finding{State: warning, Fact: fmt.Sprintf(format, a...), Remedy: remedy}
}

func wrong(remedy, format string, a ...any) finding {
	return finding{State: fault, Fact: fmt.Sprintf(format, a...), Remedy: remedy}
}

// installation is what doctor looks at.
type installation struct {
	doctor
	now      time.Time
	rules    *scoring.Rules // the shipped ones if the rules have faults
	origin   string
	ruled    error           // the rules' faults
	postfix  *postfix.Config // nil if there is none
	unfound  error           // why there is none
	table    blocklist.Table
	untabled error // why the table's type is not known
	with     settings.Sections
	want     postfix.Want
	daemons  []process
}

// checks are asked in this order. Each looks at one thing, and says nothing
// where that thing is not there to look at.
var checks = []struct {
	name string
	look func(context.Context, *installation) []finding
}{
	{"rules", checkRules},
	{"geolocation", checkPlaces},
	{"blocklist", checkBlocklist},
	{"postfix", checkPostfix},
	{"table", checkTable},
	{"restrictions", checkRestrictions},
	{"addresses", checkAddresses},
	{"header checks", checkHeaderChecks},
	{"daemon", checkDaemon},
	{"door", checkDoor},
	{"socketmap", checkSocketmap},
	{"queue helper", checkQueueHelper},
	{"control", checkControl},
	{"alerts", checkAlerts},
	{"hooks", checkHooks},
	{"log", checkLog},
	{"state", checkState},
	{"disk", checkDisk},
}

// doctor is `sendwarden doctor`.
type doctor struct {
	listSetup
	log      []string
	state    string
	doorFlag string
	user     string
	asJSON   bool
}

func newDoctor() *cobra.Command {
	var d doctor
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is wrong with an installation",
		Long: `Doctor looks at all that has to work together - rules, blocklist, table, Postfix's
lists, the log, the sockets, the daemon - and prints a line for each, with the
remedy where something is wrong. It changes nothing. It exits with status 3 when
there are faults; a warning is none. Run it as root.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd) },
	}
	d.flags(cmd)
	d.tableFlags(cmd)
	d.timezoneFlag(cmd)
	cmd.Flags().StringArrayVar(&d.geoFiles, "geo", nil, "geolocation database `DB` to look at as well")
	cmd.Flags().StringArrayVar(&d.log, "log", nil, "mail log `FILE`, or journal (repeat it for several; default: what run would follow)")
	cmd.Flags().StringVar(&d.state, "state", "", "`FILE` that the daemon remembers in (default "+settings.DefaultState+")")
	cmd.Flags().StringVar(&d.doorFlag, "door", "", "`ADDR` of the policy service (default: door.listen of the rules)")
	cmd.Flags().StringVar(&d.user, "user", "", "`NAME` of the account that the daemon runs as (default: the running daemon's)")
	cmd.Flags().BoolVar(&d.asJSON, "json", false, "print one JSON object a line")
	return cmd
}

func (d *doctor) run(cmd *cobra.Command) error {
	zone, err := d.zone()
	if err != nil {
		return err
	}
	in, err := d.examine(cmd.Context(), time.Now().In(zone))
	if err != nil {
		return err
	}
	var found []finding
	for _, c := range checks {
		for _, f := range c.look(cmd.Context(), in) {
			f.Check = c.name
			f.Fact, f.Remedy = maillog.Mask(f.Fact), maillog.Mask(f.Remedy)
			found = append(found, f)
		}
	}
	if err := d.print(cmd.OutOrStdout(), found); err != nil {
		return err
	}
	for _, f := range found {
		if f.State == fault {
			return errFaults
		}
	}
	return nil
}

// examine gathers what several checks look at. What can't be had is a finding of
// the check that it is about.
func (d *doctor) examine(ctx context.Context, now time.Time) (*installation, error) {
	in := &installation{doctor: *d, now: now}
	if in.rules, in.origin, in.ruled = d.rules(); in.ruled != nil {
		shipped, err := scoring.Parse("shipped rules", sendwarden.Rules)
		if err != nil {
			return nil, err
		}
		in.rules = shipped
	}
	var err error
	if in.with, err = settings.Read(in.origin, in.rules); err != nil {
		in.ruled = errors.Join(in.ruled, err)
	}
	in.postfix, in.unfound = postfix.Read(ctx, d.configDir, postfix.Exec)
	if in.unfound != nil {
		in.postfix = nil
	}
	in.table, in.untabled = d.detect(ctx, in.rules)
	path, err := filepath.Abs(d.file(in.rules))
	if err != nil {
		return nil, err
	}
	if d.doorFlag != "" {
		in.with.Door.Listen = []string{d.doorFlag}
	}
	in.want = postfix.Want{Table: in.table.Map(path), Door: socketOf(in.with.Door.Listen)}
	if err := in.want.Check(); err != nil {
		return nil, usageError{err}
	}
	in.daemons = runningDaemons()
	return in, nil
}

func (d *doctor) print(w io.Writer, found []finding) error {
	out := bufio.NewWriter(w)
	if d.asJSON {
		for _, f := range found {
			writeJSON(out, f)
		}
		return out.Flush()
	}
	var rows [][]string
	number := make(map[health]int)
	for _, f := range found {
		text := f.Fact
		if f.Remedy != "" {
			text += " (" + f.Remedy + ")"
		}
		rows = append(rows, []string{string(f.State), f.Check, text})
		number[f.State]++
	}
	if err := words.Table(out, rows); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s, %s.\n", words.Count(number[fault], "fault"), words.Count(number[warning], "warning"))
	return out.Flush()
}
