package geo

import "math"

const (
	// earthRadius is the mean radius in km (IUGG, R1).
	earthRadius = 6371.0088

	// unstatedRadius stands in for an accuracy that the database doesn't tell
	// (DB-IP's do not): a city and what is around it.
	unstatedRadius = 50.0
)

// Distance is the least number of km between two places along a great circle,
// that is, after taking off the accuracy radius of each (50 km where the
// database has none); never below 0. It is false when either has no coordinates.
func Distance(a, b Place) (km float64, ok bool) {
	if !a.HasCoordinates || !b.HasCoordinates {
		return 0, false
	}
	return max(0, greatCircle(a, b)-accuracy(a)-accuracy(b)), true
}

func accuracy(p Place) float64 {
	if p.Radius == 0 {
		return unstatedRadius
	}
	return p.Radius
}

// greatCircle uses the haversine formula, which unlike the cosine rule keeps
// its precision for places near to each other.
func greatCircle(a, b Place) float64 {
	const degree = math.Pi / 180
	lat := math.Sin((b.Lat - a.Lat) * degree / 2)
	lon := math.Sin((b.Lon - a.Lon) * degree / 2)
	h := lat*lat + math.Cos(a.Lat*degree)*math.Cos(b.Lat*degree)*lon*lon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(1, h)))
}
