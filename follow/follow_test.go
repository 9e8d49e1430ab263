package follow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"sendwarden/follow"
)

// patience is how long a line may take on a busy machine.
const patience = 20 * time.Second

// reader is somebody who follows one log.
type reader struct {
	t       *testing.T
	path    string
	stop    context.CancelFunc
	batches <-chan follow.Batch
	ready   []follow.Line
	last    follow.Batch
	notes   []follow.Note
}

func read(t *testing.T, path string, o follow.Options) *reader {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &reader{t: t, path: path, stop: stop, batches: follow.Follow(ctx, []string{path}, o)}
	t.Cleanup(r.end)
	return r
}

// end ends the reading and waits until all of it has ended.
func (r *reader) end() {
	r.stop()
	late := time.After(patience)
	for {
		select {
		case _, open := <-r.batches:
			if !open {
				return
			}
		case <-late:
			r.t.Fatal("the channel is still open")
		}
	}
}

// batch waits for the next one.
func (r *reader) batch() {
	r.t.Helper()
	select {
	case b, open := <-r.batches:
		require.True(r.t, open, "the following ended")
		require.NoError(r.t, b.Err)
		r.last, r.ready = b, append(r.ready, b.Lines...)
		r.notes = append(r.notes, b.Notes...)
	case <-time.After(patience):
		r.t.Fatalf("nothing came; so far: %v", r.notes)
	}
}

// gets waits for exactly these lines.
func (r *reader) gets(want ...string) {
	r.t.Helper()
	for len(r.ready) < len(want) {
		r.batch()
	}
	var got []string
	for _, l := range r.ready {
		got = append(got, string(l.Text))
	}
	require.Equal(r.t, want, got)
	r.ready = nil
}

// hears waits for a note.
func (r *reader) hears(text string, lost bool) {
	r.t.Helper()
	for {
		for _, n := range r.notes {
			if strings.Contains(n.Text, text) {
				require.Equal(r.t, lost, n.Lost, n.Text)
				return
			}
		}
		r.batch()
	}
}

// position is the reader's after all that it got, as it comes back from a disk.
func (r *reader) position() (p follow.Position) {
	text, err := json.Marshal(r.last.After())
	require.NoError(r.t, err)
	require.NoError(r.t, json.Unmarshal(text, &p))
	return p
}

// again reads on where a reader that died had come to.
func (r *reader) again() *reader {
	r.t.Helper()
	r.end()
	return read(r.t, r.path, follow.Options{From: []follow.Position{r.position()}})
}

func newLog(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "mail.log")
	put(t, path, text)
	return path
}

func put(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.Rename(from, to))
}

// compress does to a file what gzip and its like do.
func compress(t *testing.T, path, ending string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var packed bytes.Buffer
	var w io.WriteCloser
	switch ending {
	case ".gz":
		w = gzip.NewWriter(&packed)
	case ".zst":
		w, err = zstd.NewWriter(&packed)
	case ".xz":
		w, err = xz.NewWriter(&packed)
	}
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+ending, packed.Bytes(), 0o644))
	require.NoError(t, os.Chtimes(path+ending, info.ModTime(), info.ModTime()))
	require.NoError(t, os.Remove(path))
}

// A line is handed on when it is whole.
func TestFollowPieces(t *testing.T) {
	path := newLog(t, "one\nhalf")
	r := read(t, path, follow.Options{})
	r.gets("one")
	require.EqualValues(t, 4, r.position().Files[0].Offset)
	put(t, path, " and ")
	put(t, path, "half\nend\n")
	r.gets("half and half", "end")
}

func TestFollowALogThatIsYetToCome(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail", "mail.log")
	r := read(t, path, follow.Options{Start: follow.End})
	r.hears("no such file yet", false)
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o755))
	put(t, path, "one\n")
	r.gets("one")
}

// The writer is told of the rotation late, and both files get lines in the
// meantime: one from another program, which opens the log for each.
func TestFollowLateSignal(t *testing.T) {
	path := newLog(t, "one\n")
	r := read(t, path, follow.Options{})
	r.gets("one")
	rename(t, path, path+".1")
	put(t, path, "")
	put(t, path+".1", "two\n")
	r.gets("two")
	put(t, path, "three\n")
	r.gets("three")
	put(t, path+".1", "four\n")
	r.gets("four")
	require.Len(t, r.position().Files, 2)

	r = r.again()
	put(t, path+".1", "five\n")
	r.gets("five")
	put(t, path, "six\n")
	r.gets("six")
}

