package scoring

import (
	"math"
	"time"
)

// Volume is counted in steps that grow with age: of five minutes up to an
// hour, of an hour up to a day, of a day up to eight days. A window covers the
// steps that begin in it.
const (
	fineStep   = int64(5 * time.Minute / time.Second)
	hourStep   = int64(time.Hour / time.Second)
	dayStep    = int64(24 * time.Hour / time.Second)
	volumeLife = 8 * dayStep
)

// step is what a user sent in a stretch of time.
type step struct {
	start int64 // Unix seconds
	tally
}

// tally counts messages and what became of them.
type tally struct {
	messages, recipients, bounces, rejects uint32
	// The same, of what came from strange places.
	strangeMessages, strangeRecipients, strangeBounces uint32
}

func (t *tally) add(u tally) {
	t.messages += u.messages
	t.recipients += u.recipients
	t.bounces += u.bounces
	t.rejects += u.rejects
	t.strangeMessages += u.strangeMessages
	t.strangeRecipients += u.strangeRecipients
	t.strangeBounces += u.strangeBounces
}

// volume is what a user sent lately, in order of time.
type volume []step

// add counts t at a time. A time before the last step, as lines out of order
// have it, counts in the last.
func (v *volume) add(now int64, t tally) {
	list := *v
	start := now - now%fineStep
	if n := len(list); n > 0 && list[n-1].start >= start {
		list[n-1].add(t)
		return
	}
	list.merge(now)
	*v = append(list.trimmed(now), step{start, t})
}

// merge folds steps that have grown old into longer ones, in place.
func (v *volume) merge(now int64) {
	list := *v
	kept := list[:0]
	for _, s := range list {
		length := fineStep
		switch age := now - s.start; {
		case age > dayStep+hourStep:
			length = dayStep
		case age > 2*hourStep:
			length = hourStep
		}
		start := s.start - s.start%length
		if n := len(kept); n > 0 && kept[n-1].start >= start {
			kept[n-1].add(s.tally)
			continue
		}
		if n := len(kept); n == 0 || start > kept[n-1].start {
			s.start = start
		}
		kept = append(kept, s)
	}
	*v = kept
}

func (v volume) trimmed(now int64) volume {
	i := 0
	for i < len(v) && now-v[i].start > volumeLife {
		i++
	}
	return append(v[:0], v[i:]...)
}

// since sums up what was sent after a time.
func (v volume) since(t int64) (sum tally) {
	for i := len(v) - 1; i >= 0 && v[i].start > t-fineStep; i-- {
		sum.add(v[i].tally)
	}
	return sum
}

// usual is what a user's busiest hour and an average day look like.
type usual struct {
	day      int32   // the day being counted
	messages uint32  // of that day
	peak     uint32  // the busiest hour of that day so far
	days     uint16  // days with mail that made the averages
	perDay   float32 // messages on a day with mail
	perHour  float32 // messages in the busiest hour of such a day
}

// count takes note of one message when the last hour held lastHour. A day that
// is over goes into the averages, an odd one with little weight.
func (u *usual) count(day int32, lastHour uint32) {
	if day != u.day {
		u.close()
		u.day, u.messages, u.peak = day, 0, 0
	}
	u.messages++
	u.peak = max(u.peak, lastHour)
}

func (u *usual) close() {
	if u.messages == 0 {
		return
	}
	if u.days < math.MaxUint16 {
		u.days++
	}
	share := max(1/float32(u.days), 0.1)
	u.perDay += (float32(u.messages) - u.perDay) * share
	u.perHour += (float32(u.peak) - u.perHour) * share
}
