package simulate

import "time"

// sharesDesks is a mailbox that several people use at once, in three
// countries, each with computer and phone and by local time.
func (p *person) sharesDesks() {
	d, s := p.dice, p.scene
	where := []string{p.Country, s.elsewhere(d, p.Country), s.elsewhere(d, p.Country)}
	for i, country := range where {
		k := p.equipIn(country)
		desk := p.seat(k.where(p))
		desk.shift = s.zoneShift(country)
		desk.rate = min(40, desk.rate*(0.5+d.Float64()*2))
		if i > 0 && d.chance(0.3) { // a desk opened during the log
			opens := s.world.Start.AddDate(0, 0, d.IntN(max(1, s.world.Days)))
			desk.active = func(t time.Time) bool { return t.After(opens) }
		}
		p.seats = append(p.seats, desk)
	}
}

// serves is a company's own server that relays through one account, behind a
// dynamic line: invoices and alarms around the clock, a newsletter at times.
func (p *person) serves() {
	d, s := p.dice, p.scene
	v := p.client()
	v.on = s.homeLine(d, p.Country, p.city)
	if d.chance(0.6) { // most are renumbered daily
		net := s.plan.pick(d, p.Country, fixed)
		v.on = &leased{id: d.Uint64(), blocks: net.within(p.Country, p.city), every: 24 * time.Hour,
			phase: d.span(0, 24*time.Hour), moves: min(1, s.world.OtherPrefix)}
	}
	if d.chance(0.15) { // a second line takes over for some hours
		v.on = &either{v.on, s.phone(d, p.Country), d.Uint64(), 0.03, 5 * time.Hour}
	}
	use := func(time.Time) device { return v }
	server := p.seat(use)
	server.rate, server.weekend, server.clock = min(400, 60*d.spread(0.8)), 0.5, roundTheClock
	server.logins = 0
	p.seats = []*seat{server}
	p.bounces *= 1.5
	p.lists = []list{p.newsletter(use, d.between(150, 2500))}
}

// publishes is a person who also mails a list, with the bounces that an old
// list brings.
func (p *person) publishes() {
	k := p.equip()
	usual := k.where(p)
	p.seats = []*seat{p.seat(usual)}
	sender := k.home
	if k.hasOffice {
		sender = k.office
	}
	p.lists = []list{p.newsletter(func(time.Time) device { return sender }, p.dice.between(100, 1500))}
}

// newsletter draws a list's habits: one message a reader, or the readers in
// blind copy.
func (p *person) newsletter(from func(time.Time) device, readers int) list {
	d, w := p.dice, p.scene.world
	l := list{
		every: among(d, []int{3, 7, 7, 7, 14}), hour: float64(d.between(7, 18)), readers: readers, perMail: 1,
		gap: d.span(300*time.Millisecond, 8*time.Second), perSession: d.between(1, 40),
		bounces: min(0.5, w.ListBounces*d.spread(0.3)), from: from,
	}
	l.first = d.IntN(l.every)
	if d.chance(0.3) {
		l.perMail, l.gap = d.between(20, 90), d.span(5*time.Second, time.Minute)
	}
	return l
}
