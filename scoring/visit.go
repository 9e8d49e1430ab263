package scoring

import (
	"math"
	"net/netip"
	"time"

	"sendwarden/geo"
)

// maxVisits bounds how many addresses of the last days are remembered for one
// user. Counts of addresses stop there; rules ask for far fewer.
const maxVisits = 32

// visitLife is how long an address counts in windows: the longest window.
const visitLife = int64(8 * 24 * time.Hour / time.Second)

// visit is the recent use of one address by one user.
type visit struct {
	address     uint64 // hash of the address, or of its network where that is shared
	block       uint32 // hash of the block
	network     uint32 // AS number
	country     uint16
	uses        uint32 // submissions, this one included; 0: from before they were counted
	first, last int64  // Unix seconds
	strange     bool   // this was no familiar place yet when it was used last
	shared      bool   // it stands for a whole network that gives a client a new one each time
	beside      bool   // it lies just across a border from where the user was
}

// visits are in order of their last use, latest last.
type visits []visit

func (vs visits) find(address uint64) *visit {
	for i := range vs {
		if vs[i].address == address {
			return &vs[i]
		}
	}
	return nil
}

// record moves the visit of v.address to the end, or adds it there. The oldest
// goes when there are too many, a familiar one before a strange one: strangers
// are what the windows are asked about.
func (vs *visits) record(v visit) {
	list := *vs
	for i := range list {
		if list[i].address == v.address {
			known := list[i]
			copy(list[i:], list[i+1:])
			known.last = max(known.last, v.last)
			known.strange = known.strange && v.strange
			if known.uses > 0 && known.uses < math.MaxUint32 {
				known.uses++
			}
			list[len(list)-1] = known
			return
		}
	}
	if len(list) >= maxVisits {
		victim := 0
		for i := range list {
			if !list[i].strange {
				victim = i
				break
			}
		}
		copy(list[victim:], list[victim+1:])
		list = list[:len(list)-1]
	}
	*vs = append(roomy(list), v)
}

// forget drops what is older than any window.
func (vs *visits) forget(now int64) {
	list := *vs
	kept := list[:0]
	for _, v := range list {
		if now-v.last <= visitLife {
			kept = append(kept, v)
		}
	}
	*vs = kept
}

// distinct counts the different values of a property among the visits since a
// time, of all or only of the strange ones.
func (vs visits) distinct(since int64, strangeOnly bool, property func(*visit) uint64) int {
	var seen [maxVisits]uint64
	n := 0
next:
	for i := range vs {
		v := &vs[i]
		if v.last < since || strangeOnly && !v.strange {
			continue
		}
		p := property(v)
		for _, s := range seen[:n] {
			if s == p {
				continue next
			}
		}
		seen[n] = p
		n++
	}
	return n
}

func byAddress(v *visit) uint64 { return v.address }
func byBlock(v *visit) uint64   { return uint64(v.block) }
func byNetwork(v *visit) uint64 { return uint64(v.network) }

// countries counts the different countries among the visits since a time, of all
// or only of the strange ones in countries that are not the user's own, nor beside
// where the user was. A network counts with one of its countries only: the exits of
// an anonymiser are in many, and it takes one subscription to be in all of them.
func (vs visits) countries(since int64, strangeOnly bool, own func(country uint16) bool) (n int) {
	var networks [maxVisits]uint32
	var countries [maxVisits]uint16
	counted := 0
next:
	for i := range vs {
		v := &vs[i]
		if v.last < since || v.country == 0 || strangeOnly && (!v.strange || v.beside || own(v.country)) {
			continue
		}
		isNew := true
		for j := range counted {
			if networks[j] == v.network && v.network != 0 {
				continue next
			}
			isNew = isNew && countries[j] != v.country
		}
		networks[counted], countries[counted] = v.network, v.country
		counted++
		if isNew {
			n++
		}
	}
	return n
}

// countryKey packs a country code of two letters.
func countryKey(code string) uint16 {
	if len(code) != 2 {
		return 0
	}
	return uint16(code[0])<<8 | uint16(code[1])
}

// Addresses, blocks and users are remembered as hashes of fixed size. The hash
// is FNV-1a: it must be the same in each run, as memory outlives the process.

func hashAddr(a netip.Addr) uint64 {
	b := a.As16()
	return fnv1a(b[:])
}

func hashBlock(p netip.Prefix) uint32 {
	b := p.Addr().As16()
	h := fnv1a(b[:])
	return uint32(h ^ h>>32)
}

// Where no database knows the network, all unknown networks of a country are one:
// an operator's addresses lie far apart, and each would look like another network.
// Their keys are among the last AS numbers for private use (RFC 6996).
const unknownNetworks = 0xff000000

// networkOf is the key of a place's network.
func networkOf(p geo.Place) uint32 {
	if p.ASN != 0 {
		return p.ASN
	}
	return unknownNetworks | uint32(countryKey(p.Country))
}

func hashNetwork(asn uint32) uint64 {
	return fnv1a([]byte{'A', 'S', byte(asn >> 24), byte(asn >> 16), byte(asn >> 8), byte(asn)})
}

func hashName(s string) uint32 {
	h := fnv1a([]byte(s))
	return uint32(h ^ h>>32)
}

func fnv1a(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}
