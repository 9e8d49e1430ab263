package scoring

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAccount reads the account of a user from whom a message waits.
func TestAccount(t *testing.T) {
	s := New(parsed(t, `
home: [ES]
half_life: 1h
users: {ana: {threshold: {hold: 40}}}
rules:
  - {name: new, when: new_address, points: 2}
  - {name: abroad, when: new_country and not home, points: 58}`))
	madrid := time.FixedZone("", 7200)
	for day := range 10 {
		at := monday.AddDate(0, 0, day)
		submitFrom(s, at, "198.51.100.7", "ES", 3352, "A1")
		submitFrom(s, at.Add(time.Minute), "198.51.100.7", "ES", 3352, "A2")
		s.Queued(MessageID{ID: "A2"}, at.Add(time.Minute), 3, "ana")
		s.Removed(MessageID{ID: "A1"})
		s.Removed(MessageID{ID: "A2"})
	}
	trip := monday.AddDate(0, 0, 9).Add(8 * time.Hour)
	submitFrom(s, trip, "203.0.113.9", "BR", 26599, "A3")
	s.Queued(MessageID{ID: "A3"}, trip, 7, "ana")

	a, known := s.Account("ana", trip.Add(30*time.Minute).In(madrid))
	require.True(t, known)
	said, err := json.MarshalIndent(a, "", "  ")
	require.NoError(t, err)
	const file = "testdata/account.json"
	if *update {
		require.NoError(t, os.WriteFile(file, append(said, '\n'), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(said)+"\n")

	_, known = s.Account("eva", trip)
	require.False(t, known)
	_, known = s.Account("ana", trip.AddDate(2, 0, 0))
	require.False(t, known, "she was not seen for longer than anybody is remembered")
}

func submitFrom(s *Scorer, when time.Time, addr, country string, asn uint32, id string) {
	p := at(addr, country, asn)
	p.Org = "Network " + country
	s.Submission(Submission{User: "ana", Time: when, Place: p, Method: "PLAIN", Message: MessageID{ID: id}})
}

// Looking at accounts changes nothing, and they are the same whether a user is
// awake, asleep or only in the state.
func TestAccountChangesNothing(t *testing.T) {
	rules := shipped(t)
	lots(t, 20, func(t *testing.T, r *rand.Rand) {
		steady, sleepy, d := New(rules), New(rules), disk{}
		stored := d.start(t, rules)
		sleepy.users.most, stored.users.most = (1+r.IntN(5))*someRoom, (1+r.IntN(5))*someRoom
		look := func(s *Scorer, user string, at time.Time) string {
			before := [2]int{len(s.users.here), len(s.users.asleep)}
			a, known := s.Account(user, at)
			require.Equal(t, before, [2]int{len(s.users.here), len(s.users.asleep)})
			text, err := json.Marshal(a)
			require.NoError(t, err)
			if !known {
				return "unknown"
			}
			return string(text)
		}
		known := 0
		for i, happens := range life(r, 1000) {
			want := happens(steady)
			require.Equal(t, want, happens(sleepy), "happening %d", i)
			require.Equal(t, want, happens(stored), "happening %d", i)
			if r.IntN(10) == 0 {
				d.commit(stored)
			}
			user, at := userName(r.IntN(13)), monday.Add(time.Duration(r.IntN(1000))*time.Hour)
			account := look(sleepy, user, at)
			require.Equal(t, account, look(stored, user, at), "happening %d", i)
			if account != "unknown" {
				known++
			}
		}
		require.Greater(t, known, 100)
	})
}

// A record from before the uses of an address were counted says nothing of them.
func TestRecordsOfVersion1(t *testing.T) {
	u := user{last: monday.Unix(), visits: visits{{address: 1, first: monday.Unix(), last: monday.Unix(), uses: 7}}}
	c := coder{buf: []byte{1}, version: 1}
	c.user(&u)
	back, err := userOf("", c.buf)
	require.NoError(t, err)
	require.Zero(t, back.visits[0].uses)
	back.visits.record(visit{address: 1, last: monday.Unix() + 60, uses: 1})
	require.Zero(t, back.visits[0].uses, "how often it was used is still not known")
}
