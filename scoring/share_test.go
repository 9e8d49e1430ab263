package scoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// engine is what hosts share, reduced to what a scorer sees of it.
type engine struct {
	records map[string][]byte
	down    bool
	deaf    bool   // takes what it is given, and its answers are lost
	faster  func() // another host is, the next time
	rounds  int
}

var errDown = errors.New("the engine is down")

func (e *engine) swap(all []*Exchange) error {
	if e.down {
		return errDown
	}
	if f := e.faster; f != nil {
		e.faster = nil
		f()
	}
	e.rounds++
	for _, x := range all {
		if is := e.records[x.User]; is != nil && string(is[:VersionSize]) != x.Was {
			x.Newer = slices.Clone(is)
			continue
		}
		e.records[x.User] = slices.Clone(x.Record)
	}
	if e.deaf {
		return errDown
	}
	return nil
}

// host is one of several, with a state of its own.
type host struct {
	*Scorer
	name string
	disk disk
	late []Verdict
	t    *testing.T
	e    *engine
}

func newHost(t *testing.T, e *engine, name string, rules *Rules) *host {
	h := &host{name: name, disk: disk{}, t: t, e: e}
	h.start(rules)
	return h
}

// start starts its daemon from what its disk has.
func (h *host) start(rules *Rules) {
	h.Scorer = New(rules)
	h.Remember(h.disk.load, func(key string, err error) { require.NoError(h.t, err, key) })
	h.Share(Sharing{
		Host: h.name, Swap: h.e.swap, Fetch: func(user string) []byte { return h.e.records[user] }, Late: func(v Verdict) { h.late = append(h.late, v) },
		Odd:  func(user string, err error) { require.NoError(h.t, err, user) },
		Wait: func(<-chan struct{}) bool { return false },
	})
	for key, record := range h.disk {
		if _, isUser := UserOf(key); !isUser {
			require.NoError(h.t, h.Restore(key, record))
		}
	}
}

// save saves what a host knows, and tells the others the news.
func (h *host) save(others ...*host) {
	h.disk.commit(h.Scorer)
	if number, news := h.News(); news != nil && !h.e.down {
		for _, o := range others {
			if o != h {
				require.NoError(h.t, o.Hear(news))
			}
		}
		h.Told(number)
	}
}

// remembered is what the engine knows of a user.
func (e *engine) remembered(t *testing.T, name string) *user {
	u, _, _, err := fromShared(name, e.records[name])
	require.NoError(t, err)
	return u
}

func from(user string, n int, at time.Time, p geo.Place) Submission {
	return Submission{User: user, Time: at, Place: p, Method: "PLAIN", Message: MessageID{"mx", "postfix", fmt.Sprintf("A%d", n)}}
}

