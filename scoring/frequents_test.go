package scoring

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"sendwarden/geo"
)

// Who has worked from an address on several days may not be shut out with a thief.
func TestFrequents(t *testing.T) {
	s := New(shipped(t))
	s.Remember(func(string) []byte { return nil }, func(key string, err error) { require.NoError(t, err, key) })
	office, cafe, home := netip.MustParseAddr("80.58.61.250"), netip.MustParseAddr("80.58.61.251"), netip.MustParseAddr("2a02:9130:1:2::1")
	send := func(day int, addr netip.Addr) {
		at := monday.AddDate(0, 0, day)
		s.Submission(Submission{User: "ana", Time: at, Place: geo.Place{Addr: addr, Kind: geo.Placed, Country: "ES", ASN: 3352}})
	}
	for day := range 4 {
		send(day, office)
		send(day, home)
		home = home.Next() // another one each day, of the same block
	}
	send(4, cafe)
	records := 0
	s.Changes(func(key string, record []byte) {
		if key != UserKey("ana") {
			return
		}
		records++
		require.True(t, Frequents(record, office))
		require.False(t, Frequents(record, cafe), "once is no habit")
		require.True(t, Frequents(record, home))
		require.False(t, Frequents(record, netip.MustParseAddr("2a02:9130:1:3::1")))
		require.False(t, Frequents(record[:len(record)/2], office), "a damaged record")
	})
	require.Equal(t, 1, records)
}
