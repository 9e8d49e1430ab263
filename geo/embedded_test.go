package geo

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Addresses of well-known networks, whose owners have had them for decades.
func TestEmbeddedPlaces(t *testing.T) {
	db, err := Open()
	require.NoError(t, err)
	for _, c := range []struct {
		addr    string
		country string
		asn     uint32
	}{
		{"80.58.61.250", "ES", 3352}, // Telefónica
		{"2a02:9000::1", "ES", 3352},
		{"90.0.0.1", "FR", 3215}, // Orange
		{"2a01:cb00::1", "FR", 5511},
		{"177.0.0.1", "BR", 8167},
		{"2804:14c::1", "BR", 28573},
		{"41.58.0.1", "NG", 36923},
		{"105.112.0.1", "NG", 36873},
		{"95.24.0.1", "RU", 8402},
		{"2a02:6b8::1", "RU", 13238}, // Yandex
		{"47.64.113.136", "DE", 3209},
		{"8.8.8.8", "US", 15169},
		{"::ffff:8.8.8.8", "US", 15169},
		{"2001:4860:4860::8888", "US", 15169},
	} {
		t.Run(c.addr, func(t *testing.T) {
			p := db.Place(netip.MustParseAddr(c.addr))
			require.Equal(t, Placed, p.Kind)
			require.Equal(t, c.country, p.Country)
			require.Equal(t, c.asn, p.ASN)
			require.NotEmpty(t, p.Org)
			require.False(t, p.HasCoordinates)
		})
	}
}

func TestEmbeddedSource(t *testing.T) {
	db, err := Open()
	require.NoError(t, err)
	require.Equal(t, []Source{{
		Path:  "embedded",
		Type:  "Sendwarden-Country-ASN",
		Built: time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC),
	}}, db.Sources())

	meta := embedded().db.Metadata
	require.Equal(t, embeddedType, meta.DatabaseType)
	require.EqualValues(t, embeddedEpoch, meta.BuildEpoch)
}

// Every record holds what find takes from it unchecked.
func TestEmbeddedIsSound(t *testing.T) {
	db := embedded().db
	require.NoError(t, db.Verify())
	networks := 0
	for result := range db.Networks() {
		networks++
		r := embedded().find(result.Prefix().Addr())
		if r.country != countryCode(r.country) || r.org != printable(r.org) || r.country == "" && r.asn == 0 {
			t.Fatalf("%s: %+v", result.Prefix(), r)
		}
	}
	require.Greater(t, networks, 500_000)
}

func TestEmbeddedSize(t *testing.T) {
	require.Less(t, len(packed), 8<<20)
	data, err := unpack(packed)
	require.NoError(t, err)
	require.Len(t, data, embeddedSize)
}

func BenchmarkEmbeddedFirstUse(b *testing.B) {
	for b.Loop() {
		if _, err := unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlace looks up addresses that come again, as those of a mail
// server's users do, and addresses that are all new.
func BenchmarkPlace(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	addrs := make([]netip.Addr, 1<<17)
	for i := range addrs {
		n := random.Uint32()
		addrs[i] = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	db, err := Open()
	require.NoError(b, err)
	db.Prepare()
	for name, mask := range map[string]int{"usual": 1<<10 - 1, "new": 1<<17 - 1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				db.Place(addrs[i&mask])
				i++
			}
		})
	}
}
