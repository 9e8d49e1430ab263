package report

import (
	"fmt"
	"html/template"
	"time"

	"sendwarden/words"
)

// Volume is how many messages there were over time.
type Volume struct {
	Steps []Step // in order of time
}

// drawnVolume is what the template draws.
type drawnVolume struct {
	Class         string
	Width, Height int
	Left, Right   int
	Bottom        int
	Bars          []bar
	Ticks         []tick
	Lines         []threshold
	Title, Desc   string
}

const volumeHeight = 160

// Draw writes the volume as SVG, for wide and for narrow screens.
func (v Volume) Draw() template.HTML {
	if len(v.Steps) == 0 {
		return ""
	}
	return render("volumes", []drawnVolume{v.draw(860, "wide", 120), v.draw(340, "narrow", 42)})
}

func (v Volume) draw(width int, class string, mostBars int) drawnVolume {
	steps, length := fold(v.Steps, mostBars)
	d := drawnVolume{Class: class, Width: width, Height: volumeHeight + 36, Left: 44, Right: width - 4, Bottom: volumeHeight + 10}
	most, at := 1, 0
	for i, s := range steps {
		if s.All() > most {
			most, at = s.All(), i
		}
	}
	top := roundUp(most)
	from, to := steps[0].Start, steps[len(steps)-1].Start.Add(length)
	x := func(t time.Time) float64 {
		return float64(d.Left) + float64(d.Right-d.Left)*float64(t.Sub(from))/float64(to.Sub(from))
	}
	gap := 1.0
	for _, s := range steps {
		if s.All() == 0 {
			continue
		}
		w := x(s.Start.Add(length)) - x(s.Start) - gap
		b := bar{X: fmt.Sprintf("%.1f", x(s.Start)+gap/2), W: fmt.Sprintf("%.1f", max(w, 1)), Title: s.Start.Format("2006-01-02 15:04 -0700") + ": " + s.words()}
		b.stack(s.Counts, top, volumeHeight, d.Bottom)
		d.Bars = append(d.Bars, b)
	}
	for _, n := range []int{top, top / 2} {
		if n > 0 {
			y := d.Bottom - n*volumeHeight/top
			d.Lines = append(d.Lines, threshold{y, y + 4, words.Thousands(n)})
		}
	}
	axis := drawnTimeline{Left: d.Left, Right: d.Right}
	axis.ticks(from, to, x)
	d.Ticks = axis.Ticks
	d.Title = "Messages by time"
	d.Desc = fmt.Sprintf("Between %s and %s; the most, %s, in the %s from %s.", from.Format(words.Stamp), to.Format(words.Stamp), words.Thousands(most), every(length), steps[at].Start.Format(words.Stamp))
	return d
}

func every(d time.Duration) string {
	switch {
	case d == time.Hour:
		return "hour"
	case d == 24*time.Hour:
		return "day"
	case d < 24*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// fold adds hours up to longer steps, until there are few enough.
func fold(hours []Step, most int) ([]Step, time.Duration) {
	const day = 24 * time.Hour
	from, to := hours[0].Start, hours[len(hours)-1].Start
	length := time.Hour
	for _, length = range []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day} {
		if int(to.Sub(from)/length) < most {
			break
		}
	}
	_, offset := from.Zone()
	shift := time.Duration(offset) * time.Second
	start := from.Add(shift).Truncate(min(length, day)).Add(-shift)
	steps := make([]Step, int(to.Sub(start)/length)+1)
	for i := range steps {
		steps[i].Start = start.Add(time.Duration(i) * length)
	}
	for _, h := range hours {
		s := &steps[min(max(int(h.Start.Sub(start)/length), 0), len(steps)-1)]
		s.Allowed += h.Allowed
		s.Held += h.Held
		s.LetGo += h.LetGo
		s.Refused += h.Refused
	}
	return steps, length
}

// roundUp answers the next number that people like on an axis.
func roundUp(n int) int {
	for ten := 1; ; ten *= 10 {
		for _, f := range []int{1, 2, 4, 5, 6, 8} {
			if n <= f*ten {
				return f * ten
			}
		}
	}
}