// What stands in a file before another is written stands before it in the order,
// also when both are found at once.
func TestFollowOrder(t *testing.T) {
	path := newLog(t, "one\n")
	r := read(t, path, follow.Options{})
	r.gets("one")
	r.end()
	put(t, path, "two\n")
	rename(t, path, path+".1")
	put(t, path, "three\n")
	rename(t, path+".1", path+".2")
	rename(t, path, path+".1")
	put(t, path, "four\n")
	r = read(t, path, follow.Options{From: []follow.Position{r.position()}})
	r.gets("two", "three", "four")
}

// A file that was rotated away is closed when nothing comes to it any more; its
// last line is handed on as it is then.
func TestFollowLetsGo(t *testing.T) {
	path := newLog(t, "one\n")
	r := read(t, path, follow.Options{Grace: time.Nanosecond})
	r.gets("one")
	put(t, path, "cut sho")
	rename(t, path, path+".1")
	put(t, path, "two\n")
	for len(r.ready) < 2 {
		r.batch()
	}
	r.gets("two", "cut sho")
	put(t, path, "three\n")
	r.gets("three")
	require.Len(t, r.position().Files, 1)
}

func TestFollowTruncated(t *testing.T) {
	path := newLog(t, "one\ntwo\n")
	r := read(t, path, follow.Options{})
	r.gets("one", "two")
	require.NoError(t, os.Truncate(path, 0))
	put(t, path, "new\n")
	r.gets("new")
	r.hears("emptied, and no copy of it is there", true)
}

// A log that is emptied and soon longer than before is known by its beginning.
func TestFollowTruncatedAndLonger(t *testing.T) {
	path := newLog(t, "one\n")
	r := read(t, path, follow.Options{})
	r.gets("one")
	r.end()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_TRUNC, 0)
	require.NoError(t, err)
	_, err = f.WriteString("new\nand longer\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	r = read(t, path, follow.Options{From: []follow.Position{r.position()}})
	r.gets("new", "and longer")
	r.hears("not there any more", true)
}

// A writer who does not append goes on where it was, and leaves a hole before it.
func TestFollowAHole(t *testing.T) {
	path := newLog(t, "")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString(strings.Repeat("one\n", 500_000))
	require.NoError(t, err)
	r := read(t, path, follow.Options{Start: follow.Current})
	for len(r.ready) < 500_000 {
		r.batch()
	}
	r.ready = nil
	require.NoError(t, os.Truncate(path, 0))
	_, err = f.WriteString("two\n")
	require.NoError(t, err)
	r.gets("two")
}

// What came to the log after the last look is read in the copy.
func TestFollowCopytruncateWhileAway(t *testing.T) {
	path := newLog(t, "one\n")
	r := read(t, path, follow.Options{})
	r.gets("one")
	r.end()
	put(t, path, "two\n")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	put(t, path+".1", string(text))
	require.NoError(t, os.Truncate(path, 0))
	put(t, path, "three\n")
	r = read(t, path, follow.Options{From: []follow.Position{r.position()}})
	r.gets("two", "three")
}

func TestFollowDeleted(t *testing.T) {
	path := newLog(t, "one\n")
	r := read(t, path, follow.Options{})
	r.gets("one")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Remove(path))
	_, err = f.WriteString("two\n")
	require.NoError(t, err)
	r.gets("two")
	put(t, path, "three\n")
	r.gets("three")
	_, err = f.WriteString("four\n")
	require.NoError(t, err)
	r.gets("four")
}

// The log's name may be a link that is switched from day to day.
func TestFollowALink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.log")
	monday, tuesday := path+"-20261123", filepath.Join(t.TempDir(), "elsewhere")
	put(t, monday, "one\n")
	require.NoError(t, os.Symlink(monday, path))
	r := read(t, path, follow.Options{Start: follow.Oldest})
	r.gets("one")
	put(t, tuesday, "two\n")
	require.NoError(t, os.Symlink(tuesday, path+".new"))
	rename(t, path+".new", path)
	r.gets("two")
	put(t, tuesday, "three\n")
	r.gets("three")
	put(t, monday, "four\n")
	r.gets("four")
}

