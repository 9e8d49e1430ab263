package words_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sendwarden/geo"
	"sendwarden/scoring"
	"sendwarden/words"
)

func TestNumbers(t *testing.T) {
	require.Equal(t, "1 line", words.Count(1, "line"))
	require.Equal(t, "0 lines", words.Count(0, "line"))
	require.Equal(t, "20,353 lines", words.Count(20353, "line"))
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -999: "-999", -1000: "-1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, words.Thousands(n))
	}
	for p, want := range map[float64]string{0: "0", 142: "142", 61.46: "61.5", 59.96: "60", 0.04: "0"} {
		require.Equal(t, want, words.Points(p))
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 1499: "1 kB", 1500: "2 kB", 999_499: "999 kB", 1_230_000: "1.2 MB"} {
		require.Equal(t, want, words.Size(n))
	}
}

// Cells are as wide as people see them, and no line ends in blanks.
func TestTable(t *testing.T) {
	var text strings.Builder
	require.NoError(t, words.Table(&text, [][]string{{"USER", "FROM", "WHY"}, {"zoë", "ES", ""}, {"ana@example.es", "", "odd"}}))
	require.Equal(t, ""+
		"USER            FROM  WHY\n"+
		"zoë             ES\n"+
		"ana@example.es        odd\n", text.String())
}

func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		place            geo.Place
		country, network string
	}{
		{geo.Place{}, "--", ""},
		{geo.Place{Country: "ES", ASN: 3352}, "ES", "AS3352"},
		{geo.Place{Country: "ES", ASN: 3352, Org: "Telefonica\x1b[2J"}, "ES", "AS3352 Telefonica·[2J"},
	} {
		require.Equal(t, test.country, words.Country(test.place))
		require.Equal(t, test.network, words.Network(test.place))
	}
}

// The reasons of many days are cut to the newest, and those of another day say so.
func TestReasons(t *testing.T) {
	now := time.Date(2026, 4, 15, 21, 15, 2, 0, time.UTC)
	reason := scoring.Reason{Time: now, Rule: "third country", Points: 60,
		Place: geo.Place{Addr: netip.MustParseAddr("5.6.7.8"), Country: "RU", ASN: 12389, Org: "Rostelecom"}}
	before := reason
	before.Time, before.Rule, before.Points = now.Add(-24*time.Hour), "new address", 2.5
	v := scoring.Verdict{Time: now, Reasons: []scoring.Reason{before, reason},
		Usual: scoring.Usual{Countries: []string{"ES"}, Networks: []string{"AS3352 Telefonica"}, Since: time.Date(2025, 11, 3, 0, 0, 0, 0, time.UTC)}}
	require.Equal(t, []string{
		"+2.5  new address    04-14 21:15  RU  5.6.7.8  AS12389 Rostelecom",
		"+60   third country  21:15:02     RU  5.6.7.8  AS12389 Rostelecom",
		"usual: ES, AS3352 Telefonica, since 2025-11",
	}, words.Reasons(v, 0))

	v.Reasons = append(make([]scoring.Reason, 0, 20), v.Reasons...)
	for range 13 {
		v.Reasons = append(v.Reasons, reason)
	}
	lines := words.Reasons(v, 0)
	require.Len(t, lines, 14)
	require.Equal(t, "… and 3 reasons before", lines[0])
	require.Equal(t, "usual: nothing yet, seen first 2026-04-15", words.Usual(scoring.Usual{Since: now}))
}

func TestDatabase(t *testing.T) {
	now := time.Date(2026, 4, 15, 0, 0, 0, 0, time.UTC)
	source := geo.Source{Path: "/var/lib/GeoIP/GeoLite2-City.mmdb", Type: "GeoLite2-City", Built: now.AddDate(0, 0, -3)}
	require.Equal(t, "/var/lib/GeoIP/GeoLite2-City.mmdb, GeoLite2-City, of 2026-04-12", words.Database(source, now))
	source.Built = now.AddDate(-1, 0, 0)
	require.Equal(t, "/var/lib/GeoIP/GeoLite2-City.mmdb, GeoLite2-City, of 2025-04-15, 365 days old: addresses move, replace it", words.Database(source, now))
}

// A table that is too wide loses letters of the columns that may be cut, in their order.
func TestFit(t *testing.T) {
	long := strings.Repeat("long ", 20)
	for _, c := range []struct {
		rows    [][]string
		columns []int
		want    string
	}{
		{[][]string{{"a", "short", "table"}}, []int{0, 1, 2}, "a  short  table\n"},
		{[][]string{{"a", long}, {"b", "x"}}, []int{1}, "a  long long long long long l…\nb  x\n"},
		{[][]string{{long, "::1", long}}, []int{2, 0}, "long long lo…  ::1  long long…\n"},
		{[][]string{{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "an end that stays"}}, []int{1}, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff  an end that stays\n"},
	} {
		var text strings.Builder
		words.Fit(c.rows, 30, c.columns...)
		require.NoError(t, words.Table(&text, c.rows))
		require.Equal(t, c.want, text.String())
	}
}
