package scoring

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLint warns of what cannot be meant, and of nothing else.
func TestLint(t *testing.T) {
	for _, c := range []struct{ when, want string }{
		{`false`, "its condition is false"},
		{`home and false`, "its condition is false"},
		{`home and not home`, "it asks for home and for the opposite"},
		{`new_country && messages("1h") > 5 && messages("1h") <= 5`, `messages("1h") <= 5 leaves it no value`},
		{`rarity > 12 and 3 > rarity`, "3 > rarity leaves it no value"},
		{`country_days == 1 and country_days == 2`, "country_days == 2 leaves it no value"},
		{`users_here >= 5`, "users_here is never above 4"},
		{`countries("1d") > 32`, `countries("1d") is never above 32`},
		{`messages("1h") < 0`, `messages("1h") < 0 leaves it no value`},
		{`users_here > 4 || switches("6h") > 4`, `switches("6h") is never above 4`},
		{`home`, ""},
		{`home or not home`, ""},
		{`not false`, ""},
		{`messages("1h") > 5 && messages("1d") < 5`, ""},
		{`messages("1h") >= 5 && messages("1h") <= 5`, ""},
		{`users_here > 4 || home`, ""},
		{`not (users_here > 4)`, ""},
		{`messages("1h") > 5 ? users_here > 4 : home`, ""},
		{`message_excess("1h") < 0 and rarity < 0`, ""},
		{`country == "ES" or country in ["FR", "XK", ""]`, ""},
	} {
		rules := parsed(t, fmt.Sprintf("rules: [{name: one, points: 60, when: %q}, {name: two, points: 60, when: unfamiliar}]", c.when))
		warnings := rules.Lint("rules.yaml")
		if c.want == "" {
			require.Empty(t, warnings, c.when)
			continue
		}
		require.EqualError(t, warnings, `rules.yaml:1:9: rule "one" can never fire: `+c.want)
	}
	rules := parsed(t, `
home: [ES, ZZ]
half_life: 1h
rules:
  - {name: one, points: 20, every: 1h, when: 'new_country and country == "UK"'}
  - {name: two, points: 20, every: 1h, when: 'new_country  and  (country == "UK")'}
  - {name: three, points: -50, when: 'country in ["ES", "Spain"]'}
`)
	require.EqualError(t, rules.Lint("rules.yaml"), `rules.yaml: home: there is no country ZZ
rules.yaml: threshold.block (100) is out of reach: all rules together come to 80 points at most, given their every and the half_life
rules.yaml:5:5: rule "one": there is no country "UK" (two capitals, such as ES)
rules.yaml:6:5: rule "two" has the same condition as rule "one": both add their points
rules.yaml:6:5: rule "two": there is no country "UK" (two capitals, such as ES)
rules.yaml:7:5: rule "three": there is no country "Spain" (two capitals, such as ES)`)
	require.Empty(t, shipped(t).Lint("rules.yaml"))
}