// Three hosts, each of which sees a message in three by chance, judge as one host
// that sees all.
func TestManyHostsJudgeAsOne(t *testing.T) {
	rules := shipped(t)
	rules.Hold = rules.Block // mail that waits, waits on its host
	blocks := 0
	lots(t, 10, func(t *testing.T, r *rand.Rand) {
		one, e := New(rules), &engine{records: make(map[string][]byte)}
		hosts := []*host{newHost(t, e, "a", rules), newHost(t, e, "b", rules), newHost(t, e, "c", rules)}
		homes := make([]geo.Place, 10)
		for i := range homes {
			homes[i] = line(r, spain, 200)
		}
		now, victim, theft := monday, 0, 0
		for n := range 1200 {
			if theft--; theft < 0 && r.IntN(100) == 0 {
				victim, theft = r.IntN(len(homes)), 12
			}
			pace := 1800
			who, place := r.IntN(len(homes)), geo.Place{}
			if place = homes[who]; theft > 0 {
				who, place, pace = victim, line(r, world, 3), 180
			}
			now = now.Add(time.Duration(r.IntN(pace)) * time.Second)
			h := hosts[r.IntN(len(hosts))]
			sub, recipients := from(userName(who), n, now, place), r.IntN(40)
			all := func(s *Scorer) string {
				if n%7 == 0 {
					s.Failure(place.Addr, now)
				}
				if n%5 == 0 {
					s.Login(sub)
				}
				v := s.Submission(sub)
				s.Queued(sub.Message, now, recipients, sub.User)
				if n%9 == 0 {
					s.Bounced(sub.Message, now)
				}
				said, err := json.Marshal(v)
				require.NoError(t, err)
				return string(said)
			}
			want := all(one)
			require.Equal(t, want, all(h.Scorer), "message %d", n)
			require.NoError(t, h.Agree())
			h.save(hosts...)
			if blocked := one.Blocks(sub.User); blocked && r.IntN(4) == 0 {
				blocks++
				one.Released(sub.User, now, true)
				h.Released(sub.User, now, true)
				for _, o := range hosts {
					if o != h {
						o.Apart(func() { o.Released(sub.User, now, true) })
					}
				}
				h.save(hosts...)
			}
		}
		for _, h := range hosts {
			h.save(hosts...)
		}
		for _, h := range hosts {
			require.Equal(t, one.server.countries, h.server.countries)
			require.Equal(t, one.server.networks, h.server.networks)
			for address, x := range one.server.strangers {
				o := h.server.strangers[address]
				require.NotNil(t, o)
				x.last, o.last = 0, 0 // each host says once whom it saw there
				require.Equal(t, x, o)
			}
		}
	})
	require.Greater(t, blocks, 10)
}

// twoPlaces are rules by which one who sends from two places at once is blocked.
func twoPlaces(t testing.TB) *Rules {
	return parsed(t, `rules: [{name: two countries, when: 'countries("1h") >= 2', points: 100}]`)
}

var (
	inSpain  = at("198.51.100.1", "ES", 3352)
	inFrance = at("203.0.113.7", "FR", 3215)
)

// Two hosts that see a user in the same moment lose nothing: who comes second is
// told what the first has made, and judges by it.
func TestTheSameMoment(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", twoPlaces(t)), newHost(t, e, "b", twoPlaces(t))
	e.faster = func() {
		require.Equal(t, Allow, a.Submission(from("ana", 1, monday, inSpain)).Action)
	}
	v := b.Submission(from("ana", 2, monday, inFrance))
	require.Equal(t, Block, v.Action, "only both together are a theft")
	require.Equal(t, 3, e.rounds, "a's, b's that came too late, and b's")
	u := e.remembered(t, "ana")
	require.EqualValues(t, 2, u.volume.since(0).messages)
	require.True(t, u.blocked)
	require.Empty(t, b.late)
	require.Len(t, b.brake.blocks, 1)

	require.Equal(t, Refuse, a.Submission(from("ana", 3, monday.Add(time.Second), inSpain)).Action)
	require.Len(t, a.late, 1, "and the first hears of it with her next message")
	require.True(t, a.late[0].Elsewhere)
	require.Equal(t, "two countries", a.late[0].Reasons[0].Rule)
}

// While a user's memory is on its way, a host is told of others and of the same one.
func TestToldMeanwhile(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", twoPlaces(t)), newHost(t, e, "b", twoPlaces(t))
	a.Submission(from("ana", 1, monday, inSpain))
	b.Reading("mail.log", 7)
	e.faster = func() {
		b.Submission(from("bob", 2, monday, inSpain))
		ana := from("ana", 3, monday, inSpain) // who may not wait until hers has landed
		ana.Recipients = 5
		require.Equal(t, Allow, b.Submission(ana).Action)
	}
	require.Equal(t, Allow, b.Submission(from("ana", 4, monday, inSpain)).Action)
	b.Reading("mail.log", 7)
	b.Reading("", 0)
	_, _, known, err := fromShared("bob", e.records["bob"])
	require.NoError(t, err)
	require.Empty(t, known.marks, "what came meanwhile is of no line of the log")
	require.NoError(t, b.Agree())
	sum := e.remembered(t, "ana").volume.since(0)
	require.EqualValues(t, 3, sum.messages)
	require.EqualValues(t, 5, sum.recipients)
	require.EqualValues(t, 1, e.remembered(t, "bob").volume.since(0).messages)
	waits, lost := b.Untold()
	require.Zero(t, waits+lost)
	require.Empty(t, b.shared.flying)

	b.Submission(from("ana", 5, monday.Add(time.Minute), inFrance))
	require.Len(t, b.brake.blocks, 1, "judged again, it counts once")
}

