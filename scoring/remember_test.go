package scoring

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// disk is a state, reduced to what a scorer sees of it.
type disk map[string][]byte

func (d disk) load(key string) []byte { return d[key] }

func (d disk) commit(s *Scorer) (keys []string) {
	s.Changes(func(key string, record []byte) {
		keys = append(keys, key)
		if record == nil {
			delete(d, key)
		} else {
			d[key] = record
		}
	})
	return keys
}

// start makes a scorer of what the disk has, as a daemon does that starts.
func (d disk) start(t testing.TB, rules *Rules) *Scorer {
	s := New(rules)
	s.Remember(d.load, func(key string, err error) { require.NoError(t, err, key) })
	for key, record := range d {
		if !strings.HasPrefix(key, userKey) {
			require.NoError(t, s.Restore(key, record))
		}
	}
	return s
}

// happening is something that a scorer is told, and what it says to that.
type happening func(*Scorer) string

// life is what happens on a small server: people and thieves, what the log and
// the policy service tell of them, and what administrators do.
func life(r *rand.Rand, n int) []happening {
	var story []happening
	now, ids := monday, 0
	homes := make([]geo.Place, 12)
	for i := range homes {
		homes[i] = line(r, spain, 200)
		if i%2 == 0 {
			homes[i].HasCoordinates, homes[i].Lat, homes[i].Lon = true, 40+float64(i)/3, -3.7
		}
	}
	victim, theft := 0, 0
	var sent []Submission
	for range n {
		pace := 20 * time.Minute
		if theft--; theft > 0 {
			pace = time.Minute
		} else if r.IntN(80) == 0 {
			theft, victim = 20, r.IntN(len(homes))
		}
		now = now.Add(time.Duration(r.ExpFloat64() * float64(pace)))
		at, user := now.Add(-time.Duration(r.IntN(2))*time.Second), r.IntN(len(homes))
		sub := Submission{User: userName(user), Time: at, Place: homes[user], Method: "PLAIN"}
		switch dice := r.IntN(100); {
		case theft > 0 && dice < 70:
			sub.User, sub.Place = userName(victim), line(r, world, 3)
		case dice < 8:
			sub.Place = line(r, spain, 200)
		case dice < 11:
			sub.Place = line(r, world, 3)
		}
		switch dice := r.IntN(100); {
		case dice < 60:
			ids++
			sub.Message = MessageID{"mx", "postfix", fmt.Sprintf("A%d", ids%40)}
			if r.IntN(3) == 0 {
				sub.Asked, sub.Message = true, MessageID{ID: sub.Message.ID}
			}
			sent = append(sent, sub)
			story = append(story, submitted(sub))
		case dice < 90 && len(sent) > 0:
			story = append(story, toldOf(r, sent[len(sent)-1-r.IntN(min(len(sent), 10))], now))
		case dice < 94:
			story = append(story, func(s *Scorer) string { s.Login(sub); return "" })
		case dice < 96:
			story = append(story, func(s *Scorer) string { s.Failure(sub.Place.Addr, at); return "" })
		case dice < 98:
			story = append(story, func(s *Scorer) string { return fmt.Sprint(s.Released(sub.User, at, dice != 96)) })
		case dice < 99 && len(sent) > 0:
			story = append(story, wordOf(r, sent[len(sent)-1-r.IntN(min(len(sent), 10))], at))
		default:
			story = append(story, func(s *Scorer) string { s.Blocked(sub.User, at); return "" })
		}
	}
	return story
}

func submitted(sub Submission) happening {
	return func(s *Scorer) string {
		due, err := json.Marshal(s.Due(sub.Time))
		if err != nil {
			return err.Error()
		}
		v, err := json.Marshal(s.Submission(sub))
		return fmt.Sprint(string(due), string(v), err)
	}
}

