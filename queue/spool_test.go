package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// arrival of the messages in these tests.
var arrival = time.Date(2026, 3, 28, 3, 13, 18, 0, time.UTC)

// mailbag is a queue directory, with programs that do to it what Postfix's do.
type mailbag struct {
	t      *testing.T
	dir    string
	calls  []string // of postsuper
	before func()   // what Postfix does just before postsuper's turn
}

// newMailbag makes a queue directory of messages, "deferred/A/A672A9BAA49
// alice" a line.
func newMailbag(t *testing.T, messages string) *mailbag {
	t.Helper()
	b := &mailbag{t: t, dir: t.TempDir(), before: func() {}}
	for _, queue := range append(slices.Clone(moving), hold, "maildrop") {
		require.NoError(t, os.Mkdir(b.path(queue), 0o700))
	}
	for line := range strings.Lines(messages) {
		if path, user, is := strings.Cut(strings.TrimSpace(line), " "); is {
			b.put(path, user)
		}
	}
	return b
}

func (b *mailbag) path(name string) string { return filepath.Join(b.dir, name) }

func (b *mailbag) put(path, user string) {
	b.t.Helper()
	require.NoError(b.t, os.MkdirAll(filepath.Dir(b.path(path)), 0o700))
	file := fmt.Sprintf("C 1200\nT %d\nA sasl_username=%s\nS a@example.es\nR ana@example.com\nM\nN Subject: an offer\n", arrival.Unix(), user)
	require.NoError(b.t, os.WriteFile(b.path(path), compose(b.t, file), 0o700))
}

// move is what Postfix does to a message: it renames it, into a directory of
// its name's first character where it goes to the deferred queue.
func (b *mailbag) move(id, to string) {
	b.t.Helper()
	from := b.find(id)
	require.NotEmpty(b.t, from, id)
	if to == "deferred" {
		to += "/" + id[:1]
	}
	require.NoError(b.t, os.MkdirAll(b.path(to), 0o700))
	require.NoError(b.t, os.Rename(b.path(from), b.path(to+"/"+id)))
}

func (b *mailbag) find(id string) string {
	for _, path := range b.tree() {
		if filepath.Base(path) == id {
			return path
		}
	}
	return ""
}