// What a message asks for counts as the verdict says that was given in the end.
func TestAskedForAgain(t *testing.T) {
	rules := parsed(t, `rules: [{name: two countries, when: 'countries("1h") >= 2', points: 60}]`)
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", rules), newHost(t, e, "b", rules)
	a.Submission(from("ana", 1, monday, inSpain))
	sub := from("ana", 2, monday, inFrance)
	sub.Recipients, sub.From = 9, "ana"
	before := e.rounds
	v := b.Submission(sub)
	require.Equal(t, Hold, v.Action, "b knew nothing of the other country")
	require.Equal(t, before+2, e.rounds)
	require.Len(t, b.users.find("ana").held, 1)
	sum := e.remembered(t, "ana").volume.since(0)
	require.EqualValues(t, 9, sum.recipients)
	require.Zero(t, sum.delivered, "it waits")
}

// A submission takes one round trip, with what it asks for, where no other host has
// heard of its user since.
func TestOneRoundTrip(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a := newHost(t, e, "a", twoPlaces(t))
	for i := range 10 {
		sub := from("ana", i, monday.Add(time.Duration(i)*time.Minute), inSpain)
		sub.Recipients, sub.From = 3, "ana"
		a.Submission(sub)
	}
	require.Equal(t, 10, e.rounds)
	require.EqualValues(t, 30, e.remembered(t, "ana").volume.since(0).recipients)
	waits, lost := a.Untold()
	require.Zero(t, waits+lost)
}

// A daemon that is killed reads some lines again. What the engine has of them
// counts once, and what it has not counts.
func TestReadAgainAfterACrash(t *testing.T) {
	rules := twoPlaces(t)
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", rules), newHost(t, e, "b", rules)
	told := func(n int) {
		a.Reading("mail.log", int64(n))
		sub := from("ana", n, monday.Add(time.Duration(n)*time.Second), inSpain)
		a.Submission(sub)
		a.Queued(sub.Message, sub.Time, 10, "ana")
		a.Reading("mail.log", int64(n)+100)
		a.Bounced(sub.Message, sub.Time)
		a.Reading("", 0)
	}
	told(1)
	a.save()
	told(102) // the lines of one are in order
	require.NoError(t, a.Agree())
	asked := from("ana", 500, monday.Add(500*time.Second), inSpain)
	asked.Asked, asked.Message = true, MessageID{ID: "A500"}
	a.Submission(asked)

	a.start(rules) // killed
	b.Submission(from("ana", 9, monday.Add(time.Minute), inSpain))
	told(102)
	told(203)
	a.Reading("mail.log", 500)
	a.Submission(from("ana", 500, monday.Add(501*time.Second), inSpain)) // which was asked about before
	a.Reading("", 0)
	require.NoError(t, a.Agree())
	sum := e.remembered(t, "ana").volume.since(0)
	require.EqualValues(t, 5, sum.messages, "A1, A102, A203, A500, and the other host's")
	require.EqualValues(t, 30, sum.recipients)
	require.EqualValues(t, 3, sum.bounces)
}

// A verdict that was given, and not carried out before a crash, is given again.
func TestVerdictAgainAfterACrash(t *testing.T) {
	rules := twoPlaces(t)
	e := &engine{records: make(map[string][]byte)}
	a := newHost(t, e, "a", rules)
	for range 2 {
		for n, place := range []geo.Place{inSpain, inFrance} {
			a.Reading("mail.log", int64(n+1))
			v := a.Submission(from("ana", n, monday, place))
			if n == 1 {
				require.Equal(t, Block, v.Action)
				require.Len(t, v.Reasons, 1)
			}
		}
		a.start(rules)
	}
	require.EqualValues(t, 2, e.remembered(t, "ana").volume.since(0).messages)
}

