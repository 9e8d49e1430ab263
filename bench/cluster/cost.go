package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"sendwarden/shared/redistest"
	"sendwarden/state"

	"github.com/stretchr/testify/require"
)

// cost is what submissions cost the hosts and the engine, of one arrangement.
type cost struct {
	what        string
	hosts       int
	free, paced *outcome
	perFree     each    // of a submission, at full speed
	conflicts   float64 // of exchanges
	late        int     // times that the engine was: then hosts go on without it, and the rest says little
}

// each is what one submission costs.
type each struct {
	engine, daemon, load        time.Duration // of a processor
	exchanges, toEngine, toHost float64
}

// arrangement is hosts and where they remember.
type arrangement struct {
	what  string
	hosts int
	state func(testing.TB) (state string, e *engine)
}

// cost measures an arrangement.
func (b *bench) cost(t testing.TB, a arrangement) cost {
	state, e := a.state(t)
	var hosts []*host
	for n := range a.hosts {
		hosts = append(hosts, b.site.host(t, n, state))
	}
	l := load{connections: 8, length: b.warm, users: b.active}
	l.run(b.site, hosts, nil)
	l.length = b.length
	c := cost{what: a.what, hosts: a.hosts}
	before, daemon, own := e.usedIf(), cpuOf(t, hosts), ownCPU()
	conflicts, exchanges, late := exchangesOf(hosts)
	c.free = l.run(b.site, hosts, nil)
	n := time.Duration(max(1, len(c.free.took)))
	after := e.usedIf().since(before)
	moreConflicts, moreExchanges, moreLate := exchangesOf(hosts)
	c.conflicts = (moreConflicts - conflicts) / max(1, moreExchanges-exchanges)
	c.late = int(moreLate - late)
	c.perFree = each{after.cpu / n, (cpuOf(t, hosts) - daemon) / n, (ownCPU() - own) / n,
		float64(after.exchanges) / float64(n), float64(after.fromHosts) / float64(n), float64(after.toHosts) / float64(n)}
	l.every = time.Duration(l.connections) * time.Second / time.Duration(b.pace)
	c.paced = l.run(b.site, hosts, nil)
	for _, h := range hosts {
		h.stop()
	}
	return c
}

// usedIf is used of an engine, if there is one.
func (e *engine) usedIf() used {
	if e == nil {
		return used{}
	}
	return e.used()
}

func cpuOf(t testing.TB, hosts []*host) (sum time.Duration) {
	for _, h := range hosts {
		sum += cpu(t, h.cmd.Process.Pid)
	}
	return sum
}

// ownCPU is the processor time of this program, which asks.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func exchangesOf(hosts []*host) (conflicts, exchanges, late float64) {
	for _, h := range hosts {
		conflicts += h.metric("sendwarden_shared_conflicts_total")
		exchanges += h.metric("sendwarden_shared_exchanges_total")
		late += h.metric("sendwarden_shared_failures_total")
	}
	return conflicts, exchanges, late
}

// fillFile writes what is remembered of all users into a state of one host's own.
func (b *bench) fillFile(t testing.TB) string {
	name := t.TempDir() + "/state.db"
	store, err := state.Open(name, time.Now())
	require.NoError(t, err)
	batch := &state.Batch{}
	require.NoError(t, b.site.crowd.people.Many(len(b.site.crowd.names), func(key string, record []byte) error {
		batch.Put(key, record)
		if batch.Len() < 5000 {
			return nil
		}
		err := store.Commit(batch)
		batch = &state.Batch{}
		return err
	}))
	require.NoError(t, store.Commit(batch))
	require.NoError(t, store.Close())
	return name
}

const oneServer = "one server"