// toldOf is one of the things that the log tells of a message.
func toldOf(r *rand.Rand, sub Submission, now time.Time) happening {
	id := MessageID{"mx", "postfix", sub.Message.ID}
	recipients, from := 1+r.IntN(30), userName(r.IntN(20))
	switch r.IntN(6) {
	case 0:
		return func(s *Scorer) string { s.Bounced(id, now); return "" }
	case 1:
		return func(s *Scorer) string { s.Rejected(id, now); return "" }
	case 2:
		return func(s *Scorer) string { s.Removed(id); return "" }
	case 3:
		sub.Asked = !sub.Asked
		return submitted(sub)
	}
	return func(s *Scorer) string { s.Queued(id, now, recipients, from); return "" }
}

// wordOf is what a person says about a message's user and place.
func wordOf(r *rand.Rand, sub Submission, at time.Time) happening {
	trust := Trust{Country: sub.Place.Country, Until: at.AddDate(0, 0, r.IntN(4))}
	if r.IntN(2) == 0 {
		trust = Trust{Network: sub.Place.Block()}
	}
	switch r.IntN(5) {
	case 0:
		return func(s *Scorer) string { return fmt.Sprint(s.LetGo(sub.User, sub.Message.ID, at)) }
	case 1:
		return func(s *Scorer) string { return fmt.Sprint(s.Keep(sub.User, sub.Message.ID)) }
	case 2:
		return func(s *Scorer) string { return fmt.Sprint(s.Untrust(sub.User, Trust{})) }
	}
	return func(s *Scorer) string { return fmt.Sprint(s.Trust(sub.User, trust, at)) }
}

// A daemon that is stopped or killed at any moment, after what it had written
// down last, and started again says what one says that never stopped.
func TestRestartsChangeNothing(t *testing.T) {
	rules := shipped(t)
	said := make(map[string]int)
	lots(t, 40, func(t *testing.T, r *rand.Rand) {
		story := life(r, 1500)
		steady, d := New(rules), disk{}
		s := d.start(t, rules)
		s.users.most = (1 + r.IntN(12)) * someRoom
		for i, happens := range story {
			want := happens(steady)
			require.Equal(t, want, happens(s), "happening %d", i)
			for _, word := range []string{`"Action":0`, `"Action":1`, `"Action":2`, `"Action":3`, `"Again":true`, `[{"Time"`} {
				said[word] += strings.Count(want, word)
			}
			switch r.IntN(20) {
			case 0:
				d.commit(s)
				s = d.start(t, rules)
				s.users.most = (1 + r.IntN(12)) * someRoom
			case 1, 2, 3:
				d.commit(s)
			}
		}
	})
	for word, n := range said {
		require.Greater(t, n, 50, "%s was hardly ever said: %v", word, said)
	}
	require.Len(t, said, 6)
}

// someRoom is enough for one user who is awake.
const someRoom = 1500

// Without a state, idle users sleep in memory, and it makes no difference.
func TestSleepChangesNothing(t *testing.T) {
	rules := shipped(t)
	lots(t, 20, func(t *testing.T, r *rand.Rand) {
		awake, sleepy := New(rules), New(rules)
		sleepy.users.most = (1 + r.IntN(5)) * someRoom
		for i, happens := range life(r, 1500) {
			require.Equal(t, happens(awake), happens(sleepy), "happening %d", i)
		}
		require.NotEmpty(t, sleepy.users.asleep)
		sleepy.users.find(userName(0))
		require.True(t, sleepy.users.room <= sleepy.users.most || len(sleepy.users.here) == 1)
	})
}

