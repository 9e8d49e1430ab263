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

// usual is what a user's days with mail look like: the busiest hour, and the
// whole.
type usual struct {
	day              int32  // the day being counted
	messages         uint32 // of that day
	hour, recipients uint32 // messages, and recipients, of the busiest hour of that day so far
	days             uint16 // days with mail that made the averages
	perDay           spread // messages on a day with mail
	perHour          spread // messages in the busiest hour of such a day
	toHour           spread // recipients in such an hour
}

// spread is how much of something there usually is, and how far that varies.
// Amounts of mail lie orders of magnitude apart, from person to person and from
// a newsletter's day to the next, so that it is their logarithm that has a mean
// and a variance. The most there ever was fades slowly: a newsletter that comes
// once a month is still usual for its sender.
type spread struct{ mean, variance, most float32 }

// mostFades is what a day with mail leaves of the most there ever was.
const mostFades = 0.98

// learn takes one more amount into the average, with a share of the weight.
func (s *spread) learn(amount uint32, share float32) {
	s.most = max(s.most*mostFades, float32(amount))
	off := float32(math.Log1p(float64(amount))) - s.mean
	s.mean += share * off
	s.variance = (1 - share) * (s.variance + share*off*off)
}

// amount is the middle of the spread.
func (s spread) amount() float64 { return math.Expm1(float64(s.mean)) }

// count takes note of one message, given what the last hour held. A day that
// is over goes into the averages of the user, and is answered for those of all
// people.
func (u *usual) count(day int32, lastHour tally) (over usualDay, ended bool) {
	if day != u.day {
		if ended = u.messages > 0; ended {
			over = usualDay{u.messages, u.hour, u.recipients}
			u.days = min(u.days, math.MaxUint16-1) + 1
			u.learn(over, max(1/float32(u.days), 0.1))
		}
		u.day, u.messages, u.hour, u.recipients = day, 0, 0, 0
	}
	u.messages++
	u.hour = max(u.hour, lastHour.messages)
	u.recipients = max(u.recipients, lastHour.recipients)
	return over, ended
}

// usualDay is one user's day with mail: messages of the day, and messages and
// recipients of its busiest hour.
type usualDay struct{ messages, hour, recipients uint32 }

// learnFrom takes a day of one user's into the averages of all people.
func (u *usual) learnFrom(over usualDay) {
	u.days = min(u.days, mostPeopleDays-1) + 1
	u.learn(over, 1/float32(u.days))
}

// learn takes a day into the averages, with a share of the weight.
func (u *usual) learn(over usualDay, share float32) {
	u.perDay.learn(over.messages, share)
	u.perHour.learn(over.hour, share)
	u.toHour.learn(over.recipients, share)
}

// Somebody of whom little is known is taken for one who sends as most people
// of the server do, and on a server of which little is known, as most people.
const (
	priorUsualDays = 1
	mostUsualDays  = 20   // that count against the prior: old ones weigh less
	mostPeopleDays = 5000 // of all people together
)

// mostPeople is what the usual of a server begins with: its weight is that of
// fifty days of people.
func mostPeople() usual {
	return usual{days: 50, perDay: spread{mean: 1.6, variance: 2}, perHour: spread{mean: 1.1, variance: 2}, toHour: spread{mean: 1.6, variance: 2}}
}

// expect is what to expect of a user: the user's own days, as far as there are
// any, and those of people in general.
func (u *usual) expect(own, people spread) spread {
	n := min(float32(u.days), mostUsualDays)
	blend := func(a, b float32) float32 { return (a*n + b*priorUsualDays) / (n + priorUsualDays) }
	return spread{blend(own.mean, people.mean), blend(own.variance, people.variance), own.most}
}

// excess is how far an amount is above what is expected, in standard
// deviations; the fewer days are known, the larger they are. What the user has
// done before is none.
func (u *usual) excess(amount float64, expected spread) float64 {
	if u.days >= settledDays && amount <= float64(expected.most) {
		return 0
	}
	known := min(float64(u.days), mostUsualDays) + priorUsualDays
	return (math.Log1p(amount) - float64(expected.mean)) / math.Sqrt(float64(expected.variance)*(1+1/known))
}

// lately is what was sent in the last day.
func (u *user) lately(now int64) tally { return u.volume.since(now - dayStep) }

// bounceRate is the share of a user's recipients whose mail usually comes back,
// the last day left out: what is being judged is no part of what is usual. Of
// one who has sent little it is what most people's is.
func (u *user) bounceRate(lately tally) float64 {
	const (
		prior           = 0.03
		priorRecipients = 60
	)
	bounces := max(0, float64(u.cameBack)-float64(lately.bounces))
	recipients := max(0, float64(u.sentTo)-float64(lately.delivered))
	return (bounces + prior*priorRecipients) / (recipients + priorRecipients)
}
