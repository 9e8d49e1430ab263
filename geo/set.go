package geo

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"
)

// set is what look-ups are answered from until the next Reload. Only its cache
// changes.
type set struct {
	files []*file

	// Which facts the embedded data has to supply.
	embeddedCountry, embeddedNetwork bool

	// A mail server sees the same few thousand addresses again and again, and
	// decoding a City record takes over a microsecond. Each address has one
	// slot, found by its hash, and the latest address to hash there owns it.
	cache [cacheSlots]atomic.Pointer[Place]
	seed  maphash.Seed
}

// cacheSlots bounds the cache: 8192 places are about 1.5 MB.
const cacheSlots = 8192

func newSet(files []*file) *set {
	s := &set{files: files, embeddedCountry: true, embeddedNetwork: true, seed: maphash.MakeSeed()}
	for _, f := range files {
		if f.tells.country {
			s.embeddedCountry = false
		}
		if f.tells.network {
			s.embeddedNetwork = false
		}
	}
	return s
}

func (s *set) usesEmbedded() bool { return s.embeddedCountry || s.embeddedNetwork }

func (s *set) prepare() {
	if s.usesEmbedded() {
		embedded()
	}
}

func (s *set) sources() []Source {
	var sources []Source
	for _, f := range s.files {
		sources = append(sources, f.source)
	}
	if s.usesEmbedded() {
		sources = append(sources, embeddedSource())
	}
	return sources
}

func (s *set) place(addr netip.Addr) Place {
	slot := &s.cache[maphash.Comparable(s.seed, addr)%cacheSlots]
	if p := slot.Load(); p != nil && p.Addr == addr {
		return *p
	}
	p := s.find(addr)
	slot.Store(&p)
	return p
}

// find asks the databases.
func (s *set) find(addr netip.Addr) Place {
	p := Place{Addr: addr}
	if !addr.IsValid() {
		return p
	}
	special, is := specialOf(addr)
	if is && !special.documentation {
		p.Kind = special.kind
		return p
	}
	for _, f := range s.files {
		p.add(f.records.find(addr))
	}
	if s.usesEmbedded() && !is {
		known := embedded().find(addr)
		if s.embeddedCountry {
			p.add(record{country: known.country})
		}
		if s.embeddedNetwork {
			p.add(record{asn: known.asn, org: known.org})
		}
	}
	switch {
	case p.Country != "" || p.ASN != 0 || p.HasCoordinates:
		p.Kind = Placed
	case is:
		p.Kind = special.kind
	}
	return p
}

// add takes from r what is not known yet. Coordinates and city come only with
// the country they lie in: two databases may disagree, and a place in two
// countries would make everybody travel.
func (p *Place) add(r record) {
	if p.Country == "" {
		p.Country = r.country
	}
	if p.ASN == 0 {
		p.ASN, p.Org = r.asn, r.org
	}
	if r.country != "" && r.country != p.Country {
		return
	}
	if p.City == "" && !p.HasCoordinates {
		p.City = r.city
	}
	if !p.HasCoordinates && r.located {
		p.HasCoordinates, p.Lat, p.Lon, p.Radius = true, r.lat, r.lon, r.radius
	}
}
