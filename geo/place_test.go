package geo

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKind(t *testing.T) {
	db, err := Open()
	require.NoError(t, err)
	for addr, want := range map[string]Kind{
		"80.58.61.250": Placed,
		"2a02:9000::1": Placed,

		"10.1.2.3":          Private,
		"172.16.0.1":        Private,
		"172.31.255.255":    Private,
		"172.32.0.1":        Placed,
		"192.168.1.10":      Private,
		"100.64.0.1":        Private,
		"100.127.255.255":   Private,
		"100.128.0.1":       Placed,
		"169.254.7.7":       Private,
		"192.0.0.2":         Private,
		"fe80::1%eth0":      Private,
		"fd12:3456:789a::1": Private,
		"64:ff9b:1::1":      Private,
		"::ffff:10.0.0.1":   Private,

		"127.0.0.1":        Loopback,
		"127.99.0.1":       Loopback,
		"::1":              Loopback,
		"::ffff:127.0.0.1": Loopback,

		"0.0.0.0":         Reserved,
		"::":              Reserved,
		"::8.8.8.8":       Reserved,
		"192.0.2.1":       Reserved,
		"198.51.100.1":    Reserved,
		"203.0.113.1":     Reserved,
		"198.19.0.1":      Reserved,
		"224.0.0.1":       Reserved,
		"255.255.255.255": Reserved,
		"2001:db8::1":     Reserved,
		"3fff::1":         Reserved,
		"100::1":          Reserved,
		"ff02::1":         Reserved,

		"4000::1": Unplaced, // no registry has it
	} {
		t.Run(addr, func(t *testing.T) {
			p := placeOf(db, addr)
			require.Equal(t, want, p.Kind, "%+v", p)
			if want != Placed {
				require.Equal(t, Place{Addr: p.Addr, Kind: want}, p, "nothing else may be told of it")
			}
		})
	}
}

func TestNoAddressIsUnplaced(t *testing.T) {
	db, err := Open()
	require.NoError(t, err)
	require.Equal(t, Place{}, db.Place(netip.Addr{}))
}

func TestAddressIsTakenBare(t *testing.T) {
	db, err := Open()
	require.NoError(t, err)
	require.Equal(t, "80.58.61.250", placeOf(db, "::ffff:80.58.61.250").Addr.String())
	require.Equal(t, "fe80::1", placeOf(db, "fe80::1%eth0").Addr.String())
}

func TestBlock(t *testing.T) {
	for addr, want := range map[string]string{
		"80.58.61.250":        "80.58.61.0/24",
		"::ffff:80.58.61.250": "80.58.61.0/24",
		"2a02:9000:1:2:3::4":  "2a02:9000:1:2::/64",
		"fe80::1%eth0":        "fe80::/64",
	} {
		require.Equal(t, want, Block(netip.MustParseAddr(addr)).String())
	}
	require.False(t, Block(netip.Addr{}).IsValid())
	require.Equal(t, "80.58.61.0/24", Place{Addr: netip.MustParseAddr("80.58.61.250")}.Block().String())
}

func TestDistance(t *testing.T) {
	at := func(lat, lon, radius float64) Place {
		return Place{HasCoordinates: true, Lat: lat, Lon: lon, Radius: radius}
	}
	madrid, lisbon, moscow := at(40.4168, -3.7038, 20), at(38.7223, -9.1393, 20), at(55.7558, 37.6173, 200)
	for _, c := range []struct {
		what string
		a, b Place
		want float64
	}{
		{"503 km less both radii", madrid, lisbon, 503 - 40},
		{"3440 km less both radii", madrid, moscow, 3440 - 220},
		{"the same place", madrid, madrid, 0},
		{"nearer than the radii", at(40, 0, 100), at(40.5, 0, 100), 0},
		{"one that the database doesn't state is 50 km", at(0, 0, 0), at(0, 90, 7), 10007.56 - 50 - 7},
		{"antipodes", at(0, 0, 1), at(0, 180, 1), 20015.11 - 2},
		{"across the date line, not around the Earth", at(65, 179.5, 1), at(65, -179.5, 1), 46.99 - 2},
		{"the pole has one longitude too many", at(90, 0, 1), at(90, 120, 1), 0},
	} {
		t.Run(c.what, func(t *testing.T) {
			km, ok := Distance(c.a, c.b)
			require.True(t, ok)
			require.InDelta(t, c.want, km, 1)
			back, _ := Distance(c.b, c.a)
			require.InDelta(t, km, back, 1e-6)
		})
	}
	_, ok := Distance(madrid, Place{Country: "PT"})
	require.False(t, ok)
	_, ok = Distance(Place{Country: "PT"}, madrid)
	require.False(t, ok)
}
