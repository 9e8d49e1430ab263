//go:build e2e

package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// kills is how often something is killed or cut off; the usual run is short.
//
//	go test -tags e2e -timeout 2h -run TestKills ./e2e -args -kills 300
var kills = flag.Int("kills", 10, "kill daemons and the engine, and cut them off, so many times")

// mishaps are three hosts, each behind a proxy of its own, and an engine that keeps
// its data on the disk.
type mishaps struct {
	t       *testing.T
	engine  *redistest.Server
	hosts   []*mailHost
	proxies []*redistest.Proxy
	chance  *rand.Rand
	did     map[string]int
}

// happen has one thing go wrong, for a while.
func (m *mishaps) happen() {
	i := m.chance.IntN(len(m.hosts))
	while := func(most int) { <-time.After(time.Duration(m.chance.IntN(most)) * time.Millisecond) }
	while(700)
	switch what := []string{"daemon", "daemon", "engine", "partition", "slow", "both"}[m.chance.IntN(6)]; what {
	case "daemon":
		m.did[what]++
		m.hosts[i].kill(m.t)
		while(500)
		m.hosts[i].start()
	case "engine":
		m.did[what]++
		m.engine.Kill()
		while(3000)
		m.engine.Begin()
	case "partition":
		m.did[what]++
		m.proxies[i].Cut(true)
		while(4000)
		m.proxies[i].Cut(false)
	case "slow":
		m.did[what]++
		m.proxies[i].Slow(time.Duration(50+m.chance.IntN(1000)) * time.Millisecond)
		while(3000)
		m.proxies[i].Slow(0)
	case "both":
		m.did[what]++
		m.engine.Kill()
		m.hosts[i].kill(m.t)
		m.hosts[i].start()
		m.engine.Begin()
	}
}

// Whatever is killed or cut off, and whenever: in the end each message of each user has
// been counted once, each theft was found, however it was spread over the hosts, and all
// hosts block the same users and know the same of all users together.
func TestKills(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	// With everysec a server that is killed while its disk is busy loses its last second,
	// and with it news of all users together, see docs/shared-state.md.
	s := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	m := &mishaps{t: t, engine: s, chance: rand.New(rand.NewPCG(seed, 1)), did: make(map[string]int)}
	for _, name := range []string{"mx1", "mx2", "mx3"} {
		p := redistest.NewProxy(t, s.Addr)
		h := startHost(t, name, p.Addr)
		h.says(t, 10*time.Second, "the others know what this host knows")
		m.hosts, m.proxies = append(m.hosts, h), append(m.proxies, p)
	}
	mail := newMail(t, m.hosts, seed)
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				mail.some()
			}
		}
	})
	for range *kills {
		m.happen()
	}
	close(stop)
	sending.Wait()
	mail.settles(t, s)
	t.Logf("%v; %d messages of %d users, %d thefts", m.did, mail.total, len(mail.sent), len(mail.stolen))
	mail.check(t, s)
}

// mail is what users and thieves send through all hosts.
type mail struct {
	hosts  []*mailHost
	chance *rand.Rand
	total  int
	sent   map[string]int // messages of honest users
	stolen []string
}

func newMail(t *testing.T, hosts []*mailHost, seed uint64) *mail {
	return &mail{hosts: hosts, chance: rand.New(rand.NewPCG(seed, 2)), sent: make(map[string]int)}
}

// some sends some messages of honest users, and now and then those of a thief, who
// comes from three countries, each to another host.
func (m *mail) some() {
	for range 3 {
		user := fmt.Sprintf("honest%d", m.chance.IntN(40))
		m.hosts[m.chance.IntN(len(m.hosts))].sends(user, "203.0.113."+fmt.Sprint(1+len(user)%5))
		m.sent[user]++
		m.total++
	}
	if m.chance.IntN(40) == 0 {
		user := fmt.Sprintf("stolen%d", len(m.stolen))
		m.stolen = append(m.stolen, user)
		for i, host := range m.chance.Perm(len(m.hosts)) {
			m.hosts[host].sends(user, abroad[i])
		}
	}
}

