package scoring

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Between two sightings in two countries lies a way: on foot, by car, by air.
func TestTravelling(t *testing.T) {
	at := func(country string, lat, lon, radius float32) spot {
		return spot{at: 1, country: countryKey(country), located: true, lat: lat, lon: lon, radius: radius}
	}
	basel, mulhouse, strasbourg := at("CH", 47.56, 7.59, 10), at("FR", 47.75, 7.34, 10), at("FR", 48.58, 7.75, 10)
	rome, phone, france := at("IT", 41.9, 12.5, 20), at("FR", 47.59, 7.56, 500), spot{at: 1, country: countryKey("FR")}
	for _, c := range []struct {
		what    string
		to      spot
		beside  bool
		minutes int64 // the way takes
	}{
		{"28 km, or 8 as far as is known", mulhouse, true, 4},
		{"114 km, or 94: by car", strasbourg, false, 37},
		{"744 km, or 714: by air", rome, false, 83},
		{"beside, if the database knew", phone, false, 30},
		{"who knows where", france, false, 120},
	} {
		require.Equal(t, c.beside, basel.beside(c.to), c.what)
		require.Equal(t, c.beside, c.to.beside(basel), c.what)
		for _, later := range []int64{c.minutes*60 - 90, c.minutes*60 + 90} {
			to := c.to
			to.at += later
			require.Equal(t, later < c.minutes*60, basel.unreachable(to), "%s: after %d s", c.what, later)
		}
	}
	require.False(t, basel.beside(basel), "no border")
	require.False(t, spot{}.beside(mulhouse), "never seen")
}
