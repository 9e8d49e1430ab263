package simulate

import "time"

// settleUncommon gives a person of an uncommon kind its life.
func (p *person) settleUncommon() {
	switch p.Kind {
	case Seafarer:
		p.sails()
	case Exchange:
		p.studiesAbroad()
	case NewProvider:
		p.changesProvider()
	case CloudClient:
		p.movesToClient()
	case SecureAccess:
		p.leavesByService()
	case ESIM:
		p.travelsWithCard()
	case Family:
		p.sharesHouseholds()
	case Scanner:
		p.scans()
	case Helpdesk:
		p.answersTickets()
	case Conference:
		p.attends()
	case SixMobile:
		p.phonesBySix()
	case Satellite:
		p.livesRemote()
	case Misplaced:
		p.isMisplaced()
	case Flyer:
		p.flies()
	case MailMerge:
		p.merges()
	case CloudDesktop:
		p.movesDesktop()
	default:
		p.works()
	}
}

// sails is someone who is aboard a ship for weeks. The satellite's teleport
// changes with the ocean, the port with the week.
func (p *person) sails() {
	d, s := p.dice, p.scene
	k := p.equip()
	ashore := k.where(p)
	boards := s.world.Start.Add(d.span(-20*24*time.Hour, 17*24*time.Hour))
	leaves := boards.Add(d.span(14*24*time.Hour, 60*24*time.Hour))
	asn := among(d, []uint32{5377, 29286, 14593})
	teleports, _ := s.exitsOf(d, asn, "")
	teleports.size, teleports.keeps = 3, time.Duration(d.between(4, 15))*24*time.Hour
	ports := []access{s.phone(d, s.elsewhere(d, p.Country)), s.phone(d, s.elsewhere(d, p.Country)), s.phone(d, s.elsewhere(d, p.Country))}
	seed := d.Uint64()
	p.seats = []*seat{p.seat(func(t time.Time) device {
		if t.Before(boards) || t.After(leaves) {
			return ashore(t)
		}
		if day := mix(seed, epoch(t, 24*time.Hour, 0)); day%5 == 0 && d.chance(0.6) {
			return k.phone.of(ports[epoch(t, 7*24*time.Hour, 0)%3])
		}
		return k.home.of(&teleports)
	})}
}

// studiesAbroad is someone who leaves for a semester; the computer that stays at
// home goes on reading.
func (p *person) studiesAbroad() {
	d, s := p.dice, p.scene
	k := p.equip()
	k.hasOffice = false
	to := s.elsewhere(d, p.Country)
	away := p.equipIn(to)
	away.hasOffice = false
	away.home.on = s.wifi(d, to) // a hall of residence
	leaves := s.someDay(d, 0.1, 0.8)
	before, after := k.where(p), away.where(p)
	student := p.seat(func(t time.Time) device {
		if t.Before(leaves) {
			return before(t)
		}
		return after(t)
	})
	stays := p.seat(func(time.Time) device { return k.home })
	stays.rate, stays.clock = 0, roundTheClock
	p.seats = []*seat{student, stays}
}

// changesProvider works in a company whose line is another provider's from one
// morning on.
func (p *person) changesProvider() {
	company := p.company()
	before := p.scene.fixedAddress(company, p.Country, fixed)
	after := p.scene.fixedAddress(company, p.Country, fixed)
	k := p.equip()
	k.hasOffice = true
	k.office.on = &until{before, after, p.scene.someDay(company, 0.2, 0.9)}
	p.seats = []*seat{p.seat(k.where(p))}
}

// movesToClient is someone who takes to a mail program that leaves the password
// with its maker, whose many servers then read and send.
func (p *person) movesToClient() {
	d, s := p.dice, p.scene
	k := p.equip()
	machines, _ := s.exitsOf(d, 16509, "US")
	machines.size, machines.keeps = 300, time.Duration(d.between(2, 90))*time.Minute
	from, share, usual := s.someDay(d, 0, 0.8), 0.4+0.6*d.Float64(), k.where(p)
	v := p.client().of(&machines)
	p.seats = []*seat{p.seat(func(t time.Time) device {
		if t.After(from) && d.chance(share) {
			return v
		}
		return usual(t)
	})}
}

// leavesByService works in a company all of whose computers leave by a security
// service: mostly by the node at home, or the nearest, for hours by another one.
func (p *person) leavesByService() {
	s, company := p.scene, p.company()
	near, ok := s.exitsOf(company, 62044, p.Country)
	if !ok {
		near, _ = s.exitsOf(company, 62044, among(company, []string{"DE", "US", "GB"}))
	}
	other, _ := s.exitsOf(company, 62044, among(company, []string{"FR", "NL", "CH", "ES"}))
	for _, node := range []*pool{&near, &other} {
		node.size, node.keeps = 8, 8*time.Hour
	}
	service := &either{&near, &other, company.Uint64(), 0.05 + 0.2*company.Float64(), 5 * time.Hour}
	from := s.someDay(company, -0.5, 0.8)
	k := p.equip()
	k.hasOffice = true
	k.office.on = &until{k.office.on, service, from}
	k.home.on = &until{k.home.on, service, from} // the computer takes the service home
	p.seats = []*seat{p.seat(k.where(p))}
}

// travelsWithCard is a traveller whose phone has a card of a worldwide seller: its
// data comes out in Warsaw or Singapore wherever the phone is.
func (p *person) travelsWithCard() {
	d := p.dice
	card := p.scene.phone(d, among(d, []string{"PL", "SG", "HK", "GB", "FR"}))
	p.travels()
	for i := range p.trips {
		x := &p.trips[i]
		x.hasLocal, x.local = true, x.local.of(card)
	}
}

// sharesHouseholds is a family with one account and households in two countries.
func (p *person) sharesHouseholds() {
	d, s := p.dice, p.scene
	there := s.elsewhere(d, p.Country)
	for i, country := range []string{p.Country, there} {
		k := p.equipIn(country)
		k.hasOffice = k.hasOffice && i == 0
		home := p.seat(k.where(p))
		home.shift = s.zoneShift(country)
		if i > 0 && d.chance(0.5) { // somebody has moved out
			from := s.someDay(d, 0, 0.9)
			home.active = func(t time.Time) bool { return t.After(from) }
		}
		p.seats = append(p.seats, home)
	}
}

// scans is someone whose account is entered in the office's scanner, too, which
// sends on while its owner is under way.
func (p *person) scans() {
	d, s := p.dice, p.scene
	p.travels()
	line := s.fixedAddress(d, p.Country, fixed)
	machine := p.seat(func(time.Time) device { return device{on: line, method: "LOGIN", service: "submission"} })
	machine.rate, machine.weekend, machine.logins = float64(d.between(2, 25)), 0, 0
	p.seats = append(p.seats, machine)
}

// answersTickets is a ticket system: confirmations at once, answers in working
// hours. From one day on it runs at a hoster.
func (p *person) answersTickets() {
	d, s := p.dice, p.scene
	hoster := among(d, []uint32{16509, 24940, 16276, 14061})
	machines, _ := s.exitsOf(d, hoster, "")
	machines.size, machines.keeps = 2, 6*24*time.Hour
	machines.blocks = machines.blocks[:1]
	v := p.client()
	v.on = &until{s.fixedAddress(d, p.Country, fixed), &machines, s.someDay(d, 0.1, 0.9)}
	system := p.seat(func(time.Time) device { return v })
	system.rate, system.weekend, system.logins = float64(d.between(15, 250)), 0.3, 96
	p.seats = []*seat{system}
}
