package report

import (
	"testing"

	"sendwarden/report/colourtest"
)

// What is read and what tells something in a drawing can be seen: light, dark and on
// paper. The greys of the map say in steps what the table of countries says in numbers.
func TestColours(t *testing.T) {
	grounds := []string{"paper", "card"}
	colourtest.Legible(t, style, colourtest.Uses{
		Text:  map[string][]string{"ink": grounds, "soft": grounds, "hot": grounds, "link": grounds},
		Drawn: map[string][]string{"ink": grounds, "grey": grounds, "hot": {"paper", "card", "l0", "l1"}},
		Still: []string{"line", "hot-soft", "l0", "l1", "l2", "l3", "l4", "l5"}, // hot-soft has a frame of hot, an arc one of paper
	})
}
