package scoring

import (
	"maps"
	"slices"
)

// facts are news for the other hosts about all users together. They add up, in
// whatever order they come.
type facts struct {
	countries, networks map[uint32]float64 // days of use
	orgs                map[uint32]string
	hours               [partsOfWeek]float64
	days                []usualDay
	sentTo, cameBack    float64
	sightings           []sighting
}

// Bounds of what waits to be told: more news than this of one kind go untold.
const (
	maxUses      = 50_000
	maxDays      = 50_000
	maxSightings = 20_000
)

func (f *facts) country(c uint16, days float64) { addUse(&f.countries, uint32(c), days) }

func (f *facts) network(asn uint32, days float64, org string) {
	if addUse(&f.networks, asn, days) && org != "" {
		if f.orgs == nil {
			f.orgs = make(map[uint32]string)
		}
		f.orgs[asn] = org
	}
}

func addUse(uses *map[uint32]float64, key uint32, days float64) bool {
	if *uses == nil {
		*uses = make(map[uint32]float64)
	}
	if _, known := (*uses)[key]; !known && len(*uses) >= maxUses {
		return false
	}
	(*uses)[key] += days
	return true
}

func (f *facts) day(over usualDay) {
	if len(f.days) < maxDays {
		f.days = append(f.days, over)
	}
}

func (f *facts) sighting(n sighting) {
	if len(f.sightings) < maxSightings {
		f.sightings = append(f.sightings, n)
	}
}

// add takes other news in.
func (f *facts) add(o *facts) {
	for c, days := range o.countries {
		f.country(uint16(c), days)
	}
	for asn, days := range o.networks {
		f.network(asn, days, o.orgs[asn])
	}
	for i, n := range o.hours {
		f.hours[i] += n
	}
	for _, d := range o.days {
		f.day(d)
	}
	for _, n := range o.sightings {
		f.sighting(n)
	}
	f.sentTo += o.sentTo
	f.cameBack += o.cameBack
}

func (f *facts) empty() bool {
	return len(f.countries)+len(f.networks)+len(f.days)+len(f.sightings) == 0 &&
		f.hours == [partsOfWeek]float64{} && f.sentTo == 0 && f.cameBack == 0
}

// of tells whether a sighting is of a user.
func (n *sighting) of(user uint32) bool { return n.user == user && n.what != failed }

// tells tells whether a user is among the news.
func (f *facts) tells(user uint32) bool {
	return slices.ContainsFunc(f.sightings, func(n sighting) bool { return n.of(user) })
}

// forget leaves no sighting of a user among the news.
func (f *facts) forget(user uint32) {
	f.sightings = slices.DeleteFunc(f.sightings, func(n sighting) bool { return n.of(user) })
}

// urgent tells whether others should know at once: what happens once a day to a user,
// or to a stranger. How many messages there are at which hour, and failed log-ins, are
// many and weigh little.
func (f *facts) urgent() bool {
	return len(f.countries)+len(f.networks)+len(f.days) > 0 || slices.ContainsFunc(f.sightings, func(n sighting) bool { return n.what != failed })
}

// learn takes news of all users into what the server remembers.
func (s *server) learn(f *facts) {
	for _, c := range slices.Sorted(maps.Keys(f.countries)) {
		s.addCountry(uint16(c), f.countries[c])
	}
	for _, asn := range slices.Sorted(maps.Keys(f.networks)) {
		s.addNetwork(asn, f.networks[asn], f.orgs[asn])
	}
	for i, n := range f.hours {
		s.rhythm[i] += n
	}
	for _, d := range f.days {
		s.usual.learnFrom(d)
	}
	for _, n := range f.sightings {
		s.see(n)
	}
	s.sentTo += f.sentTo
	s.cameBack += f.cameBack
}

// facts describes news as they travel, and as they wait in the state.
func (c *coder) facts(f *facts) {
	c.uses(&f.countries, func(*coder, uint32) {})
	c.uses(&f.networks, func(c *coder, asn uint32) {
		org := f.orgs[asn]
		c.text(&org)
		if c.reading && org != "" {
			if f.orgs == nil {
				f.orgs = make(map[uint32]string)
			}
			f.orgs[asn] = org
		}
	})
	for i := range f.hours {
		c.real(&f.hours[i])
	}
	list(c, &f.days, maxDays, func(c *coder, d *usualDay) {
		number(c, &d.messages)
		number(c, &d.hour)
		number(c, &d.recipients)
	})
	c.real(&f.sentTo)
	c.real(&f.cameBack)
	list(c, &f.sightings, maxSightings, func(c *coder, n *sighting) {
		number(c, &n.what)
		if n.what > acquitted {
			c.fail(errDamaged)
		}
		high, low := uint32(n.address>>32), uint32(n.address)
		c.hash(&high)
		c.hash(&low)
		n.address = uint64(high)<<32 | uint64(low)
		c.hash(&n.user)
		number(c, &n.at)
	})
}

func (c *coder) uses(uses *map[uint32]float64, more func(*coder, uint32)) {
	keys := slices.Sorted(maps.Keys(*uses))
	list(c, &keys, maxUses, func(c *coder, key *uint32) {
		number(c, key)
		days := (*uses)[*key]
		c.real(&days)
		if c.reading {
			addUse(uses, *key, days)
		}
		more(c, *key)
	})
}
