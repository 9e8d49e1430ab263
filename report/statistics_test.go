package report

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A page of numbers has no script but what it shows of a stranger's words, escaped.
func TestStatistics(t *testing.T) {
	at := time.Date(2026, 4, 15, 10, 0, 0, 0, time.UTC)
	s := Statistics{
		From: at, To: at.Add(time.Hour), Lines: 1234, Unclear: 1, Samples: []string{"<script>alert(1)</script>\x1b[31m"},
		Totals: []Total{{"Messages accepted", 1200}},
		Hours:  []Hours{{Name: "Accepted", Count: [24]int{9: 5, 10: 10}}, {Name: "Bounced"}, {Name: "Rejected", Count: [24]int{23: 1}, Hot: true}},
		Tables: []Counted{
			{Title: "Senders", Of: "Sender", Unit: "Messages", Rows: []CountedRow{{Name: `"><script>alert(2)</script>`, Count: 40}, {Name: "a@example.es\u202e", Count: 1}}},
			{Title: "Countries", Of: "Country", Unit: "Messages", Countries: true, Rows: []CountedRow{{Name: "ES", Count: 3}, {Name: "private", Count: 1}}},
			{Title: "Scripts"},
		},
	}
	for range mostRows {
		s.Tables[0].Rows = append(s.Tables[0].Rows, CountedRow{Name: "x@example.es", Count: 1})
	}
	var b strings.Builder
	require.NoError(t, s.Write(&b))
	page := b.String()
	require.NotContains(t, page, "<script")
	require.NotContains(t, page, "\x1b")
	require.NotContains(t, page, "\u202e")
	require.Contains(t, page, "&lt;script&gt;alert(2)")
	require.Contains(t, page, "default-src &#39;none&#39;")
	require.NotContains(t, page, "http://")
	for _, text := range []string{"1,234 lines", "Spain", "private", "10:00 to 10:59: 10", "And 2 more", "Accepted: 15, at most 10 in an hour of the day", "2026-04-15"} {
		require.Contains(t, page, text)
	}
	require.Equal(t, 2, strings.Count(page, "<figure>"), "nothing bounced")
	require.NotContains(t, page, "<caption>Scripts")

	b.Reset()
	require.NoError(t, Statistics{}.Write(&b))
	require.NotContains(t, b.String(), "<figure>")
}
