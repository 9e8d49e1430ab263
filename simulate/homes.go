package simulate

import (
	"time"
)

// homeLine is a line to a house: renumbered daily, or when the router loses
// its power once in weeks, or hardly ever.
func (s *scene) homeLine(d dice, country string, city int) access {
	net := s.plan.pick(d, country, fixed)
	every := time.Duration(d.between(6, 40)) * 24 * time.Hour
	switch x := d.Float64(); {
	case x < s.world.Renumbered:
		every = 24 * time.Hour
	case x < s.world.Renumbered+(1-s.world.Renumbered)*0.3:
		every = 400 * 24 * time.Hour
	}
	return &leased{
		id: d.Uint64(), blocks: net.within(country, city), every: every,
		phase: d.span(0, 24*time.Hour), moves: min(1, s.world.OtherPrefix),
	}
}

// fixedAddress is one address for good of a network of that sort.
func (s *scene) fixedAddress(d dice, country string, sells service) access {
	net := s.plan.pick(d, country, sells)
	return &static{net.named(among(d, net.within(country, -1)).four(d.Uint64()))}
}

// phone is a SIM card of a country's carrier. Carriers let data out in a few
// places, so the city is not the phone's.
func (s *scene) phone(d dice, country string) access {
	net := s.plan.pick(d, country, mobile)
	blocks := net.within(country, -1)
	first := d.IntN(len(blocks))
	region := blocks[first:min(len(blocks), first+d.between(1, 3))]
	every := max(0.25, s.world.NATHours*d.spread(0.5))
	return &carrierNAT{id: d.Uint64(), blocks: region, every: time.Duration(every * float64(time.Hour))}
}

// guest is a country's guest networks: another one each stretch of time.
func (s *scene) guest(d dice, country string, every time.Duration) access {
	var all []*block
	for _, n := range s.plan.in[country][fixed] {
		all = append(all, n.within(country, -1)...)
	}
	return &pool{id: d.Uint64(), blocks: all, size: 1 << 30, keeps: every}
}

// wifi is a guest network: a hotel's, an airport's, a café's.
func (s *scene) wifi(d dice, country string) access { return s.fixedAddress(d, country, fixed) }

// sixHome is a line with IPv6, if an operator of the country has any.
func (s *scene) sixHome(d dice, country string, sells service) (access, bool) {
	var with []*block
	for _, n := range s.plan.in[country][sells] {
		if blocks := n.within(country, -1); blocks[0].v6.IsValid() {
			with = append(with, blocks...)
		}
	}
	if len(with) == 0 {
		return nil, false
	}
	every := time.Duration(d.between(10, 200)) * 24 * time.Hour // prefixes: stable for months (DynamIPs, 2020)
	if sells == mobile {
		every = time.Duration(d.between(4, 48)) * time.Hour
	}
	chosen := []*block{among(d, with)}
	four := &leased{id: d.Uint64(), blocks: chosen, every: every, moves: 1}
	six := &sixLine{id: d.Uint64(), blocks: chosen, every: every, devices: uint64(d.between(1, 3))}
	return &either{six, four, d.Uint64(), 0.4 * d.Float64(), 20 * time.Minute}, true
}

// exitsOf is a network's machines in a country, for one user of them.
func (s *scene) exitsOf(d dice, asn uint32, country string) (pool, bool) {
	for _, n := range s.plan.networks {
		if n.asn != asn {
			continue
		}
		blocks := n.blocks
		if country != "" {
			blocks = n.within(country, -1)
		}
		if len(blocks) == 0 {
			return pool{}, false
		}
		return pool{id: d.Uint64(), blocks: blocks, size: 200, keeps: time.Hour}, true
	}
	return pool{}, false
}

// kit is what most people own: a computer at work and at home, and a phone.
type kit struct {
	office, home, phone device
	hasOffice           bool
	homeDays            float64 // share of working days spent at home
	stray               access  // guest networks
	renewed             time.Time
	renewal             device // how mail programs log in from then on
	webmail             float64
}

// equip gives a person a kit in its country.
func (p *person) equip() kit {
	return p.equipIn(p.Country)
}

func (p *person) equipIn(country string) kit {
	d, s := p.dice, p.scene
	k := kit{hasOffice: country == s.world.Home && d.chance(0.85), homeDays: 0.4 * d.Float64()}
	computer, handset := p.client(), p.client()
	k.office, k.home, k.phone = computer, computer, handset
	o := among(d, s.offices)
	k.office.on = o.on
	if k.hasOffice {
		p.city = o.city
	}
	k.home.on = s.homeLine(d, country, p.city)
	if p.line == nil {
		p.line = k.home.on
	}
	k.phone.on = s.phone(d, country)
	k.stray = s.guest(d, country, time.Duration(d.between(1, 6))*time.Hour)
	k.renewed = s.world.end()
	if d.chance(s.world.NewDevices) {
		k.renewed = s.world.Start.Add(d.span(0, s.world.end().Sub(s.world.Start)))
		k.renewal = p.client()
	}
	if d.chance(s.world.Webmail) {
		k.webmail = 0.6 * d.Float64()
	}
	return k
}

// client draws how a mail program logs in: nearly all by PLAIN, some by LOGIN
// as Outlook does.
func (p *person) client() device {
	v := device{method: "PLAIN", service: "submission"}
	if p.dice.chance(0.2) {
		v.method = "LOGIN"
	}
	if p.dice.chance(0.3) {
		v.service = "smtps"
	}
	return v
}

// where is the device in use at a time of an ordinary day.
func (k kit) where(p *person) func(time.Time) device {
	usual, seed := k.usual(p), p.dice.Uint64()
	return func(t time.Time) device {
		if p.dice.chance(k.webmail) {
			return device{on: webmail{}, method: "LOGIN", service: "submission"}
		}
		v := usual(t)
		if unit(mix(seed, epoch(t, 2*time.Hour, 0))) < p.scene.world.Strays {
			v.on = k.stray
		}
		if t.After(k.renewed) {
			v.method, v.service = k.renewal.method, k.renewal.service
		}
		return v
	}
}

// usual is where when nothing is out of the ordinary.
func (k kit) usual(p *person) func(time.Time) device {
	return func(t time.Time) device {
		if p.dice.chance(min(0.9, p.scene.world.PhoneShare)) {
			if mix(hashOf(p.User), epoch(t, 2*time.Hour, 0))%3 == 0 && !k.atWork(p, t) {
				v := k.phone // at home the phone is on the house's wireless
				v.on = k.home.on
				return v
			}
			return k.phone
		}
		if k.atWork(p, t) {
			return k.office
		}
		return k.home
	}
}

// atWork is true in working hours, except on days at home.
func (k kit) atWork(p *person, t time.Time) bool {
	if !k.hasOffice || t.Weekday() == time.Saturday || t.Weekday() == time.Sunday || t.Hour() < 8 || t.Hour() > 18 {
		return false
	}
	return unit(mix(hashOf(p.User), uint64(t.YearDay()))) >= k.homeDays
}

// seat is a place at which this person works with what it owns.
func (p *person) seat(where func(time.Time) device) *seat {
	w := p.scene.world
	rate := min(80, w.MailPerDay*p.dice.spread(w.MailSpread))
	return &seat{
		rate: rate, weekend: min(1, w.Weekend*p.dice.spread(0.5)), logins: w.LoginsPer * p.dice.spread(0.5),
		shift: p.scene.zoneShift(p.Country), clock: officeHours, where: where,
	}
}
