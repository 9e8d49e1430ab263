package report

import (
	_ "embed"
	"math"
	"strconv"
	"strings"

	"sendwarden/geo"
)

//go:generate go run ./generate

// world is the map, a line a country (see generate).
//
//go:embed world.txt
var world string

// The map is drawn in Equal Earth, in which countries have their true sizes
// beside each other (Šavrič, Patterson and Jenny, 2018): 2000 units wide, and
// without what is south of Cape Horn.
const (
	mapWidth  = 2000
	mapHeight = 890
	mapTop    = 1.3 // of the projection's own units
)

// Project answers where a point of the Earth, in degrees, is on the map.
func Project(lat, lon float64) (x, y float64) {
	const a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
	t := math.Asin(math.Sqrt(3) / 2 * math.Sin(lat*math.Pi/180))
	t2 := t * t
	t6 := t2 * t2 * t2
	x = 2 * math.Sqrt(3) * lon * math.Pi / 180 * math.Cos(t) / (3 * (a1 + 3*a2*t2 + t6*(7*a3+9*a4*t2)))
	y = t * (a1 + a2*t2 + t6*(a3+a4*t2))
	const scale = mapWidth / 2 / 2.70663
	return mapWidth/2 + x*scale, (mapTop - y) * scale
}

// land is one country of the map.
type land struct {
	Code, Name string
	Path       string // "" where it is too small
	X, Y       float64
}

// lands are all countries of the map.
func lands() (all []land) {
	for line := range strings.Lines(world) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		x, _ := strconv.ParseFloat(f[1], 64) // the program's own file, which a test reads whole
		y, _ := strconv.ParseFloat(f[2], 64)
		all = append(all, land{Code: f[0], X: x, Y: y, Name: f[3], Path: f[4]})
	}
	return all
}

// atlas knows countries by their codes.
type atlas map[string]land

func newAtlas() atlas {
	a := make(atlas)
	for _, l := range lands() {
		a[l.Code] = l
	}
	return a
}

// name writes a country for people: "Spain", or the code of one unknown.
func (a atlas) name(code string) string {
	switch l, known := a[code]; {
	case code == "":
		return "unknown"
	case !known:
		return code
	default:
		return l.Name
	}
}

// at is where a place is on the map: at its coordinates, else amid its country.
func (a atlas) at(p geo.Place) (x, y float64, known bool) {
	if p.HasCoordinates {
		x, y = Project(p.Lat, p.Lon)
		return x, y, true
	}
	l, known := a[p.Country]
	return l.X, l.Y, known
}
