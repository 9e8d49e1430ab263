package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"sendwarden"
	"sendwarden/control"
	"sendwarden/daemon"
	"sendwarden/doctor"
	"sendwarden/exim"
	"sendwarden/past"
	"sendwarden/postfix"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/shared"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// doctorCommand is `sendwarden doctor`.
type doctorCommand struct {
	listSetup
	log     []string
	state   string
	door    string
	control string
	user    string
	asJSON  bool
}

func newDoctor() *cobra.Command {
	var d doctorCommand
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what is wrong with an installation",
		Long: `Doctor looks at all that has to work together - rules, blocklist, table, the mail
server's lists, the log, the sockets, the daemon, the ways to people - and prints a
line for each, with the remedy where something is wrong. It changes nothing and
sends nothing. It exits with status 3 when there are faults; a warning is none, nor
is what could not be looked at (unknown). Run it as root.

It answers within half a minute, whatever else hangs.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd) },
	}
	d.flags(cmd)
	d.tableFlags(cmd)
	d.timezoneFlag(cmd)
	cmd.Flags().StringArrayVar(&d.geoFiles, "geo", nil, "geolocation database `DB` to look at as well")
	cmd.Flags().StringArrayVar(&d.log, "log", nil, "mail log `FILE`, or journal (repeat it for several; default: what run would follow)")
	cmd.Flags().StringVar(&d.state, "state", "", "`FILE` that the daemon remembers in (default "+settings.DefaultState+")")
	cmd.Flags().StringVar(&d.door, "door", "", "`ADDR` of the policy service (default: door.listen of the rules)")
	cmd.Flags().StringVar(&d.control, "control", "", "`SOCKET` of the daemon (default: control.socket of the rules, else "+control.DefaultSocket+")")
	cmd.Flags().StringVar(&d.user, "user", "", "`NAME` of the account that the daemon runs as (default: the running daemon's)")
	cmd.Flags().BoolVar(&d.asJSON, "json", false, "print one JSON object a line")
	return cmd
}

func (d *doctorCommand) run(cmd *cobra.Command) error {
	zone, err := d.zone()
	if err != nil {
		return err
	}
	in, err := d.installation(cmd.Context(), time.Now().In(zone))
	if err != nil {
		return err
	}
	found := doctor.Examine(cmd.Context(), in)
	if cmd.Context().Err() != nil {
		return past.ErrStopped
	}
	if err := d.print(cmd.OutOrStdout(), found); err != nil {
		return err
	}
	for _, f := range found {
		if f.State == doctor.Fault {
			return errFaults
		}
	}
	return nil
}

// installation gathers what is looked at. What can't be had is a finding of the
// check that it is about.
func (d *doctorCommand) installation(ctx context.Context, now time.Time) (*doctor.Installation, error) {
	in := &doctor.Installation{Now: now, Host: hostName(), Account: d.user, Daemons: doctor.Running()}
	if in.Rules, in.Origin, in.Broken = d.rules(); in.Broken != nil {
		shipped, err := scoring.Parse("shipped rules", sendwarden.Rules)
		if err != nil {
			return nil, err
		}
		in.Rules = shipped
	}
	var err error
	if in.With, err = settings.Read(in.Origin, in.Rules); err != nil {
		in.Broken = errors.Join(in.Broken, err)
	}
	if d.control != "" {
		in.With.Control.Socket = d.control
	}
	if in.Geo = d.geoFiles; len(in.Geo) == 0 {
		in.Geo = in.Rules.Geo
	}
	if in.List, err = filepath.Abs(d.file(in.Rules)); err != nil {
		return nil, err
	}
	in.Table, in.Odd = d.detect(ctx, in.Rules)
	run := runCommand{listSetup: d.listSetup, log: d.log, state: d.state}
	in.Logs, in.NoLogs = run.sources(in.Rules, slog.New(slog.DiscardHandler))
	name := run.stateFile(in.Rules)
	in.State = daemon.StateFile(name)
	if shared.IsURL(name) {
		if engine, err := shared.Parse(name); err == nil { // else the rules have a fault
			in.Engine = &engine
		}
	}
	return in, d.mailServer(ctx, in)
}

// mailServer looks at how the mail server is configured.
func (d *doctorCommand) mailServer(ctx context.Context, in *doctor.Installation) error {
	if in.Table.ForExim() {
		q := in.With.Queue
		if in.Exim, in.NoExim = exim.Read(ctx, exim.Exec(q.Exim, q.EximConfig)); in.NoExim != nil {
			in.Exim = nil
		}
		return nil
	}
	if in.Postfix, in.NoPostfix = postfix.Read(ctx, d.configDir, postfix.Exec); in.NoPostfix != nil {
		in.Postfix = nil
	}
	if d.door != "" {
		in.With.Door.Listen = []string{d.door}
	}
	in.Want = postfix.Want{Table: in.Table.Map(in.List), Door: socketOf(in.With.Door.Listen)}
	if err := in.Want.Check(); err != nil {
		return usageError{err}
	}
	return nil
}

func (d *doctorCommand) print(w io.Writer, found []doctor.Finding) error {
	out := bufio.NewWriter(w)
	if d.asJSON {
		for _, f := range found {
			writeJSON(out, f)
		}
		return out.Flush()
	}
	var rows [][]string
	number := make(map[doctor.State]int)
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
	fmt.Fprintf(out, "\n%s, %s", words.Count(number[doctor.Fault], "fault"), words.Count(number[doctor.Warning], "warning"))
	if n := number[doctor.Unknown]; n > 0 {
		fmt.Fprintf(out, ", %s unknown", words.Thousands(n))
	}
	fmt.Fprintln(out, ".")
	return out.Flush()
}