// What was not told of strangers and thieves before a crash is told after it.
func TestStrangersAfterACrash(t *testing.T) {
	rules := twoPlaces(t)
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", rules), newHost(t, e, "b", rules)
	read := func() {
		for n, place := range []geo.Place{inSpain, inFrance} {
			a.Reading("mail.log", int64(n+1))
			a.Submission(from("ana", n, monday, place))
		}
	}
	read()
	a.start(rules) // killed before a save
	read()
	a.save(a, b)
	thief := hashAddr(inFrance.Addr)
	require.NotNil(t, b.server.strangers[thief])
	require.NotZero(t, b.server.strangers[thief].thief)
	require.Equal(t, a.server.strangers, b.server.strangers)
}

// While the engine is away each host judges by what it knows; later what was told
// meanwhile is told to all, and a theft that no host has seen alone is found.
func TestWithoutTheEngine(t *testing.T) {
	for _, how := range []string{"away", "deaf", "killed"} {
		t.Run(how, func(t *testing.T) {
			rules := twoPlaces(t)
			e := &engine{records: make(map[string][]byte)}
			a, b := newHost(t, e, "a", rules), newHost(t, e, "b", rules)
			a.Submission(from("ana", 1, monday, inSpain))
			e.down, e.deaf = how != "deaf", how == "deaf"
			require.Equal(t, Allow, a.Submission(from("ana", 2, monday.Add(time.Minute), inSpain)).Action)
			require.ErrorIs(t, a.Agree(), errDown)
			waits, _ := a.Untold()
			require.Equal(t, 1, waits)
			a.save()
			if how == "killed" {
				a.start(rules)
			}
			e.down, e.deaf = false, false
			require.Equal(t, how == "deaf", e.remembered(t, "ana").volume.since(0).messages == 2)
			e.down = how != "deaf"
			require.Equal(t, Allow, b.Submission(from("bob", 3, monday.Add(2*time.Minute), inFrance)).Action)
			if how != "deaf" {
				require.Equal(t, Allow, b.Submission(from("ana", 4, monday.Add(2*time.Minute), inFrance)).Action, "b knows nothing of her")
			}
			e.down = false

			require.NoError(t, b.Agree())
			require.NoError(t, a.Agree())
			u := e.remembered(t, "ana")
			if how == "deaf" {
				require.EqualValues(t, 2, u.volume.since(0).messages)
				require.False(t, u.blocked)
				return
			}
			require.EqualValues(t, 2, u.volume.since(0).messages, "the third is a blocked user's")
			require.True(t, u.blocked)
			require.Len(t, b.late, 1)
			require.Len(t, a.late, 1)
			require.True(t, a.late[0].Elsewhere)
			waits, lost := a.Untold()
			require.Zero(t, waits+lost)
		})
	}
}

// An engine that was restarted empty has again what any host knows.
func TestEmptyEngine(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a := newHost(t, e, "a", twoPlaces(t))
	for i := range 3 {
		a.Submission(from("ana", i, monday.Add(time.Duration(i)*time.Minute), inSpain))
	}
	clear(e.records)
	a.Submission(from("ana", 4, monday.Add(time.Hour), inSpain))
	require.EqualValues(t, 4, e.remembered(t, "ana").volume.since(0).messages)
}

// An engine that goes on from an older copy, as a replica does that was behind, is
// given again what it had; what another host has put there since is not lost either.
func TestEngineThatForgot(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", twoPlaces(t)), newHost(t, e, "b", twoPlaces(t))
	a.Reading("mail.log", 1)
	a.Submission(from("ana", 1, monday, inSpain))
	older := slices.Clone(e.records["ana"])
	a.Reading("mail.log", 2)
	a.Submission(from("ana", 2, monday.Add(time.Minute), inSpain))
	e.records["ana"] = older
	a.Reading("mail.log", 3)
	a.Submission(from("ana", 3, monday.Add(2*time.Minute), inSpain))
	require.EqualValues(t, 3, e.remembered(t, "ana").volume.since(0).messages)
	b.Submission(from("ana", 4, monday.Add(3*time.Minute), inSpain))
	a.Reading("mail.log", 4)
	a.Submission(from("ana", 5, monday.Add(4*time.Minute), inSpain))
	require.EqualValues(t, 5, e.remembered(t, "ana").volume.since(0).messages)

	clear(e.records)
	require.NoError(t, b.Offer()) // b knows less, and comes first
	require.NoError(t, a.Offer())
	require.EqualValues(t, 5, e.remembered(t, "ana").volume.since(0).messages)
	require.NoError(t, b.Offer())
	require.EqualValues(t, 5, e.remembered(t, "ana").volume.since(0).messages)
}

