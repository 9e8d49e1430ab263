package review

import (
	"encoding/json"
	"html/template"

	"sendwarden/control"
	"sendwarden/geo"
	"sendwarden/report"
	"sendwarden/scoring"
)

// drawMap draws from where the points came, and from where the user is at home;
// "" where all of it is one country.
func drawMap(a control.Account) template.HTML {
	theft := report.Theft{User: a.User, Home: geo.Place{Country: home(a)}}
	seen := map[string]bool{theft.Home.Country: true, "": true}
	for _, r := range a.Reasons {
		if !seen[r.Country] {
			seen[r.Country] = true
			theft.From = append(theft.From, geo.Place{Country: r.Country})
		}
	}
	if len(theft.From) == 0 {
		return ""
	}
	return report.Map{Thefts: []report.Theft{theft}}.Draw()
}

// home is the country that a user has used most.
func home(a control.Account) string {
	var memory scoring.Account
	if json.Unmarshal(a.Memory, &memory) != nil || len(memory.Countries) == 0 {
		return "" // nothing is remembered
	}
	return memory.Countries[0].What
}
