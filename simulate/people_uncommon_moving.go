package simulate

import "time"

// attends is one of several colleagues at a conference abroad: the hall's one
// address for all of them, the hotel, the phone roaming.
func (p *person) attends() {
	d, s, company := p.dice, p.scene, p.company()
	to := s.elsewhere(company, p.Country)
	hall, hotel := s.wifi(company, to), s.wifi(company, to)
	begins := s.someDay(company, 0.1, 0.85).Truncate(24 * time.Hour)
	k := p.equip()
	usual, room := k.where(p), s.wifi(d, to)
	if d.chance(0.7) {
		room = hotel
	}
	leaves := begins.Add(-d.span(4*time.Hour, 30*time.Hour))
	back := begins.Add(d.span(60*time.Hour, 90*time.Hour))
	p.seats = []*seat{p.seat(func(t time.Time) device {
		switch {
		case t.Before(leaves), t.After(back):
			return usual(t)
		case d.chance(0.25):
			return k.phone
		case t.Hour() >= 8 && t.Hour() < 18 && t.After(begins):
			return k.home.of(hall)
		}
		return k.home.of(room)
	})}
}

// phonesBySix is someone who mostly uses a phone that has IPv6 only: a new /64
// with each reconnection, and the carrier's NAT64 for what has no IPv6.
func (p *person) phonesBySix() {
	d, s := p.dice, p.scene
	k := p.equip()
	var with []*block
	for _, n := range s.plan.in[p.Country][mobile] {
		for _, b := range n.within(p.Country, -1) {
			if b.v6.IsValid() {
				with = append(with, b)
			}
		}
	}
	if len(with) > 0 {
		b := []*block{among(d, with)}
		six := &sixLine{id: d.Uint64(), blocks: b, every: time.Duration(d.between(1, 8)) * time.Hour, devices: 1}
		four := &carrierNAT{id: d.Uint64(), blocks: b[0].net.within(p.Country, -1), every: time.Hour}
		k.phone.on = &either{six, four, d.Uint64(), 0.1 + 0.6*d.Float64(), 10 * time.Minute}
	}
	share, usual := 0.6+0.4*d.Float64(), k.where(p)
	p.seats = []*seat{p.seat(func(t time.Time) device {
		if d.chance(share) {
			return k.phone
		}
		return usual(t)
	})}
}

// livesRemote is someone with a satellite dish: many share an address, and on some
// days the traffic comes down in the country next door.
func (p *person) livesRemote() {
	d, s := p.dice, p.scene
	k := p.equip()
	k.hasOffice = k.hasOffice && d.chance(0.4)
	here, _ := s.exitsOf(d, 14593, p.Country)
	there, ok := s.exitsOf(d, 14593, s.neighbour(d, p.Country))
	if !ok {
		there = here
	}
	here.size, here.keeps = 250, time.Duration(d.between(6, 72))*time.Hour
	there.size, there.keeps = 250, time.Duration(d.between(6, 72))*time.Hour
	k.home.on = &either{&here, &there, d.Uint64(), 0.05 + 0.3*d.Float64(), 16 * time.Hour}
	p.seats = []*seat{p.seat(k.where(p))}
}

// isMisplaced is someone, or a whole company, whose provider moves them into a
// block that the database believes to be abroad, for some days.
func (p *person) isMisplaced() {
	d, s := p.dice, p.scene
	if d.chance(0.5) { // a whole company
		company := p.company()
		k := p.equip()
		k.hasOffice = true
		b := among(company, s.plan.misplaced)
		k.office.on = s.wrongly(company, s.fixedAddress(company, p.Country, fixed), b)
		p.seats = []*seat{p.seat(k.where(p))}
		return
	}
	p.Country = s.world.Home
	k := p.equip()
	k.home.on = s.wrongly(d, k.home.on, among(d, s.plan.misplaced))
	p.seats = []*seat{p.seat(k.where(p))}
}

// wrongly is a line that is in a misplaced block for some days.
func (s *scene) wrongly(d dice, usual access, b *block) access {
	from := s.someDay(d, 0.1, 0.9)
	wrong := &leased{id: d.Uint64(), blocks: []*block{b}, every: time.Duration(d.between(1, 20)) * 24 * time.Hour}
	return &until{usual, &until{wrong, usual, from.Add(d.span(24*time.Hour, 12*24*time.Hour))}, from}
}

// flies is someone who is aboard an airliner every week, changes at a hub, and
// mails from the airport, the cabin and the hub within an afternoon.
func (p *person) flies() {
	d, s := p.dice, p.scene
	k := p.equip()
	at := s.world.Start.Add(d.span(0, 7*24*time.Hour))
	for at.Before(s.world.end()) {
		to := s.elsewhere(d, p.Country)
		x := p.trip(k, to, at)
		cabin, _ := s.exitsOf(d, 64294, "")
		cabin.size, cabin.keeps = 40, time.Duration(d.between(3, 9))*time.Hour
		x.roaming, x.ownPhone = k.home.of(&cabin), 0 // what is not at an airport is aboard
		x.arrives = at.Add(d.span(5*time.Hour, 16*time.Hour))
		x.returns = x.arrives.Add(d.span(12*time.Hour, 60*time.Hour))
		x.back = x.returns.Add(x.arrives.Sub(at))
		x.hasTransit = false
		if d.chance(0.6) {
			hub := s.wifi(d, among(d, []string{"DE", "GB", "FR", "NL", "US", "AE", "TR"}))
			x.roaming.on = &either{&cabin, hub, d.Uint64(), 0.35, 2 * time.Hour}
		}
		p.trips = append(p.trips, x)
		at = x.back.Add(d.span(3*24*time.Hour, 8*24*time.Hour))
	}
	ordinary := k.where(p)
	travelling := p.seat(func(t time.Time) device {
		for _, x := range p.trips {
			if !t.Before(x.leaves) && t.Before(x.back) {
				return x.where(d, t)
			}
		}
		return ordinary(t)
	})
	travelling.rate = max(travelling.rate, 4) // who pays for that has mail to write
	p.seats = []*seat{travelling}
}

// merges is someone who writes to each of hundreds once or twice, out of an old
// address book.
func (p *person) merges() {
	d, s := p.dice, p.scene
	k := p.equip()
	p.seats = []*seat{p.seat(k.where(p))}
	sender := k.home
	if k.hasOffice && d.chance(0.6) {
		sender = k.office
	}
	p.lists = []list{{
		every: d.between(9, 60), first: d.IntN(max(1, s.world.Days)), hour: float64(d.between(9, 20)),
		readers: d.between(60, 400), perMail: 1, gap: d.span(500*time.Millisecond, 6*time.Second), perSession: d.between(1, 40),
		bounces: 0.02 + 0.1*d.Float64(), from: func(time.Time) device { return sender },
	}}
}

// movesDesktop works in a company whose computers become a hoster's from one day
// on; phones stay where they are.
func (p *person) movesDesktop() {
	s, company := p.scene, p.company()
	machines, _ := s.exitsOf(company, among(company, []uint32{16276, 24940, 16509}), "")
	machines.size, machines.keeps = 1, 90*24*time.Hour
	from := s.someDay(company, 0.1, 0.8)
	k := p.equip()
	k.hasOffice = true
	k.office.on = &until{k.office.on, &machines, from}
	k.home.on = &until{k.home.on, &machines, from}
	p.seats = []*seat{p.seat(k.where(p))}
}
