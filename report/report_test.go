package report

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sendwarden/geo"
	"sendwarden/scoring"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

const evil = `<script>alert("1")</script>` + "\u202e\x1b[31m' onload=x"

var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.FixedZone("", 3600))

// full is a report with something in all of its parts, and strangers' words
// wherever strangers can put some.
func full() Report {
	place := geo.Place{Addr: netip.MustParseAddr("201.13.109.8"), Kind: geo.Placed, Country: "BR", ASN: 27699, Org: evil, City: evil}
	v := scoring.Verdict{
		Action: scoring.Block, User: evil, Time: noon, Score: 130, Limit: 100,
		Reasons: []scoring.Reason{{Time: noon, Rule: evil, Points: 72, Place: place}},
		Usual:   scoring.Usual{Since: noon, Countries: []string{"ES"}, Networks: []string{evil}},
	}
	var points []Point
	for i, action := range []scoring.Action{scoring.Allow, scoring.Hold, scoring.Block, scoring.Refuse} {
		points = append(points, Point{Time: noon.Add(time.Duration(i) * time.Minute), Score: float64(40 * i), Place: place, Action: action, Rules: []string{evil}})
	}
	counts := Counts{Allowed: 10, Held: 2, LetGo: 1, Refused: 3}
	return Report{
		Made: noon, Version: evil, Files: []string{evil}, Rules: evil, Geo: []string{evil}, Zone: evil, From: noon, To: noon.Add(time.Hour), Lines: 100,
		Messages: counts, Users: 3, HoldFrom: 50, BlockFrom: 100, HalfLife: 2 * time.Hour,
		Blocked: []Case{{Verdict: v, Delivered: 1, Held: 1, Refused: 3, Last: noon, Points: points, More: 1}}, Braked: []string{evil},
		Alarms: []scoring.Verdict{{User: "script:" + evil, Time: noon, Score: 100, Limit: 100, Messages: 9, Reasons: v.Reasons}, {User: "uid:33", Time: noon}}, Others: 12,
		Held:   []Held{{Time: noon, User: evil, Place: place, Score: 60, Rules: []string{evil}, Released: noon}, {Time: noon, User: evil, Place: place, Blocked: true}},
		Volume: []Step{{noon, counts}, {noon.Add(48 * time.Hour), counts}}, Countries: []Row{{Code: "BR", Counts: counts}, {Code: "ZZ", Counts: counts}, {Counts: counts}},
		Networks: []Row{{Name: evil, Counts: counts}}, Rows: []Rule{{Name: evil, Points: -5, Fired: 1, Without: Without{Lost: []string{evil}, Gained: []string{evil}, Later: 1}}},
		Tried: true, Known: &Known{Hits: 1, Misses: []string{evil}, FalseAlarms: []string{evil}, Counted: true}, Credits: []string{evil},
	}
}

func written(t *testing.T, r Report) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, r.Write(&out))
	return out.String()
}

// What an HTML parser makes of the report has no script, no handler and nothing
// that is fetched, whatever users and networks are called.
func TestStrangersWordsStayWords(t *testing.T) {
	for name, text := range map[string]string{"replay": written(t, full()), "state": standingText(t, stands())} {
		t.Run(name, func(t *testing.T) { onlyWords(t, text) })
	}
}

func onlyWords(t *testing.T, text string) {
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	seen := 0
	for n := range root.Descendants() {
		if n.Type == html.TextNode && strings.Contains(n.Data, "<script>alert") {
			seen++
		}
		if n.Type != html.ElementNode {
			continue
		}
		require.NotContains(t, []string{"script", "iframe", "object", "embed", "link", "img", "form", "base"}, n.Data)
		for _, a := range n.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on"), "%s=%q", a.Key, a.Val)
			require.NotEqual(t, "style", a.Key, "the policy forbids it")
			if a.Key == "href" || a.Key == "src" {
				require.True(t, strings.HasPrefix(a.Val, "#"), a.Val)
			}
		}
	}
	require.Greater(t, seen, 3)
	for _, bad := range []string{"\u202e", "\x1b", "http://", "https://"} {
		require.False(t, strings.Contains(text, bad), "%q", bad)
	}
}

