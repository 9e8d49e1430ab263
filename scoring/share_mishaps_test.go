package scoring

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// logHost is one that reads a log, as far as it has, and as far as its disk knows.
type logHost struct {
	*host
	log         []Submission
	read, saved int
	how         string // what the engine is to it: "", "down", "deaf", "late"
	late        [][]*Exchange
}

// swap is what the engine does for this host.
func (r *logHost) swap(all []*Exchange) error {
	if r.how == "late" { // comes to the engine later
		r.late = append(r.late, all)
		return errDown
	}
	r.e.down, r.e.deaf = r.how == "down", r.how == "deaf"
	defer func() { r.e.down, r.e.deaf = false, false }()
	return r.e.swap(all)
}

func (r *logHost) begin(rules *Rules) {
	r.start(rules)
	r.shared.Swap = r.swap
	r.read = r.saved
}

// next reads a line, if there is one.
func (r *logHost) next() bool {
	if r.read == len(r.log) {
		return false
	}
	sub := r.log[r.read]
	r.read++
	r.Reading("mail.log", int64(r.read))
	r.Submission(sub)
	r.Reading("", 0)
	return true
}

// mishaps are hosts that read logs, and what goes wrong.
type mishaps struct {
	*rand.Rand
	e     *engine
	rules *Rules
	hosts []*logHost
	older map[string][]byte // what the engine had some time ago
	sent  map[string]int    // messages, by user
}

func newMishaps(t *testing.T, r *rand.Rand) *mishaps {
	m := &mishaps{Rand: r, e: &engine{records: make(map[string][]byte)}, sent: make(map[string]int)}
	m.rules = parsed(t, `rules: [{name: never, when: 'countries("1h") >= 9', points: 1}]`)
	for _, name := range []string{"a", "b", "c"} {
		h := &logHost{host: newHost(t, m.e, name, m.rules)}
		h.begin(m.rules)
		m.hosts = append(m.hosts, h)
	}
	return m
}

// happens is one thing more.
func (m *mishaps) happens(n int, bad ...func(*logHost)) {
	h := m.hosts[m.IntN(len(m.hosts))]
	if len(h.late) > 0 && m.IntN(3) == 0 {
		_ = m.e.swap(h.late[0])
		h.late = h.late[1:]
	}
	switch k := m.IntN(9 + len(bad)); k {
	case 0:
		h.disk.commit(h.Scorer)
		h.saved = h.read
	case 1:
		_ = h.Agree() // it may be down
	case 2, 3, 4, 5:
		m.sends(h, userName(m.IntN(3)), n+1)
	case 6, 7, 8:
		h.next()
	default:
		bad[k-9](h)
	}
}

func (m *mishaps) sends(h *logHost, user string, n int) {
	sub := from(user, n, monday.Add(time.Duration(n)*time.Second), inSpain)
	sub.Message.ID = fmt.Sprintf("%s%s%d", h.name, user, n)
	h.log = append(h.log, sub)
	m.sent[user]++
}

// check lets all of them read and tell all, and counts.
func (m *mishaps) check(t *testing.T) {
	for _, h := range m.hosts {
		h.how = ""
		for h.next() {
		}
	}
	for _, h := range m.hosts {
		require.NoError(t, h.Agree())
		require.NoError(t, h.Remind())
	}
	for user, n := range m.sent {
		require.EqualValues(t, n, m.e.remembered(t, user).volume.since(0).messages, "%s", user)
	}
}

func (m *mishaps) killed(h *logHost) { h.begin(m.rules) }

func (m *mishaps) cutOff(h *logHost) { h.how = []string{"", "down", "deaf", "late"}[m.IntN(4)] }

// Daemons are killed, and the engine is away, or its answers are lost, or what it is told
// comes late, at any moment: each message is counted once.
func TestEachOnceWhateverHappens(t *testing.T) {
	lots(t, 300, func(t *testing.T, r *rand.Rand) {
		m := newMishaps(t, r)
		for n := range 300 {
			m.happens(n, m.killed, m.cutOff)
		}
		m.check(t)
	})
}

// Now and then the engine goes on from a copy that is some moments old: each host tells
// again what is missing, whoever has written meanwhile.
func TestEachOnceAfterALoss(t *testing.T) {
	lots(t, 300, func(t *testing.T, r *rand.Rand) {
		m := newMishaps(t, r)
		for i := range 9 { // each memory knows each host
			m.sends(m.hosts[i%3], userName(i/3), 0)
			m.hosts[i%3].next()
		}
		for n := range 100 { // fewer than the notes of a memory go back
			if n%8 == 0 {
				m.older = maps.Clone(m.e.records)
			}
			m.happens(n, func(*logHost) { m.e.records = maps.Clone(m.older) })
		}
		m.check(t)
	})
}

// What waits on two hosts goes in portions, one after the other, and not before each
// knows what happened on the other.
func TestPortionsOfAllHosts(t *testing.T) {
	rules := parsed(t, `rules: [{name: foreign, when: country == "FR", points: 60, every: 1d}, {name: far, when: country == "NG", points: 30, every: 1d}]`)
	e := &engine{records: make(map[string][]byte)}
	a, b := newHost(t, e, "a", rules), newHost(t, e, "b", rules)
	hosts := []*host{a, b}
	n := 0
	sends := func(h *host, at time.Time, action Action, p geo.Place) {
		t.Helper()
		n++
		sub := from("ana", n, at, p)
		require.Equal(t, action, h.Submission(sub).Action)
	}
	for i := range 10 {
		sends(hosts[i%2], monday.Add(time.Duration(i)*time.Second), Hold, inFrance)
	}
	letGo := func(h *host, at time.Time) int {
		h.Refresh(at)
		gone := h.Due(at)
		require.NoError(t, h.Agree())
		return len(gone)
	}
	faded := monday.Add(1896 * time.Second) // 60 points are 50
	require.Equal(t, firstPortion, letGo(a, faded))
	require.Zero(t, letGo(b, faded.Add(time.Second)), "a's have gone just now")
	require.Zero(t, letGo(a, faded.Add(time.Minute)))
	require.Equal(t, 5, letGo(b, faded.Add(3*time.Minute)), "more than in the first portion")
	sends(b, faded.Add(4*time.Minute), Hold, at("192.0.2.7", "NG", 36873))
	require.Zero(t, letGo(a, faded.Add(time.Hour)), "something followed on the other host")
	e.down = true
	require.Equal(t, 2, letGoAlone(a, faded.Add(9*time.Hour)), "it goes by what it knows")
}

func letGoAlone(h *host, at time.Time) int {
	h.Refresh(at)
	return len(h.Due(at))
}
