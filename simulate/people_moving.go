package simulate

import "time"

// trip is a stay abroad: the way there, the place, the way back.
type trip struct {
	to                             string // country
	leaves, arrives, returns, back time.Time
	airport, transit               device // wireless of both airports
	hotel, local, roaming          device
	office                         device // a branch or a customer's guest network
	hasLocal, hasTransit, visits   bool
	ownPhone                       float64 // mail sent over the home carrier all the same
}

// travels is someone who is under way now and then. On the way the same phone
// shows up at an airport's wireless, in the hotel, behind a local card and,
// when data roams, behind the carrier at home, all within hours.
func (p *person) travels() {
	k := p.equip()
	p.trips = p.itinerary(k)
	ordinary := k.where(p)
	p.seats = []*seat{p.seat(func(t time.Time) device {
		for _, x := range p.trips {
			if !t.Before(x.leaves) && t.Before(x.back) {
				return x.where(p.dice, t)
			}
		}
		return ordinary(t)
	})}
}

// itinerary plans a person's trips through the whole log.
func (p *person) itinerary(k kit) []trip {
	d, w := p.dice, p.scene.world
	var trips []trip
	usual := p.scene.elsewhere(d, p.Country) // many go to the same place again
	at := w.Start.Add(d.span(0, 12*24*time.Hour))
	for at.Before(w.end()) {
		to := usual
		if d.chance(0.6) {
			to = p.scene.elsewhere(d, p.Country)
		}
		x := p.trip(k, to, at)
		trips = append(trips, x)
		at = x.back.Add(d.span(2*24*time.Hour, 16*24*time.Hour))
	}
	return trips
}

func (p *person) trip(k kit, to string, at time.Time) trip {
	d, s := p.dice, p.scene
	computer, handset := k.home, k.phone
	by := func(v device, on access) device { v.on = on; return v }
	x := trip{
		to: to, leaves: at, roaming: handset, ownPhone: d.Float64() * 0.5,
		airport: by(handset, s.wifi(d, p.Country)),
		hotel:   by(computer, s.wifi(d, to)), local: by(handset, s.phone(d, to)),
		office: by(computer, s.fixedAddress(d, to, fixed)), visits: d.chance(0.6),
		hasLocal: d.chance(0.5), hasTransit: d.chance(0.35),
	}
	x.arrives = at.Add(d.span(3*time.Hour, 14*time.Hour))
	if x.hasTransit {
		hub := among(d, []string{"DE", "GB", "FR", "NL", "US", "AE", "TR", "ES"})
		x.transit = by(handset, s.wifi(d, hub))
	}
	stay := d.wait(days(s.world.TripDays))
	x.returns = x.arrives.Add(max(10*time.Hour, min(stay, 30*24*time.Hour)))
	x.back = x.returns.Add(x.arrives.Sub(x.leaves))
	return x
}

// days is so many times 24 hours.
func days(n float64) time.Duration { return time.Duration(n * float64(24*time.Hour)) }

// where is the device in use at a moment of the trip.
func (x trip) where(d dice, t time.Time) device {
	if t.Before(x.arrives) || t.After(x.returns) {
		start, length := x.leaves, x.arrives.Sub(x.leaves)
		if t.After(x.returns) {
			start = x.returns
		}
		switch gone := t.Sub(start); {
		case gone < length/3 && t.Before(x.arrives), gone > length*2/3 && t.After(x.returns):
			return x.airport
		case x.hasTransit:
			return x.transit
		}
		return x.roaming
	}
	switch {
	case d.chance(x.ownPhone):
		return x.roaming
	case x.hasLocal && d.chance(0.35):
		return x.local
	case x.visits && t.Hour() > 8 && t.Hour() < 18 && d.chance(0.6):
		return x.office
	}
	return x.hotel
}
