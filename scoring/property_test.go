package scoring

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sendwarden"
	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

var seed = flag.Uint64("seed", 1, "where the random cases of the property tests begin")

// lots hands the check a random source of its own for each case; the name of a
// case that fails tells how to play it alone.
func lots(t *testing.T, cases int, check func(*testing.T, *rand.Rand)) {
	for i := range uint64(cases) {
		r := rand.New(rand.NewPCG(*seed, i))
		if !t.Run(fmt.Sprintf("seed %d case %d", *seed, i), func(t *testing.T) { check(t, r) }) {
			return // one is enough to look at
		}
	}
}

func shipped(t testing.TB) *Rules {
	rules, err := Parse("rules.yaml", sendwarden.Rules)
	require.NoError(t, err)
	return rules
}

// spain and world are networks in one country each.
var (
	spain = []geo.Place{{Country: "ES", ASN: 3352}, {Country: "ES", ASN: 12479}, {Country: "ES", ASN: 12430}}
	world = []geo.Place{
		{Country: "BR", ASN: 26599}, {Country: "RU", ASN: 12389}, {Country: "NG", ASN: 36873}, {Country: "VN", ASN: 7552},
		{Country: "FR", ASN: 3215}, {Country: "DE", ASN: 3320}, {Country: "US", ASN: 7018}, {Country: "US", ASN: 7922},
		{Country: "IN", ASN: 9829}, {Country: "IN", ASN: 55836}, {Country: "ZA", ASN: 5713}, {Country: "AR", ASN: 7303},
	}
)

// line is an address in one of some networks. Each network has so many blocks
// of some addresses.
func line(r *rand.Rand, networks []geo.Place, blocks int) geo.Place {
	p := networks[r.IntN(len(networks))]
	p.Kind = geo.Placed
	p.Addr = netip.AddrFrom4([4]byte{byte(20 + p.ASN%180), byte(p.ASN >> 8), byte(r.IntN(blocks)), byte(1 + r.IntN(5))})
	return p
}

var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// settled makes a scorer on which some users have sent from lines of their own
// for so many days, and answers the lines and the evening of the last day.
func settled(t *testing.T, r *rand.Rand, rules *Rules, days int) (*Scorer, []geo.Place, time.Time) {
	s := New(rules)
	homes := make([]geo.Place, 8)
	for i := range homes {
		homes[i] = line(r, spain, 200)
	}
	for day := range days {
		for i, home := range homes {
			at := monday.AddDate(0, 0, day).Add(time.Duration(i) * time.Minute)
			v := s.Submission(Submission{User: userName(i), Time: at, Place: home, Method: "PLAIN"})
			require.Equal(t, Allow, v.Action)
		}
	}
	return s, homes, monday.AddDate(0, 0, days-1).Add(12 * time.Hour)
}

func userName(i int) string { return fmt.Sprintf("user%d@example.es", i) }

// A place that a user has used for weeks adds nothing to the score, however
// much is sent from it and whatever came from elsewhere.
func TestFamiliarPlaceAloneNeverRaisesTheScore(t *testing.T) {
	rules := shipped(t)
	lots(t, 400, func(t *testing.T, r *rand.Rand) {
		s, homes, now := settled(t, r, rules, 7+r.IntN(20))
		for range 5 + r.IntN(60) {
			now = now.Add(time.Duration(r.ExpFloat64() * float64(10*time.Minute)))
			s.Due(now)
			sub := Submission{User: userName(0), Time: now, Place: homes[0], Method: "PLAIN"}
			strange := r.IntN(4) == 0
			if strange {
				sub.Place = line(r, world, 2)
			}
			before := s.users.find(sub.User).score
			v := s.Submission(sub)
			if v.Action == Block {
				return
			}
			if !strange {
				require.Zero(t, v.Fired, "%v", v.Reasons)
				require.LessOrEqual(t, v.Score, before)
			}
		}
	})
}

// Whatever happens, a score is a number, and not below zero; whoever is not
// blocked is below the threshold.
func TestScoreStaysInItsBounds(t *testing.T) {
	rules, err := Parse("rules.yaml", []byte(`
threshold: {hold: 20, block: 60}
half_life: 1h
rules:
  - {name: plus, when: new_address, points: 11}
  - {name: minus, when: not new_network, points: -7}
  - {name: much, when: messages("5m") > 3, points: 5, every: 1m}
  - {name: divided, when: 1 / (addresses("1h") - 1) > 0.2, points: 3}
`))
	require.NoError(t, err)
	lots(t, 300, func(t *testing.T, r *rand.Rand) {
		s, now := New(rules), monday
		for i := range 100 {
			now = now.Add(time.Duration(r.Int64N(int64(10 * time.Minute)))) // sometimes a second back
			at := now.Add(-time.Duration(r.IntN(3)) * time.Second)
			s.Due(at)
			v := s.Submission(Submission{User: userName(r.IntN(3)), Time: at, Place: line(r, world[:4], 3), Message: MessageID{ID: fmt.Sprint(i)}})
			require.GreaterOrEqual(t, v.Score, 0.0)
			switch v.Action {
			case Allow, Hold:
				require.Less(t, v.Score, 60.0)
			case Block:
				require.Positive(t, v.Fired)
				require.Less(t, v.Score, 60.0+11+5+3) // all that one submission can add
			}
			if r.IntN(20) == 0 {
				s.Released(userName(r.IntN(3)), at, r.IntN(2) == 0)
			}
		}
	})
}