// Blocks of all hosts together are no more than max_blocks, which a twentieth of the
// users of all hosts are.
func TestBrakeOfAllHosts(t *testing.T) {
	rules := parsed(t, `rules: [{name: abroad, when: country == "FR", points: 100}]`)
	e := &engine{records: make(map[string][]byte)}
	hosts := []*host{newHost(t, e, "a", rules), newHost(t, e, "b", rules), newHost(t, e, "c", rules)}
	blocks := func(users string) (n int) {
		for i := range 60 {
			v := hosts[i%3].Submission(from(fmt.Sprint(users, i), i, monday.Add(time.Duration(i)*time.Second), inFrance))
			if v.Action != Block {
				require.True(t, v.Braked)
				continue
			}
			n++
			for j, h := range hosts {
				if j != i%3 {
					h.BlockedElsewhere(v.Time)
				}
			}
		}
		return n
	}
	require.Equal(t, leastBlocks, blocks("few"))

	e.records = make(map[string][]byte)
	hosts = []*host{newHost(t, e, "a", rules), newHost(t, e, "b", rules), newHost(t, e, "c", rules)}
	for i := range 600 {
		hosts[i%3].Submission(from(fmt.Sprint("home", i), i, monday, inSpain))
	}
	for _, h := range hosts {
		h.save(hosts...)
	}
	n := blocks("many")
	require.GreaterOrEqual(t, n, 600/blockShare)
	require.LessOrEqual(t, n, 660/blockShare)
}

// A log-in counts on a host that has never seen its user send, and nobody is asked
// again and again about who never sent.
func TestLogInWhereNobodySent(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", twoPlaces(t)), newHost(t, e, "b", twoPlaces(t))
	asked := 0
	b.shared.Fetch = func(user string) []byte { asked++; return e.records[user] }
	login := func(day int) Submission { return from("ana", 0, monday.AddDate(0, 0, day), inSpain) }
	b.Login(login(0))
	b.Login(login(0))
	require.Equal(t, 1, asked)
	require.Nil(t, b.users.find("ana"))
	for day := range 4 { // which makes the place hers
		a.Submission(from("ana", day, monday.AddDate(0, 0, day), inSpain))
	}
	b.Login(login(5))
	require.Equal(t, 2, asked)
	require.NoError(t, b.Agree())
	require.Equal(t, monday.AddDate(0, 0, 5).Unix(), e.remembered(t, "ana").last)
	require.EqualValues(t, 5, a.server.countries[countryKey("ES")]+b.server.countries[countryKey("ES")])
	b.Login(login(6))
	require.Equal(t, 2, asked, "b knows her now")
}

// Who is forgotten is new to each host, also to one that knew more and was not told,
// and to one that has something left to tell.
func TestForgottenByAll(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a, b, c := newHost(t, e, "a", twoPlaces(t)), newHost(t, e, "b", twoPlaces(t)), newHost(t, e, "c", twoPlaces(t))
	for i, h := range []*host{a, b, c} {
		h.Submission(from("ana", i, monday.Add(time.Duration(i)*time.Minute), inSpain))
	}
	e.down = true
	c.Submission(from("ana", 7, monday.Add(5*time.Minute), inSpain))
	a.save()
	e.down = false
	e.records["ana"] = Forgotten(monday.Add(time.Hour))
	a.Forget("ana")
	require.Equal(t, Allow, a.Submission(from("ana", 8, monday.Add(time.Hour), inFrance)).Action)
	require.Equal(t, Allow, b.Submission(from("ana", 9, monday.Add(time.Hour), inFrance)).Action)
	require.NoError(t, c.Agree())
	u := e.remembered(t, "ana")
	require.EqualValues(t, 3, u.volume.since(0).messages, "two since, and the one that c had not told yet")
	require.Equal(t, int32(monday.Unix()/dayStep), u.firstDay)

	e.records["ana"] = Forgotten(monday.Add(2 * time.Hour))
	require.NoError(t, b.Offer())
	require.True(t, isForgotten(e.records["ana"]), "nobody gives back what they know")
	own, trusted, err := FromShared("ana", e.records["ana"])
	require.NoError(t, err)
	require.Empty(t, own)
	require.Empty(t, trusted)
}

