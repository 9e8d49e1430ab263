//go:build e2e

package shared

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// connect is a host's engine, which is looked after until the test ends.
func connect(t *testing.T, url string) (*Engine, <-chan string) {
	t.Helper()
	c, err := Parse(url)
	require.NoError(t, err)
	e := New(c, NewHost(), "mx", time.Now())
	ctx, stop := context.WithCancel(context.Background())
	found := make(chan string, 100)
	var wait sync.WaitGroup
	wait.Go(func() { e.Tend(ctx, func(epoch string) { found <- epoch }) })
	t.Cleanup(func() { stop(); wait.Wait() })
	return e, found
}

func await(t *testing.T, found <-chan string) string {
	t.Helper()
	select {
	case epoch := <-found:
		return epoch
	case <-time.After(30 * time.Second):
		require.FailNow(t, "the engine is not found")
		return ""
	}
}

func lost(e *Engine) func() bool { return func() bool { return e.Status().Lost != nil } }

// put puts a record of a version.
func put(e *Engine, user, was, version, text string) (newer string, err error) {
	s := &Swap{Key: user, Was: was, Record: []byte(fmt.Sprintf("%-8s%s", version, text)), Life: time.Hour}
	err = e.Swap([]*Swap{s}, time.Time{})
	return string(s.Newer), err
}

// A record is replaced if it is still the one that is expected. Who is late is
// answered with the one that is there.
func TestSwap(t *testing.T) {
	for kind, url := range engines(t) {
		t.Run(kind, func(t *testing.T) {
			e, found := connect(t, url)
			await(t, found)
			newer, err := put(e, "ana", "", "v1", "one")
			require.NoError(t, err)
			require.Empty(t, newer)
			newer, err = put(e, "ana", "", "v2", "two")
			require.NoError(t, err)
			require.Equal(t, "v1      one", newer)
			newer, err = put(e, "ana", "v1      ", "v2", "two")
			require.NoError(t, err)
			require.Empty(t, newer)
			record, err := e.Record(context.Background(), "ana")
			require.NoError(t, err)
			require.Equal(t, "v2      two", string(record))

			var many []*Swap
			for i := range 300 {
				many = append(many, &Swap{Key: fmt.Sprint("user", i), Record: []byte("v1      x")})
			}
			require.NoError(t, e.Swap(many, time.Time{}))
			users := make(map[string]bool)
			require.NoError(t, e.Each(context.Background(), func(user string, record []byte) error {
				users[user] = true
				return nil
			}))
			require.Len(t, users, 301)
			require.EqualValues(t, 303, e.Status().Swaps)
			require.EqualValues(t, 1, e.Status().Conflicts)
		})
	}
}

// engines are those of each kind.
func engines(t *testing.T) map[string]string {
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("verysecret\n"), 0o600))
	one := redistest.Start(t, "--requirepass", "verysecret")
	acl := redistest.Start(t, strings.Fields("--user warden on >verysecret ~mail:* resetchannels -@all "+needed)...)
	socket := redistest.Start(t, "--unixsocket", filepath.Join(t.TempDir(), "redis.sock"))
	cluster := redistest.Cluster(t)
	_, _, sentinels := redistest.Sentinels(t)
	return map[string]string{
		"one":      "redis://" + one.Addr + "?password_file=" + password,
		"acl":      "redis://warden@" + acl.Addr + "?prefix=mail&password_file=" + password,
		"socket":   "redis+unix://" + socket.Do("config", "get", "unixsocket")[len("unixsocket\n"):],
		"cluster":  "redis://" + cluster[1].Addr,
		"sentinel": "redis+sentinel://" + sentinels + "/mymaster",
	}
}

// needed are the commands that an ACL user may not go without, as docs/shared-state.md
// has them.
const needed = "+get +set +del +eval +evalsha +hset +hget +hdel +hexists +hgetall +xadd +xread +xrange +xrevrange +xdel +scan +role +info +ping +hello +auth +client +cluster|slots +cluster|shards +select"

