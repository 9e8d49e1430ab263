package scoring

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is in the middle of a day, so that steps of all lengths begin and end
// away from it.
var noon = time.Date(2026, 4, 15, 12, 0, 0, 0, time.UTC).Unix()

// Merging steps into longer ones keeps their sum.
func TestVolumeMergingKeepsSums(t *testing.T) {
	lots(t, 500, func(t *testing.T, r *rand.Rand) {
		var v volume
		var sum uint32
		now := noon
		for range 200 {
			now += r.Int64N(int64(1 + r.IntN(3000)))
			n := uint32(r.IntN(5))
			v.add(now, tally{messages: n, recipients: 2 * n, bounces: 1, strangeBounces: 3})
			sum += n
		}
		require.Less(t, now-noon, volumeLife, "nothing is old enough to be dropped")
		v.merge(now)
		all := v.since(0)
		require.Equal(t, tally{messages: sum, recipients: 2 * sum, bounces: 200, strangeBounces: 600}, all)
		for i := 1; i < len(v); i++ {
			require.Less(t, v[i-1].start, v[i].start)
		}
	})
}

// A window covers the steps that begin in it: five minutes each in the last
// two hours, an hour each in the last day, and days before.
func TestVolumeWindows(t *testing.T) {
	for _, c := range []struct {
		ago, window time.Duration
		counted     bool
	}{
		{0, 5 * time.Minute, true},
		{4 * time.Minute, 5 * time.Minute, true},
		{5 * time.Minute, 5 * time.Minute, true},
		{6 * time.Minute, 5 * time.Minute, false},
		{59 * time.Minute, time.Hour, true},
		{65 * time.Minute, time.Hour, false},
		{119 * time.Minute, 2 * time.Hour, true},
		{3 * time.Hour, 2 * time.Hour, false},
		{23 * time.Hour, 24 * time.Hour, true},
		{26 * time.Hour, 24 * time.Hour, false},
		{3 * 24 * time.Hour, 4 * 24 * time.Hour, true},
		{5 * 24 * time.Hour, 4 * 24 * time.Hour, false},
		{7 * 24 * time.Hour, 8 * 24 * time.Hour, true},
		{10 * 24 * time.Hour, 8 * 24 * time.Hour, false},
	} {
		var v volume
		v.add(noon-int64(c.ago.Seconds()), tally{messages: 1})
		v.add(noon, tally{recipients: 1})
		got := v.since(noon - int64(c.window.Seconds())).messages
		require.Equal(t, c.counted, got == 1, "%v ago, within %v", c.ago, c.window)
	}
}

// A line that comes too late counts with the last step: nothing is lost.
func TestVolumeOutOfOrder(t *testing.T) {
	var v volume
	v.add(noon, tally{messages: 1})
	v.add(noon-3600, tally{messages: 1})
	v.add(noon+1, tally{messages: 1})
	require.Equal(t, volume{{noon, tally{messages: 3}}}, v)
}

// What is older than any window is dropped.
func TestVolumeForgets(t *testing.T) {
	var v volume
	v.add(noon, tally{messages: 1})
	v.add(noon+10*dayStep, tally{messages: 2})
	require.Equal(t, volume{{noon + 10*dayStep, tally{messages: 2}}}, v)
}

func TestVisitsKeepTheLatest(t *testing.T) {
	var vs visits
	for i := range maxVisits + 5 {
		vs.record(visit{address: uint64(i), last: noon + int64(i)})
	}
	require.Len(t, vs, maxVisits)
	require.Nil(t, vs.find(4), "the oldest are gone")
	require.NotNil(t, vs.find(5))

	vs.record(visit{address: 5, last: noon + 100})
	require.Len(t, vs, maxVisits)
	require.Equal(t, uint64(5), vs[maxVisits-1].address, "a visitor who comes again is the latest")
	require.Equal(t, noon+100, vs.find(5).last)
}

// A familiar visit goes before a strange one, and a strange one stays strange
// however often it is repeated.
func TestVisitsKeepStrangers(t *testing.T) {
	var vs visits
	vs.record(visit{address: 1000, last: noon, strange: true})
	for i := range maxVisits + 5 {
		vs.record(visit{address: uint64(i), last: noon + int64(i)})
	}
	vs.record(visit{address: 1000, last: noon + 100, strange: true})
	require.True(t, vs.find(1000).strange)
	require.Equal(t, 1, vs.distinct(0, true, byAddress))
	require.Equal(t, maxVisits, vs.distinct(0, false, byAddress))
}

// The office was strange on the first morning. It is not a year later, when the
// first mail from abroad comes within an hour of one from there.
func TestVisitIsStrangeUntilThePlaceIsFamiliar(t *testing.T) {
	var vs visits
	vs.record(visit{address: 1, last: noon, strange: true})
	require.True(t, vs.find(1).strange)
	vs.record(visit{address: 1, last: noon + 5*dayStep})
	require.False(t, vs.find(1).strange)
}