// News tell whom they are about, until that user is forgotten.
func TestNewsOfTheForgotten(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a := newHost(t, e, "a", twoPlaces(t))
	a.Submission(from("ana", 1, monday, inSpain))
	a.Submission(from("ana", 2, monday.AddDate(0, 0, 1), inSpain))
	a.Submission(from("ana", 3, monday.AddDate(0, 0, 1), inFrance)) // a stranger there
	a.disk.commit(a.Scorer)
	_, news := a.News()
	require.True(t, TellsOf("ana")(news))
	require.False(t, TellsOf("bob")(news))
	a.Forget("ana")
	a.disk.commit(a.Scorer)
	_, news = a.News()
	require.NotEmpty(t, news, "countries and networks stay")
	require.False(t, TellsOf("ana")(news))
}

// What waits on a host stays there when the record comes from elsewhere.
func TestWithHeld(t *testing.T) {
	rules := parsed(t, `rules: [{name: foreign, when: country != "ES", points: 60}]`)
	e := &engine{records: make(map[string][]byte)}
	a := newHost(t, e, "a", rules)
	a.Submission(from("ana", 1, monday, inSpain))
	require.Equal(t, Hold, a.Submission(from("ana", 2, monday.Add(time.Minute), inFrance)).Action)
	a.save()
	own, _, err := FromShared("ana", e.records["ana"])
	require.NoError(t, err)
	kept, err := WithHeld("ana", own, a.disk["user/ana"])
	require.NoError(t, err)
	require.Equal(t, a.disk["user/ana"], kept)
	alone, err := WithHeld("ana", own, nil)
	require.NoError(t, err)
	require.Equal(t, own, alone)
}

// What is learnt from old logs is told to nobody.
func TestAlone(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a := newHost(t, e, "a", twoPlaces(t))
	a.Alone(func() { a.Submission(from("ana", 1, monday, inSpain)) })
	require.Zero(t, e.rounds)
	own := encode(func(c *coder) { c.user(a.users.find("ana")) })
	x, err := ToShared("ana", own, nil)
	require.NoError(t, err)
	require.NoError(t, e.swap([]*Exchange{x}))
	a.Submission(from("ana", 2, monday.Add(time.Minute), inSpain))
	require.EqualValues(t, 2, e.remembered(t, "ana").volume.since(0).messages)
	back, trusted, err := FromShared("ana", e.records["ana"])
	require.NoError(t, err)
	require.Nil(t, trusted)
	require.Equal(t, encode(func(c *coder) { c.user(a.users.find("ana")) }), back)
}

// What is kept while the engine is away has its bounds, and what goes beyond is
// counted.
func TestUntoldIsBounded(t *testing.T) {
	e := &engine{records: make(map[string][]byte), down: true}
	a := newHost(t, e, "a", twoPlaces(t))
	for i := range maxUntold + 10 {
		a.Submission(from("ana", i, monday.Add(time.Duration(i)*time.Second), inSpain))
	}
	waits, lost := a.Untold()
	require.Equal(t, maxUntold, waits)
	require.Equal(t, 10, lost)
	e.down = false
	require.NoError(t, a.Agree())
	require.EqualValues(t, maxUntold+10, e.remembered(t, "ana").volume.since(0).messages, "nobody else wrote meanwhile")
}

