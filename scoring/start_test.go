package scoring

import (
	"net/netip"
	"testing"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// When the log begins nothing is usual yet, and everybody is taken to be at home.
// After two days most have been seen, and who shows up for the first time where nobody
// else is, is held as a new account would be.
func TestFirstDaysOfALog(t *testing.T) {
	sends := func(user string, day int, country string, asn uint32) Submission {
		addr := netip.AddrFrom4([4]byte{20, byte(asn), byte(hashName(user)), 7})
		p := geo.Place{Kind: geo.Placed, Addr: addr, Country: country, ASN: asn}
		return Submission{User: user, Time: monday.AddDate(0, 0, day), Place: p, Method: "PLAIN"}
	}
	for day, want := range map[int]Action{0: Allow, 1: Allow, 2: Hold, 4: Hold, 9: Hold} {
		s := New(shipped(t))
		for earlier := range day + 1 {
			for i := range 40 {
				require.Equal(t, Allow, s.Submission(sends(userName(i), earlier, "ES", 3352)).Action)
			}
		}
		require.Equal(t, want, s.Submission(sends("ana", day, "VN", 7552)).Action, "day %d", day)
		require.Equal(t, Allow, s.Submission(sends("eva", day, "ES", 3352)).Action, "day %d", day)
	}
}
