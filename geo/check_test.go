package geo

import (
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/stretchr/testify/require"
)

// A tree in which both ways lead to the same next node has as many leaves as
// there are addresses. That must be seen, and not be walked to its end.
func TestTreeWithoutEnd(t *testing.T) {
	const depth = 100
	content := networks{}
	for bit := range 100 {
		content[prefixOfBits(bit+17)] = flat("ES")
	}
	data := mmdb(t, "country ipv6", content)
	db, err := maxminddb.OpenBytes(data)
	require.NoError(t, err)
	nodes := int(db.Metadata.NodeCount)
	require.Greater(t, nodes, depth)
	for i := range depth {
		to := i + 1
		if to == depth {
			to = nodes // a leaf without data
		}
		for _, side := range []int{0, 3} { // records of 24 bits
			copy(data[i*6+side:], []byte{0, byte(to >> 8), byte(to)})
		}
	}
	_, err = parse("x", data)
	require.EqualError(t, err, "is damaged (the search tree runs in circles); download it again")
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
