package simulate

import (
	"time"
)

// scene is a world being played.
type scene struct {
	world   World
	plan    *plan
	people  []*person
	thefts  []*Theft
	planned map[int][]session // of thieves, by day
	offices []office
	noise   noise
}

// office is a company's line, shared by those who work there.
type office struct {
	on   access
	city int
}

func newScene(w World) *scene {
	s := &scene{world: w, plan: newPlan(w), planned: map[int][]session{}}
	s.furnish()
	s.populate()
	s.noise = noise{scene: s, dice: newDice(w.Seed, hashOf("noise"))}
	s.rob()
	return s
}

// furnish opens the companies' offices: most have a fixed address, the others
// a line as at home.
func (s *scene) furnish() {
	d := newDice(s.world.Seed, hashOf("offices"))
	for range s.world.Users/15 + 2 {
		city := d.IntN(citiesPerCountry)
		o := office{city: city, on: s.homeLine(d, s.world.Home, city)}
		if d.chance(0.7) {
			o.on = s.fixedAddress(d, s.world.Home, fixed)
		}
		s.offices = append(s.offices, o)
	}
}

// populate draws the people by their shares.
func (s *scene) populate() {
	d := newDice(s.world.Seed, hashOf("people"))
	names := roster{dice: d, domain: s.world.domain(), taken: map[string]bool{}}
	for i, kind := range apportion(d, s.world.People, s.world.Users) {
		p := &person{scene: s, dice: newDice(s.world.Seed, hashOf("person"), uint64(i))}
		p.Kind, p.Country = kind, s.world.Home
		switch kind {
		case Role:
			p.User = names.role()
		case Relay:
			p.User = names.machine()
		default:
			p.User = names.person()
		}
		if kind != Role && kind != Relay && p.dice.chance(s.world.Abroad) {
			p.Country = s.elsewhere(p.dice, s.world.Home)
		}
		p.city = p.dice.IntN(citiesPerCountry)
		p.bounces = s.world.Bounces * p.dice.spread(0.6)
		p.sizes = 6000 * p.dice.spread(0.8)
		p.settle()
		s.people = append(s.people, p)
	}
}

// settle gives a person the life of its kind.
func (p *person) settle() {
	switch p.Kind {
	case Traveller:
		p.travels()
	case VPN:
		p.tunnels()
	case Role:
		p.sharesDesks()
	case Relay:
		p.serves()
	case Newsletter:
		p.publishes()
	case SendAs:
		p.sendsThrough(15169)
	case CloudApp:
		p.sendsThrough(8075)
	case Private:
		p.hides()
	case Commuter:
		p.commutes()
	case Mover:
		p.moves()
	case Newcomer:
		p.joins()
	case IPv6:
		p.usesSix()
	case Absent:
		p.goesAway()
	case Wanderer:
		p.wanders()
	case TwoLines:
		p.balances()
	case Office:
		p.works()
	default:
		p.settleUncommon()
	}
}

// apportion deals n places by the shares, in random order, at least one to
// each kind that has a share while there are places.
func apportion(d dice, shares []Share, n int) []string {
	total := 0.0
	for _, s := range shares {
		total += s.Weight
	}
	var out []string
	for _, s := range shares {
		if s.Weight > 0 && total > 0 {
			for range max(1, int(s.Weight/total*float64(n))) {
				out = append(out, s.Kind)
			}
		}
	}
	for len(out) < n && total > 0 {
		x := d.Float64() * total
		for _, s := range shares {
			if x -= s.Weight; x < 0 {
				out = append(out, s.Kind)
				break
			}
		}
	}
	d.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(n, len(out))]
}

// elsewhere draws another country: often a neighbour, else any.
func (s *scene) elsewhere(d dice, from string) string {
	if beside := s.plan.countries[from].beside(); len(beside) > 0 && d.chance(0.4) {
		if c := among(d, beside); s.plan.in[c] != nil {
			return c
		}
	}
	for {
		if c := among(d, s.plan.codes); c != from {
			return c
		}
	}
}

// neighbour draws a country that shares a border.
func (s *scene) neighbour(d dice, of string) string {
	var known []string
	for _, c := range s.plan.countries[of].beside() {
		if s.plan.in[c] != nil {
			known = append(known, c)
		}
	}
	if len(known) == 0 {
		return s.elsewhere(d, of)
	}
	return among(d, known)
}

// zoneShift is how far a country's clocks are ahead of the server's.
func (s *scene) zoneShift(country string) time.Duration {
	return time.Duration(s.plan.countries[country].offset-s.plan.countries[s.world.Home].offset) * time.Hour
}

// day is all that happens between two midnights.
func (s *scene) day(n int) []session {
	midnight := s.world.Start.AddDate(0, 0, n)
	var all []session
	for _, p := range s.people {
		all = append(all, p.day(midnight)...)
	}
	all = append(all, s.noise.day(midnight)...)
	for i := range all { // a typo or a list may run over midnight
		if all[i].at.Before(midnight) {
			all[i].at = midnight
		}
	}
	all = append(all, s.planned[n]...)
	delete(s.planned, n)
	next := midnight.AddDate(0, 0, 1)
	today := all[:0]
	for _, x := range all {
		if x.at.Before(next) {
			today = append(today, x)
			continue
		}
		s.plot(x)
	}
	return today
}

// plot keeps a session for its day.
func (s *scene) plot(x session) {
	day := int(x.at.Sub(s.world.Start) / (24 * time.Hour))
	s.planned[day] = append(s.planned[day], x)
}
