// Command generate builds the world map that the report carries with it, from
// Natural Earth's data in the npm package world-atlas (see NOTICE). Run it with
//
//	go generate ./report
//
// It fetches the package with `npm pack`, refuses one whose SHA-256 is not the one
// written below, and writes world.txt: a line a country, with its code, the point
// that stands for it, its name and its outline as an SVG path, in the units of
// report.Project. Small countries have no outline. Two runs give the same bytes.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sendwarden/report"

	"golang.org/x/text/language"
)

const (
	packageName = "world-atlas@2.0.2"
	packageFile = "world-atlas-2.0.2.tgz"
	packageSum  = "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("report/generate: ")
	dir, err := os.MkdirTemp("", "sendwarden-map")
	if err != nil {
		log.Fatal(err)
	}
	err = run(dir)
	os.RemoveAll(dir)
	if err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	pack := exec.Command("npm", "pack", packageName)
	pack.Dir = dir
	if out, err := pack.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack: %w\n%s", err, out)
	}
	archive, err := os.ReadFile(filepath.Join(dir, packageFile))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != packageSum {
		return fmt.Errorf("%s: SHA-256 is %x", packageFile, sum)
	}
	var coarse, fine topology
	if err := errors.Join(fromArchive(archive, "package/countries-110m.json", &coarse), fromArchive(archive, "package/countries-50m.json", &fine)); err != nil {
		return err
	}
	countries := make(map[string]*country)
	for _, g := range fine.Objects.Countries.Geometries {
		c := find(countries, g)
		if c == nil {
			continue
		}
		if biggest := largest(fine.rings(g)); c.area < area(biggest) {
			c.area, c.name = area(biggest), g.Properties.Name
			c.x, c.y = centre(biggest)
		}
	}
	for _, g := range coarse.Objects.Countries.Geometries {
		if c := find(countries, g); c != nil {
			c.path += outline(coarse.rings(g))
		}
	}
	for _, e := range elsewhere {
		x, y := report.Project(e.lat, e.lon)
		countries[e.code] = &country{name: e.name, x: x, y: y}
	}
	return write("world.txt", countries)
}

// elsewhere are countries that the data has within others or not at all.
var elsewhere = []struct {
	code, name string
	lat, lon   float64
}{
	{"BQ", "Caribbean Netherlands", 12.2, -68.3}, {"CC", "Cocos Islands", -12.2, 96.8}, {"CX", "Christmas Island", -10.5, 105.6},
	{"GF", "French Guiana", 4, -53}, {"GI", "Gibraltar", 36.1, -5.35}, {"GP", "Guadeloupe", 16.25, -61.6}, {"MQ", "Martinique", 14.65, -61},
	{"RE", "Réunion", -21.1, 55.5}, {"SJ", "Svalbard and Jan Mayen", 78, 16}, {"TK", "Tokelau", -9.2, -171.8}, {"TV", "Tuvalu", -7.5, 178.7},
	{"YT", "Mayotte", -12.8, 45.2},
}

type country struct {
	name, path string
	x, y, area float64
}

// noCode are the shapes that have no number of ISO 3166, by what geolocation
// databases take them for.
var noCode = map[string]string{"Kosovo": "XK", "N. Cyprus": "CY", "Somaliland": "SO"}

// find answers the country of a shape; nil for what nobody sends mail from.
func find(countries map[string]*country, g geometry) *country {
	code := noCode[g.Properties.Name]
	if number, err := strconv.Atoi(g.ID); err == nil {
		if region, err := language.EncodeM49(number); err == nil {
			code = region.String()
		}
	}
	if len(code) != 2 || code == "AQ" { // Antarctica would take a fifth of the map
		return nil
	}
	if countries[code] == nil {
		countries[code] = &country{name: g.Properties.Name}
	}
	return countries[code]
}

func write(name string, countries map[string]*country) error {
	var out bytes.Buffer
	for _, code := range slices.Sorted(maps.Keys(countries)) {
		c := countries[code]
		fmt.Fprintf(&out, "%s\t%.0f\t%.0f\t%s\t%s\n", code, c.x, c.y, c.name, c.path)
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}

func fromArchive(archive []byte, name string, to any) error {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if h.Name == name {
			text, err := io.ReadAll(files)
			if err != nil {
				return err
			}
			return json.Unmarshal(text, to)
		}
	}
}

