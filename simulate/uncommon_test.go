package simulate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUncommonKindsAreThereAndDoAsTheirNamesSay(t *testing.T) {
	w := village(21).Uncommon()
	w.Users, w.Thefts = 160, 36
	log, truth := play(t, w)
	sent := clients(log)
	people := map[string]bool{}
	for _, p := range truth.People {
		people[p.Kind] = true
	}
	for _, s := range w.People {
		require.True(t, people[s.Kind], s.Kind)
	}
	thefts := map[string]bool{}
	for _, x := range truth.Thefts {
		thefts[x.Kind] = true
		addresses := map[string]bool{}
		for _, id := range x.Messages {
			addresses[sent[id][1]] = true
		}
		switch x.Kind {
		case BEC, BECNear:
			require.LessOrEqual(t, x.Recipients, 15)
			require.Len(t, addresses, 1)
		case Tunnel:
			require.Greater(t, len(addresses), 5)
			for a := range addresses {
				require.Contains(t, a, ":", "by IPv6")
			}
		case Wide:
			require.Greater(t, x.Recipients, 60*len(x.Messages))
		case LookAround:
			require.Greater(t, x.End.Sub(x.Start), 24*time.Hour, "its first look comes days before")
		case AfterHoliday, OwnLine:
			require.LessOrEqual(t, len(addresses), 2)
		}
	}
	for _, kind := range uncommonThefts() {
		require.True(t, thefts[kind], kind)
	}
}

// TestUncommonKindsLeaveOtherWorldsAlone: what is added for them must not change
// the worlds that rules were tuned and reported on.
func TestUncommonKindsLeaveOtherWorldsAlone(t *testing.T) {
	w := village(22)
	usual, uncommon := newPlan(w), newPlan(w.Uncommon())
	require.Empty(t, usual.misplaced)
	require.NotEmpty(t, uncommon.misplaced)
	for i, n := range usual.networks {
		require.Equal(t, n.asn, uncommon.networks[i].asn)
		require.Equal(t, n.blocks[0].v4, uncommon.networks[i].blocks[0].v4)
	}
}

func TestMisplacedPeopleAreAtHomeAndLookAsIfAbroad(t *testing.T) {
	w := village(23).Uncommon()
	s := newScene(w)
	for _, b := range s.plan.misplaced {
		require.Equal(t, w.Home, b.net.country)
		require.NotEqual(t, w.Home, b.country)
	}
}

func TestColleaguesShareTheirFate(t *testing.T) {
	w := Default(24).Uncommon()
	s := newScene(w)
	lines := map[string]int{}
	for _, p := range s.people {
		if p.Kind != NewProvider {
			continue
		}
		noon := w.end().Add(-60 * time.Hour) // a Friday
		for range 40 {
			if v := p.seats[0].where(noon); !strings.HasPrefix(v.on.at(noon).addr.String(), "127.") {
				lines[v.on.at(noon).addr.String()]++
			}
		}
	}
	most := 0
	for _, n := range lines {
		most = max(most, n)
	}
	require.Greater(t, most, 200, "one address for many")
}

func TestThievesWhoKeepOfficeHours(t *testing.T) {
	s := newScene(village(25))
	for _, p := range []struct{ at, want string }{
		{"2026-11-02T12:00:00", "2026-11-02T12:00:00"},
		{"2026-11-03T19:00:00", "2026-11-04T08"},
		{"2026-11-06T20:00:00", "2026-11-09T08"},
		{"2026-11-07T12:00:00", "2026-11-09T08"},
	} {
		zone := s.world.Start.Location()
		at, err := time.ParseInLocation("2006-01-02T15:04:05", p.at, zone)
		require.NoError(t, err)
		got := s.atWork(at).In(zone)
		require.True(t, strings.HasPrefix(got.Format("2006-01-02T15:04:05"), p.want[:11]), "%s: %s", p.at, got)
		require.GreaterOrEqual(t, got.Hour(), 8)
		require.Less(t, got.Hour(), 18)
	}
}
