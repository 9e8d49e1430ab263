package queue

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what is read into testdata/spool/exim.txtar")

const spoolID = "1xXEkk-0005mc-34"

func TestSpoolHeader(t *testing.T) {
	const path = "testdata/spool/exim.txtar"
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	last := &archive.Files[len(archive.Files)-1]
	var shows strings.Builder
	for _, f := range archive.Files[:len(archive.Files)-1] {
		e, err := readSpoolHeader(spoolID, bytes.NewReader(f.Data))
		if err != nil {
			fmt.Fprintf(&shows, "%s: %v\n", f.Name, err)
			continue
		}
		fmt.Fprintf(&shows, "%s: user=%q client=%s frozen=%t notice=%t sender=%q arrived=%d recipients=%d to=%q subject=%q script=%q caller=%q\n",
			f.Name, e.user, e.client, e.frozen, e.notice, e.sender, e.arrived.Unix(), e.recipients, e.to, e.subject, e.script, e.caller)
	}
	if *update {
		last.Data = []byte(shows.String())
		require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
	}
	require.Equal(t, string(last.Data), shows.String())
}

// Whatever stands in a file, reading it ends, and a user is one whom a line names.
func FuzzSpoolHeader(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/spool/exim.txtar")
	require.NoError(f, err)
	for _, file := range archive.Files {
		f.Add(file.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := readSpoolHeader(spoolID, bytes.NewReader(data))
		if err != nil || e.user == "" {
			return
		}
		if account, is := strings.CutPrefix(e.user, localPrefix); is {
			require.Contains(t, string(data), "ident "+account+"\n")
			require.Contains(t, string(data), "\n-")
		} else {
			require.Contains(t, string(data), "auth_id "+e.user+"\n")
		}
	})
}

// spoolOf is an Exim whose spool has messages, and whose program does to them what
// Exim does. A message that is "locked" is being delivered.
func spoolOf(t *testing.T, messages map[string]string) (Exim, func(id string) string) {
	t.Helper()
	dir := t.TempDir()
	find := func(queue, id string) string {
		found, err := filepath.Glob(filepath.Join(dir, queue, "input", "*", id+"-H"))
		require.NoError(t, err)
		return append(found, filepath.Join(dir, queue, "input", id+"-H"))[0]
	}
	for id, options := range messages {
		queue, id, is := strings.Cut(id, ":")
		if !is {
			queue, id = "", queue
		}
		below, bare, is := strings.Cut(id, "/")
		if !is {
			below, bare = "", id
		}
		below = filepath.Join(queue, "input", below)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, below), 0o700))
		text := bare + "-H\nmail 8 8\n<a@example.es>\n1795858195 0\n-host_auth plain\n" + options + "XX\n1\nb@example.com\n\n011  Subject: x\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, below, bare+"-H"), []byte(text), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, below, bare+"-D"), []byte(bare+"-D\nhi\n"), 0o600))
	}
	run := func(args ...string) (string, error) {
		queue, is := strings.CutPrefix(args[0], "-qG")
		if is {
			args = args[1:]
		} else {
			queue = ""
		}
		if args[0] == "-bP" {
			return "spool_directory = " + dir + "\n", nil
		}
		for _, id := range args[1:] {
			data, err := os.ReadFile(find(queue, id))
			text := string(data)
			switch {
			case err != nil || strings.Contains(text, "locked"):
				continue
			case args[0] == "-Mf":
				text = strings.Replace(text, "XX\n", "-frozen 1795858279\nXX\n", 1)
			case args[0] == "-Mt":
				text = strings.Replace(text, "-frozen 1795858279\n", "", 1)
			case args[0] == "-Mc":
				require.NoError(t, os.Remove(find(queue, id)))
				continue
			}
			require.NoError(t, os.WriteFile(find(queue, id), []byte(text), 0o600))
		}
		return "", nil
	}
	return Exim{Fold: strings.ToLower, Deliver: true, programs: run}, func(id string) string {
		queue, bare, is := strings.Cut(id, ":")
		if !is {
			queue, bare = "", id
		}
		data, err := os.ReadFile(find(queue, bare))
		if err != nil {
			return "gone"
		}
		return string(data)
	}
}

