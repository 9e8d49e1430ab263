package report

import (
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// Bounds of what is shown, so that a report of a million users opens on a phone.
const (
	mostCases = 100
	mostHeld  = 500
	mostRows  = 25
	mostNames = 12
)

// Write writes the whole report as one HTML file.
func (r Report) Write(w io.Writer) error {
	d := drawn{Report: r, atlas: newAtlas()}
	p := Page{Title: "Sendwarden report", Subtitle: d.period(), Foot: render("foot", d)}
	add := func(name, title string) {
		p.Parts = append(p.Parts, Part{name, title, render(name, d)})
	}
	add("summary", "Summary")
	if r.Messages.All() > 0 {
		add("where", "Where from")
		add("blocked", "Blocked users")
	}
	if r.Others > 0 || len(r.Alarms) > 0 {
		add("others", "Senders who do not log in")
	}
	if r.Messages.All() > 0 {
		add("held", "Held messages")
		add("volume", "Messages over time")
		add("places", "Countries and networks")
		add("rules", "Rules")
	}
	return p.Write(w)
}

// drawn is a report with what its templates ask for.
type drawn struct {
	Report
	atlas atlas
}

func (d drawn) period() string {
	if d.From.IsZero() {
		return "no submissions"
	}
	return fmt.Sprintf("%s – %s", d.From.Format(words.Stamp), d.To.Format(words.Stamp))
}

// Map is the world map.
func (d drawn) Map() template.HTML {
	m := Map{Countries: d.Countries}
	for i := range d.Blocked {
		m.Thefts = append(m.Thefts, d.Blocked[i].theft())
	}
	return m.Draw()
}

// MapLevels are the greys of the map.
func (d drawn) MapLevels() []level {
	var m drawnMap
	m.lands(Map{Countries: d.Countries})
	return m.Levels
}

// Chart is the messages over time.
func (d drawn) Chart() template.HTML { return Volume{d.Volume}.Draw() }

// Cases are the blocked users that are shown.
func (d drawn) Cases() []drawnCase {
	cases := make([]drawnCase, 0, mostCases)
	for _, c := range d.Blocked[:min(len(d.Blocked), mostCases)] {
		c.focus()
		t := Timeline{User: c.Verdict.User, Points: c.Points, Hold: d.HoldFrom, Block: c.Verdict.Limit, HalfLife: d.HalfLife}
		cases = append(cases, drawnCase{Case: c, Timeline: t.Draw(), Usual: usual(d.atlas, c.Verdict.Usual), d: d})
	}
	return cases
}

// focus leaves out what was long before the reasons of the block, which would press
// them together at the drawing's edge.
func (c *Case) focus() {
	if len(c.Verdict.Reasons) == 0 {
		return
	}
	first := c.Verdict.Reasons[0].Time
	from := first.Add(-max(c.Verdict.Time.Sub(first)/2, 10*time.Minute))
	i := slices.IndexFunc(c.Points, func(p Point) bool { return !p.Time.Before(from) })
	if i > 0 {
		c.Points, c.Before = c.Points[i:], c.Before+i
	}
}

// CasesMore counts those that are not.
func (d drawn) CasesMore() int { return max(0, len(d.Blocked)-mostCases) }

// Waiting are the held messages that are shown.
func (d drawn) Waiting() []Held { return d.Held[:min(len(d.Held), mostHeld)] }

// WaitingMore counts those that are not.
func (d drawn) WaitingMore() int { return d.HeldMore + max(0, len(d.Held)-mostHeld) }

// Alarmed are the alarms that are shown.
func (d drawn) Alarmed() []scoring.Verdict { return d.Alarms[:min(len(d.Alarms), mostHeld)] }

// AlarmsMore counts those that are not.
func (d drawn) AlarmsMore() int { return max(0, len(d.Alarms)-mostHeld) }

// Sender is who does not log in, by kind and name.
func (d drawn) Sender(name string) string {
	kind, rest, _ := strings.Cut(maillog.Mask(name), ":")
	switch scoring.KindOf(name) {
	case scoring.Local:
		if kind == "uid" {
			return "local account, uid " + rest
		}
		return "local account " + rest
	case scoring.Script:
		return "script " + rest
	case scoring.Host:
		return "host " + rest
	case scoring.Total:
		return "all together"
	case scoring.Users:
	}
	return maillog.Mask(name)
}

// Because are the rules of a verdict, each once.
func (d drawn) Because(v scoring.Verdict) string {
	var rules []string
	for _, r := range v.Reasons {
		if !slices.Contains(rules, r.Rule) {
			rules = append(rules, r.Rule)
		}
	}
	return d.Names(rules)
}

// Country writes a place's country.
func (d drawn) Country(p geo.Place) string { return d.atlas.name(p.Country) }

// ranking is a table of countries or networks.
type ranking struct {
	Title, Of   string
	Rows        []drawnRow
	Whole, Rest int // messages of all; rows that are not shown
}

// Ranking puts rows into a table.
func (d drawn) Ranking(title, of string, rows []Row) ranking {
	return ranking{title, of, d.top(rows), d.Messages.All(), max(0, len(rows)-mostRows)}
}

// top are the rows that are shown, with their bars.
func (d drawn) top(rows []Row) []drawnRow {
	rows = sorted(rows)
	most := 1
	if len(rows) > 0 {
		most = max(1, rows[0].All())
	}
	var out []drawnRow
	for _, r := range rows[:min(len(rows), mostRows)] {
		row := drawnRow{Row: r, Label: maillog.Mask(r.Name)}
		if r.Code != "" {
			row.Label = d.atlas.name(r.Code)
		}
		row.Usual = (r.Allowed + r.Held) * 100 / most
		row.Refusal = r.Refused * 100 / most
		if r.Refused > 0 {
			row.Refusal = max(row.Refusal, 2)
		}
		out = append(out, row)
	}
	return out
}

type drawnRow struct {
	Row
	Label          string
	Usual, Refusal int // parts of 100
}

type drawnCase struct {
	Case
	Timeline template.HTML
	Usual    string
	d        drawn
}

// Country writes a place's country.
func (c drawnCase) Country(p geo.Place) string { return c.d.Country(p) }

// Names writes a list of users, the first of them.
func (d drawn) Names(users []string) string {
	var names []string
	for _, u := range users[:min(len(users), mostNames)] {
		names = append(names, maillog.Mask(u))
	}
	if n := len(users) - mostNames; n > 0 {
		names = append(names, fmt.Sprintf("and %s more", words.Thousands(n)))
	}
	return strings.Join(names, ", ")
}
