package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"sendwarden/shared"
	"sendwarden/shared/redistest"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

// engine is the servers that hosts remember in.
type engine struct {
	t       testing.TB
	url     string // what a host writes under state:
	servers []*redistest.Server
	clients []rueidis.Client
}

func newEngine(t testing.TB, where string, servers ...*redistest.Server) *engine {
	e := &engine{t: t, url: where + "?local=LOCAL", servers: servers}
	for _, s := range servers {
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, ForceSingleClient: true, DisableCache: true})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		e.clients = append(e.clients, c)
	}
	return e
}

// single is one server, which forgets what it knew when it ends.
func single(t testing.TB) *engine {
	s := redistest.Start(t)
	return newEngine(t, "redis://"+s.Addr, s)
}

// plain is the URL without what is a host's own.
func (e *engine) plain() string {
	url, _, _ := strings.Cut(e.url, "?")
	return url
}

// used is what an engine has used up, all servers together.
type used struct {
	cpu                time.Duration
	exchanges          int64 // EVALSHA, EVAL
	fromHosts, toHosts int64 // bytes
	memory             int64
}

func (u used) since(before used) used {
	return used{u.cpu - before.cpu, u.exchanges - before.exchanges, u.fromHosts - before.fromHosts, u.toHosts - before.toHosts, u.memory - before.memory}
}

func (e *engine) used() (all used) {
	for _, c := range e.clients {
		info := e.info(c)
		all.cpu += seconds(info["used_cpu_user"]) + seconds(info["used_cpu_sys"])
		all.fromHosts += whole(info["total_net_input_bytes"])
		all.toHosts += whole(info["total_net_output_bytes"])
		all.memory += whole(info["used_memory"])
		for _, command := range []string{"evalsha", "eval"} {
			calls, _, _ := strings.Cut(strings.TrimPrefix(info["cmdstat_"+command], "calls="), ",")
			all.exchanges += whole(calls)
		}
	}
	return all
}

func (e *engine) info(c rueidis.Client) map[string]string {
	text, err := c.Do(context.Background(), c.B().Info().Section("all").Build()).ToString()
	require.NoError(e.t, err)
	values := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		values[name] = value
	}
	return values
}

func seconds(text string) time.Duration {
	f, _ := strconv.ParseFloat(text, 64) // what is missing is nothing
	return time.Duration(f * float64(time.Second))
}

func whole(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// limit is what the engine does by redis-benchmark(1).
type limit struct {
	perSecond float64
	cpu       time.Duration // of one command
}

// limit measures the command by which a host puts a record, with records of a size,
// on so many connections, of which each has so many on the way.
func (e *engine) limit(record, connections, pipeline, commands int) limit {
	script, sha := shared.SwapScript()
	c := e.clients[0]
	require.NoError(e.t, c.Do(context.Background(), c.B().ScriptLoad().Script(script).Build()).Error())
	const version = "VERSION1"
	before := e.used()
	out, err := exec.Command("redis-benchmark", "-p", e.servers[0].Port(), "-c", fmt.Sprint(connections), "-P", fmt.Sprint(pipeline),
		"-n", fmt.Sprint(commands), "-r", "100000", "--csv",
		"EVALSHA", sha, "1", "bench:user:__rand_int__", version, version+strings.Repeat("x", record-len(version)), "34560000").Output()
	require.NoError(e.t, err)
	rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	require.NoError(e.t, err)
	rate, err := strconv.ParseFloat(rows[len(rows)-1][1], 64)
	require.NoError(e.t, err, "%s", out)
	after := e.used().since(before)
	return limit{rate, after.cpu / time.Duration(commands)}
}

// sizes is what users cost an engine.
type sizes struct {
	record, key, memory float64 // bytes of one on average; memory by MEMORY USAGE
}

// sizes looks at some users' keys.
func (e *engine) sizes(names []string) (s sizes) {
	ctx, n := context.Background(), 0.0
	c := e.clients[0]
	for i := 0; i < len(names); i += max(1, len(names)/2000) {
		key := "sendwarden:user:" + names[i]
		memory, err := c.Do(ctx, c.B().MemoryUsage().Key(key).Build()).AsInt64()
		if rueidis.IsRedisNil(err) {
			continue
		}
		require.NoError(e.t, err)
		record, err := c.Do(ctx, c.B().Strlen().Key(key).Build()).AsInt64()
		require.NoError(e.t, err)
		s.memory, s.record, s.key, n = s.memory+float64(memory), s.record+float64(record), s.key+float64(len(key)), n+1
	}
	return sizes{s.record / n, s.key / n, s.memory / n}
}
