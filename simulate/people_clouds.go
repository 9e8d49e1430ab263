package simulate

import "time"

// tunnels is someone with a VPN that is on for some hours on some days, by an
// exit in whatever country pleased.
func (p *person) tunnels() {
	d, s := p.dice, p.scene
	k := p.equip()
	var exits []*pool
	providers := s.providers()
	net := among(d, providers)
	p.vpn = net
	for range d.between(1, 5) {
		b := among(d, net.blocks)
		own := &pool{id: d.Uint64(), blocks: net.within(b.country, -1), size: 60, keeps: time.Duration(d.between(2, 30)) * time.Hour}
		exits = append(exits, own)
	}
	daily, seed, usual := 0.2+0.7*d.Float64(), d.Uint64(), k.where(p)
	onPhone := d.chance(0.5)
	p.seats = []*seat{p.seat(func(t time.Time) device {
		v := usual(t)
		stretch := mix(seed, epoch(t, time.Duration(3+seed%6)*time.Hour, 0))
		if unit(stretch) >= daily || v.on == k.phone.on && !onPhone {
			return v
		}
		favourite := min(stretch%uint64(len(exits)), stretch>>20%uint64(len(exits)))
		v.on = exits[favourite]
		return v
	})}
}

// providers are the networks that sell VPN exits.
func (s *scene) providers() []*network {
	var out []*network
	for _, n := range s.plan.networks {
		if n.sells == vpn {
			out = append(out, n)
		}
	}
	return out
}

// sendsThrough is someone whose mail comes out of a mail cloud: Gmail's "send
// as", an app that keeps the password on Microsoft's servers. Nearly every
// message has a new address, mostly of another country than the person's.
func (p *person) sendsThrough(asn uint32) {
	d := p.dice
	k := p.equip()
	v := p.client()
	machines, _ := p.scene.exitsOf(d, asn, "")
	first := d.IntN(len(machines.blocks))
	machines.blocks = machines.blocks[first:min(len(machines.blocks), first+d.between(2, 6))]
	machines.size, machines.keeps, machines.v6 = 4000, time.Duration(d.between(1, 20))*time.Minute, 0.2
	v.on, v.service = &machines, "submission"
	share, usual := 0.4+0.6*d.Float64(), k.where(p)
	p.seats = []*seat{p.seat(func(t time.Time) device {
		if d.chance(share) {
			return v
		}
		return usual(t)
	})}
}

// hides is someone whose phone and computer use a private relay: the exits
// keep to the country, and change with every connection.
func (p *person) hides() {
	d := p.dice
	k := p.equip()
	asn := among(d, []uint32{13335, 36183})
	share, usual := 0.5+0.5*d.Float64(), k.where(p)
	hidden, ok := p.scene.exitsOf(d, asn, p.Country)
	hidden.size, hidden.keeps, hidden.v6 = 100, time.Duration(d.between(5, 240))*time.Minute, 0.5
	p.seats = []*seat{p.seat(func(t time.Time) device {
		v := usual(t)
		if ok && v.on != k.office.on && d.chance(share) {
			v.on = &hidden
		}
		return v
	})}
}
