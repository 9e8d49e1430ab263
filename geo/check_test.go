package geo

import (
	"bytes"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/stretchr/testify/require"
)

// Each pointer counts, in trees of all three widths.
func TestDamagedTree(t *testing.T) {
	for _, bits := range []int{24, 28, 32} {
		good := mmdbOf(t, bits, networks{network4: flat("ES"), network6: flat("FR")})
		db, err := maxminddb.OpenBytes(good)
		require.NoError(t, err)
		require.NoError(t, verify(db, good))
		size := int(db.Metadata.NodeCount) * bits / 4
		for at := 0; at < size; at += bits / 4 {
			for _, c := range []struct {
				fill byte
				want string
			}{{0, "leads back to its root"}, {0xff, ""}} {
				bad := bytes.Clone(good)
				for i := range bits / 4 {
					bad[at+i] = c.fill
				}
				require.ErrorContains(t, verify(db, bad), c.want, "%d bits, node at %d", bits, at)
			}
		}
		bad := bytes.Clone(good)
		bad[size] = 1
		require.EqualError(t, verify(db, bad), "the search tree does not end where it should")
	}
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
			require.Equal(t, masked(err.Error()), err.Error())
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
