package geo

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"
)

// One address of Telefónica's, which the embedded data knows as ES, AS3352; the
// databases of the tests tell something else.
const (
	addr4    = "80.58.61.250"
	network4 = "80.58.0.0/16"
	addr6    = "2a02:9000::1"
	network6 = "2a02:9000::/32"
)

const embeddedOrg = "TELEFONICA DE ESPANA S.A.U."

func TestDatabases(t *testing.T) {
	seville := city("ES", "Seville", 37.38, -5.98)
	cityOnly := networks{network4: seville}
	for _, c := range []struct {
		what  string
		files [][]byte
		want  Place // of addr4
	}{
		{
			"MaxMind Country; the network is the embedded one",
			[][]byte{mmdb(t, "GeoLite2-Country", networks{network4: isoCode("ES")})},
			Place{Country: "ES", ASN: 3352, Org: embeddedOrg},
		}, {
			"another country than the embedded data have: their network is not taken over",
			[][]byte{mmdb(t, "GeoLite2-Country", networks{network4: isoCode("PT")})},
			Place{Country: "PT"},
		}, {
			"DB-IP Country",
			[][]byte{mmdb(t, "DBIP-Country-Lite", networks{network4: isoCode("PT")})},
			Place{Country: "PT"},
		}, {
			"ASN; the country is the embedded one",
			[][]byte{mmdb(t, "GeoLite2-ASN", networks{network4: network(64500, "Example Net")})},
			Place{Country: "ES", ASN: 64500, Org: "Example Net"},
		}, {
			"DB-IP ASN",
			[][]byte{mmdb(t, "DBIP-ASN-Lite (compat=GeoLite2-ASN)", networks{network4: network(64500, "Example Net")})},
			Place{Country: "ES", ASN: 64500, Org: "Example Net"},
		}, {
			"ISP",
			[][]byte{mmdb(t, "GeoIP2-ISP", networks{network4: network(64500, "Example Net")})},
			Place{Country: "ES", ASN: 64500, Org: "Example Net"},
		}, {
			"City and ASN",
			[][]byte{mmdb(t, "GeoLite2-City", cityOnly), mmdb(t, "GeoLite2-ASN", networks{network4: network(64500, "Example Net")})},
			Place{Country: "ES", ASN: 64500, Org: "Example Net", City: "Seville", HasCoordinates: true, Lat: 37.38, Lon: -5.98, Radius: 20},
		}, {
			"Enterprise",
			[][]byte{mmdb(t, "GeoIP2-Enterprise", networks{network4: enterprise("PT", 64500, "Example Net")})},
			Place{Country: "PT", ASN: 64500, Org: "Example Net", City: "City of PT", HasCoordinates: true, Lat: 40.5, Lon: -3.5, Radius: 20},
		}, {
			"two that disagree: the first counts, and the coordinates of the other don't come with its country",
			[][]byte{mmdb(t, "GeoLite2-Country", networks{network4: isoCode("PT")}), mmdb(t, "GeoLite2-City", cityOnly)},
			Place{Country: "PT"},
		}, {
			"two that agree: one adds the coordinates",
			[][]byte{mmdb(t, "GeoLite2-Country", networks{network4: isoCode("ES")}), mmdb(t, "GeoLite2-City", cityOnly)},
			Place{Country: "ES", ASN: 3352, Org: embeddedOrg, City: "Seville", HasCoordinates: true, Lat: 37.38, Lon: -5.98, Radius: 20},
		}, {
			"the first leaves the address out, the second has it",
			[][]byte{mmdb(t, "GeoLite2-Country", networks{"1.0.0.0/24": isoCode("AU")}), mmdb(t, "GeoLite2-Country", networks{network4: isoCode("PT")})},
			Place{Country: "PT"},
		}, {
			"left out by all: the embedded data has networks to tell, but not single countries",
			[][]byte{mmdb(t, "GeoLite2-Country", networks{"1.0.0.0/24": isoCode("AU")})},
			Place{ASN: 3352, Org: embeddedOrg},
		}, {
			"ip-location-db, flat",
			[][]byte{mmdb(t, "country ipvAll", networks{network4: flat("PT")})},
			Place{Country: "PT"},
		}, {
			"MaxMind's layout under a type of one's own",
			[][]byte{mmdb(t, "Example-Enterprise", networks{network4: enterprise("PT", 64500, "Example Net")})},
			Place{Country: "PT", ASN: 64500, Org: "Example Net", City: "City of PT", HasCoordinates: true, Lat: 40.5, Lon: -3.5, Radius: 20},
		}, {
			"IPinfo's layout",
			[][]byte{mmdb(t, "ipinfo lite.mmdb", networks{network4: {
				"country": mmdbtype.String("Portugal"), "country_code": mmdbtype.String("PT"),
				"asn": mmdbtype.String("AS64500"), "as_name": mmdbtype.String("Example Net"),
			}})},
			Place{Country: "PT", ASN: 64500, Org: "Example Net"},
		}, {
			"coordinates as text",
			[][]byte{mmdb(t, "city ipv4", networks{network4: {
				"country_code": mmdbtype.String("PT"), "city": mmdbtype.String("Lisbon"),
				"latitude": mmdbtype.String("38.72"), "longitude": mmdbtype.String("-9.14"),
			}})},
			Place{Country: "PT", City: "Lisbon", HasCoordinates: true, Lat: 38.72, Lon: -9.14},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := placeOf(opened(t, c.files...), addr4)
			c.want.Addr, c.want.Kind = p.Addr, Placed
			require.Equal(t, c.want, p)
		})
	}
}

