package simulate

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// life is where one person's own sessions came from.
type life struct {
	countries, addresses map[string]bool
	networks             map[uint32]bool
	days                 map[int]bool
}

// lives plays a world's people, without log and thieves, and places every
// session by the plan.
func lives(t *testing.T, w World) map[string][]life {
	t.Helper()
	w.Thefts, w.WithDovecot = 0, false
	s := newScene(w)
	where := map[netip.Prefix]*block{}
	for _, n := range s.plan.networks {
		for _, b := range n.blocks {
			where[netip.PrefixFrom(b.v4.Addr(), 17).Masked()] = b
			if b.v6.IsValid() {
				where[b.v6] = b
			}
		}
	}
	out := map[string][]life{}
	for _, p := range s.people {
		l := life{map[string]bool{}, map[string]bool{}, map[uint32]bool{}, map[int]bool{}}
		for day := range w.Days {
			for _, x := range p.day(w.Start.AddDate(0, 0, day)) {
				if x.from.addr.IsLoopback() {
					continue
				}
				bits := 17
				if x.from.addr.Is6() {
					bits = 40
				}
				prefix, err := x.from.addr.Prefix(bits)
				require.NoError(t, err)
				b := where[prefix]
				require.NotNil(t, b, "%s: %s", p.Kind, x.from)
				l.countries[b.country], l.addresses[x.from.addr.String()] = true, true
				l.networks[b.net.asn], l.days[day] = true, true
			}
		}
		out[p.Kind] = append(out[p.Kind], l)
	}
	return out
}

func TestPeopleLiveAsTheirKindSays(t *testing.T) {
	w := Default(12)
	w.Users, w.MailPerDay, w.MailSpread = 400, 8, 0.3
	w.Holidays, w.Abroad = 0, 0
	for kind, people := range lives(t, w) {
		t.Run(kind, func(t *testing.T) {
			n := float64(len(people))
			var countries, addresses, networks, days float64
			for _, p := range people {
				countries += float64(len(p.countries)) / n
				addresses += float64(len(p.addresses)) / n
				networks += float64(len(p.networks)) / n
				days += float64(len(p.days)) / n
			}
			switch kind {
			case Role:
				require.GreaterOrEqual(t, countries, 2.5)
			case Traveller, Commuter, Mover, VPN, SendAs, CloudApp:
				require.Greater(t, countries, 1.5)
			case Office, Relay, TwoLines, Wanderer:
				require.InDelta(t, 1, countries, 1e-9)
			case Newcomer, Absent:
				require.Less(t, days, 0.8*float64(w.Days))
			}
			switch kind {
			case SendAs, CloudApp, IPv6, Wanderer, Private:
				require.Greater(t, addresses, 15.0)
			case Relay:
				require.Less(t, networks, 2.5)
				require.Greater(t, addresses, 3.0)
			}
		})
	}
}

func TestAboutHalfOfTheRenumberingsLeaveThePrefix(t *testing.T) {
	p := newPlan(Default(3))
	d := newDice(3)
	var n, moved float64
	for range 200 {
		net := p.pick(d, "DE", fixed)
		l := &leased{id: d.Uint64(), blocks: net.within("DE", -1), every: 24 * time.Hour, moves: 0.5}
		at := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
		before := l.at(at).addr
		for range 20 {
			at = at.Add(24 * time.Hour)
			now := l.at(at).addr
			require.NotEqual(t, before, now)
			a, _ := before.Prefix(17)
			b, _ := now.Prefix(17)
			if n++; a != b {
				moved++
			}
			before = now
		}
	}
	require.InDelta(t, 0.46, moved/n, 0.05, "some draw the prefix they had")
}
