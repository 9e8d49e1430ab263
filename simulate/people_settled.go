package simulate

import "time"

// works is the life of most: office, home, phone.
func (p *person) works() {
	if p.Kind == Office && p.dice.chance(p.scene.world.Holidays) {
		p.travels()
		p.trips = p.trips[:min(1, len(p.trips))]
		return
	}
	k := p.equip()
	p.seats = []*seat{p.seat(k.where(p))}
}

// joins is someone whose account is made during the log: nothing is known of
// them before. Some work from another country from the first day.
func (p *person) joins() {
	if p.dice.chance(0.2) {
		p.Country = p.scene.elsewhere(p.dice, p.Country)
	}
	p.works()
	w := p.scene.world
	first := w.Start.AddDate(0, 0, 1+p.dice.IntN(max(1, w.Days-2)))
	p.seats[0].active = func(t time.Time) bool { return t.After(first) }
}

// usesSix is someone whose lines have IPv6, so that each day brings another
// host part, and now and then another prefix. The office may still be on IPv4.
func (p *person) usesSix() {
	k := p.equip()
	if on, ok := p.scene.sixHome(p.dice, p.Country, fixed); ok {
		k.home.on = on
	}
	if on, ok := p.scene.sixHome(p.dice, p.Country, mobile); ok && p.dice.chance(0.6) {
		k.phone.on = on
	}
	if p.dice.chance(0.4) {
		k.hasOffice = false
	}
	p.seats = []*seat{p.seat(k.where(p))}
}

// moves is someone who leaves for another country for good, the phone roaming
// until there is a local contract.
func (p *person) moves() {
	d, w := p.dice, p.scene.world
	from := p.equip()
	from.hasOffice = from.hasOffice && d.chance(0.5)
	to := p.equipIn(p.scene.elsewhere(d, p.Country))
	leaves := w.Start.AddDate(0, 0, 2+d.IntN(max(1, w.Days-4))).Add(d.span(6*time.Hour, 18*time.Hour))
	arrives := leaves.Add(d.span(4*time.Hour, 60*time.Hour))
	newCard := arrives.Add(d.span(0, 14*24*time.Hour))
	before, after := from.where(p), to.where(p)
	s := p.seat(func(t time.Time) device {
		switch {
		case t.Before(leaves):
			return before(t)
		case t.Before(arrives):
			return from.phone
		}
		v := after(t)
		if v.on == to.phone.on && t.Before(newCard) {
			return from.phone
		}
		return v
	})
	p.seats = []*seat{s}
}

// commutes is someone who lives across the border from work; the phone is on
// a card of either country.
func (p *person) commutes() {
	d := p.dice
	k := p.equip()
	across := p.scene.neighbour(d, p.Country)
	k.home.on = p.scene.homeLine(d, across, d.IntN(citiesPerCountry))
	if d.chance(0.4) {
		k.phone.on = p.scene.phone(d, across)
	}
	k.hasOffice, k.homeDays = true, 0.3*d.Float64()
	if p.Country != p.scene.world.Home {
		k.office.on = p.scene.fixedAddress(d, p.Country, fixed)
	}
	abroad := p.scene.phone(d, across) // near the border a phone takes either network
	usual, roams := k.where(p), d.Float64()*0.2
	p.seats = []*seat{p.seat(func(t time.Time) device {
		v := usual(t)
		if v.on == k.phone.on && d.chance(roams) {
			v.on = abroad
		}
		return v
	})}
}

// goesAway is someone who sends nothing for weeks, and then from a new
// address: another provider at home, or from abroad.
func (p *person) goesAway() {
	d, w := p.dice, p.scene.world
	before := p.equip()
	country := p.Country
	if d.chance(0.3) {
		country = p.scene.elsewhere(d, p.Country)
	}
	after := p.equipIn(country)
	after.office, after.hasOffice = before.office, before.hasOffice && country == p.Country && d.chance(0.5)
	days := min(w.Days*2/3, d.between(9, 20))
	leaves := w.Start.AddDate(0, 0, d.IntN(max(1, w.Days-days)))
	returns := leaves.AddDate(0, 0, days)
	old, fresh := before.where(p), after.where(p)
	s := p.seat(func(t time.Time) device {
		if t.Before(returns) {
			return old(t)
		}
		return fresh(t)
	})
	s.active = func(t time.Time) bool { return t.Before(leaves) || !t.Before(returns) }
	p.seats = []*seat{s}
}

// wanders is someone who works wherever there is a guest network.
func (p *person) wanders() {
	k := p.equip()
	k.hasOffice = false
	hours := time.Duration(p.dice.between(3, 24))
	k.home.on = p.scene.guest(p.dice, p.Country, hours*time.Hour)
	p.seats = []*seat{p.seat(k.where(p))}
}

// balances is someone whose office deals connections to two providers.
func (p *person) balances() {
	k := p.equip()
	one, other := k.office.on, p.scene.homeLine(p.dice, p.Country, p.city)
	if !k.hasOffice {
		one = k.home.on
	}
	both := &either{one, other, p.dice.Uint64(), 0.2 + 0.6*p.dice.Float64(), time.Minute}
	k.office.on = both
	if !k.hasOffice {
		k.home.on = both
	}
	p.seats = []*seat{p.seat(k.where(p))}
}