// topology is a TopoJSON file: lines that neighbours share, as differences of
// whole numbers.
type topology struct {
	Objects struct {
		Countries struct{ Geometries []geometry }
	}
	Arcs      [][][2]float64
	Transform struct{ Scale, Translate [2]float64 }
}

type geometry struct {
	Type       string
	ID         string
	Properties struct{ Name string }
	Arcs       json.RawMessage
}

type point struct{ x, y float64 }

// rings are the outlines of a shape, projected; holes are among them.
func (t *topology) rings(g geometry) (rings [][]point) {
	var polygons [][][]int
	if g.Type == "Polygon" {
		polygons = make([][][]int, 1)
		if json.Unmarshal(g.Arcs, &polygons[0]) != nil {
			return nil
		}
	} else if json.Unmarshal(g.Arcs, &polygons) != nil {
		return nil
	}
	for _, polygon := range polygons {
		for _, arcs := range polygon {
			var ring []point
			for _, arc := range arcs {
				ring = append(ring, t.arc(arc)...)
			}
			rings = append(rings, projected(ring)...)
		}
	}
	return rings
}

// arc is one line, in degrees; ~n is line n backwards.
func (t *topology) arc(n int) []point {
	back := n < 0
	if back {
		n = ^n
	}
	var line []point
	var lon, lat float64
	for _, d := range t.Arcs[n] {
		lon, lat = lon+d[0], lat+d[1]
		line = append(line, point{lon*t.Transform.Scale[0] + t.Transform.Translate[0], lat*t.Transform.Scale[1] + t.Transform.Translate[1]})
	}
	if back {
		slices.Reverse(line)
	}
	return line
}

// projected puts a ring on the map. One that crosses the line of 180 degrees, as
// Russia's does, is cut there into two.
func projected(ring []point) (rings [][]point) {
	for i := 1; i < len(ring); i++ { // let it run on beyond the line
		for ring[i].x-ring[i-1].x > 180 {
			ring[i].x -= 360
		}
		for ring[i].x-ring[i-1].x < -180 {
			ring[i].x += 360
		}
	}
	for _, turn := range []float64{-360, 0, 360} {
		var moved []point
		for _, p := range ring {
			moved = append(moved, point{p.x + turn, p.y})
		}
		part := clip(clip(moved, 1), -1)
		if len(part) < 3 {
			continue
		}
		for i, p := range part {
			part[i].x, part[i].y = report.Project(p.y, p.x)
		}
		rings = append(rings, part)
	}
	return rings
}

// clip leaves what is on the near side of 180 degrees east (side 1) or west (-1)
// of a ring (Sutherland and Hodgman, 1974).
func clip(ring []point, side float64) (kept []point) {
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		pin, qin := p.x*side <= 180, q.x*side <= 180
		if pin {
			kept = append(kept, p)
		}
		if pin != qin {
			edge := 180 * side
			kept = append(kept, point{edge, p.y + (q.y-p.y)*(edge-p.x)/(q.x-p.x)})
		}
	}
	return kept
}

func largest(rings [][]point) []point {
	return slices.MaxFunc(rings, func(a, b []point) int { return int(math.Copysign(1, area(a)-area(b))) })
}

func area(ring []point) float64 { return math.Abs(signed(ring)) }

func signed(ring []point) (sum float64) {
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += p.x*q.y - q.x*p.y
	}
	return sum / 2
}

func centre(ring []point) (x, y float64) {
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		weight := p.x*q.y - q.x*p.y
		x, y = x+(p.x+q.x)*weight, y+(p.y+q.y)*weight
	}
	whole := 6 * signed(ring)
	return x / whole, y / whole
}

// outline writes rings as an SVG path of whole numbers, relative from point to
// point; what is smaller than a unit is left out.
func outline(rings [][]point) string {
	var path strings.Builder
	for _, ring := range rings {
		var steps strings.Builder
		first := rounded(ring[0])
		last, n := first, 0
		for _, p := range ring[1:] {
			q := rounded(p)
			if q == last {
				continue
			}
			fmt.Fprintf(&steps, " %g %g", q.x-last.x, q.y-last.y)
			last = q
			n++
		}
		if n > 2 {
			fmt.Fprintf(&path, "M%g %gl%sz", first.x, first.y, strings.ReplaceAll(steps.String()[1:], " -", "-"))
		}
	}
	return path.String()
}

func rounded(p point) point { return point{math.Round(p.x), math.Round(p.y)} }