// tree is where all messages are.
func (b *mailbag) tree() []string {
	b.t.Helper()
	var paths []string
	require.NoError(b.t, filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(b.t, err)
		if !d.IsDir() {
			path, err = filepath.Rel(b.dir, path)
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

func (b *mailbag) run(input, name string, args ...string) (string, error) {
	if name == "postconf" {
		return "queue_directory = " + b.dir + "\nmaximal_queue_lifetime = 5d\n", nil
	}
	b.before()
	b.before = func() {}
	b.calls = append(b.calls, strings.Join(args, " "))
	to := map[string]string{"-h": hold, "-H": "deferred", "-r": "maildrop"}[args[0]]
	for id := range strings.Lines(input) {
		id = strings.TrimSpace(id)
		if from, _, _ := strings.Cut(b.find(id), "/"); slices.Contains(args[2:], from) {
			b.move(id, to)
		}
	}
	return "", nil
}

func (b *mailbag) local() Local {
	return Local{Fold: strings.ToLower, Now: func() time.Time { return arrival.Add(time.Hour) }, programs: b.run}
}

// lines is a result, as text.
func lines(result Result) string {
	var s []string
	for _, d := range result {
		s = append(s, d.ID+" "+string(d.Outcome))
	}
	return strings.Join(s, "\n")
}

const bag = `
	incoming/A00001 alice
	active/A00002 Alice
	deferred/B/B00003 alice
	deferred/B/0/0/4fXq3z1Qm6zJ8d alice
	deferred/C/C00001 bob
	hold/D00001 alice
	hold/D00002 bob
	maildrop/E00001 alice
`

func TestHold(t *testing.T) {
	for name, c := range map[string]struct {
		ids  []string
		want string
		held []string
	}{
		"all": {nil, "4fXq3z1Qm6zJ8d held\nA00001 held\nA00002 held\nB00003 held\nD00001 already_held",
			[]string{"4fXq3z1Qm6zJ8d", "A00001", "A00002", "B00003", "D00001", "D00002"}},
		"none": {[]string{}, "", []string{"D00001", "D00002"}},
		"some": {[]string{"B00003", "B00003", "C00001", "D00001", "D00002", "E00001", "FFFFFF"},
			"B00003 held\nC00001 foreign\nD00001 already_held\nD00002 foreign\nE00001 gone\nFFFFFF gone",
			[]string{"B00003", "D00001", "D00002"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMailbag(t, bag)
			result, err := b.local().Hold(context.Background(), "alice", c.ids)
			require.NoError(t, err)
			require.Equal(t, c.want, lines(result))
			held, err := filepath.Glob(b.path("hold/*"))
			require.NoError(t, err)
			for i, path := range held {
				held[i] = filepath.Base(path)
			}
			require.Equal(t, c.held, held)
			require.Len(t, b.tree(), 8, "nothing is lost")
		})
	}
}

func TestHoldExactly(t *testing.T) {
	b := newMailbag(t, bag)
	l := b.local()
	l.Fold = nil
	result, err := l.Hold(context.Background(), "Alice", nil)
	require.NoError(t, err)
	require.Equal(t, "A00002 held", lines(result))
}

// Postfix moves and takes in mail while we search.
func TestHoldRaces(t *testing.T) {
	b := newMailbag(t, bag)
	b.before = func() {
		b.move("A00002", "deferred")                      // it was met in active, and is held all the same
		require.NoError(t, os.Remove(b.path("active/x"))) // delivered
		b.put("incoming/A00009", "alice")                 // come in
	}
	b.put("active/x", "alice")
	require.NoError(t, os.Rename(b.path("active/x"), b.path("active/A00008")))
	b.put("active/x", "alice")
	result, err := b.local().Hold(context.Background(), "alice", []string{"A00002", "A00008", "A00009"})
	require.NoError(t, err)
	require.Equal(t, "A00002 held\nA00008 held\nA00009 held", lines(result))
	require.Equal(t, []string{"-h - incoming active deferred", "-h - incoming active deferred"}, b.calls)
}

// A message is delivered and bob's gets its id, in the moment before postsuper
// comes: bob's is let go again.
func TestHoldReusedID(t *testing.T) {
	b := newMailbag(t, "deferred/B/B00003 alice\n")
	b.before = func() { b.put("deferred/B/B00003", "bob") }
	result, err := b.local().Hold(context.Background(), "alice", []string{"B00003"})
	require.NoError(t, err)
	require.Equal(t, "B00003 foreign", lines(result))
	require.Equal(t, []string{"deferred/B/B00003"}, b.tree())
	require.Equal(t, []string{"-h - incoming active deferred", "-H - hold"}, b.calls)
}

// What is no complete message is left alone, and stops nothing.
func TestHoldOddFiles(t *testing.T) {
	b := newMailbag(t, "deferred/A/A00001 alice\nincoming/A00002 alice\n")
	require.NoError(t, os.Chmod(b.path("incoming/A00002"), 0o600))
	require.NoError(t, os.WriteFile(b.path("deferred/A/A00003"), []byte("garbage"), 0o700))
	require.NoError(t, syscall.Mkfifo(b.path("active/A00004"), 0o700))
	require.NoError(t, os.Symlink("/etc/passwd", b.path("active/A00005")))
	require.NoError(t, os.Symlink("../deferred", b.path("active/A")))
	b.put("active/A00006.bak", "alice")
	b.put("active/long/A00007", "alice")
	result, err := b.local().Hold(context.Background(), "alice", []string{"A00001", "A00002", "A00003", "A00004", "A00005", "A00007"})
	require.NoError(t, err)
	require.Equal(t, "A00001 held\nA00002 unfinished\nA00003 unreadable\nA00004 unreadable\nA00005 unreadable\nA00007 gone", lines(result))
	result, err = b.local().Hold(context.Background(), "alice", nil)
	require.NoError(t, err)
	require.Equal(t, "A00001 already_held", lines(result))
}

func TestRelease(t *testing.T) {
	for name, c := range map[string]struct {
		ids   []string
		after time.Duration
		want  string
		calls []string
	}{
		"all":  {nil, time.Hour, "D00001 released", []string{"-H - hold"}},
		"late": {nil, 61 * time.Hour, "D00001 requeued", []string{"-r - hold"}},
		"none": {[]string{}, time.Hour, "", nil},
		"some": {[]string{"B00003", "C00001", "D00001", "D00002", "FFFFFF"}, time.Hour,
			"B00003 not_held\nC00001 foreign\nD00001 released\nD00002 foreign\nFFFFFF gone", []string{"-H - hold"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newMailbag(t, bag)
			l := b.local()
			l.Now = func() time.Time { return arrival.Add(c.after) }
			result, err := l.Release(context.Background(), "alice", c.ids)
			require.NoError(t, err)
			require.Equal(t, c.want, lines(result))
			require.Equal(t, c.calls, b.calls)
			require.FileExists(t, b.path("hold/D00002"))
		})
	}
}

// Mail whose next attempt was far off is tried now.
func TestReleaseNow(t *testing.T) {
	b := newMailbag(t, "hold/D00001 alice\n")
	later := arrival.Add(2 * time.Hour)
	require.NoError(t, os.Chtimes(b.path("hold/D00001"), later, later))
	_, err := b.local().Release(context.Background(), "alice", nil)
	require.NoError(t, err)
	info, err := os.Stat(b.path("deferred/D/D00001"))
	require.NoError(t, err)
	require.Equal(t, arrival.Add(time.Hour), info.ModTime().UTC())
}

func TestList(t *testing.T) {
	b := newMailbag(t, bag)
	mail, err := b.local().List(context.Background(), "alice")
	require.NoError(t, err)
	require.Len(t, mail, 5)
	require.Equal(t, Mail{"4fXq3z1Qm6zJ8d", "deferred", arrival.Local(), 1200, "a@example.es", 1, []string{"ana@example.com"}, "an offer"}, mail[0])
	require.False(t, mail[0].Held())
	require.True(t, mail[4].Held())
	require.Equal(t, "D00001", mail[4].ID)
	mail, err = b.local().List(context.Background(), "carol")
	require.NoError(t, err)
	require.Empty(t, mail)
}

func TestFaults(t *testing.T) {
	b := newMailbag(t, bag)
	ctx := context.Background()
	for _, id := range []string{"", "ALL", "-", "-h", "A0001", "a00001", "A00001\nALL", "../A00001", "A00001 ", strings.Repeat("A", 33), "4fXq3z1Qm6yJ8d", "4fXq3z1Qm6zJ8a"} {
		_, err := b.local().Hold(ctx, "alice", []string{id})
		require.EqualError(t, err, fmt.Sprintf("queue: %q is no queue id", mask(id, maxID)))
	}
	_, err := b.local().List(ctx, "")
	require.EqualError(t, err, "queue: a user name of 0 bytes (1 to 512)")

	stopped, cancel := context.WithCancel(ctx)
	cancel()
	_, err = b.local().Hold(stopped, "alice", nil)
	require.ErrorIs(t, err, context.Canceled)

	l := b.local()
	l.programs = func(input, name string, args ...string) (string, error) {
		if name == "postsuper" {
			return "", errors.New("exit status 1: fatal: use of this command is reserved for the superuser")
		}
		return b.run(input, name, args...)
	}
	result, err := l.Hold(ctx, "alice", []string{"A00001", "C00001"})
	require.EqualError(t, err, "queue: postsuper -h: exit status 1: fatal: use of this command is reserved for the superuser")
	require.Equal(t, "A00001 failed\nC00001 foreign", lines(result))

	l.programs = func(string, string, ...string) (string, error) { return "queue_directory = /nowhere\n", nil }
	_, err = l.List(ctx, "alice")
	require.EqualError(t, err, "queue: /nowhere: no such file or directory")
}

func TestParseTime(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"5d": 5 * 24 * time.Hour, "5": 5 * 24 * time.Hour, "1w": 7 * 24 * time.Hour, "0": 0, "90m": 90 * time.Minute, "36H": 36 * time.Hour, "10s": 10 * time.Second,
		"": -1, "d": -1, "-1d": -1, "5 d": -1, "5dd": -1, "99999999w": -1, "$x": -1,
	} {
		got, err := parseTime(s)
		if err != nil {
			got = -1
		}
		require.Equal(t, want, got, "%q", s)
	}
}