// More evidence never lowers what a window counts: any event more, at any time,
// leaves each count as it is or makes it greater.
//
// It is true of a network that is in one country. Of one that is in many only
// one country counts, and one event more can decide which.
func TestMoreEvidenceNeverLowersACount(t *testing.T) {
	lots(t, 1500, func(t *testing.T, r *rand.Rand) {
		type event struct {
			at    int64
			place geo.Place
		}
		span := []int64{hourStep, 5 * hourStep, 26 * hourStep}[r.IntN(3)]
		begin := monday.Unix() + r.Int64N(dayStep)
		var events []event
		for range 1 + r.IntN(20) {
			events = append(events, event{begin + r.Int64N(span), line(r, world, 2)})
		}
		slices.SortFunc(events, func(a, b event) int { return int(a.at - b.at) })
		extra := r.IntN(len(events)) // this one is left out

		all, fewer := new(user), new(user)
		for i, e := range events {
			record(all, e.at, e.place)
			if i != extra {
				record(fewer, e.at, e.place)
			}
		}
		end := begin + span
		for _, u := range []*user{all, fewer} {
			u.volume.add(end, tally{})
		}
		for _, window := range []int64{fineStep, 600, hourStep, 2 * hourStep, 3 * hourStep, 6 * hourStep, dayStep} {
			since := end - window
			require.GreaterOrEqual(t, all.volume.since(since).messages, fewer.volume.since(since).messages, "messages, %d s", window)
			for name, count := range map[string]func(visits) int{
				"addresses": func(v visits) int { return v.distinct(since, false, byAddress) },
				"blocks":    func(v visits) int { return v.distinct(since, true, byBlock) },
				"networks":  func(v visits) int { return v.distinct(since, true, byNetwork) },
				"countries": func(v visits) int { return v.countries(since, true, nowhere) },
			} {
				require.GreaterOrEqual(t, count(all.visits), count(fewer.visits), "%s, %d s", name, window)
			}
		}
	})
}

// record notes a strange visit and a message.
func record(u *user, at int64, p geo.Place) {
	u.visits.forget(at)
	u.visits.record(visit{
		address: hashAddr(p.Addr), block: hashBlock(p.Block()), network: p.ASN, country: countryKey(p.Country),
		last: at, strange: true,
	})
	u.volume.add(at, tally{messages: 1})
}

// The order of lines with one time stamp does not matter between users, as
// long as no rule asks what an address did to others (users_here,
// thief_address) or what is usual on the server (home, rarity).
func TestOrderOfUsersWithinASecond(t *testing.T) {
	rules, err := Parse("rules.yaml", []byte(`
home: [ES]
threshold: {hold: 50, block: 100}
half_life: 1h
rules:
  - {name: address, when: new_address, points: 2}
  - {name: network, when: new_network, points: 6}
  - {name: country, when: new_country && not home, points: 20}
  - {name: third, when: new_country && countries("1h") >= 3, points: 60}
  - {name: volume, when: messages("5m") > 3, points: 10, every: 1m}
`))
	require.NoError(t, err)
	lots(t, 300, func(t *testing.T, r *rand.Rand) {
		a, b := New(rules), New(rules)
		now := monday
		for range 30 {
			now = now.Add(time.Duration(r.IntN(5)) * time.Minute)
			second := make([]Submission, 8)
			for i := range second {
				second[i] = Submission{User: userName(i), Time: now, Place: line(r, world[:5], 2), Method: "PLAIN"}
			}
			said := make(map[string]Verdict)
			for _, sub := range second {
				said[sub.User] = a.Submission(sub)
			}
			r.Shuffle(len(second), func(i, j int) { second[i], second[j] = second[j], second[i] })
			for _, sub := range second {
				was, is := said[sub.User], b.Submission(sub)
				was.Strangers, is.Strangers = nil, nil // they go by what is usual on the server
				require.Equal(t, was, is)
			}
		}
	})
}

