package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"time"

	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// drawnStanding is a standing with what its templates ask for.
type drawnStanding struct {
	Standing
	atlas atlas
}

// Waiting counts the messages that wait, those of the blocked among them, or would if
// anything did.
func (d drawnStanding) Waiting() (n int) {
	list := d.Held
	if d.Holds {
		list = slices.Concat(d.Blocked, d.Held)
	}
	for _, p := range list {
		n += len(p.Waits)
	}
	return n
}

// Land names a country.
func (d drawnStanding) Land(code string) string { return d.atlas.name(code) }

// Map is the world map.
func (d drawnStanding) Map() template.HTML { return d.world().Draw() }

// MapLevels are the greys of the map.
func (d drawnStanding) MapLevels() []level {
	var m drawnMap
	m.lands(d.world())
	return m.Levels
}

// Volumes is what became of all messages over time, of a day at least: one hour alone
// would be a wall.
func (d drawnStanding) Volumes() template.HTML {
	steps := d.Volume
	if dayBefore := steps[len(steps)-1].Start.Add(-23 * time.Hour); steps[0].Start.After(dayBefore) {
		steps = slices.Concat([]Step{{Start: dayBefore}}, steps)
	}
	return Volume{steps}.Draw()
}

// Outcome is what became of all messages.
func (d drawnStanding) Outcome() (sum Counts) {
	for _, s := range d.Volume {
		sum.Allowed += s.Allowed
		sum.Held += s.Held
		sum.Refused += s.Refused
	}
	return sum
}

// world shows where users are at home, and from where the blocked were used.
func (d drawnStanding) world() Map {
	m := Map{Unit: "day of use"}
	for _, h := range d.Countries {
		m.Countries = append(m.Countries, Row{Code: h.Code, Counts: Counts{Allowed: int(math.Ceil(h.Days))}})
	}
	for i := range d.Blocked {
		if p := &d.Blocked[i]; len(p.Reasons) > 0 {
			c := Case{Verdict: scoring.Verdict{User: p.User, Reasons: p.Reasons, Usual: scoring.Usual{Countries: p.Home}}}
			m.Thefts = append(m.Thefts, c.theft())
		}
	}
	return m
}

// drawnPerson is a blocked user with the timeline.
type drawnPerson struct {
	Person
	Timeline template.HTML
	atlas    atlas
}

// Country writes a place's country.
func (d drawnStanding) Country(p geo.Place) string { return d.atlas.name(p.Country) }

// Country writes a place's country.
func (p drawnPerson) Country(at geo.Place) string { return p.atlas.name(at.Country) }

// Cases are the blocked users that are shown.
func (d drawnStanding) Cases() []drawnPerson {
	var cases []drawnPerson
	for _, p := range d.Blocked[:min(len(d.Blocked), mostCases)] {
		t := Timeline{User: p.User, Points: p.points(d.HalfLife), Hold: p.Hold, Block: p.Block, HalfLife: d.HalfLife, Sent: slices.Concat([]Sent{}, p.Sent)}
		t.From, t.Until = around(t.Points)
		cases = append(cases, drawnPerson{p, t.Draw(), d.atlas})
	}
	return cases
}

// CasesMore are those that are not.
func (d drawnStanding) CasesMore() []Person { return d.Blocked[min(len(d.Blocked), mostCases):] }

// points are what is kept of the messages that gave points, each with the score after
// it: those that gave none are forgotten.
func (p *Person) points(halfLife time.Duration) (points []Point) {
	for _, r := range p.Reasons {
		if n := len(points); n > 0 && points[n-1].Time.Equal(r.Time) && points[n-1].Place.Addr == r.Place.Addr {
			points[n-1].Score = max(0, points[n-1].Score+r.Points)
			points[n-1].Rules = append(points[n-1].Rules, r.Rule)
			continue
		}
		score := 0.0
		if n := len(points); n > 0 {
			score = faded(points[n-1].Score, r.Time.Sub(points[n-1].Time), halfLife)
		}
		points = append(points, Point{Time: r.Time, Score: max(0, score+r.Points), Place: r.Place, Rules: []string{r.Rule}, Untold: true})
	}
	for i := range points {
		if !p.Since.IsZero() && points[i].Time.Truncate(time.Second).Equal(p.Since.Truncate(time.Second)) {
			points[i].Action, points[i].Untold = scoring.Block, false
		}
	}
	return points
}

