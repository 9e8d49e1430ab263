package geo

import (
	"bytes"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"
)

// A tree whose nodes lead back to others, instead of on to leaves, must be seen
// and not be walked for ever: one in which both ways lead to the next node has
// 2^128 of them.
func TestTreeInCircles(t *testing.T) {
	content := networks{}
	for i := range 64 {
		content[prefixOfBits(i+64)] = flat("ES")
	}
	data := mmdb(t, "country ipv6", content)
	nodes := bytes.Index(data, make([]byte, 16)) / 6 // the 16 zeros after the tree; 24-bit records
	require.Greater(t, nodes, 120)
	for i := range nodes - 1 {
		next := []byte{0, byte((i + 1) >> 8), byte(i + 1)}
		copy(data[i*6:], next)
		copy(data[i*6+3:], next)
	}
	_, err := parse("x", data)
	require.ErrorContains(t, err, "is damaged (")
}

// FuzzParse feeds damaged databases: they are refused, or they tell nothing
// that breaks a table, and neither takes long.
func FuzzParse(f *testing.F) {
	for _, data := range [][]byte{
		mmdb(f, "GeoIP2-Enterprise", networks{network4: enterprise("ES", 1, "One"), network6: isoCode("FR")}),
		mmdb(f, "GeoLite2-ASN", networks{network4: network(1, "One"), network6: network(2, "Two")}),
		mmdb(f, "country ipvAll", networks{network4: flat("ES"), network6: flat("FR")}),
		mmdb(f, "Example", networks{network4: {
			"country": mmdbtype.String("ES"), "asn": mmdbtype.String("AS1"), "as_name": mmdbtype.String("One"),
			"latitude": mmdbtype.String("1.5"), "longitude": mmdbtype.Float64(2),
		}}),
		[]byte("network,geoname_id\n"),
	} {
		f.Add(data)
		f.Add(data[:len(data)/2])
		f.Add(data[len(data)/2:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse("x", data)
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for _, addr := range []string{addr4, addr6} {
			r := file.records.find(bareOf(addr))
			require.Equal(t, r.country, countryCode(r.country))
			require.Equal(t, r.org, printable(r.org))
			require.Equal(t, r.city, printable(r.city))
			require.LessOrEqual(t, len(r.org), maxName)
		}
	})
}
