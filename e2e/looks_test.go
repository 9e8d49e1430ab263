//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// look is a screen that a page is seen on.
type look struct {
	name          string
	width, height int64
	scheme        string
}

var looks = []look{{"phone-light", 390, 844, "light"}, {"phone-dark", 390, 844, "dark"}, {"desktop-light", 1280, 900, "light"}, {"desktop-dark", 1280, 900, "dark"}}

// on has the browser show its page as on such a screen.
func (l look) on(t *testing.T, browser context.Context) {
	t.Helper()
	require.NoError(t, chromedp.Do(browser, chromedp.EmulateViewport(l.width, l.height)))
	_, err := chromedp.Call(browser, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}},
	})
	require.NoError(t, err)
}

// legible makes sure that the page as it is shown is no wider than the screen, and that
// each of its texts can be read: it is as large as a reader needs and stands out from
// what is behind it. Where SCREENSHOTS names a directory, a picture goes there.
func (l look) legible(t *testing.T, browser context.Context, name string) {
	t.Helper()
	name += "-" + l.name
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		picture, err := chromedp.Run(browser, chromedp.FullScreenshot(100))
		require.NoError(t, err, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
	}
	require.False(t, evaluate[bool](t, browser, `document.documentElement.scrollWidth > document.documentElement.clientWidth`), "%s: the page is wider than the screen", name)
	require.Empty(t, evaluate[[]string](t, browser, fmt.Sprintf(illegible, leastContrast, leastSize)), name)
}

// What a text needs: the contrast of WCAG 2.2, 1.4.3, and more pixels than the smallest
// print.
const (
	leastContrast = 4.5
	leastSize     = 10.5
)

// illegible is a script that names the texts of a page that cannot be read: those in
// HTML and in drawings, against the nearest background that is not transparent.
const illegible = `(() => {
	const least = %v, smallest = %v
	const parse = c => (c.match(/[\d.]+/g) || []).map(Number)
	const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0)
	const solid = e => {
		for (; e; e = e.parentElement) {
			const c = parse(getComputedStyle(e).backgroundColor)
			if (c.length === 3 || c[3] === 1) return c
		}
		return [255, 255, 255]
	}
	const found = new Set()
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	for (let n; n = walk.nextNode();) {
		const e = n.parentElement, text = n.data.trim(), box = e.getBoundingClientRect()
		if (!text || box.width <= 1 || box.right < 0 || e.closest("title, desc, script, style, noscript, meter") || !e.checkVisibility()) continue
		const s = getComputedStyle(e), svg = e.closest("svg")
		const front = light(parse(svg ? s.fill : s.color)), back = light(solid(e))
		const contrast = (Math.max(front, back) + .05) / (Math.min(front, back) + .05)
		if (contrast < least) found.add("contrast " + contrast.toFixed(2) + ": " + text.slice(0, 40))
		const size = parseFloat(s.fontSize) * (svg && svg.viewBox.baseVal.width ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1)
		if (size < smallest) found.add("size " + size.toFixed(1) + "px: " + text.slice(0, 40))
	}
	return [...found]
})()`
