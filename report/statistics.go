package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/words"
)

// Statistics are what a log says in numbers, as a page.
type Statistics struct {
	From, To time.Time // of the first and last line; zero if unknown
	Lines    int
	Unclear  int // lines that were not understood
	Samples  []string
	Totals   []Total
	Hours    []Hours
	Tables   []Counted
}

// Total is one number.
type Total struct {
	Name  string
	Count int
}

// Hours is how often something happened in each hour of the day.
type Hours struct {
	Name  string
	Count [24]int
	Hot   bool // it is nothing good
}

// Counted is a table from the largest count to the least.
type Counted struct {
	Title, Of, Unit string
	Countries       bool // the names are their codes
	Rows            []CountedRow
}

// CountedRow is one name, what is to be said of it, and how often it was counted.
type CountedRow struct {
	Name, What string
	Count      int
}

// Write writes the whole page as one HTML file.
func (s Statistics) Write(w io.Writer) error {
	p := Page{Title: "What the mail log says", Foot: render("statistics foot", s)}
	if !s.From.IsZero() {
		p.Subtitle = s.From.Format(words.Stamp) + " – " + s.To.Format(words.Stamp)
	}
	add := func(name, title, body string) { p.Parts = append(p.Parts, Part{name, title, render(body, s)}) }
	add("totals", "Messages", "totals")
	if len(s.HourCharts()) > 0 {
		add("hours", "By hour", "hours")
	}
	if len(s.Drawn()) > 0 {
		add("counts", "Who, where and by what", "counts")
	}
	if len(s.Samples) > 0 {
		add("unclear", "Not understood", "unclear")
	}
	return p.Write(w)
}

// drawnHours is a chart of 24 bars, for wide and for narrow screens: text in a drawing
// shrinks with it.
type drawnHours struct {
	Name, Words string
	Total, Most int
	Drawings    []hourDrawing
}

type hourDrawing struct {
	Class        string
	Width, BarsW int
	Bars         []hourBar
	Marks        []hourMark
}

type hourBar struct {
	Class, Title string
	X, Y, Height int
}

type hourMark struct {
	X    int
	Text string
}

// HourCharts are the charts of what happened at all.
func (s Statistics) HourCharts() []drawnHours {
	var charts []drawnHours
	for _, h := range s.Hours {
		c := drawnHours{Name: h.Name}
		busiest := 0
		for hour, n := range h.Count {
			c.Total += n
			if n > c.Most {
				c.Most, busiest = n, hour
			}
		}
		if c.Total == 0 {
			continue
		}
		c.Drawings = []hourDrawing{h.draw("wide", 960, c.Most), h.draw("narrow", 336, c.Most)}
		c.Words = fmt.Sprintf("%s in all, most from %02d to %02d o'clock", words.Thousands(c.Total), busiest, busiest+1)
		charts = append(charts, c)
	}
	return charts
}

func (h Hours) draw(class string, width, most int) hourDrawing {
	const room = 60 // units of height for the largest
	step := width / 24
	gap := max(1, step/13)
	d := hourDrawing{Class: class, Width: width, BarsW: step - 2*gap}
	bar := "allowed"
	if h.Hot {
		bar = "refused"
	}
	for hour, n := range h.Count {
		x := hour*step + gap
		if n > 0 {
			height := max(1, n*room/most)
			d.Bars = append(d.Bars, hourBar{bar, fmt.Sprintf("%02d:00 to %02d:59: %s", hour, hour, words.Thousands(n)), x, 64 - height, height})
		}
		if hour%3 == 0 {
			d.Marks = append(d.Marks, hourMark{x, fmt.Sprintf("%02d", hour)})
		}
	}
	return d
}

// drawnCounted is a table as it is shown.
type drawnCounted struct {
	Counted
	Rows []drawnCount
	Rest int
}

type drawnCount struct {
	CountedRow
	Share int // of the largest, in percent
}

// Drawn are the tables that are not empty.
func (s Statistics) Drawn() []drawnCounted {
	atlas := newAtlas()
	var tables []drawnCounted
	for _, t := range s.Tables {
		if len(t.Rows) == 0 {
			continue
		}
		d := drawnCounted{Counted: t, Rest: max(0, len(t.Rows)-mostRows)}
		for _, r := range t.Rows[:min(len(t.Rows), mostRows)] {
			if t.Countries && len(r.Name) == 2 && strings.ToUpper(r.Name) == r.Name {
				r.Name = atlas.name(r.Name)
			}
			r.Name = maillog.Mask(r.Name)
			d.Rows = append(d.Rows, drawnCount{r, max(1, r.Count*100/max(1, t.Rows[0].Count))})
		}
		tables = append(tables, d)
	}
	return tables
}
