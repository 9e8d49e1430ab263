package report

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"sendwarden/geo"
	"sendwarden/scoring"

	"github.com/stretchr/testify/require"
)

// stands is a page with something in all of its parts, and strangers' words wherever
// strangers can put some.
func stands() Standing {
	place := geo.Place{Addr: netip.MustParseAddr("201.13.109.8"), Kind: geo.Placed, Country: "BR", ASN: 27699, Org: evil, City: evil}
	deed := Deed{Time: noon, User: evil, What: evil, Who: evil, Why: evil}
	p := Person{
		User: evil, Score: 90, Hold: 50, Block: 100, Since: noon.Add(time.Minute), At: 132, Action: evil, Notes: []string{evil}, Usual: evil, Home: []string{"ES"},
		Reasons: []scoring.Reason{{Time: noon, Rule: "a", Points: 2, Place: place}, {Time: noon, Rule: evil, Points: 70, Place: place},
			{Time: noon.Add(time.Minute), Rule: evil, Points: 60, Place: place}},
		Waits:  []Waiting{{QueueID: evil, Since: noon, Until: noon.Add(time.Hour), Place: place}, {QueueID: "B"}},
		Places: []Stay{{Place: place, First: noon, Last: noon, Uses: 3, Strange: true}, {Place: place, First: noon, Last: noon}},
		Sent:   []Sent{{From: noon.Add(-time.Hour), Until: noon, Messages: 2}, {From: noon, Until: noon.Add(5 * time.Minute), Messages: 40, Recipients: 90, Bounces: 4}},
		Done:   []Deed{deed},
	}
	byHand := Person{User: "by hand", Action: "REJECT", Notes: []string{evil}}
	return Standing{
		Made: noon, Version: evil, Source: evil, Rules: evil, Geo: []string{evil}, Zone: evil, Started: noon.Add(-time.Hour), Submissions: 7, Last: noon, Watching: true,
		Holds: true, HoldFrom: 50, BlockFrom: 100, HalfLife: 2 * time.Hour, Blocked: []Person{p, byHand}, Exempt: []Person{{User: evil, Action: "DUNNO"}},
		Held: []Person{p}, Close: []Person{p}, Trusted: []Trusted{{User: evil, Country: "FR", Until: evil}, {User: evil, Place: evil}},
		Since: noon.AddDate(0, 0, -30), Done: []Deed{deed}, DoneMore: 3, Countries: []Habit{{Code: "ES", Days: 812.4}, {Code: "", Days: 0.5}},
		Networks: []Habit{{Name: evil, Days: 700}}, MoreNetworks: 2, Days: 813, Rows: []FiredRule{{Name: evil, Points: 60, Fired: 3, Last: noon, Here: 1}, {Name: "never"}},
		Credits: []string{evil},
	}
}

func standingText(t *testing.T, s Standing) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, s.Write(&out))
	return out.String()
}

// The score after each message that gave points is what fading left of the one before
// and the points of all its rules; the one in the second of the block led to it.
func TestPointsOfReasons(t *testing.T) {
	p := stands().Blocked[0]
	points := p.points(time.Minute)
	require.Len(t, points, 2)
	require.Equal(t, 72.0, points[0].Score)
	require.Equal(t, []string{"a", evil}, points[0].Rules)
	require.True(t, points[0].Untold, "whether it was let through is not kept")
	require.Equal(t, 36.0+60, points[1].Score)
	require.Equal(t, scoring.Block, points[1].Action)
	require.Equal(t, "since 2026-03-28 11:00 +0100: 42 messages to 90 recipients, of which 4 came back", p.Volume())
}

// What became of all messages is told in sum and drawn, of one hour as of many.
func TestStandingVolume(t *testing.T) {
	s := stands()
	require.NotContains(t, standingText(t, s), "Messages over time", "a state of before has none")
	s.Volume = []Step{{Start: noon, Counts: Counts{Allowed: 12, Held: 3, Refused: 41}}}
	text := standingText(t, s)
	require.Contains(t, text, "12 messages let through, 3 held, 41 refused.")
	require.Contains(t, text, "12 messages let through, 3 held, 41 refused</title>")
	s.Blocked[0].Fate = "From <script> to the block"
	require.Contains(t, standingText(t, s), "<p>From &lt;script&gt; to the block</p>")
}

// What a state cannot know is said, and not drawn as nothing.
func TestStandingSaysWhatItDoesNotKnow(t *testing.T) {
	s := stands()
	require.Contains(t, standingText(t, s), "a message that gave points", "the timeline says that not all are in it")
	s.Started = time.Time{}
	text := standingText(t, s)
	require.Contains(t, text, "No daemon runs: this is as the last one left it.")
	require.Contains(t, text, "is counted while a daemon runs, and not kept")
	require.NotContains(t, text, `<th scope="col" class="n">Fired</th>`)

	empty := standingText(t, Standing{Made: noon, Since: noon})
	for _, said := range []string{"Nobody is blocked.", "Nobody&#39;s mail waits.", "Nobody is close to it.", "Nothing was done since"} {
		require.Contains(t, strings.ReplaceAll(strings.ReplaceAll(empty, "<strong>", ""), "'", "&#39;"), said)
	}
}
