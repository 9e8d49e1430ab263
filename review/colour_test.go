package review

import (
	"testing"

	"sendwarden/report/colourtest"

	"github.com/stretchr/testify/require"
)

// What is read and what tells something in a drawing can be seen: light, dark and on
// paper.
func TestColours(t *testing.T) {
	style, err := files.ReadFile("static/style.css")
	require.NoError(t, err)
	grounds := []string{"ground", "card"}
	colourtest.Legible(t, string(style), colourtest.Uses{
		Text: map[string][]string{
			"text": {"ground", "card", "line", "bad-ground", "wait-ground"}, "dim": grounds, "accent": grounds,
			"bad": grounds, "wait": grounds, "ground": {"accent", "bad"}, // a button under the mouse
		},
		Drawn: map[string][]string{"text": {"card"}, "dim": grounds, "accent": {"card", "line"}, "bad": {"card", "line", "bad-ground"}, "wait": {"card", "wait-ground"}},
		Still: []string{"line", "bad-ground", "wait-ground"},
	})
}