// Decisions come to all hosts at once, in one order, and stay on the list.
func TestDecisions(t *testing.T) {
	s := redistest.Start(t)
	a, foundA := connect(t, "redis://"+s.Addr)
	b, foundB := connect(t, "redis://"+s.Addr)
	require.Equal(t, await(t, foundA), await(t, foundB))
	ctx := context.Background()
	first, err := a.Decide(ctx, "ana", []byte("block"), true)
	require.NoError(t, err)
	began := time.Now()
	w, err := b.Hear(ctx, Heard{})
	require.NoError(t, err)
	require.Less(t, time.Since(began), time.Second)
	require.Equal(t, []Decision{{ID: first, Data: []byte("block")}}, w.Decisions)

	none, err := a.Decide(ctx, "ana", []byte("block again"), true)
	require.NoError(t, err)
	require.Empty(t, none, "it was decided before")
	second, err := b.Decide(ctx, "ana", []byte("release"), false)
	require.NoError(t, err)
	require.True(t, Later(second, first))
	list, err := a.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []Decision{{second, "ana", []byte("release")}}, list)
	w, err = b.Hear(ctx, w.Heard)
	require.NoError(t, err)
	require.Len(t, w.Decisions, 1)
}

// Who is forgotten leaves a version behind, and what keeps the hosts from doing what
// nobody wants.
func TestForget(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("verysecret\n"), 0o600))
	s := redistest.Start(t, strings.Fields("--user warden on >verysecret ~mail:* resetchannels -@all "+needed)...)
	e, found := connect(t, "redis://warden@"+s.Addr+"?prefix=mail&password_file="+password)
	await(t, found)
	ctx := context.Background()
	_, err := put(e, "ana", "", "v1", "one")
	require.NoError(t, err)
	for i := range 1500 { // more than a page
		_, err := e.Decide(ctx, []string{"ana", "bob"}[i%2], fmt.Append(nil, []string{"ana", "bob"}[i%2], " ", i), false)
		require.NoError(t, err)
	}
	tells(t, e, 1, "ana was here", nil)
	tells(t, e, 2, "bob was here", nil)
	of := func(data []byte) bool { return strings.HasPrefix(string(data), "ana") }
	require.NoError(t, e.Forget(ctx, Forgetting{
		User: "ana", Record: []byte("v2      "), Order: []byte("forget her"), Decided: of, Told: of,
		Listed: func(data []byte) []byte { require.Equal(t, "ana 1498", string(data)); return []byte("ana may send") },
	}))
	record, err := e.Record(ctx, "ana")
	require.NoError(t, err)
	require.Equal(t, "v2      ", string(record))
	list, err := e.List(ctx)
	require.NoError(t, err)
	for _, one := range list {
		require.Equal(t, map[string]string{"ana": "ana may send", "bob": "bob 1499"}[one.User], string(one.Data))
	}
	wire := 0
	require.NoError(t, e.Decisions(ctx, func(one Decision) error {
		wire++
		require.False(t, of(one.Data), "%s", one.Data)
		return nil
	}))
	require.Equal(t, 751, wire, "bob's, and the order")
	other, found := connect(t, "redis://warden@"+s.Addr+"?prefix=mail&password_file="+password)
	await(t, found)
	w, err := other.Hear(ctx, Heard{Wire: "$"})
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("bob was here")}, w.News)
	require.NoError(t, e.Forget(ctx, Forgetting{User: "carl", Record: []byte("v2      "), Order: []byte("forget him"), Decided: of, Told: of}))
}