// Every part can be reached and is named: what a screen reader needs.
func TestReportIsAccessible(t *testing.T) {
	for name, text := range map[string]string{"replay": written(t, full()), "state": standingText(t, stands())} {
		t.Run(name, func(t *testing.T) { isAccessible(t, text) })
	}
}

func isAccessible(t *testing.T, text string) {
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	ids, elements := make(map[string]bool), make(map[string]int)
	for n := range root.Descendants() {
		elements[n.Data]++
		if id := attribute(n, "id"); id != "" {
			require.False(t, ids[id], "id %s twice", id)
			ids[id] = true
		}
	}
	level := 0
	for n := range root.Descendants() {
		switch {
		case n.Type != html.ElementNode:
		case len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6':
			depth := int(n.Data[1] - '0')
			require.LessOrEqual(t, depth, level+1, "a heading skips a level")
			level = depth
		case n.Data == "table":
			require.Equal(t, "caption", firstElement(n), "a table says what it is")
		case n.Data == "a":
			require.True(t, ids[strings.TrimPrefix(attribute(n, "href"), "#")], attribute(n, "href"))
		case n.Data == "th":
			require.NotEmpty(t, attribute(n, "scope"))
		case n.Data == "svg" && attribute(n, "aria-hidden") == "":
			require.Equal(t, "img", attribute(n, "role"))
			require.NotEmpty(t, attribute(n, "aria-label"))
		case attribute(n, "tabindex") != "":
			require.NotEmpty(t, attribute(n, "aria-label"))
		}
	}
	for _, once := range []string{"main", "header", "footer", "nav", "h1"} {
		require.Equal(t, 1, elements[once], once)
	}
}

