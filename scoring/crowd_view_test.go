package scoring

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is usual on the server is told by the days that users spent in each place, and
// what is left out is counted.
func TestCrowd(t *testing.T) {
	s := New(parsed(t, "rules: [{name: new, when: new_address, points: 2}]"))
	for day := range 3 {
		submitFrom(s, monday.AddDate(0, 0, day), "198.51.100.7", "ES", 3352, "A1")
	}
	submitFrom(s, monday.AddDate(0, 0, 3), "203.0.113.9", "BR", 26599, "A2")

	c := s.Crowd(1)
	require.Equal(t, []CrowdHabit{{What: "ES", Days: 3}}, c.Countries)
	require.Equal(t, []CrowdHabit{{What: "AS3352", Org: "Network ES", Days: 3}}, c.Networks)
	require.Equal(t, 1, c.MoreCountries)
	require.Equal(t, 1, c.MoreNetworks)
	require.Equal(t, 4.0, c.Days)

	all := s.Crowd(100)
	require.Equal(t, "BR", all.Countries[1].What)
	require.Zero(t, all.MoreCountries)
	require.Empty(t, New(s.rules).Crowd(100).Countries)
}