// News come to the other hosts, once however often they are told.
func TestNews(t *testing.T) {
	s := redistest.Start(t)
	a, foundA := connect(t, "redis://"+s.Addr)
	b, foundB := connect(t, "redis://"+s.Addr)
	await(t, foundA)
	await(t, foundB)
	ctx := context.Background()
	for _, number := range []uint64{1, 1, 2, 1} {
		tells(t, a, number, string([]byte{byte(number), 0, 255}), nil)
	}
	w, err := b.Hear(ctx, Heard{})
	require.NoError(t, err)
	require.Equal(t, [][]byte{{1, 0, 255}, {2, 0, 255}}, w.News)
	w, err = a.Hear(ctx, Heard{})
	require.NoError(t, err)
	require.Empty(t, w.News, "they are its own")
	require.NotEmpty(t, w.Heard.News)
}

func tells(t *testing.T, e *Engine, number uint64, news string, crowd *Crowd) (due bool) {
	t.Helper()
	due, err := e.Tell(context.Background(), number, []byte(news), crowd)
	require.NoError(t, err)
	return due
}

// A host that joins after more news than are kept takes over what another one knows, and
// hears each of the news after that once, whoever they are of.
func TestJoinsLate(t *testing.T) {
	s := redistest.Start(t)
	ctx := context.Background()
	a, found := connect(t, "redis://"+s.Addr)
	await(t, found)
	b, found := connect(t, "redis://"+s.Addr)
	await(t, found)
	a.keeps, b.keeps = 100, 100
	sum := 0 // what a knows
	var heard Heard
	due := false
	for number := range uint64(500) {
		tells(t, b, number+1, "1000", nil)
		if number%7 == 0 { // it hears of b behind time
			w, err := a.Hear(ctx, heard)
			require.NoError(t, err)
			heard, sum = w.Heard, sum+1000*len(w.News)
		}
		sum++
		var crowd *Crowd
		if due {
			crowd = &Crowd{News: heard.News, Record: fmt.Append(nil, sum)}
		}
		due = tells(t, a, number+1, "1", crowd)
	}
	joins, found := connect(t, "redis://"+s.Addr)
	await(t, found)
	crowd, err := joins.Missed(ctx, Heard{})
	require.NoError(t, err)
	require.NotNil(t, crowd)
	known, err := strconv.Atoi(string(crowd.Record))
	require.NoError(t, err)
	require.Greater(t, known, 400_000)
	heard = crowd.From("0")
	for known < 500_500 {
		w, err := joins.Hear(ctx, heard)
		require.NoError(t, err)
		require.NotEmpty(t, w.News)
		for _, one := range w.News {
			n, err := strconv.Atoi(string(one))
			require.NoError(t, err)
			known += n
		}
		heard = w.Heard
	}
	require.Equal(t, 500_500, known)

	crowd, err = joins.Missed(ctx, heard)
	require.NoError(t, err)
	require.Nil(t, crowd, "it has heard all")
	heard.News = "1-1"
	crowd, err = joins.Missed(ctx, heard)
	require.NoError(t, err)
	require.NotNil(t, crowd, "it was off for long")
}

