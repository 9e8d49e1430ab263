package scoring

import (
	"maps"
	"slices"
)

// A host that joins, or that was off for so long that the engine has dropped news,
// takes over what another host knows of all users together, and hears the news from
// there on.

// Snapshot is that, with the news that the last Changes gathered; nil while others wait
// that the hosts have not been told and the number of News does not stand for.
func (s *Scorer) Snapshot() (record []byte) {
	sh := s.shared
	if sh == nil || sh.sending.empty() || !sh.gathered.empty() {
		return nil
	}
	return encode(func(c *coder) { c.crowd(&s.server) })
}

// TakeSnapshot takes over what another host knows of all users together: of a host that
// joins, beside what its own logs have told.
func (s *Scorer) TakeSnapshot(record []byte, joins bool) error {
	theirs := newServer()
	if err := decode(record, func(c *coder) { c.crowd(&theirs) }); err != nil {
		return err
	}
	mine := &s.server
	theirs.changed, theirs.swept = mine.changed, mine.swept
	mine.touch()
	own := facts{}
	if joins {
		own = mine.facts()
	} else if s.shared != nil { // the others are still to be told
		own.add(&s.shared.sending)
		own.add(&s.shared.gathered)
	}
	*mine = theirs
	mine.learn(&own)
	mine.touch()
	return nil
}

// touch has all parts written down.
func (s *server) touch() {
	for c := range s.countries {
		s.changed.add(countryKeys, uint64(c))
	}
	for asn := range s.networks {
		s.changed.add(networkKey, uint64(asn))
	}
	for address := range s.strangers {
		s.changed.add(strangerKey, address)
	}
}

// facts are what is known of all users as news: of what is no sum, how much users
// usually send, nothing.
func (s *server) facts() (f facts) {
	for c, days := range s.countries {
		f.country(c, days)
	}
	for asn, days := range s.networks {
		f.network(asn, days, s.orgs[asn])
	}
	f.hours, f.sentTo, f.cameBack = s.rhythm, s.sentTo, s.cameBack
	for address, x := range s.strangers {
		for _, user := range x.users[:x.nusers] {
			f.sighting(sighting{seen, address, user, x.last})
		}
		if x.thief != 0 {
			f.sighting(sighting{accused, address, x.victim, x.thief - thiefLife})
		}
	}
	return f
}

// crowd describes what is known of all users together.
func (c *coder) crowd(s *server) {
	c.real(&s.days)
	number(c, &s.firstDay)
	c.real(&s.sentTo)
	c.real(&s.cameBack)
	c.usual(&s.usual)
	for i := range s.rhythm {
		c.real(&s.rhythm[i])
	}
	entries(c, s.countries, maxUses, func(c *coder, country *uint16, days *float64) {
		number(c, country)
		c.real(days)
	})
	entries(c, s.networks, maxUses, func(c *coder, asn *uint32, days *float64) {
		number(c, asn)
		org := s.orgs[*asn]
		c.network(days, &org)
		if c.reading && org != "" {
			s.orgs[*asn] = org
		}
	})
	entries(c, s.strangers, maxStrangers, func(c *coder, address *uint64, x **stranger) {
		high, low := uint32(*address>>32), uint32(*address)
		c.hash(&high)
		c.hash(&low)
		if *address = uint64(high)<<32 | uint64(low); c.reading {
			*x = new(stranger)
		}
		c.stranger(*x)
	})
}

// entries describes a map in the order of its keys.
func entries[K uint16 | uint32 | uint64, V any](c *coder, of map[K]V, most int, each func(*coder, *K, *V)) {
	keys := slices.Sorted(maps.Keys(of))
	list(c, &keys, most, func(c *coder, key *K) {
		value := of[*key]
		each(c, key, &value)
		if c.reading && c.err == nil {
			of[*key] = value
		}
	})
}