func TestFollowEndlessLine(t *testing.T) {
	path := newLog(t, strings.Repeat("x", 3*follow.MaxLine))
	r := read(t, path, follow.Options{})
	r.gets(strings.Repeat("x", follow.MaxLine))
	r.hears("cut off", true)
	r = r.again()
	put(t, path, strings.Repeat("y", 500_000)+"\nline\n")
	r.gets("line")
}

// While nobody read, the log was rotated and compressed, more than once.
func TestFollowGoesOnInACompressedElder(t *testing.T) {
	for _, ending := range []string{".gz", ".zst", ".xz"} {
		t.Run(ending, func(t *testing.T) {
			path := newLog(t, "one\ntwo\n")
			r := read(t, path, follow.Options{})
			r.gets("one", "two")
			r.end()
			put(t, path+".1", "older\n")
			put(t, path, "three\n")
			rename(t, path+".1", path+".3")
			rename(t, path, path+".2")
			compress(t, path+".2", ending)
			put(t, path+".1", "four\n")
			put(t, path, "five\n")
			r = read(t, path, follow.Options{From: []follow.Position{r.position()}})
			r.gets("three", "four", "five")
			r.hears("reading goes on in mail.log.2"+ending+" after byte 8, then in 2 younger files", false)
			put(t, path, "six\n")
			r.gets("six")
		})
	}
}

// bzip2 of "hello\n", as bzip2 1.0.8 writes it: the library only unpacks.
const helloBzip2 = "BZh91AY&SY\xc1\xc0\x80\xe2\x00\x00\x01A\x00\x00\x10\x02D\xa0\x000\xcd\x00\xc3F)\x97\x17rE8P\x90\xc1\xc0\x80\xe2"

func TestFollowGoesOnAfterBzip2(t *testing.T) {
	path := newLog(t, "hello\n")
	r := read(t, path, follow.Options{})
	r.gets("hello")
	r.end()
	require.NoError(t, os.Remove(path))
	put(t, path+".2.bz2", helloBzip2)
	put(t, path+".1", "one\n")
	r = read(t, path, follow.Options{From: []follow.Position{r.position()}})
	r.gets("one")
	put(t, path, "two\n")
	r.gets("two")
}

// An elder that cannot be unpacked costs its lines, and is said.
func TestFollowADamagedElder(t *testing.T) {
	path := newLog(t, "new\n")
	put(t, path+".1.gz", "\x1f\x8bnonsense")
	r := read(t, path, follow.Options{Start: follow.Oldest})
	r.gets("new")
	r.hears("mail.log.1.gz", true)
}

// The place is gone for good: reading begins with what is younger.
func TestFollowALostPlace(t *testing.T) {
	path := newLog(t, "one\n")
	put(t, path+".2", "older\n")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path+".2", old, old))
	r := read(t, path, follow.Options{})
	r.gets("one")
	r.end()
	require.NoError(t, os.Remove(path))
	later := time.Now().Add(time.Second)
	put(t, path+".1", "three\n")
	require.NoError(t, os.Chtimes(path+".1", later, later))
	put(t, path, "four\n")
	r = read(t, path, follow.Options{From: []follow.Position{r.position()}})
	r.gets("three", "four")
	r.hears("not there any more", true)
}

func TestFollowStart(t *testing.T) {
	for start, want := range map[follow.Start][]string{
		follow.Oldest:  {"one", "two", "three", "four"},
		follow.Current: {"three", "four"},
	} {
		path := newLog(t, "three\n")
		put(t, path+".1", "two\n")
		put(t, path+".2", "one\n")
		compress(t, path+".2", ".gz")
		r := read(t, path, follow.Options{Start: start})
		put(t, path, "four\n")
		r.gets(want...)
	}
}

// From the end on: which lines were written after the beginning only shows when
// the first of them comes.
func TestFollowStartAtTheEnd(t *testing.T) {
	path := newLog(t, "one\nunfinished")
	r := read(t, path, follow.Options{Start: follow.End})
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		select {
		case <-again.C:
			put(t, path, " two\n")
			continue
		case r.last = <-r.batches:
		case <-late:
			t.Fatal("nothing came")
		}
		if len(r.last.Lines) > 0 {
			require.Equal(t, " two", string(r.last.Lines[0].Text))
			return
		}
	}
}