// settles waits until everything is known to all.
func (m *mail) settles(t *testing.T, s *redistest.Server) {
	for _, h := range m.hosts {
		within(t, 60*time.Second, h.name+" has read all and told all", func() bool {
			out, err := h.run("status", "--json")
			var status struct {
				State struct {
					Shared struct {
						Lost  string
						Waits int  `json:"to_be_told"`
						News  bool `json:"news_to_be_told"`
					}
				}
			}
			return err == nil && json.Unmarshal([]byte(out), &status) == nil && status.State.Shared.Lost == "" &&
				status.State.Shared.Waits == 0 && !status.State.Shared.News
		})
	}
	for _, h := range m.hosts {
		for _, user := range m.stolen {
			within(t, 30*time.Second, h.name+" blocks "+user, func() bool { return h.blocks(user) })
		}
	}
	// Who has heard of a decision has heard the news that were told before it.
	for i, user := range []string{"honest0", "honest1"} {
		m.decides(t, m.hosts[i], user, true, "block", user)
		m.decides(t, m.hosts[i], user, false, "release", user, "--no-learn")
	}
}

// decides has a host decide about a user, and waits until all hosts know.
func (m *mail) decides(t *testing.T, on *mailHost, user string, blocked bool, command ...string) {
	out, err := on.run(command...)
	require.NoError(t, err, out)
	for _, h := range m.hosts {
		within(t, 30*time.Second, fmt.Sprintf("%s has heard of %v", h.name, command), func() bool { return h.blocks(user) == blocked })
	}
}

func (m *mail) check(t *testing.T, s *redistest.Server) {
	for user, n := range counted(t, "redis://"+s.Addr) {
		if strings.HasPrefix(user, "honest") {
			require.Equal(t, m.sent[user], n, "messages of %s", user)
		}
	}
	require.Equal(t, len(m.sent)+len(m.stolen), len(counted(t, "redis://"+s.Addr)))
	slices.Sort(m.stolen)
	for _, h := range m.hosts {
		require.Equal(t, m.stolen, listed(t, h), "who is blocked on %s", h.name)
		h.daemon.stop(t)
	}
	first := usual(t, m.hosts[0])
	require.NotEmpty(t, first)
	for _, h := range m.hosts {
		require.Equal(t, first, usual(t, h), "what %s knows of all users together", h.name)
	}
}

// counted are the messages of each user that an engine knows of.
func counted(t *testing.T, engine string) map[string]int {
	of := make(map[string]int)
	for line := range strings.Lines(stateOf(t, engine, "export")) {
		var r struct {
			Key string
			Is  struct{ Sent []struct{ Messages int } }
		}
		if user, found := strings.CutPrefix(line, `{"key":"user/`); found {
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			user, _, _ = strings.Cut(user, `"`)
			of[user] = 0
			for _, slot := range r.Is.Sent {
				of[user] += slot.Messages
			}
		}
	}
	return of
}

// usual is what a host knows of countries, networks and strangers. When a stranger was
// there last is only told with news, and of more users than four the first are kept.
func usual(t *testing.T, h *mailHost) map[string]string {
	of := make(map[string]string)
	for line := range strings.Lines(stateOf(t, h.file("state.db"), "export")) {
		var r struct {
			Key    string
			Is     json.RawMessage
			Record string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		if kind := strings.TrimPrefix(r.Key, "server/"); kind != r.Key && kind != "sums" && kind != "queue" {
			var is map[string]any
			require.NoError(t, json.Unmarshal(r.Is, &is))
			delete(is, "last_seen")
			delete(is, "thief_until") // a month after that
			if users, _ := is["users"].([]any); len(users) == 4 {
				delete(is, "users")
			} else if users != nil {
				slices.SortFunc(users, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
			}
			of[r.Key] = fmt.Sprint(is)
		}
	}
	return of
}