// What a person says for a place is said for all hosts.
func TestTrustIsShared(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", shipped(t)), newHost(t, e, "b", shipped(t))
	_, ok := a.Trust("ana", Trust{Country: "FR", Until: monday.AddDate(0, 0, 7)}, monday)
	require.True(t, ok)
	b.Submission(from("ana", 1, monday.Add(time.Minute), inFrance))
	require.Len(t, b.Trusts(monday), 1)
	require.Equal(t, 1, b.Untrust("ana", Trust{}))
	a.Submission(from("ana", 2, monday.Add(time.Hour), inSpain))
	require.Empty(t, a.Trusts(monday))
}

// A host that joins takes over what the others know of all users together, beside what
// its own logs say; one that was off for long takes it in the place of what it knew.
func TestJoins(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	rules := twoPlaces(t)
	a, b := newHost(t, e, "a", rules), newHost(t, e, "b", rules)
	day := func(h *host, user string, n int, p geo.Place) {
		h.Submission(from(user, n, monday.AddDate(0, 0, n), p))
	}
	for n := range 4 {
		day(a, "ana", n, inSpain)
		day(a, "bob", n, inFrance)
	}
	require.Nil(t, a.Snapshot(), "news wait")
	day(b, "carl", 1, inSpain)
	b.disk.commit(b.Scorer)
	a.disk.commit(a.Scorer)
	snapshot := a.Snapshot()
	require.NotNil(t, snapshot)
	require.NoError(t, b.TakeSnapshot(snapshot, true))
	sum := func(h *host) float64 { return h.server.countries[countryKey("ES")] }
	require.InDelta(t, sum(a)+1, sum(b), 1e-9)
	require.Equal(t, a.server.orgs, b.server.orgs)
	for address, x := range a.server.strangers {
		require.Contains(t, b.server.strangers[address].users, x.users[0])
	}
	require.NoError(t, b.TakeSnapshot(snapshot, false))
	require.InDelta(t, sum(a)+1, sum(b), 1e-9, "its own day is still to be told")
	b.disk.commit(b.Scorer)
	b.start(rules)
	require.InDelta(t, sum(a)+1, sum(b), 1e-9)
	require.Error(t, b.TakeSnapshot(snapshot[:len(snapshot)/2], true))
	require.InDelta(t, sum(a)+1, sum(b), 1e-9)
}

// A record of a newer program is left alone; a damaged one is replaced.
func TestOddRecords(t *testing.T) {
	e := &engine{records: make(map[string][]byte)}
	a := newHost(t, e, "a", twoPlaces(t))
	var odd []string
	a.shared.Odd = func(user string, err error) { odd = append(odd, user+": "+err.Error()) }
	newer := append(make([]byte, VersionSize), recordVersion+1, 7)
	e.records["ana"], e.records["bob"] = newer, append(make([]byte, VersionSize-1), 9, recordVersion, 1)
	a.Submission(from("ana", 1, monday, inSpain))
	a.Submission(from("bob", 2, monday, inSpain))
	require.Equal(t, newer, e.records["ana"])
	require.EqualValues(t, 1, e.remembered(t, "bob").volume.since(0).messages)
	require.Len(t, odd, 2)
	require.Contains(t, odd[0], "use one version on all hosts")
}

// BenchmarkShared reports the size of a shared record of users as they are after
// four weeks, by three hosts.
func BenchmarkShared(b *testing.B) {
	var size, most float64
	for b.Loop() {
		const users = 500
		e := &engine{records: make(map[string][]byte)}
		rules := shipped(b)
		var hosts []*Scorer
		for _, name := range []string{"a", "b", "c"} {
			s := New(rules)
			s.Share(Sharing{Host: name, Swap: e.swap, Late: func(Verdict) {}, Odd: func(string, error) {}})
			hosts = append(hosts, s)
		}
		for i, sub := range crowd(rand.New(rand.NewPCG(1, 1)), users, users*200, 28*24*time.Hour/(users*200)) {
			h := hosts[i%3]
			h.Reading("mail.log", int64(100*i))
			h.Submission(sub)
		}
		size, most = 0, 0
		for _, record := range e.records {
			size += float64(len(record)) / float64(len(e.records))
			most = max(most, float64(len(record)))
		}
	}
	b.ReportMetric(size, "bytes/user")
	b.ReportMetric(most, "bytes/largest")
}

