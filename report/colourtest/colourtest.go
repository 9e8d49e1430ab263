// Package colourtest tells whether people can see what a stylesheet's colours are used
// for, by the measure of the Web Content Accessibility Guidelines 2.2: the contrast of
//
//	--soft:#57606a;   on   --paper:#fff;   is   6.4:1
//
// Text needs 4.5:1 to what is behind it (success criterion 1.4.3), and a part of a
// drawing that tells something 3:1 to what is beside it (1.4.11). It is for tests only.
package colourtest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The least contrast of text and of drawings.
const (
	leastText  = 4.5
	leastDrawn = 3
)

// Uses are what the colours of a stylesheet are for, by name: each with those that it
// is seen on.
type Uses struct {
	Text  map[string][]string
	Drawn map[string][]string
	// Still are those that tell nothing, or nothing that does not stand in words beside
	// them: frames, grids, the greys of a map with a table below it.
	Still []string
}

// Legible makes sure of the contrast of each use in each look of a stylesheet, that is
// in each of its :root blocks: light, dark, in print. A colour without a use fails, and
// so does one that stands elsewhere than in these blocks.
func Legible(t testing.TB, css string, uses Uses) {
	t.Helper()
	looks := looksOf(t, css)
	require.GreaterOrEqual(t, len(looks), 3, "light, dark and print")
	require.NotRegexp(t, `:[^;}]*(#[0-9a-fA-F]{3}|rgb|hsl)`, root.ReplaceAllString(css, ""), "a colour outside of :root")
	for i, look := range looks {
		require.Len(t, look, len(looks[0]), "block %d names other colours than the first", i+1)
		known := make(map[string]bool)
		for _, name := range uses.Still {
			known[name] = true
		}
		for least, pairs := range map[float64]map[string][]string{leastText: uses.Text, leastDrawn: uses.Drawn} {
			for front, backs := range pairs {
				known[front] = true
				for _, back := range backs {
					known[back] = true
					require.Contains(t, look, front, "block %d", i+1)
					require.Contains(t, look, back, "block %d", i+1)
					require.GreaterOrEqual(t, Contrast(look[front], look[back]), least, "block %d: --%s on --%s", i+1, front, back)
				}
			}
		}
		for name := range look {
			require.True(t, known[name], "--%s: what is it for?", name)
		}
	}
}

var (
	root    = regexp.MustCompile(`:root\s*\{[^}]*\}`)
	colours = regexp.MustCompile(`--([\w-]+):\s*(#[0-9a-fA-F]+)`)
)

// looksOf are the colours of each :root block.
func looksOf(t testing.TB, css string) (looks []map[string]Colour) {
	t.Helper()
	for _, block := range root.FindAllString(css, -1) {
		look := make(map[string]Colour)
		for _, m := range colours.FindAllStringSubmatch(block, -1) {
			c, err := Parse(m[2])
			require.NoError(t, err)
			look[m[1]] = c
		}
		looks = append(looks, look)
	}
	return looks
}

// Colour is red, green and blue, from 0 to 1.
type Colour [3]float64

// Parse reads #rgb and #rrggbb.
func Parse(hex string) (c Colour, err error) {
	digits := strings.TrimPrefix(hex, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 6 {
		return c, fmt.Errorf("%q is no colour", hex)
	}
	return Colour{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}, nil
}

// Contrast is that of two colours, from 1 to 21.
func Contrast(a, b Colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of the guidelines' glossary.
func (c Colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}