// However an engine fails, nobody waits longer than is said, why is said, and it is
// found again.
func TestFailures(t *testing.T) {
	const wait = 100 * time.Millisecond
	for name, c := range map[string]struct {
		fail, mend func(*redistest.Server, *redistest.Proxy)
		says       string
	}{
		"killed":     {func(s *redistest.Server, _ *redistest.Proxy) { s.Kill() }, func(s *redistest.Server, _ *redistest.Proxy) { s.Begin() }, ""},
		"frozen":     {func(s *redistest.Server, _ *redistest.Proxy) { s.Freeze() }, func(s *redistest.Server, _ *redistest.Proxy) { s.Thaw() }, "no answer within 100ms"},
		"slow":       {func(_ *redistest.Server, p *redistest.Proxy) { p.Slow(time.Second) }, func(_ *redistest.Server, p *redistest.Proxy) { p.Slow(0) }, "later than 100ms"},
		"partition":  {func(_ *redistest.Server, p *redistest.Proxy) { p.Cut(true) }, func(_ *redistest.Server, p *redistest.Proxy) { p.Cut(false) }, "no answer within 100ms"},
		"memory":     {func(s *redistest.Server, _ *redistest.Proxy) { s.Do("config", "set", "maxmemory", "1") }, func(s *redistest.Server, _ *redistest.Proxy) { s.Do("config", "set", "maxmemory", "0") }, "raise maxmemory"},
		"replica":    {func(s *redistest.Server, _ *redistest.Proxy) { s.Do("replicaof", "127.0.0.1", "1") }, func(s *redistest.Server, _ *redistest.Proxy) { s.Do("replicaof", "no", "one") }, "that is a replica"},
		"permission": {func(s *redistest.Server, _ *redistest.Proxy) { s.Do("acl", "setuser", "default", "-set", "-hset") }, func(s *redistest.Server, _ *redistest.Proxy) { s.Do("acl", "setuser", "default", "+@all") }, "the ACL user may not do that"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t)
			p := redistest.NewProxy(t, s.Addr)
			e, found := connect(t, "redis://"+p.Addr+"?wait="+wait.String())
			await(t, found)
			_, err := put(e, "ana", "", "v1", "one")
			require.NoError(t, err)
			c.fail(s, p)
			for i := range 20 {
				began := time.Now()
				_, err = put(e, "ana", "v1      ", "v1", "one")
				require.Less(t, time.Since(began), wait+100*time.Millisecond, "try %d", i)
			}
			require.ErrorIs(t, err, ErrLost)
			require.Eventually(t, func() bool {
				lost := e.Status().Lost
				return lost != nil && strings.Contains(lost.Error(), c.says)
			}, 15*time.Second, 10*time.Millisecond, "%v", e.Status().Lost)
			c.mend(s, p)
			await(t, found)
			_, err = put(e, "ana", "", "v3", "three")
			require.NoError(t, err)
		})
	}
}

// A wrong password is said, and a right one is enough.
func TestWrongPassword(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "right")
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("wrong"), 0o600))
	e, found := connect(t, "redis://"+s.Addr+"?password_file="+password)
	require.Eventually(t, func() bool { return strings.Contains(e.Status().Lost.Error(), "the user or the password is wrong") }, 10*time.Second, 10*time.Millisecond)
	require.NotContains(t, e.Status().Lost.Error(), "wrong\"")
	require.NoError(t, os.WriteFile(password, []byte("right"), 0o600))
	await(t, found)
}

// An engine that was restarted empty has another memory, and one that was not has
// the same.
func TestEpoch(t *testing.T) {
	s := redistest.Start(t)
	e, found := connect(t, "redis://"+s.Addr)
	first := await(t, found)
	s.Do("flushall")
	second := await(t, found)
	require.NotEqual(t, first, second, "without a moment of being lost")
	s.Freeze()
	require.Eventually(t, lost(e), 10*time.Second, 10*time.Millisecond)
	s.Thaw()
	require.Equal(t, second, await(t, found))
}

// When the server of a Sentinel dies, its replica is found.
func TestFailover(t *testing.T) {
	server, replica, sentinels := redistest.Sentinels(t)
	e, found := connect(t, "redis+sentinel://"+sentinels+"/mymaster")
	epoch := await(t, found)
	_, err := put(e, "ana", "", "v1", "one")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return replica.Do("exists", "sendwarden:user:ana") == "1" }, 10*time.Second, 10*time.Millisecond)
	server.Kill()
	require.Eventually(t, lost(e), 10*time.Second, 10*time.Millisecond)
	require.Equal(t, epoch, await(t, found))
	newer, err := put(e, "ana", "v1      ", "v2", "two")
	require.NoError(t, err)
	require.Empty(t, newer)
	require.Equal(t, "v2      two", replica.Do("get", "sendwarden:user:ana"))
}

// An engine that forgets when it is full is warned of.
func TestWarnsOfEviction(t *testing.T) {
	s := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	e, found := connect(t, "redis://"+s.Addr)
	await(t, found)
	require.Contains(t, e.Status().Warns, "maxmemory-policy allkeys-lru")
}
