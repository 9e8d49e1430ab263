package simulate

import (
	"math"
	"time"
)

// person is one account's rightful owner, or the server or the desks behind it.
type person struct {
	Person
	dice    dice
	scene   *scene
	seats   []*seat
	bounces float64
	sizes   float64 // median size of a message in bytes
	lists   []list
	city    int
	trips   []trip
	line    access   // at home
	vpn     *network // whose VPN they use, if any
}

// seat is a place at which an account is used by its own daily rhythm. Most
// people have one; a shared mailbox has several.
type seat struct {
	rate    float64 // messages on a working day
	weekend float64
	logins  float64            // Dovecot logins a day
	shift   time.Duration      // how far its clock is ahead of the server's
	clock   func(dice) float64 // hour of the day at which something happens
	active  func(t time.Time) bool
	where   func(t time.Time) device
}

// list is a newsletter: how often, to how many, how fast.
type list struct {
	every, first int // days
	hour         float64
	readers      int
	perMail      int           // recipients of one message; 1 for mail merge
	gap          time.Duration // between messages
	perSession   int
	bounces      float64
	from         func(t time.Time) device
}

// day is what the account does between two midnights.
func (p *person) day(midnight time.Time) []session {
	var out []session
	for _, s := range p.seats {
		out = append(out, p.sit(s, midnight)...)
	}
	for _, l := range p.lists {
		out = append(out, p.campaign(l, midnight)...)
	}
	return out
}

func (p *person) sit(s *seat, midnight time.Time) []session {
	d, w := p.dice, p.scene.world
	busy := d.spread(0.4)
	if day := midnight.Weekday(); day == time.Saturday || day == time.Sunday {
		busy *= s.weekend
	}
	var out []session
	for n := d.count(s.rate * busy); n > 0; n-- {
		at := p.moment(s, midnight)
		if s.active != nil && !s.active(at) {
			continue
		}
		v := s.where(at)
		if d.chance(w.TypoPerDay / max(1, s.rate)) {
			tries := 1
			if d.chance(0.2) { // a program that keeps trying the old password
				tries = d.between(3, 15)
			}
			for range tries {
				out = append(out, v.mistype(at.Add(-d.span(10*time.Second, 15*time.Minute)), p.User))
			}
		}
		mails := []mail{p.letter()}
		for n > 1 && d.chance(0.15) { // an outbox is emptied
			next := p.letter()
			next.gap = d.span(time.Second, 20*time.Second)
			mails, n = append(mails, next), n-1
		}
		out = append(out, v.submit(at, p.User, mails...))
	}
	if !w.WithDovecot {
		return out
	}
	for n := d.count(s.logins); n > 0; n-- {
		at := p.moment(s, midnight)
		if s.active == nil || s.active(at) {
			out = append(out, s.where(at).read(at, p.User))
		}
	}
	return out
}

// moment draws a time of the day by the seat's clock.
func (p *person) moment(s *seat, midnight time.Time) time.Time {
	at := time.Duration(s.clock(p.dice)*float64(time.Hour)) - s.shift
	const day = 24 * time.Hour
	return midnight.Add(((at % day) + day) % day)
}

// letter is an ordinary message: mostly to one, sometimes to many.
func (p *person) letter() mail {
	to := 1
	if mean := p.scene.world.Recipients; p.dice.chance(min(0.8, (mean-1)/2)) {
		to = 2 + min(60, int(p.dice.ExpFloat64()*p.dice.ExpFloat64()*2.5))
	}
	return mail{sender: p.User, to: to, bounces: p.bounces, inside: 0.15, size: p.size()}
}

func (p *person) size() int {
	return 900 + int(math.Min(20e6, p.sizes*p.dice.spread(1.4)))
}

// campaign sends a list's issue, if today is its day.
func (p *person) campaign(l list, midnight time.Time) []session {
	day := int(midnight.Sub(p.scene.world.Start) / (24 * time.Hour))
	if day < l.first || (day-l.first)%l.every != 0 {
		return nil
	}
	at := midnight.Add(time.Duration((l.hour + p.dice.Float64()) * float64(time.Hour)))
	size := p.size()
	var out []session
	for left := l.readers; left > 0; {
		var mails []mail
		length := time.Duration(0)
		for n := 0; n < l.perSession && left > 0; n++ {
			gap := p.dice.wait(l.gap)
			to := min(left, l.perMail)
			mails = append(mails, mail{gap: gap, sender: p.User, to: to, bounces: l.bounces, size: size})
			left -= to
			length += gap + 200*time.Millisecond
		}
		out = append(out, l.from(at).submit(at, p.User, mails...))
		at = at.Add(length + p.dice.span(time.Second, 5*time.Second))
	}
	return out
}

// officeHours is a clock with two humps, a lunch between them and some
// evenings (RBA, Wiefling 2022: about seven times as many logins at 9-19 h as
// at 0-3 h).
func officeHours(d dice) float64 {
	switch x := d.Float64(); {
	case x < 0.45:
		return clockHour(10.3 + 1.2*d.NormFloat64())
	case x < 0.8:
		return clockHour(16.0 + 1.5*d.NormFloat64())
	case x < 0.96:
		return clockHour(20.5 + 1.6*d.NormFloat64())
	default:
		return 24 * d.Float64()
	}
}

// roundTheClock is a server's.
func roundTheClock(d dice) float64 { return 24 * d.Float64() }

func clockHour(h float64) float64 { return math.Mod(h+24, 24) }
