package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sendwarden/scoring"
	"sendwarden/shared"
	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// failed is what a failure of the engine cost.
type failed struct {
	what             string
	lost, back       time.Duration // after it, until the last host had noticed, and until all were on the engine again
	asked            *outcome
	told             time.Duration // after that, until nobody had anything left to tell
	uncounted, twice int           // messages
	blocks, missing  int           // users who were to be blocked on all hosts, and hosts that had not
}

// failures has engines fail while hosts are asked.
func (b *bench) failures(t testing.TB) {
	all := []func(testing.TB) failed{b.failover, b.lostNode, b.emptyNode}
	if b.quick {
		all = all[:1]
	}
	for _, f := range all {
		one := f(t)
		b.say("%s: back after %v", one.what, one.back.Round(time.Millisecond))
		b.failed = append(b.failed, one)
	}
}

// failover has the server of a Sentinel die.
func (b *bench) failover(t testing.TB) failed {
	server, replica, sentinels := redistest.Sentinels(t)
	e := newEngine(t, "redis+sentinel://"+sentinels+"/mymaster", server, replica)
	require.True(t, eventually(20*time.Second, func() bool { return strings.Contains(replica.Do("info", "replication"), "master_link_status:up") }))
	return b.during(t, e, "Sentinel: the server dies (its end is noticed after 1 s)", func() { server.Kill() }, nil)
}

// lostNode has a node of a Cluster die that has a replica: the one with the blocklist.
func (b *bench) lostNode(t testing.TB) failed {
	servers := clusterWithReplicas(t)
	e := newEngine(t, "redis://"+servers[0].Addr+","+servers[1].Addr+","+servers[2].Addr, servers...)
	return b.during(t, e, "Cluster: a node dies and its replica takes over (`cluster-node-timeout` 2 s)", func() { owner(t, servers, "sendwarden:{all}:list").Kill() }, nil)
}

// emptyNode has a node without a replica die, and come back with nothing after 5 s.
func (b *bench) emptyNode(t testing.TB) failed {
	servers := redistest.Cluster(t)
	e := newEngine(t, "redis://"+servers[0].Addr+","+servers[1].Addr+","+servers[2].Addr, servers...)
	node := owner(t, servers, "sendwarden:{all}:list")
	return b.during(t, e, "Cluster: a node without replica dies, and is started empty after 5 s", node.Kill, node.Begin)
}

