package report

import (
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"sendwarden/maillog"
	"sendwarden/words"
)

// Sweep is what a value of the rules does when it is another, on one log.
type Sweep struct {
	Made     time.Time
	Version  string
	Files    []string
	Rules    string
	Zone     string
	From, To time.Time
	Lines    int
	Messages int // submissions

	Key    string // "threshold.block"
	Values []SweepValue
	Known  bool // Hits, Missed and False are known
}

// SweepValue is what one value does.
type SweepValue struct {
	Text string // of the value
	Now  bool   // what the rules say already

	Blocked             int // users
	Hits, Missed, False int
	Held, LetGo         int // messages
	// Sent got through before the blocks; of known thefts those of the thefts.
	Sent      int
	SentKnown bool
}

// Write writes the page as one HTML file.
func (s Sweep) Write(w io.Writer) error {
	s.Key = maillog.Mask(s.Key) // a rule may be called anything
	p := Page{Title: "What " + s.Key + " does", Foot: render("sweep foot", s)}
	if !s.From.IsZero() {
		p.Subtitle = fmt.Sprintf("%s – %s", s.From.Format(words.Stamp), s.To.Format(words.Stamp))
	}
	if s.Messages == 0 {
		p.Parts = append(p.Parts, Part{"curves", "Blocked and held, by the value", render("sweep empty", s)})
		return p.Write(w)
	}
	p.Parts = append(p.Parts, Part{"curves", "Blocked and held, by the value", render("sweep curves", s)},
		Part{"values", "The numbers", render("sweep values", s)})
	return p.Write(w)
}

// sweepChart is one row of bars, a bar for each value.
type sweepChart struct {
	Class, Title, Desc  string
	Width, Height       int
	Left, Right, Bottom int
	Bars                []sweepBar
	Lines               []threshold
	Labels              []sweepLabel
}

type sweepBar struct {
	X, W, GoodY, Good, BadY, Bad int
	Title                        string
}

type sweepLabel struct {
	X    int
	Text string
	Now  bool
}

// Charts are the curves, for wide and for narrow screens: the users that are
// blocked, and the messages that are held.
func (s Sweep) Charts() (list []sweepCharts) {
	users := func(v SweepValue) (good, bad int, text string) {
		if s.Known {
			return v.Hits, v.False, fmt.Sprintf("%s, %s, %s missed", words.Count(v.Hits, "theft"), words.Count(v.False, "false alarm"), words.Thousands(v.Missed))
		}
		return v.Blocked, 0, words.Count(v.Blocked, "user") + " blocked"
	}
	held := func(v SweepValue) (good, bad int, text string) {
		return v.LetGo, max(0, v.Held-v.LetGo), fmt.Sprintf("%s held, of which %s let go by themselves", words.Count(v.Held, "message"), words.Thousands(v.LetGo))
	}
	for _, c := range []struct {
		name string
		of   func(SweepValue) (int, int, string)
	}{{"Users blocked", users}, {"Messages held", held}} {
		list = append(list, sweepCharts{c.name, []sweepChart{s.chart(c.name, c.of, 860, "wide"), s.chart(c.name, c.of, 340, "narrow")}})
	}
	return list
}

type sweepCharts struct {
	Name  string
	Drawn []sweepChart
}

const sweepHeight = 120

func (s Sweep) chart(name string, of func(SweepValue) (int, int, string), width int, class string) sweepChart {
	c := sweepChart{Class: class, Title: fmt.Sprintf("%s by %s", name, s.Key), Width: width, Height: sweepHeight + 40, Left: 48, Right: width - 8, Bottom: sweepHeight + 12}
	most := 1
	for _, v := range s.Values {
		good, bad, text := of(v)
		most = max(most, good+bad)
		c.Desc += fmt.Sprintf("%s: %s. ", v.Text, text)
	}
	top := roundUp(most)
	size := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(2, n*sweepHeight/top)
	}
	each := float64(c.Right-c.Left) / float64(max(1, len(s.Values)))
	skip := 1 + len(s.Values)*56/(c.Right-c.Left)
	for i, v := range s.Values {
		good, bad, text := of(v)
		x := float64(c.Left) + each*float64(i)
		b := sweepBar{X: int(x + each*0.15), W: max(2, int(each*0.7)), Good: size(good), Bad: size(bad), Title: v.Text + ": " + text}
		b.GoodY = c.Bottom - b.Good
		b.BadY = b.GoodY - b.Bad
		c.Bars = append(c.Bars, b)
		if v.Now || i%skip == 0 && !s.nowWithin(i, skip) {
			c.Labels = append(c.Labels, sweepLabel{int(x + each/2), v.Text, v.Now})
		}
	}
	for _, n := range []int{top, top / 2} {
		if n > 0 {
			y := c.Bottom - n*sweepHeight/top
			c.Lines = append(c.Lines, threshold{y, y + 4, words.Thousands(n)})
		}
	}
	return c
}

// nowWithin tells whether the value that is in force is so near to another that their
// labels would touch.
func (s Sweep) nowWithin(i, steps int) bool {
	now := slices.IndexFunc(s.Values, func(v SweepValue) bool { return v.Now })
	return now >= 0 && max(now-i, i-now) < steps
}

// SVG draws a chart for both widths.
func (c sweepCharts) SVG() template.HTML { return render("sweep chart", c.Drawn) }
