package simulate

import "time"

// uncommon gives from where and how fast a theft of an uncommon manner sends;
// false for the others.
func (t *thief) uncommon(name string) (source, tempo, bool) {
	d, home := t.dice, t.scene.world.Home
	switch name {
	case AfterHoliday:
		return t.holidayPlace(), t.hourly(d.between(5, 200), t.volume(40, 800), d.between(1, 3)), true
	case OfficeHours:
		pace := t.hourly(d.between(4, 40), t.volume(40, 600), 1)
		pace.works = t.scene.atWork
		return t.rented(home), pace, true
	case HomeCloud:
		draw := func() host { return t.address(home, hosting) }
		return reuse(d, d.between(20, 300), draw), t.hourly(d.between(10, 400), t.volume(60, 2000), 1), true
	case LookAround:
		return t.foreignHome(), t.hourly(d.between(10, 150), t.volume(60, 900), d.between(1, 3)), true
	case BEC, BECNear:
		t.recipients, t.bounces = 1, 0
		gap := func() time.Duration { return t.paced(d.span(20*time.Minute, 9*time.Hour)) }
		from := t.rented(home)
		if name == BEC {
			from = t.foreignHome()
		}
		return from, tempo{messages: d.between(4, 15), gap: gap, session: 1, works: t.scene.atWork}, true
	case Wide:
		t.recipients = 500 // so nearly all have the hundred that Postfix takes at most
		from := t.foreignHome()
		if d.chance(0.4) {
			from = t.homeBulk()
		}
		return from, t.hourly(d.between(2, 12), t.volume(8, 60), 1), true
	case SameVPN:
		return t.sameVPN(), t.hourly(d.between(8, 200), t.volume(60, 1200), d.between(1, 3)), true
	case Tunnel:
		return t.tunnelled(), t.hourly(d.between(20, 300), t.volume(60, 1500), d.between(1, 3)), true
	case OwnLine:
		on := t.victimOf(0).line
		return func() host { return on.at(t.now) }, t.hourly(d.between(30, 600), t.volume(100, 2500), d.between(1, 10)), true
	case Contacts:
		t.bounces, t.recipients = 0.01, float64(d.between(1, 5))
		from := t.foreignHome()
		if d.chance(0.5) {
			from = t.botnet(d.between(10, 100))
		}
		return from, t.hourly(d.between(15, 120), t.volume(40, 400), d.between(1, 3)), true
	case Warp:
		return t.warped(), t.hourly(d.between(8, 200), t.volume(60, 1200), d.between(1, 3)), true
	}
	return nil, tempo{}, false
}

// victimOf is the owner of the i-th stolen account.
func (t *thief) victimOf(i int) *person {
	for _, p := range t.scene.people {
		if p.User == t.marks[i].User {
			return p
		}
	}
	return nil
}

// lastTrip is the victim's first trip that ends in a span of time.
func (t *thief) lastTrip(first, last time.Time) (trip, bool) {
	for _, x := range t.victimOf(0).trips {
		if x.back.After(first) && x.back.Before(last) {
			return x, true
		}
	}
	return trip{}, false
}

// holidayPlace is the very network of the victim's hotel, or some line of the
// same country.
func (t *thief) holidayPlace() source {
	x, ok := t.lastTrip(t.span(AfterHoliday))
	if !ok {
		return t.foreignHome()
	}
	h := x.hotel.on.at(x.returns)
	if t.dice.chance(0.6) {
		h = t.address(x.to, fixed)
	}
	return func() host { return h }
}

// rented is one exit of a VPN, or a rented server, in a country.
func (t *thief) rented(country string) source {
	sells := hosting
	if len(t.scene.plan.in[country][vpn]) > 0 && t.dice.chance(0.7) {
		sells = vpn
	}
	h := t.address(country, sells)
	return func() host { return h }
}

// sameVPN draws exits of the provider that the victim uses, in the same countries
// or in others.
func (t *thief) sameVPN() source {
	net := t.victimOf(0).vpn
	if net == nil {
		net = among(t.dice, t.scene.providers())
	}
	b := among(t.dice, net.blocks)
	return reuse(t.dice, t.dice.between(1, 8), func() host {
		if t.dice.chance(0.3) {
			b = among(t.dice, net.blocks)
		}
		return net.named(b.four(t.dice.Uint64()))
	})
}

// tunnelled has a tunnel's /48 to itself: an address of another /64 each time.
func (t *thief) tunnelled() source {
	var blocks []*block
	for _, n := range t.scene.plan.networks {
		if n.sells == tunnel {
			blocks = n.blocks
		}
	}
	b, site := among(t.dice, blocks), t.dice.Uint64()&^0xffff
	return func() host { return b.net.named(b.six(site|t.dice.Uint64()&0xffff, t.dice.Uint64())) }
}

// warped draws exits of a private relay: in the home country as honest users of it
// have them, or anywhere.
func (t *thief) warped() source {
	country := t.scene.world.Home
	if t.dice.chance(0.5) {
		country = among(t.dice, t.scene.plan.codes)
	}
	machines, _ := t.scene.exitsOf(t.dice, 13335, country)
	return reuse(t.dice, t.dice.between(3, 100), func() host {
		b := among(t.dice, machines.blocks)
		return b.net.named(b.four(t.dice.Uint64()))
	})
}

// atWork is the next moment of the server's working hours.
func (s *scene) atWork(t time.Time) time.Time {
	for {
		midnight := t.Add(-t.Sub(s.world.Start) % (24 * time.Hour))
		open, closed := midnight.Add(8*time.Hour+30*time.Minute), midnight.Add(18*time.Hour)
		switch day := midnight.In(s.world.Start.Location()).Weekday(); {
		case day == time.Saturday || day == time.Sunday || !t.Before(closed):
			t = midnight.Add(24 * time.Hour)
		case t.Before(open):
			return open.Add(time.Duration(mix(uint64(t.UnixNano())) % uint64(time.Hour)))
		default:
			return t
		}
	}
}

// looksAround plots what the thief reads in the days before.
func (t *thief) looksAround(at time.Time, from source) {
	if !t.scene.world.WithDovecot {
		return
	}
	first := at.Add(-t.dice.span(2*24*time.Hour, 6*24*time.Hour))
	for range t.dice.between(4, 30) {
		if look := first.Add(t.dice.span(0, at.Sub(first))); look.After(t.scene.world.Start) {
			t.scene.plot(session{at: look, does: reads, from: from(), user: t.marks[0].User, method: t.method, theft: t.marks[0]})
		}
	}
}