func firstElement(n *html.Node) string {
	for c := range n.ChildNodes() {
		if c.Type == html.ElementNode {
			return c.Data
		}
	}
	return ""
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func TestEmptyReport(t *testing.T) {
	require.Contains(t, written(t, Report{Made: noon, Lines: 3}), "No authenticated submission stands in these logs (3 lines)")
	quiet := Report{Made: noon, From: noon, To: noon, Messages: Counts{Allowed: 1}, Users: 1, Volume: []Step{{noon, Counts{Allowed: 1}}}, Countries: []Row{{Code: "ES", Counts: Counts{Allowed: 1}}}}
	require.Contains(t, written(t, quiet), "Nobody would have been blocked.")
}

// A report of very much stays one that opens.
func TestReportIsBounded(t *testing.T) {
	r := full()
	for range 5000 {
		r.Blocked, r.Held, r.Networks, r.Braked = append(r.Blocked, r.Blocked[0]), append(r.Held, r.Held[0]), append(r.Networks, r.Networks[0]), append(r.Braked, "x")
	}
	text := written(t, r)
	require.Less(t, len(text), 6<<20)
	require.Contains(t, text, "4,901 more users")
}

// Text has a contrast of at least 4.5 to what it stands on (WCAG 2.2, 1.4.3), light
// and dark.
func TestContrast(t *testing.T) {
	value := regexp.MustCompile(`--([a-z0-9-]+):(#[0-9a-f]+)`)
	roots := strings.SplitN(style, "@media", 3)
	for i, scheme := range []string{"light", "dark"} {
		colours := make(map[string]string)
		for _, m := range value.FindAllStringSubmatch(roots[i], -1) {
			colours[m[1]] = m[2]
		}
		for _, ink := range []string{"ink", "soft", "hot", "link"} {
			for _, paper := range []string{"paper", "card"} {
				require.GreaterOrEqual(t, contrast(t, colours[ink], colours[paper]), 4.5, "%s: %s on %s", scheme, ink, paper)
			}
		}
		require.GreaterOrEqual(t, contrast(t, colours["grey"], colours["paper"]), 3.0, "%s: drawings (1.4.11)", scheme)
	}
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, colour string) (sum float64) {
	if len(colour) == 4 {
		colour = fmt.Sprintf("#%c%c%c%c%c%c", colour[1], colour[1], colour[2], colour[2], colour[3], colour[3])
	}
	require.Len(t, colour, 7)
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		require.NoError(t, err)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestWorld(t *testing.T) {
	a := newAtlas()
	require.Greater(t, len(a), 240)
	for code, l := range a {
		require.Len(t, code, 2)
		require.NotEmpty(t, l.Name)
		require.True(t, 0 < l.X && l.X < mapWidth && 0 < l.Y && l.Y < mapHeight, "%s lies at %g, %g", code, l.X, l.Y)
	}
	require.Equal(t, "Spain", a.name("ES"))
	x, y := Project(40.4, -3.7)
	require.InDelta(t, a["ES"].X, x, 10)
	require.InDelta(t, a["ES"].Y, y, 10)
	require.Greater(t, a["RU"].X, a["DE"].X)
	require.Empty(t, a["AD"].Path)
}

func TestTimelineOfOneMessage(t *testing.T) {
	for _, points := range [][]Point{nil, {{Time: noon, Score: 60}}} {
		require.NotPanics(t, func() { Timeline{User: "ana", Points: points, Hold: 50, Block: 100, HalfLife: time.Hour}.Draw() })
	}
	require.NotContains(t, string(Timeline{User: "ana", Points: []Point{{Time: noon, Score: 60}}, Hold: 50, Block: 100, HalfLife: time.Hour}.Draw()), "NaN")
}

func TestVolumeOfYears(t *testing.T) {
	v := Volume{[]Step{{noon, Counts{Allowed: 1}}, {noon.AddDate(250, 0, 0), Counts{Refused: 1}}}}
	require.Less(t, len(v.Draw()), 100_000)
}

// Who reads it elsewhere has all times by the clock there, and none by another.
func TestReaderZone(t *testing.T) {
	r := full()
	zone := time.FixedZone("", -5*3600)
	r.In(zone)
	r.Made = r.Made.In(zone)
	text := written(t, r)
	require.Contains(t, text, `<time datetime="2026-03-28T06:00:00-05:00">2026-03-28 06:00:00 -0500</time>`)
	require.NotContains(t, text, "+0100")
	require.NotContains(t, text, "+01:00")
	require.Equal(t, 1, strings.Count(written(t, full()), "local account, uid 33"))
}

// What was long before the reasons of a block is not drawn, and counted.
func TestFocus(t *testing.T) {
	c := full().Blocked[0]
	early := Point{Time: noon.Add(-20 * time.Hour), Score: 2}
	c.Points = append([]Point{early, early}, c.Points...)
	c.focus()
	require.Len(t, c.Points, 4)
	require.Equal(t, 2, c.Before)
	c.Verdict.Reasons = nil
	c.focus()
	require.Len(t, c.Points, 4)
}

// The page of a sweep shows each value once in the table and as a bar, in words for who
// cannot see it, and nothing of it can be a script.
func TestSweepPage(t *testing.T) {
	s := Sweep{Made: noon, Version: evil, Files: []string{evil}, Rules: evil, Zone: evil, From: noon, To: noon, Messages: 9, Key: "rules." + evil + ".points", Known: true,
		Values: []SweepValue{{Text: "60", Hits: 2, False: 21, Held: 9, LetGo: 3}, {Text: "100", Now: true, Hits: 3, Missed: 1, Held: 12, LetGo: 12, Sent: 40, SentKnown: true}}}
	for _, known := range []bool{true, false} {
		s.Known = known
		var out strings.Builder
		require.NoError(t, s.Write(&out))
		onlyWords(t, out.String())
		isAccessible(t, out.String())
		require.Contains(t, out.String(), "100, as now")
		if known {
			require.Contains(t, out.String(), "60: 2 thefts, 21 false alarms, 0 missed.")
		}
	}
	s.Messages = 0
	var out strings.Builder
	require.NoError(t, s.Write(&out))
	require.Contains(t, out.String(), "No authenticated submission")
}
