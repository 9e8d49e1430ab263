package geo

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// keys lead through a record's maps, as maxminddb wants it: "country",
// "iso_code".
type keys []any

// The places where databases of other makers keep the facts: in MaxMind's
// layout, flat (ip-location-db), or under names of their own (IPinfo).
var (
	countryPaths = []keys{{"country", "iso_code"}, {"country_code"}, {"country"}}
	asnPaths     = []keys{{"autonomous_system_number"}, {"traits", "autonomous_system_number"}, {"asn"}}
	orgPaths     = []keys{{"autonomous_system_organization"}, {"traits", "autonomous_system_organization"}, {"as_name"}}
	cityPaths    = []keys{{"city", "names", "en"}, {"city"}}
	latPaths     = []keys{{"location", "latitude"}, {"latitude"}, {"lat"}}
	lonPaths     = []keys{{"location", "longitude"}, {"longitude"}, {"lng"}}
	radiusPaths  = []keys{{"location", "accuracy_radius"}}
)

// looseDB reads a database whose type says nothing of its layout. Which paths
// it uses is seen from its records when it is opened; nil is a fact it lacks.
type looseDB struct {
	db                                        *maxminddb.Reader
	country, asn, org, city, lat, lon, radius keys
}

// layoutSample is how many records are looked at to learn a layout. A city or
// an organisation may be missing in many, but not in all of so many.
const layoutSample = 4096

// newLooseDB learns the layout of db.
func newLooseDB(db *maxminddb.Reader) (looseDB, facts) {
	l := looseDB{db: db}
	seen := 0
	for result := range db.Networks() {
		if seen++; seen > layoutSample {
			break
		}
		l.country = l.country.or(countryPaths, func(p keys) bool { return countryAt(result, p) != "" })
		l.asn = l.asn.or(asnPaths, func(p keys) bool { return asnAt(result, p) != 0 })
		l.org = l.org.or(orgPaths, func(p keys) bool { return textAt(result, p) != "" })
		l.city = l.city.or(cityPaths, func(p keys) bool { return textAt(result, p) != "" })
		l.lat = l.lat.or(latPaths, func(p keys) bool { return numberAt(result, p) != nil })
		l.lon = l.lon.or(lonPaths, func(p keys) bool { return numberAt(result, p) != nil })
		l.radius = l.radius.or(radiusPaths, func(p keys) bool { return numberAt(result, p) != nil })
	}
	return l, facts{country: l.country != nil, network: l.asn != nil}
}

// or is p, or when that is not known yet the first candidate that fits.
func (p keys) or(candidates []keys, fits func(keys) bool) keys {
	if p != nil {
		return p
	}
	for _, c := range candidates {
		if fits(c) {
			return c
		}
	}
	return nil
}

func (l looseDB) find(addr netip.Addr) record {
	result := l.db.Lookup(addr)
	if !result.Found() {
		return record{}
	}
	r := record{
		country: countryAt(result, l.country),
		asn:     asnAt(result, l.asn),
		org:     textAt(result, l.org),
		city:    textAt(result, l.city),
	}
	lat, lon := numberAt(result, l.lat), numberAt(result, l.lon)
	if lat == nil || lon == nil {
		return r
	}
	radius := 0.0
	if told := numberAt(result, l.radius); told != nil {
		radius = *told
	}
	return r.locate(*lat, *lon, radius)
}

// The …At functions are zero when the record has nothing of that type there.

func countryAt(r maxminddb.Result, p keys) string {
	var code string
	if p == nil || r.DecodePath(&code, p...) != nil {
		return ""
	}
	return countryCode(code)
}

func textAt(r maxminddb.Result, p keys) string {
	var text string
	if p == nil || r.DecodePath(&text, p...) != nil {
		return ""
	}
	return printable(text)
}

// asnAt reads 3352 and "AS3352".
func asnAt(r maxminddb.Result, p keys) uint32 {
	if p == nil {
		return 0
	}
	var number uint32
	if r.DecodePath(&number, p...) == nil {
		return number
	}
	var text string
	if r.DecodePath(&text, p...) != nil {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "AS"), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// numberAt reads 40.4, and "40.4" as flat files made from CSV have it.
func numberAt(r maxminddb.Result, p keys) *float64 {
	if p == nil {
		return nil
	}
	var number *float64
	if r.DecodePath(&number, p...) == nil {
		return number
	}
	var whole uint32 // as MaxMind has the accuracy radius
	if r.DecodePath(&whole, p...) == nil {
		n := float64(whole)
		return &n
	}
	var text string
	if r.DecodePath(&text, p...) != nil {
		return nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return &n
}
