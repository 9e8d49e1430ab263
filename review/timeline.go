package review

import (
	"math"
	"time"

	"sendwarden/control"
)

// timeline is a drawing of how a score came to be: a stem for each reason, as high
// as the points so far, under the thresholds.
type timeline struct {
	Width, Height       int
	Hold, Block         int // where the thresholds lie, from the top
	From, To            time.Time
	Stems               []stem
	Left, Right, Bottom int
}

type stem struct {
	X, Y   int // its head
	From   int // where this reason's part begins
	Reason control.Reason
	Sum    float64
}

// The drawing's measures, in its own units.
const (
	drawWidth, drawHeight = 720, 200
	drawLeft, drawRight   = 44, 12
	drawTop, drawBottom   = 16, 26
)

func newTimeline(a control.Account) timeline {
	t := timeline{
		Width: drawWidth, Height: drawHeight, Left: drawLeft, Right: drawWidth - drawRight, Bottom: drawHeight - drawBottom,
	}
	if len(a.Reasons) == 0 {
		return t
	}
	sum := 0.0
	for _, r := range a.Reasons {
		sum += max(0, r.Points)
	}
	t.From, t.To = a.Reasons[0].Time, a.Reasons[len(a.Reasons)-1].Time
	length := max(t.To.Sub(t.From), time.Second)
	top := max(sum, a.Block) * 1.05
	y := func(points float64) int {
		return t.Bottom - int(math.Round(points/top*float64(t.Bottom-drawTop)))
	}
	t.Hold, t.Block = y(a.Hold), y(a.Block)
	sum = 0
	for _, r := range a.Reasons {
		before := sum
		sum += max(0, r.Points)
		x := t.Left + 10 + int(math.Round(float64(r.Time.Sub(t.From))/float64(length)*float64(t.Right-t.Left-20)))
		t.Stems = append(t.Stems, stem{x, y(sum), y(before), r, sum})
	}
	return t
}