// costs measures all arrangements, and what a user costs.
func (b *bench) costs(t testing.TB) {
	e := single(t)
	empty := e.used()
	b.site.crowd.fill(t, e.plain())
	b.users = e.used().since(empty).memory
	b.sizes = e.sizes(b.site.crowd.names)
	local := func(testing.TB) (string, *engine) { return b.fillFile(t), nil }
	one := func(testing.TB) (string, *engine) { return e.url, e }
	away := func(by time.Duration) func(testing.TB) (string, *engine) {
		return func(t testing.TB) (string, *engine) {
			p := redistest.NewProxy(t, e.servers[0].Addr)
			p.Slow(by)
			return "redis://" + p.Addr + "?local=LOCAL", e
		}
	}
	cluster := func(t testing.TB) (string, *engine) {
		servers := redistest.Cluster(t)
		c := newEngine(t, "redis://"+servers[0].Addr, servers...)
		b.site.crowd.fill(t, c.plain())
		return c.url, c
	}
	all := []arrangement{
		{"a file of its own", 1, local}, {oneServer, 1, one}, {oneServer, 2, one}, {oneServer, 4, one}, {"a Cluster of three", 4, cluster},
		{"one server, 0.5 ms away", 1, away(500 * time.Microsecond)}, {"one server, 0.5 ms away", 4, away(500 * time.Microsecond)},
	}
	if b.quick {
		all = []arrangement{all[2], all[4]}
	}
	for _, a := range all {
		b.say("%s, %d of them", a.what, a.hosts)
		b.measured = append(b.measured, b.cost(t, a))
	}
	b.news = e.newsSize()
	b.grown = e.sizes(b.site.crowd.names[:min(b.active, len(b.site.crowd.names))])
	for _, way := range []struct{ connections, pipeline int }{{1, 1}, {4, 1}, {50, 1}, {50, 16}} {
		n := b.commands
		if way.connections == 1 {
			n /= 4
		}
		b.limits = append(b.limits, limited{way.connections, way.pipeline, e.limit(int(b.sizes.record), way.connections, way.pipeline, n)})
	}
}

type limited struct {
	connections, pipeline int
	limit
}

func (b *bench) costTables() []*table {
	rate := &table{name: "rate", head: []string{"state", "hosts", "submissions/s", "p50", "p99", fmt.Sprintf("p50 at %d/s and host", b.pace), "p99", "exchanges tried again", "late"}}
	per := &table{name: "submission", head: []string{"state", "hosts", "exchanges", "bytes to the engine", "bytes from it", "engine's µs", "daemon's µs", "the load's own µs", "of the engine's limit"}}
	best := b.bestLimit()
	us := func(d time.Duration) float64 { return float64(d) / 1000 }
	for _, c := range b.measured {
		again, late := "–", "–"
		if c.perFree.exchanges > 0 {
			again, late = fmt.Sprintf("%.0f %%", c.conflicts*100), cell(c.late)
		}
		rate.add(c.what, c.hosts, c.free.perSecond(), c.free.at(0.5), c.free.at(0.99), c.paced.at(0.5), c.paced.at(0.99), again, late)
		if c.perFree.exchanges > 0 {
			p := c.perFree
			per.add(c.what, c.hosts, p.exchanges, p.toEngine, p.toHost, us(p.engine), us(p.daemon), us(p.load), fmt.Sprintf("%.0f %%", 100*c.free.perSecond()*p.exchanges/best))
		}
	}
	rate.remark = "“Late”: times that the engine did not answer within 200 ms, and was gone on without; where there are many, the machine was too busy to measure."
	per.remark = fmt.Sprintf("The last column: exchanges/s of all hosts, of the %s/s that redis-benchmark comes to without pipelining.", figure(best))
	limits := &table{name: "limit", head: []string{"redis-benchmark: connections", "commands on the way on each", "exchanges/s", "engine's µs each"}}
	for _, l := range b.limits {
		limits.add(l.connections, l.pipeline, l.perSecond, us(l.cpu))
	}
	n := len(b.site.crowd.names)
	memory := &table{name: "memory", head: []string{"of one user, on average", "bytes"}}
	memory.add("key", b.sizes.key)
	memory.add("record", b.sizes.record)
	memory.add("`MEMORY USAGE`, key and record with their overhead", b.sizes.memory)
	memory.add(fmt.Sprintf("the engine's memory with %s users, less that without, of each", strings.TrimSpace(cell(n))), float64(b.users)/float64(n))
	memory.add("what a host tells the others once a second of all users together (no user's; of one host)", b.news)
	memory.add(fmt.Sprintf("record of a user who sent all the time while this was measured (%s of them)", cell(min(b.active, n))), b.grown.record)
	return []*table{rate, per, limits, memory}
}