// A position of a log that was read to its end by other means.
func TestFollowAfterOld(t *testing.T) {
	path := newLog(t, "one\ntwo\nthr")
	old, err := follow.Open(path)
	require.NoError(t, err)
	_, err = old.EndAtWholeLine()
	require.NoError(t, err)
	p, err := old.Position()
	require.NoError(t, err)
	require.NoError(t, old.Close())
	r := read(t, path, follow.Options{From: []follow.Position{p}})
	put(t, path, "ee\n")
	r.gets("three")
}

// A position is lost neither while its log is away nor by a note.
func TestFollowKeepsThePosition(t *testing.T) {
	path := newLog(t, "one\n")
	r := read(t, path, follow.Options{})
	r.gets("one")
	before := r.position()
	r.end()
	rename(t, path, path+" away")
	r = read(t, path, follow.Options{From: []follow.Position{before}})
	r.hears("no such file yet", false)
	require.Equal(t, before, r.position())
	put(t, path+" away", "two\n")
	rename(t, path+" away", path)
	r.gets("two")
}

func TestFollowSeveral(t *testing.T) {
	one, two := newLog(t, "one\n"), newLog(t, "two\n")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	got := make(map[string]string)
	for b := range follow.Follow(ctx, []string{one, two}, follow.Options{}) {
		for _, l := range b.Lines {
			got[b.Source] += string(l.Text)
		}
		if len(got) == 2 {
			stop()
		}
	}
	require.Equal(t, map[string]string{one: "one", two: "two"}, got)
}

func TestFollowWhatIsNoLog(t *testing.T) {
	dir := t.TempDir()
	var err error
	for b := range follow.Follow(t.Context(), []string{dir}, follow.Options{}) {
		err = b.Err
	}
	require.EqualError(t, err, dir+": is no regular file: only files, journal and - can be followed")
}

func TestFollowStandardInput(t *testing.T) {
	in, out, err := os.Pipe()
	require.NoError(t, err)
	before := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = before }()
	batches := follow.Follow(t.Context(), []string{follow.Stdin}, follow.Options{})
	_, err = out.WriteString("one\ntw")
	require.NoError(t, err)
	b := <-batches
	require.Equal(t, "one", string(b.Lines[0].Text))
	_, err = out.WriteString("o\nlast")
	require.NoError(t, err)
	require.NoError(t, out.Close())
	var rest []string
	for b := range batches {
		require.NoError(t, b.Err)
		for _, l := range b.Lines {
			rest = append(rest, string(l.Text))
		}
	}
	require.Equal(t, []string{"two", "last"}, rest)
}

// Nothing is left running, whether somebody takes the lines or not.
func TestFollowLeavesNothingBehind(t *testing.T) {
	path := newLog(t, strings.Repeat("line\n", 200_000))
	before := runtime.NumGoroutine()
	for range 5 {
		ctx, stop := context.WithCancel(t.Context())
		batches := follow.Follow(ctx, []string{path, follow.Stdin, path + "none"}, follow.Options{})
		<-batches
		stop()
		for range batches {
		}
		late := time.Now().Add(patience)
		for runtime.NumGoroutine() > before && time.Now().Before(late) {
			runtime.Gosched()
		}
		require.LessOrEqual(t, runtime.NumGoroutine(), before)
	}
}

func TestElders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.log")
	for i, name := range []string{".12.gz", "-20261115.xz", ".2", "-20261122", ".1", ".1.gz", "", "-old", ".swp", ".1.gz.tmp", "x.1", "-20261122.gz"} {
		put(t, path+name, "x\n")
		at := time.Now().Add(time.Duration(i-100) * time.Minute)
		require.NoError(t, os.Chtimes(path+name, at, at))
	}
	elders, err := follow.Elders(path)
	require.NoError(t, err)
	var got []string
	for _, name := range elders {
		got = append(got, strings.TrimPrefix(name, path))
	}
	require.Equal(t, []string{".12.gz", "-20261115.xz", ".2", "-20261122", ".1"}, got)
}