func TestOneVersionOfIPInEachFile(t *testing.T) {
	v4 := mmdb(t, "country ipv4", networks{network4: flat("PT")})
	v6 := mmdb(t, "country ipv6", networks{network6: flat("FR")})

	db := opened(t, v4)
	require.Equal(t, "PT", placeOf(db, addr4).Country)
	require.Equal(t, "ES", placeOf(db, addr6).Country, "embedded")

	db = opened(t, v6, v4)
	require.Equal(t, "PT", placeOf(db, addr4).Country)
	require.Equal(t, "FR", placeOf(db, addr6).Country)
}

// What a database says of an address that has no place is not believed, except
// of those for examples.
func TestDatabaseAndSpecialRanges(t *testing.T) {
	db := opened(t, mmdb(t, "GeoLite2-Country", networks{
		"10.0.0.0/8":      isoCode("US"),
		"127.0.0.0/8":     isoCode("US"),
		"100.64.0.0/10":   isoCode("US"),
		"198.51.100.0/24": isoCode("BR"),
		"2001:db8:1::/48": isoCode("RU"),
	}))
	require.Equal(t, Place{Addr: bareOf("10.0.0.1"), Kind: Private}, placeOf(db, "10.0.0.1"))
	require.Equal(t, Place{Addr: bareOf("127.0.0.1"), Kind: Loopback}, placeOf(db, "127.0.0.1"))
	require.Equal(t, Place{Addr: bareOf("100.64.0.1"), Kind: Private}, placeOf(db, "100.64.0.1"))
	require.Equal(t, Place{Addr: bareOf("198.51.100.7"), Kind: Placed, Country: "BR"}, placeOf(db, "198.51.100.7"))
	require.Equal(t, Place{Addr: bareOf("2001:db8:1::1"), Kind: Placed, Country: "RU"}, placeOf(db, "2001:db8:1::1"))
	require.Equal(t, Place{Addr: bareOf("203.0.113.1"), Kind: Reserved}, placeOf(db, "203.0.113.1"))
}

// A database is somebody's words too.
func TestFactsAreChecked(t *testing.T) {
	cut := strings.Repeat("ñ", maxName/2-1) + "x" // one byte is left, and the next letter has two
	long := cut + "ñandú"
	db := opened(t, mmdb(t, "GeoIP2-Enterprise", networks{
		"80.0.0.0/24":  enterprise("pt", 1, long),
		"80.0.1.0/24":  enterprise("Portugal", 2, "Evil\x1b[2J\r\nREJECT \u202eNet"),
		"80.0.2.0/24":  enterprise("ZZ", 3, ""),
		"80.0.3.0/24":  city("ES", "Nowhere", 91, 0),
		"80.0.4.0/24":  city("ES", "Nowhere", math.NaN(), 0),
		"80.0.5.0/24":  city("ES", "Nowhere", 0, 181),
		"80.0.6.0/24":  {"country": mmdbtype.String("ES")},
		"80.0.7.0/24":  {"traits": mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint64(1 << 40)}},
		"80.0.8.0/24":  {},
		"80.0.9.0/24":  enterprise("E\n", 4, "x"),
		"80.0.10.0/24": enterprise("ÑN", 5, "x"),
	}))
	require.Equal(t, "PT", placeOf(db, "80.0.0.1").Country)
	require.Equal(t, cut, placeOf(db, "80.0.0.1").Org)
	require.Equal(t, "", placeOf(db, "80.0.1.1").Country)
	require.Equal(t, "Evil[2JREJECT Net", placeOf(db, "80.0.1.1").Org)
	require.Equal(t, "", placeOf(db, "80.0.2.1").Country)
	require.Equal(t, "", placeOf(db, "80.0.9.1").Country)
	require.Equal(t, "", placeOf(db, "80.0.10.1").Country)
	for _, addr := range []string{"80.0.3.1", "80.0.4.1", "80.0.5.1"} {
		require.False(t, placeOf(db, addr).HasCoordinates, addr)
		require.Equal(t, "ES", placeOf(db, addr).Country, addr)
	}
	for _, addr := range []string{"80.0.6.1", "80.0.7.1", "80.0.8.1"} {
		require.Equal(t, Place{Addr: bareOf(addr), Kind: Unplaced}, placeOf(db, addr))
	}
}

func TestSources(t *testing.T) {
	db := opened(t, mmdb(t, "GeoLite2-ASN", networks{network4: network(64500, "Example Net")}))
	sources := db.Sources()
	require.Len(t, sources, 2)
	require.Equal(t, "GeoLite2-ASN", sources[0].Type)
	require.Equal(t, built, sources[0].Built)
	require.Equal(t, Embedded, sources[1].Path)

	require.Equal(t, 59*24*time.Hour, sources[0].Age(built.AddDate(0, 0, 59)))
	require.Less(t, sources[0].Age(built.AddDate(0, 0, 60)), OldAge+1)

	both := networks{network4: enterprise("ES", 1, "x"), network6: enterprise("ES", 1, "x")}
	require.Len(t, opened(t, mmdb(t, "GeoIP2-Enterprise", both)).Sources(), 1, "it needs no embedded data")
}
