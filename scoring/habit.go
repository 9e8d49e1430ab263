package scoring

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// maxHabits bounds how many countries, networks or blocks are remembered for
// one user, each. A commuter has two networks a country; who has more than
// this is a relay or a thief, and the least used are forgotten.
const maxHabits = 20

// habit is the memory that a user has been in a country, a network or a block.
type habit struct {
	key    uint32  // country code, AS number, or a block's hash
	weight float32 // days of use, faded up to day
	day    int32   // last day of use, in days since 1970
}

// habits is what a user is known to use, of one kind. Memory fades, so that
// last year's holiday is new again and a new home is usual after some days.
type habits []habit

func (hs habits) find(key uint32) *habit {
	for i := range hs {
		if hs[i].key == key {
			return &hs[i]
		}
	}
	return nil
}

// weight is the number of days of use that are left of it on a day.
func (hs habits) weight(key uint32, day int32, fade *fading) float64 {
	h := hs.find(key)
	if h == nil {
		return 0
	}
	return h.faded(day, fade)
}

func (h *habit) faded(day int32, fade *fading) float64 {
	if day <= h.day {
		return float64(h.weight)
	}
	return float64(h.weight) * fade.after(day-h.day)
}

// fading is how much of a weight is left after so many days. Each submission asks
// for some tens of weights, mostly of the last weeks: those are worked out before.
type fading struct {
	halfLife float64 // days
	left     [64]float64
}

func newFading(halfLife time.Duration) *fading {
	f := &fading{halfLife: halfLife.Hours() / 24}
	for days := range f.left {
		f.left[days] = f.workOut(days)
	}
	return f
}

func (f *fading) after(days int32) float64 {
	if int(days) < len(f.left) {
		return f.left[days]
	}
	return f.workOut(int(days))
}

func (f *fading) workOut(days int) float64 { return math.Exp2(-float64(days) / f.halfLife) }

// before is what was left of a weight, and of all weights together, when a day
// began: what is used today may be a thief's doing.
func (hs habits) before(key uint32, day int32, fade *fading) (own, total float64) {
	for i := range hs {
		w := hs[i].faded(day, fade)
		if hs[i].day == day {
			w = max(0, w-1)
		}
		total += w
		if hs[i].key == key {
			own = w
		}
	}
	return own, total
}

// use records one use on a day and tells whether it was the first that day. A
// day counts once, however much is sent on it: thousands of messages in one
// night make nobody at home.
func (hs *habits) use(key uint32, day int32, fade *fading) (firstToday bool) {
	h := hs.find(key)
	if h == nil {
		h = hs.add(habit{key: key, day: day}, fade)
		h.weight = 1
		return true
	}
	if day <= h.day {
		return false
	}
	h.weight = float32(h.faded(day, fade) + 1)
	h.day = day
	return true
}

func (hs *habits) add(h habit, fade *fading) *habit {
	if len(*hs) < maxHabits {
		*hs = append(roomy(*hs), h)
		return &(*hs)[len(*hs)-1]
	}
	least := 0
	for i := range *hs {
		if (*hs)[i].faded(h.day, fade) < (*hs)[least].faded(h.day, fade) {
			least = i
		}
	}
	(*hs)[least] = h
	return &(*hs)[least]
}

// strengthen makes a habit worth at least so many days.
func (hs habits) strengthen(key uint32, days float32) {
	if h := hs.find(key); h != nil {
		h.weight = max(h.weight, days)
	}
}

// mostUsed answers the habits of the greatest weight, that one first.
func (hs habits) mostUsed(day int32, fade *fading, most int) habits {
	sorted := slices.Clone(hs)
	slices.SortFunc(sorted, func(a, b habit) int {
		return cmp.Compare(b.faded(day, fade), a.faded(day, fade))
	})
	return sorted[:min(len(sorted), most)]
}