// around is some time before and after what happened, so that the messages of then
// are seen beside it.
func around(points []Point) (from, until time.Time) {
	if len(points) == 0 {
		return from, until
	}
	from, until = points[0].Time, points[len(points)-1].Time
	margin := min(max(until.Sub(from)/4, 10*time.Minute), 6*time.Hour)
	return from.Add(-margin), until.Add(margin)
}

func faded(score float64, after, halfLife time.Duration) float64 {
	return score * math.Exp2(-float64(after)/float64(halfLife))
}

// Bounds of what is shown of one user, and of all.
const (
	mostStays = 12
	mostDeeds = 8
	mostDone  = 500
)

// Stays are the places that are shown, the latest first.
func (p drawnPerson) Stays() []Stay { return p.Places[:min(len(p.Places), mostStays)] }

// Deeds are what was done that is shown.
func (p drawnPerson) Deeds() []Deed { return p.Done[:min(len(p.Done), mostDeeds)] }

// Volume is what the user sent lately, in words.
func (p Person) Volume() string {
	var messages, recipients, bounces int
	for _, s := range p.Sent {
		messages, recipients, bounces = messages+s.Messages, recipients+s.Recipients, bounces+s.Bounces
	}
	if messages == 0 {
		return ""
	}
	text := words.Count(messages, "message")
	if recipients > 0 {
		text += " to " + words.Count(recipients, "recipient")
	}
	if bounces > 0 {
		text += fmt.Sprintf(", of which %s came back", words.Thousands(bounces))
	}
	return "since " + p.Sent[0].From.Format(minute) + ": " + text
}

// Ways are the countries of the reasons, each once.
func (d drawnStanding) Ways(p Person) (names []string) {
	for _, r := range p.Reasons {
		if name := d.atlas.name(r.Place.Country); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Why are the rules of the reasons, each once.
func (p Person) Why() (rules []string) {
	for _, r := range p.Reasons {
		if name := maillog.Mask(r.Rule); !slices.Contains(rules, name) {
			rules = append(rules, name)
		}
	}
	return rules
}

// From is when the first reason was.
func (p Person) From() (at time.Time) {
	if len(p.Reasons) > 0 {
		at = p.Reasons[0].Time
	}
	return at
}

// Deeds are what was done that is shown.
func (d drawnStanding) Deeds() []Deed { return d.Done[:min(len(d.Done), mostDone)] }

// DeedsMore counts the others.
func (d drawnStanding) DeedsMore() int { return d.DoneMore + max(0, len(d.Done)-mostDone) }

// habits is a table of countries or networks.
type habits struct {
	Title, Of string
	Rows      []drawnHabit
	Rest      int
}

type drawnHabit struct {
	Label, Days, Share string
	Width              int // of 100
}

// Habits puts rows into a table.
func (d drawnStanding) Habits(title, of string, rows []Habit, more int) habits {
	out := habits{Title: title, Of: of, Rest: more + max(0, len(rows)-mostRows)}
	for _, h := range rows[:min(len(rows), mostRows)] {
		label := maillog.Mask(h.Name)
		if h.Name == "" {
			label = d.atlas.name(h.Code)
		}
		out.Rows = append(out.Rows, drawnHabit{
			Label: label, Days: words.Points(h.Days), Share: share(int(h.Days*10), int(d.Days*10)), Width: int(100 * h.Days / max(rows[0].Days, 1e-9)),
		})
	}
	return out
}
