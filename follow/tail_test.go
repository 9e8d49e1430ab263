package follow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a line may take on a busy machine.
const patience = 20 * time.Second

// tailed follows a log until the test ends.
func tailed(t *testing.T, name string, offset int64) (<-chan Line, context.CancelFunc) {
	ctx, stop := context.WithCancel(t.Context())
	lines, err := Tail(ctx, name, offset)
	require.NoError(t, err)
	t.Cleanup(func() {
		stop()
		closed(t, lines)
	})
	return lines, stop
}

// next waits for one line.
func next(t *testing.T, lines <-chan Line) Line {
	t.Helper()
	select {
	case l, open := <-lines:
		require.True(t, open, "the following ended")
		require.NoError(t, l.Err)
		return l
	case <-time.After(patience):
		t.Fatal("no line came")
	}
	return Line{}
}

// closed waits for the end of the following.
func closed(t *testing.T, lines <-chan Line) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, open := <-lines:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the channel is still open")
		}
	}
}

func add(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestTailFromAnOffset(t *testing.T) {
	name := write(t, "mail.log", []byte("one\ntwo\n"))
	lines, _ := tailed(t, name, 4)
	require.Equal(t, Line{Text: []byte("two"), End: 8}, next(t, lines))
	require.Zero(t, (addUntilSeen(t, name, "three", lines).End-8)%6)
}

// A line is handed on when it is whole.
func TestTailWholeLines(t *testing.T) {
	name := write(t, "mail.log", []byte("one\nhalf"))
	lines, _ := tailed(t, name, 0)
	require.Equal(t, Line{Text: []byte("one"), End: 4}, next(t, lines))
	add(t, name, " and half\nend\n")
	require.Equal(t, Line{Text: []byte("half and half"), End: 18}, next(t, lines))
	require.Equal(t, Line{Text: []byte("end"), End: 22}, next(t, lines))
}

// logrotate renames a log; Postfix or syslogd then makes a new one.
func TestTailRenamed(t *testing.T) {
	name := write(t, "mail.log", []byte("one\n"))
	lines, _ := tailed(t, name, 0)
	watched(t, name, lines)
	require.NoError(t, os.Rename(name, name+".1"))
	last := addUntilSeen(t, name, "new", lines)
	require.Zero(t, last.End%4)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.LessOrEqual(t, last.End, info.Size(), "its offset is one in the new file")
}

// With copytruncate, logrotate copies a log and empties it.
func TestTailTruncated(t *testing.T) {
	name := write(t, "mail.log", []byte(strings.Repeat("one\n", 1000)))
	lines, _ := tailed(t, name, 0)
	watched(t, name, lines)
	require.NoError(t, os.Truncate(name, 0))
	last := addUntilSeen(t, name, "new", lines)
	require.Less(t, last.End, int64(4000), "its offset is one in the emptied file")
}

// watched makes sure, by lines that come and go, that the library has begun to
// watch a log: of one that is renamed in the moment between being read and
// being watched it would never hear again.
func watched(t *testing.T, name string, lines <-chan Line) {
	t.Helper()
	for i := range 30 {
		addUntilSeen(t, name, fmt.Sprint("old", i), lines)
	}
}

// addUntilSeen adds a line again and again until it is handed on, and answers
// it. The library begins to watch a file some time after it has read it, and may
// miss what is written in the moment of a rotation.
func addUntilSeen(t *testing.T, name, text string, lines <-chan Line) Line {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	add(t, name, text+"\n")
	for {
		select {
		case l, open := <-lines:
			require.True(t, open, "the following ended")
			require.NoError(t, l.Err)
			if string(l.Text) == text {
				return l
			}
		case <-again.C:
			add(t, name, text+"\n")
		case <-deadline:
			t.Fatalf("no line %q came", text)
		}
	}
}

func TestTailOfALogThatIsYetToCome(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mail.log")
	lines, _ := tailed(t, name, 0)
	require.Zero(t, addUntilSeen(t, name, "one", lines).End%4)
}

// The end of the context ends the following, also while nobody takes the lines.
func TestTailEndsWithItsContext(t *testing.T) {
	name := write(t, "mail.log", []byte("one\ntwo\n"))
	_, stop := tailed(t, name, 0)
	stop()

	name = write(t, "mail.log", nil)
	lines, stop := tailed(t, name, 0)
	stop()
	closed(t, lines)
}

// A line without end comes in pieces.
func TestTailCutsEndlessLines(t *testing.T) {
	name := write(t, "mail.log", []byte(strings.Repeat("x", 2*MaxLine+10)+"\nline\n"))
	lines, _ := tailed(t, name, 0)
	got := 0
	for {
		l := next(t, lines)
		if string(l.Text) == "line" {
			break
		}
		require.LessOrEqual(t, len(l.Text), MaxLine)
		got += len(l.Text)
	}
	require.Equal(t, 2*MaxLine+10, got)
}
