package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// Timeline is one user's messages over time: the score with its thresholds, the
// places with a row for each country, and how many there were.
type Timeline struct {
	User        string
	Points      []Point // in order of time
	Hold, Block float64 // thresholds
	HalfLife    time.Duration
	From, Until time.Time // of the axis; zero: the first and the last point
	Sent        []Sent    // how many messages there were; nil: the points are all of them
}

// Draw writes the timeline as SVG, once for wide screens and paper and once for
// phones: text in a drawing shrinks with it.
func (t Timeline) Draw() template.HTML {
	if len(t.Points) == 0 {
		return ""
	}
	return render("timelines", []drawnTimeline{t.draw(860, "wide"), t.draw(340, "narrow")})
}

// drawnTimeline is what the template draws.
type drawnTimeline struct {
	Class         string
	Width, Height int
	Left, Right   int
	Title, Desc   string
	Score         string // path of the line
	Area          string
	ScoreTop      int
	ScoreBottom   int
	Lines         []threshold
	Lanes         []lane
	Dots          []mark
	Bars          []bar
	BarsBottom    int
	BarsTop       int
	BarsText      string
	Ticks         []tick
}

type threshold struct {
	Y, Text int
	Name    string
}

type lane struct {
	Y    int
	Name string
}

type mark struct {
	X, Y         int
	Class, Title string
	R            string
}

type bar struct {
	X, W                     string
	Allowed, Held, Refused   int // heights
	AllowedY, HeldY, RefuseY int
	Title                    string
}

type tick struct {
	X      int
	Text   string
	Anchor string
}

// The parts of the drawing, from the top.
const (
	scoreHeight = 130
	laneHeight  = 20
	barsHeight  = 40
	mostLanes   = 12
)

func (t Timeline) draw(width int, class string) drawnTimeline {
	a := newAtlas()
	d := drawnTimeline{Class: class, Width: width, Left: 96, Right: width - 12, ScoreTop: 14, ScoreBottom: 14 + scoreHeight}
	if class == "narrow" {
		d.Left = 82
	}
	from, to := t.Points[0].Time, t.Points[len(t.Points)-1].Time
	if !t.From.IsZero() && t.From.Before(from) {
		from = t.From
	}
	if t.Until.After(to) {
		to = t.Until
	}
	if to.Sub(from) < time.Minute {
		to = from.Add(time.Minute)
	}
	pad := to.Sub(from) / 40
	from, to = from.Add(-pad), to.Add(pad)
	x := func(at time.Time) float64 {
		return float64(d.Left) + float64(d.Right-d.Left)*float64(at.Sub(from))/float64(to.Sub(from))
	}
	d.score(t, x)
	d.lanes(t, a, x, class)
	if t.Sent != nil {
		d.sent(t.Sent, from, to, x)
	} else {
		d.bars(t, from, to)
	}
	d.ticks(from, to, x)
	d.Title = "Timeline of " + maillog.Mask(t.User)
	d.Desc = t.describe(a)
	return d
}

// score draws the line, which jumps with points and fades between them.
func (d *drawnTimeline) score(t Timeline, x func(time.Time) float64) {
	top := max(t.Block*1.15, t.Hold)
	for _, p := range t.Points {
		top = max(top, p.Score*1.05)
	}
	y := func(score float64) float64 {
		return float64(d.ScoreBottom) - score/top*scoreHeight
	}
	var line strings.Builder
	for i, p := range t.Points {
		if i == 0 {
			fmt.Fprintf(&line, "M%.1f %d", x(p.Time), d.ScoreBottom)
		} else {
			last := t.Points[i-1]
			gap := p.Time.Sub(last.Time)
			steps := min(8, 1+int(float64(gap)/float64(t.HalfLife)*16))
			for s := 1; s <= steps; s++ {
				at := last.Time.Add(gap * time.Duration(s) / time.Duration(steps))
				faded := last.Score * math.Exp2(-float64(at.Sub(last.Time))/float64(t.HalfLife))
				fmt.Fprintf(&line, "L%.1f %.1f", x(at), y(faded))
			}
		}
		fmt.Fprintf(&line, "L%.1f %.1f", x(p.Time), y(p.Score))
	}
	d.Score = line.String()
	d.Area = fmt.Sprintf("%sL%.1f %dz", d.Score, x(t.Points[len(t.Points)-1].Time), d.ScoreBottom)
	for _, l := range []threshold{{Y: int(y(t.Block)), Name: "block " + words.Points(t.Block)}, {Y: int(y(t.Hold)), Name: "hold " + words.Points(t.Hold)}} {
		l.Text = l.Y + 4
		d.Lines = append(d.Lines, l)
	}
}

// lanes draws a row of dots for each country, in order of their first messages.
func (d *drawnTimeline) lanes(t Timeline, a atlas, x func(time.Time) float64, class string) {
	var codes []string
	for _, p := range t.Points {
		if !slices.Contains(codes, p.Place.Country) {
			codes = append(codes, p.Place.Country)
		}
	}
	shown := codes[:min(len(codes), mostLanes)]
	for i, code := range shown {
		name := a.name(code)
		if class == "narrow" {
			name = short(name, 10)
		} else {
			name = short(name, 13)
		}
		if i == mostLanes-1 && len(codes) > mostLanes {
			name = "others"
		}
		d.Lanes = append(d.Lanes, lane{d.ScoreBottom + 24 + i*laneHeight, name})
	}
	for _, p := range t.Points {
		row := min(slices.Index(codes, p.Place.Country), mostLanes-1)
		m := mark{X: int(x(p.Time)), Y: d.ScoreBottom + 24 + row*laneHeight, R: "3.5", Class: "allowed"}
		what := "let through"
		switch p.Action {
		case scoring.Hold:
			m.Class, what = "held", "held"
		case scoring.Block:
			m.Class, m.R, what = "refused block", "6", "blocked"
		case scoring.Refuse:
			m.Class, what = "refused", "refused"
		case scoring.Allow:
			if p.Untold {
				what = "points added"
			}
		}
		m.Title = fmt.Sprintf("%s: %s, %s from %s, %s; score %s", p.Time.Format("15:04:05"), what, p.Place.Addr, where(a, p.Place), words.Network(p.Place), words.Points(p.Score))
		if len(p.Rules) > 0 {
			m.Title += "; " + maillog.Mask(strings.Join(p.Rules, ", "))
		}
		d.Dots = append(d.Dots, m)
	}
	d.BarsBottom = d.ScoreBottom + 24 + (len(shown)-1)*laneHeight + 20 + barsHeight
	d.Height = d.BarsBottom + 22
}

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return strings.TrimRight(string(r[:most-1]), " .,") + "…"
	}
	return s
}

