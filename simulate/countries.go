package simulate

import "strings"

// country is one row of the map: a code, roughly where its middle is, how far
// its cities lie from there, its winter time, and who lives next door. People
// commute to neighbours, and some thieves stay within one.
type country struct {
	code       string
	lat, lon   float64
	radius     float64 // km
	offset     int     // hours from UTC
	neighbours string  // codes, blank between
}

// countries is sorted by code. The coordinates are rounded: the addresses that
// the plan places here are invented anyway.
func countries() []country {
	return []country{
		{"AE", 24.5, 54.4, 120, 4, "SA"},
		{"AR", -34.6, -60.0, 700, -3, "CL BR UY"},
		{"AT", 47.6, 14.1, 180, 1, "DE CH IT CZ HU SK SI"},
		{"AU", -33.5, 148.0, 900, 10, "NZ"},
		{"BD", 23.8, 90.3, 150, 6, "IN"},
		{"BE", 50.8, 4.5, 90, 1, "NL FR DE LU"},
		{"BG", 42.7, 25.2, 150, 2, "RO GR RS TR"},
		{"BR", -19.5, -46.5, 900, -3, "AR UY CO"},
		{"CA", 45.2, -75.5, 900, -5, "US"},
		{"CH", 46.9, 8.0, 100, 1, "DE FR IT AT"},
		{"CL", -33.6, -70.8, 400, -4, "AR PE"},
		{"CN", 31.5, 116.5, 900, 8, "VN HK KR"},
		{"CO", 5.0, -74.6, 300, -5, "EC PE BR"},
		{"CZ", 49.8, 15.3, 140, 1, "DE PL AT SK"},
		{"DE", 50.6, 9.9, 280, 1, "FR NL BE AT CH PL CZ DK LU"},
		{"DK", 55.9, 10.2, 120, 1, "DE SE NO"},
		{"DZ", 36.3, 3.4, 250, 1, "MA TN"},
		{"EC", -1.2, -78.9, 180, -5, "CO PE"},
		{"EE", 58.9, 25.4, 90, 2, "LV FI RU"},
		{"EG", 30.1, 31.2, 200, 2, "SA IL"},
		{"ES", 40.2, -3.6, 350, 1, "PT FR MA"},
		{"FI", 61.3, 24.5, 200, 2, "SE EE RU NO"},
		{"FR", 46.7, 2.5, 350, 1, "ES BE DE CH IT LU"},
		{"GB", 52.6, -1.6, 250, 0, "IE FR"},
		{"GR", 38.3, 23.3, 180, 2, "BG TR"},
		{"HK", 22.3, 114.2, 15, 8, "CN"},
		{"HR", 45.5, 16.2, 120, 1, "SI HU RS"},
		{"HU", 47.3, 19.3, 120, 1, "AT SK RO HR RS UA"},
		{"ID", -6.7, 109.5, 500, 7, "MY SG"},
		{"IE", 53.2, -7.4, 120, 0, "GB"},
		{"IL", 32.0, 34.9, 60, 2, "EG"},
		{"IN", 21.5, 77.5, 800, 5, "BD PK"},
		{"IR", 34.0, 52.0, 400, 3, "TR PK"},
		{"IT", 43.2, 11.9, 350, 1, "FR CH AT SI"},
		{"JP", 35.6, 138.0, 350, 9, "KR"},
		{"KE", -1.0, 36.9, 150, 3, "ZA"},
		{"KR", 36.6, 127.7, 120, 9, "JP CN"},
		{"LU", 49.7, 6.1, 20, 1, "FR BE DE"},
		{"LV", 56.9, 24.4, 90, 2, "EE PL"},
		{"MA", 33.2, -7.0, 180, 1, "ES DZ"},
		{"MX", 20.3, -100.5, 500, -6, "US CO"},
		{"MY", 3.4, 101.8, 150, 8, "SG TH ID"},
		{"NG", 7.2, 4.6, 250, 1, "KE"},
		{"NL", 52.1, 5.2, 90, 1, "DE BE"},
		{"NO", 60.2, 10.2, 250, 1, "SE DK FI"},
		{"NZ", -38.2, 175.4, 300, 12, "AU"},
		{"PE", -11.5, -76.5, 300, -5, "CL EC CO"},
		{"PH", 14.5, 121.0, 200, 8, "MY"},
		{"PK", 30.5, 71.8, 350, 5, "IN IR"},
		{"PL", 52.0, 19.3, 230, 1, "DE CZ SK UA"},
		{"PT", 39.8, -8.4, 150, 0, "ES"},
		{"RO", 45.4, 25.2, 200, 2, "HU BG UA RS"},
		{"RS", 44.4, 20.6, 110, 1, "HU RO BG HR"},
		{"RU", 55.4, 40.5, 900, 3, "FI EE UA"},
		{"SA", 24.4, 45.0, 450, 3, "AE EG"},
		{"SE", 58.6, 15.3, 250, 1, "NO DK FI"},
		{"SG", 1.35, 103.8, 10, 8, "MY"},
		{"SI", 46.1, 14.6, 50, 1, "AT IT HR HU"},
		{"SK", 48.6, 18.7, 110, 1, "CZ PL AT HU"},
		{"TH", 14.2, 100.7, 250, 7, "MY"},
		{"TN", 36.2, 10.0, 100, 1, "DZ"},
		{"TR", 39.7, 31.0, 350, 3, "GR BG IR"},
		{"TW", 24.3, 121.0, 120, 8, "HK"},
		{"UA", 49.3, 30.7, 300, 2, "PL RO HU SK RU"},
		{"US", 39.3, -90.0, 1400, -6, "CA MX"},
		{"UY", -34.5, -56.0, 80, -3, "AR BR"},
		{"VN", 16.5, 106.7, 350, 7, "TH CN"},
		{"ZA", -27.2, 27.2, 350, 2, "KE"},
	}
}

// beside returns the codes of the neighbouring countries.
func (c country) beside() []string { return strings.Fields(c.neighbours) }

// homeCountries are where Default puts a server: several continents and sizes,
// so that rules made for one country show it.
const homeCountries = "ES DE FR IT GB NL PL BR US MX PT CH AT SE AR CZ RO ZA AU CA"

// botCountries are where a botnet's machines stand, the likelier ones named
// more than once. The order follows the public lists of brute-force sources
// only loosely; 41 countries in one attack are documented (Vasko, medium).
const botCountries = "VN VN VN BR BR BR BR IN IN IN CN CN CN RU RU RU ID ID ID TR TR UA UA AR AR MX MX " +
	"TH TH PK PK EG EG IR IR US US US CO CO BD BD ZA ZA RO RO BG PL IT ES FR DE GB NL KR TW MY PH PE EC " +
	"CL MA DZ TN NG KE SA AE RS GR HU CZ JP HK SG CA PT"
