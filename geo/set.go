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

	// What the files tell; the embedded data supplies the rest.
	tells coverage

	// A mail server sees the same few thousand addresses again and again, and
	// decoding a City record takes over a microsecond. Each address has a pair of
	// slots, found by its hash, for the latest two that hash there.
	cache [cachePairs][2]atomic.Pointer[Place]
	seed  maphash.Seed
}

// cachePairs bounds the cache. 100,000 users of a provider come from some tens of
// thousands of addresses in a day; a cache full of them takes 9 MB.
const cachePairs = 32768

func newSet(files []*file) *set {
	s := &set{files: files, seed: maphash.MakeSeed()}
	for _, f := range files {
		s.tells.v4 = s.tells.v4.or(f.tells.v4)
		s.tells.v6 = s.tells.v6.or(f.tells.v6)
	}
	return s
}

func (s *set) usesEmbedded() bool {
	all := facts{country: true, network: true}
	return s.tells != coverage{v4: all, v6: all}
}

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
	bytes := addr.As16()
	pair := &s.cache[maphash.Bytes(s.seed, bytes[:])%cachePairs]
	for i := range pair {
		if p := pair[i].Load(); p != nil && p.Addr == addr {
			return *p
		}
	}
	p := s.find(addr)
	pair[1].Store(pair[0].Swap(&p))
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
	if tells := s.tells.of(addr); !is && !(tells.country && tells.network) {
		known := embedded().find(addr)
		if !tells.country {
			p.add(record{country: known.country})
		}
		// Who disagrees about the country, because addresses have moved since,
		// is not asked who the operator is.
		if !tells.network && (p.Country == "" || known.country == "" || p.Country == known.country) {
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