func TestVisitsForget(t *testing.T) {
	vs := visits{{address: 1, last: noon - visitLife - 1}, {address: 2, last: noon - visitLife}, {address: 3, last: noon}}
	vs.forget(noon)
	require.Nil(t, vs.find(1))
	require.Len(t, vs, 2)
}

// An anonymiser's exits are in many countries, and count as being in one.
func TestVisitsCountCountriesByNetwork(t *testing.T) {
	es, fr, br := countryKey("ES"), countryKey("FR"), countryKey("BR")
	vs := visits{
		{network: 64500, country: es, last: noon},
		{network: 64500, country: fr, last: noon},
		{network: 64500, country: br, last: noon},
		{network: 3215, country: fr, last: noon, strange: true},
		{network: 12322, country: fr, last: noon, strange: true},
		{network: 0, country: br, last: noon - 100, strange: true},
		{network: 0, country: 0, last: noon},
	}
	require.Equal(t, 3, vs.countries(0, false, nil))
	require.Equal(t, 2, vs.countries(noon-99, false, nil))
	require.Equal(t, 2, vs.countries(0, true, nowhere))
	require.Equal(t, 1, vs.countries(noon-99, true, nowhere))
}

// A day counts once, however much is sent on it, and weighs half after a
// half-life.
func TestHabitsFade(t *testing.T) {
	week := newFading(7 * 24 * time.Hour)
	var hs habits
	require.True(t, hs.use(1, 100, week))
	require.False(t, hs.use(1, 100, week))
	require.False(t, hs.use(1, 99, week), "a late line of the day before")
	require.Equal(t, 1.0, hs.weight(1, 100, week))
	require.Equal(t, 1.0, hs.weight(1, 99, week))
	require.InDelta(t, 0.5, hs.weight(1, 107, week), 1e-6)
	require.True(t, hs.use(1, 107, week))
	require.InDelta(t, 1.5, hs.weight(1, 107, week), 1e-6)
	own, all := hs.before(1, 107, week)
	require.InDelta(t, 0.5, own, 1e-6, "without the day itself")
	require.InDelta(t, 0.5, all, 1e-6)
	require.Zero(t, hs.weight(2, 107, week))
}

// Where there are too many, the one that is worth least by now makes place.
func TestHabitsAreBounded(t *testing.T) {
	week := newFading(7 * 24 * time.Hour)
	var hs habits
	hs.use(1, 100, week) // long ago
	hs.use(2, 100, week)
	hs.strengthen(2, 50)
	for key := range uint32(maxHabits) {
		hs.use(1000+key, 200, week)
	}
	require.Len(t, hs, maxHabits)
	require.Nil(t, hs.find(1))
	require.Nil(t, hs.find(2), "50 days of use are nothing after 14 half-lives")
	require.NotNil(t, hs.find(1000))
}

func TestHabitsMostUsed(t *testing.T) {
	week := newFading(7 * 24 * time.Hour)
	hs := habits{{key: 1, weight: 10, day: 100}, {key: 2, weight: 9, day: 107}, {key: 3, weight: 1, day: 107}}
	most := hs.mostUsed(107, week, 2)
	require.Equal(t, []uint32{2, 1}, []uint32{most[0].key, most[1].key})
	require.Equal(t, uint32(1), hs[0].key, "the original stays in its order")
}

// A share is a probability, also of networks whose days are in no country.
func TestSharesAreProbabilities(t *testing.T) {
	s := newServer()
	for range 1000 {
		s.useNetwork(15169, "Cloud")
	}
	require.Equal(t, 1.0, s.networkShare(15169))
	require.GreaterOrEqual(t, rarity(3, 5, s.networkShare(15169)), 0.0)
	require.Less(t, s.networkShare(3352), 0.1)
	s.useCountry(countryKey("ES"))
	require.Less(t, s.countryShare(countryKey("ES")), 1.0)
}

// A flood of addresses that fail to log in claims no more than its share of
// memory, and makes place when it is old.
func TestStrangersAreBounded(t *testing.T) {
	s := newServer()
	for i := range uint64(maxStrangers + 100) {
		s.stranger(i, noon).failures = 1
	}
	require.Len(t, s.strangers, maxStrangers)
	require.Zero(t, s.stranger(maxStrangers+50, noon).failures, "it goes unremembered")
	s.stranger(1, noon+strangerLife)
	s.stranger(maxStrangers+50, noon+strangerLife+1)
	require.Less(t, len(s.strangers), 10)
	require.EqualValues(t, 1, s.stranger(1, noon+strangerLife+1).failures)
}

// nowhere is the own country of one who is at home nowhere.
func nowhere(uint16) bool { return false }
