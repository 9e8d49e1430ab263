package daemon

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"time"

	"sendwarden"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/words"
)

// oldRules is a fault: the rules file cannot be used as it is now.
const oldRules = "the rules stay as they were"

var errNoFile = errors.New("it is no file (restart the daemon with one)")

// reload reads rules and databases again, as SIGHUP asks for. A fault keeps what
// runs.
func (d *Daemon) reload() {
	origin := d.file.path
	text, err := d.file.take()
	if errors.Is(err, fs.ErrNotExist) && d.origin == settings.Shipped {
		origin, text, err = settings.Shipped, sendwarden.Rules, nil
	}
	if err == nil {
		err = d.renew(origin, text, true)
	}
	if err != nil && d.failing[oldRules] == err.Error() {
		d.log.Error(oldRules, "error", err) // who asks is answered
	}
	d.fault(oldRules, err)
	d.reloadPlaces()
}

// revised does the same when the rules file has changed. A file that was there and
// is not any more is a fault, too: the shipped rules are others.
func (d *Daemon) revised(now time.Time) {
	text, changed, err := d.file.look(now)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.origin == settings.Shipped:
		d.fault(oldRules, nil) // of a file that was tried
	case err != nil:
		d.fault(oldRules, err)
	case changed:
		d.service.reloading()
		d.fault(oldRules, d.renew(d.file.path, text, false))
		d.reloadPlaces()
		d.service.ready(d.status())
	}
}

// renew takes the rules into force, all that a text says or nothing of it, and says
// what has changed. Who asked is told even that nothing has.
func (d *Daemon) renew(origin string, text []byte, asked bool) error {
	rules, with, err := settings.Parse(origin, text)
	if err != nil {
		return err
	}
	changed := append(scoring.Difference(d.rules, rules), changedSections(d.latest, with)...)
	if origin != d.origin {
		changed = append([]string{"they were the " + d.origin}, changed...)
	}
	d.turn.Lock()
	d.rules = rules
	d.path.Scorer.Use(rules)
	d.turn.Unlock()
	d.useWays(with)
	d.origin, d.latest = origin, with
	_, mended := d.failing[oldRules]
	if mended {
		d.log.Info("the fault in the rules file is mended")
	}
	if asked || mended || len(changed) > 0 {
		d.log.Info("rules read again", "rules", d.origin, "mode", d.mode(), "number", len(rules.Rules), "changed", factsLine(changed))
	}
	d.sayUnchanged(asked)
	return nil
}

// useWays has people and programs told as the rules file says now.
func (d *Daemon) useWays(now settings.Sections) {
	if !reflect.DeepEqual(d.latest.Alerts, now.Alerts) {
		d.desk.Use(now.Alerts)
	}
	if !reflect.DeepEqual(d.latest.Hooks, now.Hooks) {
		d.hooks.Use(now.Hooks)
	}
}

// mostFacts bounds what one line of the log tells.
const mostFacts = 40

func factsLine(facts []string) string {
	if len(facts) == 0 {
		return "nothing"
	}
	rest := ""
	if more := len(facts) - mostFacts; more > 0 {
		facts, rest = facts[:mostFacts], "; and "+words.Count(more, "change")+" more"
	}
	return strings.Join(facts, "; ") + rest
}

// sayUnchanged says which parts of the rules file only count from the next start
// on: what was opened stays open as it was.
func (d *Daemon) sayUnchanged(asked bool) {
	waits := d.waitsForRestart()
	if same := slices.Equal(waits, d.waits); same && (!asked || len(waits) == 0) {
		return
	}
	d.waits = waits
	if len(waits) == 0 {
		d.log.Info("no restart is needed any more: what had changed is as it was")
		return
	}
	d.log.Warn("parts of the rules file count from the next start on",
		"parts", strings.Join(waits, ", "), "remedy", "systemctl restart sendwarden (Postfix goes by the table meanwhile)")
}

// waitsForRestart are the parts that are others than at the start. What a flag
// says does not wait for the file.
func (d *Daemon) waitsForRestart() (parts []string) {
	from, to := d.opened, d.rules
	add := func(part string, a, b any) {
		if !slices.Contains(d.with.Overruled, part) && !reflect.DeepEqual(a, b) {
			parts = append(parts, part)
		}
	}
	add("log", from.Log, to.Log)
	add("geo", from.Geo, to.Geo)
	add("blocklist", from.Blocklist, to.Blocklist)
	add("table", from.Table, to.Table)
	add("state", from.State, to.State)
	was, is := d.settings.Parts(), d.latest.Parts()
	for i, name := range settings.Names() {
		if name != "alerts" && name != "hooks" { // those two are in force
			add(name, was[i], is[i])
		}
	}
	return parts
}

func changedSections(from, to settings.Sections) (changed []string) {
	was, is := from.Parts(), to.Parts()
	for i, name := range settings.Names() {
		if !reflect.DeepEqual(was[i], is[i]) {
			changed = append(changed, name+" changed")
		}
	}
	return changed
}

func (d *Daemon) reloadPlaces() {
	changed, err := d.path.Places.Reload()
	d.fault(oldDatabase, err)
	for _, s := range changed {
		d.log.Info("geolocation replaced", "data", words.Database(s, time.Now()))
	}
}
