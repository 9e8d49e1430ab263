package scoring

import (
	"cmp"
	"slices"
)

// Crowd is where all users together are at home: what a place that a user has not
// had before is measured against. The names in JSON are promises.
type Crowd struct {
	// Countries and Networks are the most used, in order. A day of use is a day on
	// which one user was there; old ones weigh less.
	Countries []CrowdHabit `json:"countries"`
	Networks  []CrowdHabit `json:"networks"`
	// More are how many there are beside those.
	MoreCountries int     `json:"more_countries,omitempty"`
	MoreNetworks  int     `json:"more_networks,omitempty"`
	Days          float64 `json:"days"` // in all countries
}

// CrowdHabit is a country or network with the days that users spent there.
type CrowdHabit struct {
	What string  `json:"what"` // "ES"; "AS3352"; "" is a country that no database knows
	Org  string  `json:"org,omitempty"`
	Days float64 `json:"days"`
}

// Crowd tells where users are at home, with so many countries and networks at most.
func (s *Scorer) Crowd(most int) Crowd {
	c := Crowd{Days: hundredths(s.server.days)}
	countries := make([]CrowdHabit, 0, len(s.server.countries))
	for key, days := range s.server.countries {
		countries = append(countries, CrowdHabit{What: countryText(uint32(key)), Days: hundredths(days)})
	}
	networks := make([]CrowdHabit, 0, len(s.server.networks))
	for key, days := range s.server.networks {
		networks = append(networks, CrowdHabit{networkText(key), s.server.orgs[key], hundredths(days)})
	}
	c.Countries, c.MoreCountries = mostUsed(countries, most)
	c.Networks, c.MoreNetworks = mostUsed(networks, most)
	return c
}

// mostUsed are the first of a list, and how many there are beside them.
func mostUsed(list []CrowdHabit, most int) (first []CrowdHabit, more int) {
	slices.SortFunc(list, func(a, b CrowdHabit) int {
		return cmp.Or(cmp.Compare(b.Days, a.Days), cmp.Compare(a.What, b.What))
	})
	first = list[:min(len(list), most)]
	return first, len(list) - len(first)
}
