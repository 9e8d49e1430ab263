//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// stateOf runs `sendwarden state`.
func stateOf(t *testing.T, where string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append([]string{"state", "--state", where}, args...)...)
	var says strings.Builder
	cmd.Stderr = &says
	out, err := cmd.Output()
	require.NoError(t, err, says.String())
	return string(out)
}

// people are the lines of an export that tell of users, by key.
func people(t *testing.T, export string) map[string]string {
	t.Helper()
	of := make(map[string]string)
	for line := range strings.Lines(export) {
		var r struct{ Key string }
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		for _, kind := range []string{"user/", "trust/"} {
			if strings.HasPrefix(r.Key, kind) {
				require.NotContains(t, of, r.Key, "is there twice")
				of[r.Key] = line
			}
		}
	}
	return of
}

// What one host remembers goes to what several share, and back, by `state export` and
// `state import`, and is the same: accounts, who is blocked, what people vouched for,
// and mail that waits.
func TestStateThereAndBack(t *testing.T) {
	h := prepareHost(t, "mx1", "")
	h.start()
	for i := range 30 {
		h.sends("ana bob carl dan"[i%4*4:][:3], "203.0.113.7")
	}
	for _, addr := range abroad {
		h.sends("eve", addr)
	}
	within(t, 10*time.Second, "eve is blocked", func() bool { return h.blocks("eve") })
	out, err := h.run("trust", "bob", "--country", "BR")
	require.NoError(t, err, out)
	out, err = h.run("block", "dan", "--reason", "by hand")
	require.NoError(t, err, out)
	h.daemon.stop(t)

	s := redistest.Start(t)
	engine := "redis://" + s.Addr
	first := stateOf(t, h.file("state.db"), "export")
	require.Contains(t, first, `"key":"user/eve"`)
	require.Contains(t, first, `"key":"trust/bob"`)
	write(t, h.file("first.jsonl"), first)
	require.Contains(t, stateOf(t, engine, "import", h.file("first.jsonl")), "5 users and 0 decisions taken over.")
	require.Equal(t, people(t, first), people(t, stateOf(t, engine, "export")))
	require.Contains(t, stateOf(t, engine, "import", h.file("first.jsonl")), "5 others known there already, and stay as they are", "nothing doubles")
	require.Equal(t, people(t, first), people(t, stateOf(t, engine, "export")))

	// A daemon meets what was taken over: it changes nothing, and tells who is blocked.
	h.shareAt(s.Addr)
	h.start()
	h.says(t, 10*time.Second, "the others know what this host knows")
	within(t, 10*time.Second, "the others are told who is blocked", func() bool { return s.Do("hlen", "sendwarden:{all}:list") == "2" })
	require.Equal(t, people(t, first), people(t, stateOf(t, engine, "export")))
	h.sends("ana", "203.0.113.7")
	within(t, 10*time.Second, "ana's record is another", func() bool {
		return people(t, stateOf(t, engine, "export"))["user/ana"] != people(t, first)["user/ana"]
	})
	h.daemon.stop(t)

	// Back, into the file of another host.
	back := stateOf(t, engine, "export")
	require.Contains(t, back, `"key":"decided/eve"`)
	write(t, h.file("back.jsonl"), back)
	other := prepareHost(t, "mx2", "")
	stateOf(t, other.file("state.db"), "import", h.file("back.jsonl"))
	require.Equal(t, people(t, back), people(t, stateOf(t, other.file("state.db"), "export")))
	// And into that of the first, which has learnt from the same lines.
	stateOf(t, h.file("state.db"), "import", h.file("back.jsonl"))
	require.Equal(t, people(t, back), people(t, stateOf(t, h.file("state.db"), "export")))
	// A new engine is told by the export who is blocked, once.
	anew := redistest.Start(t)
	require.Contains(t, stateOf(t, "redis://"+anew.Addr, "import", h.file("back.jsonl")), "5 users and 2 decisions taken over.")
	require.Contains(t, stateOf(t, "redis://"+anew.Addr, "import", h.file("back.jsonl")), "0 users and 0 decisions taken over. 7 others")
	joins := prepareHost(t, "mx3", anew.Addr)
	joins.start()
	within(t, 10*time.Second, "who joins blocks them", func() bool { return joins.blocks("eve") && joins.blocks("dan") })
}

// Who is to be forgotten is, by the engine and by each host, one that is off included.
func TestForgottenEverywhere(t *testing.T) {
	s := redistest.Start(t)
	var hosts []*mailHost
	for _, name := range []string{"mx1", "mx2"} {
		h := startHost(t, name, s.Addr)
		h.says(t, 10*time.Second, "the others know what this host knows")
		hosts = append(hosts, h)
	}
	for _, h := range hosts {
		h.sends("ana", "203.0.113.7")
		h.sends("bob", "203.0.113.8")
	}
	out, err := hosts[0].run("block", "ana", "--reason", "a call")
	require.NoError(t, err, out)
	within(t, 5*time.Second, "mx2 blocks ana", func() bool { return hosts[1].blocks("ana") })
	out, err = hosts[0].run("release", "ana")
	require.NoError(t, err, out)
	within(t, 5*time.Second, "mx2 releases ana", func() bool { return !hosts[1].blocks("ana") })
	engine := "redis://" + s.Addr
	within(t, 5*time.Second, "bob is known", func() bool { return strings.Contains(stateOf(t, engine, "export"), `"key":"user/bob"`) })
	require.Contains(t, stateOf(t, engine, "export", "Ana"), `"key":"user/ana"`)
	require.NotContains(t, stateOf(t, engine, "export", "Ana"), "bob")

	hosts[1].daemon.stop(t)
	require.Contains(t, stateOf(t, engine, "forget", "Ana"), "Ana is forgotten; each host forgets within a second, or when it is there again.")
	hosts[0].says(t, 5*time.Second, "a user is forgotten")
	hosts[1].start()
	hosts[1].says(t, 10*time.Second, "a user is forgotten")
	for _, h := range hosts {
		out, err := h.run("history")
		require.NoError(t, err, out)
		require.NotContains(t, out, "ana ")
	}
	_, err = exec.Command(program, "state", "--state", engine, "export", "nobody").Output()
	require.Error(t, err)
	within(t, 5*time.Second, "no host gives it back", func() bool { return !strings.Contains(stateOf(t, engine, "export"), `"key":"user/ana"`) })
	for _, h := range hosts {
		h.daemon.stop(t)
		require.NotContains(t, stateOf(t, h.file("state.db"), "export"), "a call")
		require.NotContains(t, people(t, stateOf(t, h.file("state.db"), "export")), "user/ana")
		require.NotContains(t, read(t, h.file("state.db")), "ana\x00", "free pages have it")
	}
	require.NotContains(t, people(t, stateOf(t, engine, "export")), "user/ana")
	require.Contains(t, people(t, stateOf(t, engine, "export")), "user/bob")
}