// FuzzShared: whatever an engine answers, there is a memory or an error, and a
// memory that was read is written as it was.
func FuzzShared(f *testing.F) {
	e := &engine{records: make(map[string][]byte)}
	s := New(shipped(f))
	s.Share(Sharing{Host: "a", Swap: e.swap})
	s.Reading("mail.log", 7)
	for i := range 5 {
		s.Submission(from("ana", i, monday.Add(time.Duration(i)*time.Hour), world[i]))
		f.Add(slices.Clone(e.records["ana"]))
	}
	s.Trust("ana", Trust{Country: "FR"}, monday)
	f.Add(slices.Clone(e.records["ana"]))
	f.Fuzz(func(t *testing.T, record []byte) {
		u, trusts, known, err := fromShared("ana", record)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(known.marks), maxMarks)
		u.share = known
		written := sharedRecord(u, trusts)
		again, _, _, err := fromShared("ana", written)
		require.NoError(t, err)
		require.Equal(t, written, sharedRecord(withShare(again, known), trusts))
	})
}

func withShare(u *user, known *share) *user {
	u.share = known
	return u
}

// FuzzHear: whatever another host calls news, it is taken in or refused.
func FuzzHear(f *testing.F) {
	var all facts
	all.country(countryKey("ES"), 2)
	all.network(3352, 1, "Telefonica")
	all.day(usualDay{1, 2, 3})
	all.sighting(sighting{accused, 1, 2, monday.Unix()})
	f.Add(encode(func(c *coder) { c.facts(&all) }))
	rules := shipped(f)
	f.Fuzz(func(t *testing.T, news []byte) {
		s := New(rules)
		if s.Hear(news) == nil {
			s.Submission(from("ana", 1, monday, inSpain))
		}
	})
}

// FuzzSnapshot: whatever another host says that it knows, it is taken over or refused.
func FuzzSnapshot(f *testing.F) {
	rules := shipped(f)
	other := New(rules)
	for i := range 9 {
		other.Submission(from("ana", i, monday.AddDate(0, 0, i), world[i]))
	}
	f.Add(encode(func(c *coder) { c.crowd(&other.server) }))
	f.Fuzz(func(t *testing.T, record []byte) {
		s := New(rules)
		if s.TakeSnapshot(record, true) == nil {
			s.Submission(from("ana", 1, monday, inSpain))
		}
	})
}

// FuzzUntold: whatever a state has of what waits to be told, it is put back or
// refused, and told.
func FuzzUntold(f *testing.F) {
	e := &engine{records: make(map[string][]byte), down: true}
	rules := twoPlaces(f)
	h := New(rules)
	h.Remember(func(string) []byte { return nil }, func(string, error) {})
	h.Share(Sharing{Host: "a", Swap: e.swap, Late: func(Verdict) {}, Odd: func(string, error) {}})
	sub := from("ana", 1, monday, inSpain)
	h.Submission(sub)
	h.Queued(sub.Message, monday, 3, "ana")
	h.Trust("ana", Trust{Country: "FR"}, monday)
	h.Released("ana", monday, true)
	h.Changes(func(key string, record []byte) {
		if key == untoldKey+"ana" {
			f.Add(record)
		}
	})
	f.Fuzz(func(t *testing.T, record []byte) {
		e := &engine{records: make(map[string][]byte)}
		s := New(rules)
		s.Remember(func(string) []byte { return nil }, func(string, error) {})
		s.Share(Sharing{Host: "a", Swap: e.swap, Late: func(Verdict) {}, Odd: func(string, error) {}})
		if s.Restore(untoldKey+"ana", record) != nil {
			return
		}
		s.user("ana", monday.Unix())
		other := New(rules)
		other.Share(Sharing{Host: "b", Swap: e.swap, Late: func(Verdict) {}, Odd: func(string, error) {}})
		other.Submission(sub)
		require.NoError(t, s.Agree())
	})
}