// Of one user, the order of lines with one time stamp does not change what the
// windows count once they are all told, nor the points of rules that ask of
// each place by itself whether it is new. (Rules that join both, such as "new
// country, and the third within the hour", fire at whichever line comes third.)
func TestOrderOfOneUsersLinesWithinASecond(t *testing.T) {
	rules, err := Parse("rules.yaml", []byte(`
threshold: {hold: 500000, block: 1000000}
half_life: 1h
rules:
  - {name: address, when: new_address, points: 2}
  - {name: block, when: new_block, points: 3}
  - {name: network, when: new_network, points: 6}
  - {name: country, when: new_country, points: 20}
`))
	require.NoError(t, err)
	lots(t, 300, func(t *testing.T, r *rand.Rand) {
		a, homes, now := settled(t, r, rules, 12)
		b := New(rules)
		for day := range 12 {
			for i, home := range homes {
				at := monday.AddDate(0, 0, day).Add(time.Duration(i) * time.Minute)
				b.Submission(Submission{User: userName(i), Time: at, Place: home, Method: "PLAIN"})
			}
		}
		second := make([]Submission, 2+r.IntN(8))
		for i := range second {
			second[i] = Submission{User: userName(0), Time: now, Place: line(r, append(world, homes[0]), 2), Method: "PLAIN"}
		}
		for _, sub := range second {
			a.Submission(sub)
		}
		r.Shuffle(len(second), func(i, j int) { second[i], second[j] = second[j], second[i] })
		for _, sub := range second {
			b.Submission(sub)
		}
		ua, ub := a.users.find(userName(0)), b.users.find(userName(0))
		require.InDelta(t, ua.score, ub.score, 1e-9)
		since := now.Unix() - hourStep
		require.Equal(t, ua.volume, ub.volume)
		require.Equal(t, ua.visits.countries(since, true, nowhere), ub.visits.countries(since, true, nowhere))
		for _, property := range []func(*visit) uint64{byAddress, byBlock, byNetwork} {
			require.Equal(t, ua.visits.distinct(since, true, property), ub.visits.distinct(since, true, property))
		}
	})
}

// A release teaches: what led to a block, all of it again, leads to none, with
// the shipped rules, whatever the theft was like.
func TestReleaseTeaches(t *testing.T) {
	rules := shipped(t)
	thefts := 0
	lots(t, 300, func(t *testing.T, r *rand.Rand) {
		s, _, now := settled(t, r, rules, 7+r.IntN(20))
		var seen []geo.Place
		bounces := r.IntN(6)
		for i := range 60 {
			now = now.Add(time.Duration(r.IntN(300)) * time.Second)
			p := line(r, world, 3)
			seen = append(seen, p)
			id := MessageID{ID: fmt.Sprint("A", i)}
			v := s.Submission(Submission{User: userName(0), Time: now, Place: p, Method: "PLAIN", Message: id})
			s.Queued(id, now, 10, "")
			for range bounces {
				s.Bounced(id, now)
			}
			s.Removed(id)
			if v.Action == Block {
				break
			}
		}
		if !s.users.find(userName(0)).blocked {
			return
		}
		thefts++
		s.Released(userName(0), now, true)
		for i, p := range seen {
			now = now.Add(time.Duration(r.IntN(300)) * time.Second)
			v := s.Submission(Submission{User: userName(0), Time: now, Place: p, Method: "PLAIN", Message: MessageID{ID: fmt.Sprint("B", i)}})
			require.Equal(t, Allow, v.Action, "%d of %d: %v", i+1, len(seen), v.Reasons)
		}
	})
	require.Greater(t, thefts, 100, "hardly any theft was one")
}

// What is remembered of one user is bounded, whatever the user does.
func TestMemoryOfAUserIsBounded(t *testing.T) {
	rules, err := Parse("rules.yaml", []byte(`
rules:
  - {name: a, when: new_address, points: 1, every: 1s}
  - {name: b, when: messages("1d") > 1, points: -1, every: 1m}
`))
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(*seed, 0))
	s, now := New(rules), monday
	for i := range 100_000 {
		now = now.Add(time.Duration(r.ExpFloat64() * float64(5*time.Minute)))
		p := line(r, world, 250)
		p.ASN += uint32(r.IntN(1000))
		p.Country = string([]byte{byte('A' + r.IntN(26)), byte('A' + r.IntN(26))})
		id := MessageID{ID: fmt.Sprint(i)}
		s.Submission(Submission{User: "ana", Time: now, Place: p, Message: id})
		s.Queued(id, now, r.IntN(100), "")
		s.Removed(id)
		s.Due(now)
	}
	u := s.users.find("ana")
	for _, hs := range []habits{u.countries, u.networks, u.blocks, u.addresses} {
		require.LessOrEqual(t, len(hs), maxHabits)
		require.LessOrEqual(t, cap(hs), 2*maxHabits)
	}
	require.LessOrEqual(t, len(u.visits), maxVisits)
	require.LessOrEqual(t, cap(u.visits), 2*maxVisits)
	most := int(3*hourStep/fineStep + 26 + 9) // steps of five minutes, of an hour, of a day
	require.LessOrEqual(t, len(u.volume), most)
	require.LessOrEqual(t, cap(u.volume), 2*most)
	require.LessOrEqual(t, len(u.reasons), maxReasons)
	require.LessOrEqual(t, len(u.fired), len(rules.Rules))
	require.Zero(t, s.messages.count)
	require.LessOrEqual(t, len(s.server.strangers), maxStrangers)
}