// bars draws how many messages there were.
func (d *drawnTimeline) bars(t Timeline, from, to time.Time) {
	n := (d.Right - d.Left) / 10
	counts := make([]Counts, n)
	most := 1
	for _, p := range t.Points {
		i := min(n-1, int(float64(n)*float64(p.Time.Sub(from))/float64(to.Sub(from))))
		counts[i].Add(p.Action)
		most = max(most, counts[i].All())
	}
	for i, c := range counts {
		if c.All() == 0 {
			continue
		}
		b := bar{X: fmt.Sprint(d.Left + i*10 + 1), W: "8", Title: c.words()}
		b.stack(c, most, barsHeight, d.BarsBottom)
		d.Bars = append(d.Bars, b)
	}
	d.BarsText = words.Thousands(most)
	d.BarsTop = d.BarsBottom - barsHeight
}

// sent draws how many messages there were, in stretches of time of any length.
func (d *drawnTimeline) sent(stretches []Sent, from, to time.Time, x func(time.Time) float64) {
	most := 1
	for _, s := range stretches {
		if s.Until.After(from) && s.From.Before(to) {
			most = max(most, s.Messages)
		}
	}
	for _, s := range stretches {
		if s.Messages == 0 || !s.Until.After(from) || !s.From.Before(to) {
			continue
		}
		left, right := max(float64(d.Left), x(s.From)), min(float64(d.Right), x(s.Until))
		b := bar{X: fmt.Sprintf("%.1f", left), W: fmt.Sprintf("%.1f", max(right-left-1, 2)),
			Title: fmt.Sprintf("%s to %s: %s", s.From.Format(minute), s.Until.Format(minute), words.Count(s.Messages, "message"))}
		b.stack(Counts{Allowed: s.Messages}, most, barsHeight, d.BarsBottom)
		d.Bars = append(d.Bars, b)
	}
	d.BarsText = words.Thousands(most)
	d.BarsTop = d.BarsBottom - barsHeight
}

// Add counts one message.
func (c *Counts) Add(a scoring.Action) {
	switch a {
	case scoring.Hold:
		c.Held++
	case scoring.Block, scoring.Refuse:
		c.Refused++
	default:
		c.Allowed++
	}
}

func (c Counts) words() string {
	return fmt.Sprintf("%s let through, %s held, %s refused", words.Count(c.Allowed, "message"), words.Thousands(c.Held), words.Thousands(c.Refused))
}

// stack puts the parts of a bar one above the other; none that there is vanishes.
func (b *bar) stack(c Counts, most, height, bottom int) {
	size := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(2, n*height/most)
	}
	b.Allowed, b.Held, b.Refused = size(c.Allowed), size(c.Held), size(c.Refused)
	b.AllowedY = bottom - b.Allowed
	b.HeldY = b.AllowedY - b.Held
	b.RefuseY = b.HeldY - b.Refused
}

// ticks puts round times under the axis.
func (d *drawnTimeline) ticks(from, to time.Time, x func(time.Time) float64) {
	room := (d.Right - d.Left) / 64
	step, layout := tickStep(to.Sub(from), room)
	_, offset := from.Zone()
	shift := time.Duration(offset) * time.Second
	for at := from.Add(shift).Truncate(step).Add(-shift); !at.After(to); at = at.Add(step) {
		if at.Before(from) {
			continue
		}
		d.Ticks = append(d.Ticks, tick{X: int(x(at)), Text: at.Format(layout), Anchor: "middle"})
	}
	if n := len(d.Ticks); n > 0 && d.Ticks[n-1].X > d.Right-20 {
		d.Ticks[n-1].Anchor = "end"
	}
}

func tickStep(width time.Duration, most int) (time.Duration, string) {
	const day = 24 * time.Hour
	for _, s := range []time.Duration{5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day} {
		if width/s >= time.Duration(most) {
			continue
		}
		switch {
		case s >= day:
			return s, "2 Jan"
		case s >= 6*time.Hour:
			return s, "2 Jan 15h"
		case s >= time.Minute:
			return s, "15:04"
		}
		return s, "15:04:05"
	}
	return 365 * day, "2006"
}

// describe says the same in words, for who cannot see it.
func (t Timeline) describe(a atlas) string {
	var c Counts
	untold := 0
	var names []string
	for _, p := range t.Points {
		if p.Untold {
			untold++
		} else {
			c.Add(p.Action)
		}
		if name := a.name(p.Place.Country); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	what := c.words()
	if untold > 0 {
		what = "Points were added to the score by " + words.Count(len(t.Points), "message")
	}
	return fmt.Sprintf("%s from %s to %s; from %s.", what, t.Points[0].Time.Format(words.Stamp), t.Points[len(t.Points)-1].Time.Format(words.Stamp), strings.Join(names, ", "))
}