// Only what has changed is handed over, and all of it.
func TestChangesAreThoseSinceTheLastTime(t *testing.T) {
	d := disk{}
	s := d.start(t, shipped(t))
	submit := func(user int, id string, when time.Time) {
		s.Submission(Submission{User: userName(user), Time: when, Place: at("198.51.100.7", "ES", 3352), Message: MessageID{ID: id}})
	}
	submit(1, "A1", monday)
	keys := d.commit(s)
	slices.Sort(keys)
	require.Equal(t, []string{"message/A1", "server/country/ES", "server/network/3352", "server/queue", strangerKey + "890aa194810f54ad", "server/sums", "user/user1@example.es"}, keys)
	require.Empty(t, d.commit(s))
	submit(2, "A2", monday.Add(time.Hour))
	s.Removed(MessageID{ID: "A1"})
	d.commit(s)
	submit(2, "A3", monday.Add(2*time.Hour))
	keys = d.commit(s)
	slices.Sort(keys)
	require.Equal(t, []string{"message/A3", "user/user2@example.es"}, keys)
	require.NotContains(t, d, "message/A1")
}

// What a person asks to be forgotten is gone from memory and from the state, and
// from what is remembered of addresses.
func TestForget(t *testing.T) {
	d := disk{}
	s := d.start(t, parsed(t, "rules: [{name: foreign, when: 'country != \"ES\"', points: 60}]"))
	for i := range 40 {
		s.Submission(Submission{User: userName(i), Time: monday, Place: at("198.51.100.1", "ES", 3352)})
	}
	v := s.Submission(Submission{User: "ana", Time: monday, Place: at("203.0.113.7", "FR", 3215), Message: MessageID{ID: "A1"}})
	require.Equal(t, Hold, v.Action)
	d.commit(s)
	require.Contains(t, d, "user/ana")
	require.Contains(t, d, "message/A1")

	s.Forget("ana")
	require.Nil(t, s.users.find("ana"), "the state still has her")
	d.commit(s)
	require.NotContains(t, d, "user/ana")
	require.NotContains(t, d, "message/A1")
	for key, record := range d {
		require.NotContains(t, string(record), "ana", key)
	}
	for _, x := range s.server.strangers {
		require.NotContains(t, x.users, hashName("ana"))
	}
	require.Empty(t, s.Due(monday.AddDate(0, 0, 1)))

	s.Submission(Submission{User: "ana", Time: monday.AddDate(0, 0, 2)})
	d.commit(s)
	require.Contains(t, d, "user/ana", "she came back")
}

// Who has not been seen for very long is new again, whether the record is still
// there or not.
func TestLongUnseenAreNew(t *testing.T) {
	rules := parsed(t, "forget: 30d\nrules: [{name: new, when: known_days == 0, points: 1}]")
	d := disk{}
	s := d.start(t, rules)
	fired := func(at time.Time) int { return s.Submission(Submission{User: "ana", Time: at}).Fired }
	require.Equal(t, 1, fired(monday))
	require.Equal(t, 0, fired(monday.AddDate(0, 0, 29)))
	require.Equal(t, 1, fired(monday.AddDate(0, 0, 60)))
	d.commit(s)
	record := d["user/ana"]
	require.False(t, s.Stale(record, monday.AddDate(0, 0, 90)))
	require.True(t, s.Stale(record, monday.AddDate(0, 0, 91)))
	require.Zero(t, s.Expire([]string{"ana", "nobody"}, monday.AddDate(0, 0, 90)))
	require.Equal(t, 1, s.Expire([]string{"ana", "nobody"}, monday.AddDate(0, 0, 91)))
	d.commit(s)
	require.NotContains(t, d, "user/ana")
}

// A record that cannot be read is said, and stops nothing.
func TestDamagedRecords(t *testing.T) {
	rules := shipped(t)
	d := disk{}
	s := d.start(t, rules)
	for _, happens := range life(rand.New(rand.NewPCG(*seed, 0)), 500) {
		happens(s)
	}
	d.commit(s)
	other := New(rules)
	for _, key := range slices.Sorted(maps.Keys(d)) {
		whole := d[key]
		for n := range whole {
			require.Error(t, other.Restore(key, whole[:n]), "%s, %d of %d bytes", key, n, len(whole))
		}
		require.ErrorContains(t, other.Restore(key, append(slices.Clone(whole), 0)), "goes on after its end")
		newer := slices.Clone(whole)
		newer[0] = recordVersion + 1
		require.ErrorContains(t, other.Restore(key, newer), "by a newer Sendwarden")
	}
	require.ErrorContains(t, other.Restore("weather/ES", []byte{1}), "no record of that name")

	d["user/ana"] = []byte{1, 2, 3}
	var odd string
	s.Remember(d.load, func(key string, err error) { odd = fmt.Sprint(key, ": ", err) })
	require.Equal(t, Allow, s.Submission(Submission{User: "ana", Time: monday}).Action)
	require.Equal(t, "user/ana: the record is damaged: it ends too early", odd)
}