func TestExim(t *testing.T) {
	x, file := spoolOf(t, map[string]string{
		"1xXEkk-000001-01":          "--auth_id Alice\n",
		"k/1xXEkk-000002-01":        "--auth_id alice\n", // split_spool_directory
		"1xXEkk-000003-01":          "--auth_id bob\n",
		"1xXEkk-000004-01":          "--auth_id alice\n-frozen 1\n",
		"1xXEkk-000005-01":          "--auth_id alice\n-host_address locked\n",
		"1xXEkk-00000000006-0001":   "--auth_id alice\n", // since 4.97
		"1xXEkk-00000000007-000x-y": "--auth_id alice\n", // no message
	})
	ctx := context.Background()
	result, err := x.Hold(ctx, "alice", nil)
	require.NoError(t, err)
	require.Equal(t, Result{
		{"1xXEkk-00000000006-0001", Held}, {"1xXEkk-000001-01", Held}, {"1xXEkk-000002-01", Held}, {"1xXEkk-000004-01", AlreadyHeld}, {"1xXEkk-000005-01", Failed},
	}, result)
	require.NotContains(t, file("1xXEkk-000003-01"), "frozen")

	mail, err := x.List(ctx, "ALICE")
	require.NoError(t, err)
	require.Len(t, mail, 5)
	require.Equal(t, "1xXEkk-000001-01 frozen true x [b@example.com]", fmt.Sprint(mail[1].ID, " ", mail[1].Queue, " ", mail[1].Held(), " ", mail[1].Subject, " ", mail[1].To))

	result, err = x.Release(ctx, "alice", []string{"1xXEkk-000001-01", "1xXEkk-000003-01", "1xXEkk-000005-01", "1xXEkk-000009-01"})
	require.NoError(t, err)
	require.Equal(t, Result{
		{"1xXEkk-000001-01", Released}, {"1xXEkk-000003-01", Foreign}, {"1xXEkk-000005-01", NotHeld}, {"1xXEkk-000009-01", Gone},
	}, result)
	require.Equal(t, "gone", file("1xXEkk-000001-01"), "delivered at once")
	require.Contains(t, file("1xXEkk-000002-01"), "frozen")

	result, err = x.Release(ctx, "alice", []string{"A672A9BAA49"})
	require.NoError(t, err)
	require.Equal(t, Result{{"A672A9BAA49", Gone}}, result, "Postfix has such ids")
	for _, id := range []string{"ALL", "-", "1xXEkk-000001-01;", "../1xXEkk-000001"} {
		_, err = x.Hold(ctx, "alice", []string{id})
		require.ErrorContains(t, err, "no message id of Exim's", id)
	}
}

// Exim's named queues are looked into as well, and Exim is told which; what has no
// queue's name is left alone.
func TestEximNamedQueues(t *testing.T) {
	x, file := spoolOf(t, map[string]string{
		"1xXEkk-000001-01":           "--auth_id alice\n",
		"bulk:1xXEkk-000002-01":      "--auth_id alice\n",
		"bulk:k/1xXEkk-000003-01":    "--auth_id bob\n",
		"a.b_c:1xXEkk-000004-01":     "--auth_id alice\n",
		"bulk/5m:1xXEkk-000005-01":   "--auth_id alice\n",
		"not a name:1xXEkk-00006-01": "--auth_id alice\n",
	})
	ctx := context.Background()
	mail, err := x.List(ctx, "alice")
	require.NoError(t, err)
	var queues []string
	for _, m := range mail {
		queues = append(queues, m.Queue)
	}
	require.Equal(t, []string{"input", "bulk", "a.b_c"}, queues)

	result, err := x.Hold(ctx, "alice", nil)
	require.NoError(t, err)
	require.Equal(t, Result{{"1xXEkk-000001-01", Held}, {"1xXEkk-000002-01", Held}, {"1xXEkk-000004-01", Held}}, result)
	require.NotContains(t, file("bulk:1xXEkk-000003-01"), "frozen")
	result, err = x.Release(ctx, "alice", []string{"1xXEkk-000002-01", "1xXEkk-000003-01"})
	require.NoError(t, err)
	require.Equal(t, Result{{"1xXEkk-000002-01", Released}, {"1xXEkk-000003-01", Foreign}}, result)
	require.Equal(t, "gone", file("bulk:1xXEkk-000002-01"), "delivered at once")
	require.Contains(t, file("a.b_c:1xXEkk-000004-01"), "frozen")
}

// What Exim says when it can do nothing is passed on.
func TestEximFails(t *testing.T) {
	x, _ := spoolOf(t, map[string]string{"1xXEkk-000001-01": "--auth_id alice\n"})
	whole := x.programs
	x.programs = func(args ...string) (string, error) {
		if args[0] == "-Mf" {
			return "", fmt.Errorf("exit status 1: exim: permission denied")
		}
		return whole(args...)
	}
	result, err := x.Hold(context.Background(), "alice", nil)
	require.ErrorContains(t, err, "queue: exim -Mf: exit status 1: exim: permission denied")
	require.Equal(t, Result{{"1xXEkk-000001-01", Failed}}, result)
}
