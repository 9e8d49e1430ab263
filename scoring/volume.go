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
	delivered                              uint32 // recipients of what was not held: those that can bounce
	// The same, of what came from strange places.
	strangeMessages, strangeRecipients, strangeBounces uint32
}

func (t *tally) add(u tally) {
	t.messages += u.messages
	t.recipients += u.recipients
	t.bounces += u.bounces
	t.rejects += u.rejects
	t.delivered += u.delivered
	t.strangeMessages += u.strangeMessages
	t.strangeRecipients += u.strangeRecipients
	t.strangeBounces += u.strangeBounces
}

// overrule forgets what speaks against a user and leaves what was sent.
func (t *tally) overrule() {
	t.bounces, t.rejects = 0, 0
	t.strangeMessages, t.strangeRecipients, t.strangeBounces = 0, 0, 0
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
	*v = append(roomy(list.trimmed(now)), step{start, t})
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

// usual is what a user's days look like: the busiest hour, and the whole.
type usual struct {
	day      int32   // the day being counted
	messages uint32  // of that day
	hour     tally   // the busiest hour of that day so far
	days     uint16  // days with mail that made the averages
	perDay   float32 // messages on a day with mail
	perHour  float32 // messages in the busiest hour of such a day
	toHour   float32 // recipients in such an hour
}

// count takes note of one message, given what the last hour held. A day that
// is over goes into the averages.
func (u *usual) count(day int32, lastHour tally) {
	if day != u.day {
		u.close()
		u.day, u.messages, u.hour = day, 0, tally{}
	}
	u.messages++
	u.hour.messages = max(u.hour.messages, lastHour.messages)
	u.hour.recipients = max(u.hour.recipients, lastHour.recipients)
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
	u.perHour += (float32(u.hour.messages) - u.perHour) * share
	u.toHour += (float32(u.hour.recipients) - u.toHour) * share
}

// Somebody of whom little is known is taken for one who sends as little as
// most people do.
const (
	priorUsualDays  = 2
	priorPerDay     = 4
	priorPerHour    = 2
	priorRecipients = 5
)

// bounceRate is the share of a user's recipients whose mail usually comes back,
// the last day left out: what is being judged is no part of what is usual. Of
// one who has sent little it is what most people's is.
func (u *user) bounceRate(now int64) float64 {
	const (
		prior           = 0.03
		priorRecipients = 60
	)
	today := u.volume.since(now - dayStep)
	bounces := max(0, float64(u.cameBack)-float64(today.bounces))
	recipients := max(0, float64(u.sentTo)-float64(today.delivered))
	return (bounces + prior*priorRecipients) / (recipients + priorRecipients)
}

func (u *usual) expect(own, prior float32) float64 {
	return float64((own*float32(u.days) + prior*priorUsualDays) / (float32(u.days) + priorUsualDays))
}