// A record is as large as what is in it.
// Records of version 1 know nothing of portions.
func TestOldRecords(t *testing.T) {
	held := &user{name: "ana", last: monday.Unix(), score: 60, scoreAt: monday.Unix(), portion: 3, pausedTo: monday.Unix() + 60}
	held.held = []heldMessage{{&message{id: MessageID{ID: "A"}, user: "ana", at: monday.Unix(), action: Hold}, geo.Place{}}}
	c := coder{buf: []byte{1}, version: 1}
	c.user(held)
	u, err := userOf("ana", c.buf)
	require.NoError(t, err)
	require.Len(t, u.held, 1)
	require.Zero(t, u.portion)

	u, err = userOf("ana", encode(func(c *coder) { c.user(held) }))
	require.NoError(t, err)
	require.Equal(t, held.portion, u.portion)
	require.Equal(t, held.pausedTo, u.pausedTo)
}

func TestRecordsAreBounded(t *testing.T) {
	var u user
	now, fade := monday.Unix(), newFading(42*24*time.Hour)
	for i := range 10_000 {
		now += 5 * 60
		day := int32(now / dayStep)
		for _, hs := range []*habits{&u.countries, &u.networks, &u.blocks, &u.addresses} {
			hs.use(uint32(i)*2_654_435_761, day, fade)
		}
		u.visits.record(visit{address: uint64(i), network: 1 << 31, country: 1 << 15, first: now, last: now, strange: true})
		u.volume.add(now, tally{1, 1000, 1000, 1000, 1000, 1000, 1000, 1000})
		u.senders.used(uint32(i), now)
		u.mayFire(uint32(i), time.Minute, now)
		u.last = now
	}
	record := encode(func(c *coder) { c.user(&u) })
	require.Less(t, len(record), 6000)
	back, err := userOf("", record)
	require.NoError(t, err)
	require.Equal(t, &u, back)
}

// FuzzRestore: whatever a record holds, it is read or refused; what was read is
// written the same way again, and can be worked with.
func FuzzRestore(f *testing.F) {
	rules := shipped(f)
	d := disk{}
	s := d.start(f, rules)
	for _, happens := range life(rand.New(rand.NewPCG(1, 0)), 800) {
		happens(s)
	}
	d.commit(s)
	for key, record := range d {
		f.Add(key, record)
	}
	f.Fuzz(func(t *testing.T, key string, record []byte) {
		s := New(rules)
		s.Remember(func(string) []byte { return nil }, func(string, error) {})
		if s.Restore(key, record) != nil {
			return
		}
		_, err := Readable(key, record)
		require.NoError(t, err)
		if name, isUser := UserOf(key); isUser {
			u, err := userOf(name, record)
			require.NoError(t, err)
			again, err := userOf(name, encode(func(c *coder) { c.user(u) }))
			require.NoError(t, err)
			require.Equal(t, u, again)
			s.Submission(Submission{User: name, Time: monday, Place: world[0], Message: MessageID{ID: "A1"}})
		}
		s.Due(monday)
		s.Submission(Submission{User: "ana", Time: monday, Place: world[1], Message: MessageID{ID: "A2"}})
		s.Queued(MessageID{ID: "A2"}, monday, 1, "")
		s.Changes(func(key string, record []byte) {
			if record != nil {
				require.NoError(t, New(rules).Restore(key, record))
			}
		})
	})
}