// clusterWithReplicas starts a Cluster of three servers and a replica of each.
func clusterWithReplicas(t testing.TB) (servers []*redistest.Server) {
	var addrs []string
	for range 6 {
		_, bus, _ := net.SplitHostPort(redistest.FreeAddr(t))
		s := redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
		servers, addrs = append(servers, s), append(addrs, s.Addr)
	}
	args := append(append([]string{"--cluster", "create"}, addrs...), "--cluster-replicas", "1", "--cluster-yes")
	out, err := exec.Command("redis-cli", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for i, s := range servers {
		require.True(t, eventually(30*time.Second, func() bool {
			return strings.Contains(s.Do("cluster", "info"), "cluster_state:ok") && (i < 3 || strings.Contains(s.Do("info", "replication"), "master_link_status:up"))
		}), "%s is no part of the Cluster", s.Addr)
	}
	return servers
}

// owner is the server that has a key.
func owner(t testing.TB, servers []*redistest.Server, key string) *redistest.Server {
	for _, s := range servers {
		if out, err := exec.Command("redis-cli", "-p", s.Port(), "exists", key).CombinedOutput(); err == nil && !strings.Contains(string(out), "MOVED") &&
			strings.Contains(s.Do("role"), "master") {
			return s
		}
	}
	require.FailNow(t, "nobody has "+key)
	return nil
}

// during has an engine fail under a steady load, and counts afterwards. A theft
// before, one on a single host meanwhile and one that only all hosts together see
// meanwhile are to be blocked on all in the end.
func (b *bench) during(t testing.TB, e *engine, what string, harm, mend func()) failed {
	f := failed{what: what}
	var hosts []*host
	for n := range 3 {
		hosts = append(hosts, b.site.host(t, n, e.url))
	}
	b.steal(t, hosts[0].visit(), "thief-before@example.es")
	l := load{connections: 4, every: 4 * time.Second / time.Duration(b.pace/2), length: time.Hour, users: b.active}
	stop, ended := make(chan struct{}), make(chan *outcome, 1)
	go func() { ended <- l.run(b.site, hosts, stop) }()
	time.Sleep(2 * time.Second)
	harm()
	began := time.Now()
	all := func(lost bool) func() bool {
		return func() bool {
			for _, h := range hosts {
				if (h.shared().Lost != "") != lost {
					return false
				}
			}
			return true
		}
	}
	require.True(t, eventually(30*time.Second, all(true)), "the hosts do not notice")
	f.lost = time.Since(began)
	b.steal(t, hosts[1].visit(), "thief-during@example.es")
	for n, h := range hosts {
		_, err := h.visit().sends(b.site.crowd.thief("thief-spread@example.es", n))
		require.NoError(t, err)
	}
	if mend != nil {
		time.Sleep(time.Until(began.Add(5 * time.Second)))
		mend()
	}
	require.True(t, eventually(60*time.Second, all(false)), "the engine is not found again")
	f.back = time.Since(began)
	time.Sleep(2 * time.Second)
	close(stop)
	f.asked = <-ended
	b.afterwards(t, e, hosts, &f)
	for _, h := range hosts {
		h.stop()
	}
	return f
}

// afterwards counts when all has been told.
func (b *bench) afterwards(t testing.TB, e *engine, hosts []*host, f *failed) {
	began := time.Now()
	for _, h := range hosts {
		h.within(60*time.Second, "its log is read", func() bool { return h.metric("sendwarden_log_lines_total") >= h.written() })
		h.within(60*time.Second, "all is told", func() bool { s := h.shared(); return s.Behind == 0 && s.Waits == 0 })
	}
	f.told = time.Since(began)
	for _, user := range []string{"thief-before@example.es", "thief-during@example.es", "thief-spread@example.es"} {
		f.blocks++
		for _, h := range hosts {
			if !eventually(10*time.Second, func() bool { return h.blocks(user) }) {
				f.missing++
			}
		}
	}
	counted := e.counted()
	for user, n := range f.asked.sent {
		f.uncounted += max(0, n-counted[user])
		f.twice += max(0, counted[user]-n)
	}
}

// counted is how many messages the engine knows of each user.
func (e *engine) counted() map[string]int {
	config, err := shared.Parse(e.plain())
	require.NoError(e.t, err)
	engine := shared.New(config, shared.NewHost(), "count", time.Now())
	end, err := engine.Connect(context.Background())
	require.NoError(e.t, err)
	defer end()
	counted := make(map[string]int)
	require.NoError(e.t, engine.Each(context.Background(), func(user string, record []byte) error {
		own, _, err := scoring.FromShared(user, record)
		if err != nil {
			return err
		}
		said, err := scoring.Readable(scoring.UserKey(user), own)
		if err != nil {
			return err
		}
		text, err := json.Marshal(said)
		if err != nil {
			return err
		}
		var known struct {
			Sent []struct{ Messages int }
		}
		if err := json.Unmarshal(text, &known); err != nil {
			return err
		}
		for _, s := range known.Sent {
			counted[user] += s.Messages
		}
		return nil
	}))
	return maps.Clone(counted)
}

func (b *bench) failureTables() []*table {
	t := &table{name: "failures", head: []string{"what happens", "noticed by all after", "on the engine again after", "all told after that", "messages meanwhile", "unanswered", "slowest answer", "counted twice", "not counted", "blocks missing"}}
	for _, f := range b.failed {
		t.add(f.what, f.lost, f.back, f.told, len(f.asked.took), f.asked.lost, f.asked.at(1), f.twice, f.uncounted, fmt.Sprintf("%d of %d", f.missing, f.blocks*3))
	}
	return []*table{t}
}
