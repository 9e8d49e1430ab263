package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sendwarden/backtest"
	"sendwarden/geo"
	"sendwarden/past"
	"sendwarden/report"
	"sendwarden/scoring"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

func (c *replayCommand) reportFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.html, "html", "", "write a report for people to `FILE`.html: one file, with a map and timelines")
	cmd.Flags().StringVar(&c.reader, "zone", "", "in the report, show times in this `ZONE`, such as Europe/Madrid or Local, this machine's (default: as the log has them)")
	cmd.Flags().BoolVar(&c.eachRule, "each-rule", true, "in the report, tell what would be without each rule (as many memories of every user as there are rules)")
}

// checkReport finds what is wrong with --html before a long log is read.
func (c *replayCommand) checkReport() error {
	switch {
	case c.html != "" && c.against != "":
		return usageError{errors.New("--html tells what one set of rules does, or with --sweep what a value does; leave --against out")}
	case c.html == "" && c.reader != "":
		return usageError{errors.New("--zone is of the times in --html; in the terminal they are as the log has them")}
	}
	if _, err := loadZone("zone", c.reader); err != nil {
		return err
	}
	return checkHTML(c.html)
}

// checkHTML finds what is wrong with the name of a page; "" is none.
func checkHTML(name string) error {
	if name == "" {
		return nil
	}
	if ext := strings.ToLower(filepath.Ext(name)); ext != ".html" && ext != ".htm" {
		return usageError{fmt.Errorf("--html %s: the name must end in .html", name)}
	}
	dir := filepath.Dir(name)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("--html %s: there is no folder %s (mkdir -p %[2]s)", name, dir)
	}
	return nil
}

// mostVariants is how many rules are left out in turn, at most.
const mostVariants = backtest.MaxRuns

// variants are lanes of the rules without each of them.
func (c *replayCommand) variants(rules *scoring.Rules, places *geo.DB, first *lane) []*lane {
	if c.html == "" || !c.eachRule || len(rules.Rules) > mostVariants {
		return nil
	}
	lanes := make([]*lane, len(rules.Rules))
	for i, left := range rules.Rules {
		without := *rules
		without.Rules = slices.Delete(slices.Clone(rules.Rules), i, i+1)
		lanes[i] = newLane(left.Name, &without, places, nil)
		lanes[i].beside(first)
	}
	return lanes
}

// without compares what rules do that lack one with what all of them do.
func without(all, less *backtest.Record) report.Without {
	w := report.Without{Blocked: len(less.Blocked), Held: less.Held}
	for _, d := range backtest.Differences(less, all) {
		switch d.Kind {
		case backtest.NoLonger:
			w.Lost = append(w.Lost, d.User)
		case backtest.Newly:
			w.Gained = append(w.Gained, d.User)
		case backtest.Earlier, backtest.Later:
			w.Later++
		}
	}
	return w
}

// reporting is what a report is made of once the logs are read.
type reporting struct {
	files    []string
	rules    *scoring.Rules
	places   *geo.DB
	logs     *past.Logs
	diary    *diary
	lane     *lane
	variants []*lane
	album    *album
}

// embeddedCredit is what the sources of the embedded geolocation data ask for.
const embeddedCredit = "Addresses: IP geolocation by DB-IP, NRO and RouteViews (CC BY 4.0)."

// writeReport makes the report and writes it to its file, whole or not at all.
func (c *replayCommand) writeReport(stdout io.Writer, r *reporting, now time.Time) error {
	out := r.album.report(r)
	out.Made, out.Version = now, version
	_, out.Rules, _ = c.rules() // they were read before
	out.Zone = c.zoneText(now)
	if c.reader != "" {
		zone, _ := loadZone("zone", c.reader) // it was tried before
		out.In(zone)
		out.Made = now.In(zone)
	}
	for _, s := range r.places.Sources() {
		out.Geo = append(out.Geo, words.Database(s, now))
	}
	if len(c.geoFiles) == 0 && len(r.rules.Geo) == 0 {
		out.Credits = append(out.Credits, embeddedCredit)
	}
	if c.knownThefts != "" {
		s := r.lane.record.Score(r.diary.from, r.diary.to)
		known := &report.Known{Hits: len(s.Hits), Misses: s.Misses, Delivered: s.Delivered, Counted: s.Counted}
		for _, f := range s.FalseAlarms {
			known.FalseAlarms = append(known.FalseAlarms, f.User)
		}
		out.Known = known
	}
	if err := writeWhole(c.html, out.Write); err != nil {
		return err
	}
	if !c.json {
		fmt.Fprintf(stdout, "\n%s\n", writtenTo(c.html))
	}
	return nil
}

// zoneText says whose clock the times of a report are of.
func (c *replayCommand) zoneText(now time.Time) string {
	switch {
	case c.reader != "":
		zone, _ := loadZone("zone", c.reader) // it was tried before
		return zoneWords(zone, now)
	case c.timezone != "":
		return "as the log's clock showed them, and where it says no zone those of " + c.timezone
	}
	return "as the log's clock showed them"
}

// writtenTo says where a report is.
func writtenTo(name string) string {
	info, err := os.Stat(name)
	if err != nil {
		return "Report: " + name
	}
	return fmt.Sprintf("Report: %s (%s)", name, words.Size(info.Size()))
}

// writeWhole writes a file that only its owner may read, as it tells of people.
func writeWhole(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// report puts together what was collected.
func (a *album) report(r *reporting) *report.Report {
	d := r.diary
	out := &report.Report{
		Files: r.files, From: d.from, To: d.to, Lines: int(r.logs.Lines),
		HoldFrom: r.rules.Hold, BlockFrom: r.rules.Block, HalfLife: r.rules.HalfLife,
		Messages: a.messages, Users: len(r.lane.nth), Held: a.held, HeldMore: a.heldMore,
		Tried: len(r.variants) > 0,
	}
	out.Messages.LetGo = d.letGo
	for _, f := range d.blocked {
		c := report.Case{Verdict: f.verdict, Delivered: f.before(), Held: f.held, Refused: f.refused}
		if u := a.users[f.verdict.User]; u != nil {
			c.Points, c.More, c.Last = u.points, u.more, u.last
		}
		out.Blocked = append(out.Blocked, c)
	}
	for i := range out.Held {
		u := d.users[out.Held[i].User]
		out.Held[i].Blocked = u != nil && u.verdict.Action == scoring.Block
	}
	out.Alarms, out.Others = d.alarms, d.others
	for user := range d.braked {
		out.Braked = append(out.Braked, user)
	}
	slices.Sort(out.Braked)
	for _, s := range a.hours {
		out.Volume = append(out.Volume, *s)
	}
	slices.SortFunc(out.Volume, func(a, b report.Step) int { return a.Start.Compare(b.Start) })
	for code, c := range a.countries {
		out.Countries = append(out.Countries, report.Row{Code: code, Counts: *c})
	}
	for name, c := range a.networks {
		out.Networks = append(out.Networks, report.Row{Name: name, Counts: *c})
	}
	slices.SortFunc(out.Countries, func(a, b report.Row) int { return cmp.Compare(a.Code, b.Code) })
	for i, rule := range r.rules.Rules {
		row := report.Rule{Name: rule.Name, Points: rule.Points}
		if f := a.fired[rule.Name]; f != nil {
			row.Fired, row.Users = f.times, len(f.users)
		}
		if out.Tried {
			row.Without = without(r.lane.record, r.variants[i].record)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}
