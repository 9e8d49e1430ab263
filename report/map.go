package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// Map is the world: countries darker the more messages came from them, and the
// arcs of thefts.
type Map struct {
	Countries []Row
	Thefts    []Theft
	Unit      string // of what is counted; "": message
}

// Theft is one user's, from where the user is at home to where the thief was.
type Theft struct {
	User string
	Home geo.Place
	From []geo.Place
}

// theft makes one of a case: home is the first of the usual countries.
func (c *Case) theft() Theft {
	t := Theft{User: c.Verdict.User}
	if len(c.Verdict.Usual.Countries) > 0 {
		t.Home.Country = c.Verdict.Usual.Countries[0]
	}
	seen := make(map[string]bool)
	add := func(p geo.Place) {
		key := p.Country
		if p.HasCoordinates {
			key = fmt.Sprintf("%.0f %.0f", p.Lat, p.Lon)
		}
		if key != "" && !seen[key] && (p.HasCoordinates || p.Country != t.Home.Country) && len(seen) < mostArcs {
			seen[key] = true
			t.From = append(t.From, p)
		}
	}
	for _, r := range c.Verdict.Reasons {
		add(r.Place)
	}
	for _, p := range c.Points {
		if p.Action == scoring.Block || p.Action == scoring.Refuse {
			add(p.Place)
		}
	}
	return t
}

const mostArcs = 60 // of one theft

// drawnMap is what the template draws.
type drawnMap struct {
	Width, Height int
	Lands         []drawnLand
	Arcs          []drawnArc
	Homes         []dot
	Title         string
	Levels        []level
}

type drawnLand struct {
	Path, Title, Class string
	Dot                *dot // where it is too small for a path
}

type drawnArc struct {
	Path, Title string
	End         dot
}

type dot struct{ X, Y int }

// level is one of the greys, for the legend.
type level struct{ Class, Text string }

// Draw writes the map as SVG.
func (m Map) Draw() template.HTML {
	a := newAtlas()
	d := drawnMap{Width: mapWidth, Height: mapHeight, Title: m.title()}
	d.lands(m)
	for _, t := range m.Thefts {
		d.theft(a, t)
	}
	return render("map", d)
}

func (m Map) title() string {
	messages, countries := 0, 0
	for _, c := range m.Countries {
		if c.Code != "" {
			messages, countries = messages+c.All(), countries+1
		}
	}
	title := fmt.Sprintf("World map of %s from %s", words.Count(messages, m.unit()), countries1(countries))
	if len(m.Thefts) > 0 {
		title += fmt.Sprintf(", with the ways of %s", words.Count(len(m.Thefts), "theft"))
	}
	return title
}

func (m Map) unit() string {
	if m.Unit == "" {
		return "message"
	}
	return m.Unit
}

func countries1(n int) string {
	if n == 1 {
		return "1 country"
	}
	return words.Thousands(n) + " countries"
}

// levels of grey; each is ten times as many messages as the one before.
const greys = 5

func (d *drawnMap) lands(m Map) {
	byCode := make(map[string]Row)
	most := 0
	for _, r := range m.Countries {
		if r.Code != "" {
			byCode[r.Code] = r
			most = max(most, r.All())
		}
	}
	for _, l := range lands() {
		r, sent := byCode[l.Code]
		out := drawnLand{Path: l.Path, Title: l.Name, Class: "l0"}
		if sent {
			out.Title = fmt.Sprintf("%s: %s", l.Name, words.Count(r.All(), m.unit()))
			out.Class = fmt.Sprintf("l%d", grey(r.All()))
		}
		if l.Path == "" {
			if !sent {
				continue
			}
			out.Dot = &dot{int(l.X), int(l.Y)}
		}
		d.Lands = append(d.Lands, out)
	}
	for i := 1; i <= grey(most) && most > 0; i++ {
		from := int(math.Pow10(i - 1))
		text := fmt.Sprintf("%s–%s", words.Thousands(from), words.Thousands(from*10-1))
		if i == greys {
			text = words.Thousands(from) + " or more"
		}
		d.Levels = append(d.Levels, level{fmt.Sprintf("l%d", i), text})
	}
}

func grey(n int) int { return min(greys, 1+int(math.Log10(float64(max(n, 1))))) }

func (d *drawnMap) theft(a atlas, t Theft) {
	hx, hy, known := a.at(t.Home)
	if !known {
		return
	}
	home := dot{int(hx), int(hy)}
	if !slices.Contains(d.Homes, home) {
		d.Homes = append(d.Homes, home)
	}
	for _, p := range t.From {
		x, y, known := a.at(p)
		if !known {
			continue
		}
		// The curve bends towards the pole, as the shortest way does.
		cx, cy := (hx+x)/2, min(hy, y)-0.18*math.Hypot(x-hx, y-hy)
		d.Arcs = append(d.Arcs, drawnArc{
			Path:  fmt.Sprintf("M%.0f %.0fQ%.0f %.0f %.0f %.0f", hx, hy, cx, max(cy, 10), x, y),
			Title: fmt.Sprintf("%s: used from %s", maillog.Mask(t.User), where(a, p)),
			End:   dot{int(x), int(y)},
		})
	}
}

func where(a atlas, p geo.Place) string {
	parts := []string{a.name(p.Country)}
	if p.City != "" {
		parts = append([]string{maillog.Mask(p.City)}, parts...)
	}
	return strings.Join(parts, ", ")
}

// sorted puts rows in order of their messages.
func sorted(rows []Row) []Row {
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.All(), a.All()), cmp.Compare(a.Name, b.Name))
	})
	return rows
}
