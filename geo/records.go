package geo

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oschwald/geoip2-golang/v2"
)

// record is what one database knows of an address; what it doesn't is zero.
type record struct {
	country string
	asn     uint32
	org     string
	city    string

	located          bool
	lat, lon, radius float64
}

// facts tells which facts a database can tell at all.
type facts struct {
	country, network bool
}

// coverage tells them for each version of IP.
type coverage struct {
	v4, v6 facts
}

func (c coverage) of(addr netip.Addr) facts {
	if addr.Is4() {
		return c.v4
	}
	return c.v6
}

func (f facts) or(g facts) facts {
	return facts{country: f.country || g.country, network: f.network || g.network}
}

// finder looks addresses up in one database. A broken record is like none: a
// database that is checked at the start has next to none of them, and mail must
// flow past those.
type finder interface {
	find(netip.Addr) record
}

// geoipDB reads the types that geoip2-golang knows: MaxMind's and DB-IP's.
type geoipDB struct {
	db   *geoip2.Reader
	kind geoipKind
}

type geoipKind uint8

const (
	geoipCountry    geoipKind = iota + 1
	geoipCity                 // country and coordinates
	geoipEnterprise           // country, coordinates and network
	geoipASN                  // network
)

// geoipKindOf goes by the words in names such as "GeoLite2-City",
// "DBIP-Location (compat=City)", "GeoIP2-ISP" and "GeoIP-Enterprise-Redacted-US".
func geoipKindOf(databaseType string) (geoipKind, facts) {
	has := func(word string) bool { return strings.Contains(databaseType, word) }
	switch {
	case has("Enterprise"):
		return geoipEnterprise, facts{country: true, network: true}
	case has("City"):
		return geoipCity, facts{country: true}
	case has("Country"):
		return geoipCountry, facts{country: true}
	case has("ASN"), has("ISP"):
		return geoipASN, facts{network: true}
	default: // Anonymous-IP, Connection-Type, Domain
		return 0, facts{}
	}
}

func (g geoipDB) find(addr netip.Addr) record {
	switch g.kind {
	case geoipEnterprise:
		return g.enterprise(addr)
	case geoipCity:
		return g.city(addr)
	case geoipCountry:
		found, err := g.db.Country(addr)
		if err != nil {
			return record{}
		}
		return record{country: countryCode(found.Country.ISOCode)}
	default:
		return g.network(addr)
	}
}

func (g geoipDB) enterprise(addr netip.Addr) record {
	found, err := g.db.Enterprise(addr)
	if err != nil {
		return record{}
	}
	r := record{
		country: countryCode(found.Country.ISOCode),
		asn:     asNumber(found.Traits.AutonomousSystemNumber),
		org:     printable(found.Traits.AutonomousSystemOrganization),
		city:    printable(found.City.Names.English),
	}
	return r.at(found.Location)
}

func (g geoipDB) city(addr netip.Addr) record {
	found, err := g.db.City(addr)
	if err != nil {
		return record{}
	}
	r := record{
		country: countryCode(found.Country.ISOCode),
		city:    printable(found.City.Names.English),
	}
	return r.at(found.Location)
}

// network works for ISP databases too: their records hold those of ASN ones.
func (g geoipDB) network(addr netip.Addr) record {
	found, err := g.db.ASN(addr)
	if err != nil {
		return record{}
	}
	return record{
		asn: asNumber(found.AutonomousSystemNumber),
		org: printable(found.AutonomousSystemOrganization),
	}
}

func (r record) at(l geoip2.Location) record {
	if !l.HasCoordinates() {
		return r
	}
	return r.locate(*l.Latitude, *l.Longitude, float64(l.AccuracyRadius))
}

// locate refuses what is nowhere on Earth, NaN included.
func (r record) locate(lat, lon, radius float64) record {
	if lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180 && radius >= 0 {
		r.located, r.lat, r.lon, r.radius = true, lat, lon, radius
	}
	return r
}

// countryCode accepts two letters, and makes "" of the codes that mean
// "unknown" (ISO 3166-1 leaves XX and ZZ to users, who use them for that).
func countryCode(code string) string {
	if len(code) != 2 || !isLetter(code[0]) || !isLetter(code[1]) {
		return ""
	}
	code = strings.ToUpper(code)
	if code == "XX" || code == "ZZ" {
		return ""
	}
	return code
}

func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' }

// asNumber makes 0 of what does not fit the 32 bits of RFC 6793.
func asNumber(n uint) uint32 {
	if n > 1<<32-1 {
		return 0
	}
	return uint32(n)
}

// maxName bounds names, in bytes. They are shown in tables, logs and comments
// of the blocklist.
const maxName = 64

// printable bounds a name and leaves out what would upset a terminal or a line
// of a file.
func printable(name string) string {
	ok := len(name) <= maxName
	for _, r := range name {
		ok = ok && unicode.IsPrint(r) && r != utf8.RuneError
	}
	if ok {
		return name
	}
	name = masked(name)
	for len(name) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return strings.TrimSpace(name)
}

// masked leaves out what isn't meant to be seen: control characters, direction
// marks, broken UTF-8.
func masked(text string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
