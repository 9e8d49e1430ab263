package follow_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sendwarden/bench/follow/writer"
	"sendwarden/follow"
)

const planVariable = "FOLLOW_TEST_PLAN"

// TestMain lets the test program be other programs as well: the writer of a log,
// and journalctl.
func TestMain(m *testing.M) {
	if plan := os.Getenv(planVariable); plan != "" {
		var p writer.Plan
		if err := errors.Join(json.Unmarshal([]byte(plan), &p), writer.Run(p)); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	if script := os.Getenv(journalVariable); script != "" {
		os.Exit(fakeJournalctl(script, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// write starts another process that writes a log; the channel gets what became
// of it.
func write(t *testing.T, p writer.Plan) <-chan error {
	t.Helper()
	plan, err := json.Marshal(p)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), planVariable+"="+string(plan))
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	return done
}

// tally counts how often each line came.
type tally struct {
	times   []int
	seen    int // different ones
	foreign int // lines that nobody wrote
	upset   int // lines that came before an older one
	last    int
}

func (c *tally) add(line []byte) {
	n, _, ok := writer.Parse(line)
	if !ok || n >= len(c.times) {
		c.foreign++
		return
	}
	if c.times[n] == 0 {
		c.seen++
	}
	c.times[n]++
	if n < c.last {
		c.upset++
	}
	c.last = n
}

func (c *tally) faults() (lost, doubled []span) {
	for n, times := range c.times {
		switch {
		case times == 0:
			lost = extend(lost, n)
		case times > 1:
			doubled = extend(doubled, n)
		}
	}
	return lost, doubled
}

// span is lines that follow each other.
type span struct{ first, last int }

func extend(spans []span, n int) []span {
	if i := len(spans) - 1; i >= 0 && spans[i].last == n-1 {
		spans[i].last = n
		return spans
	}
	return append(spans, span{n, n})
}

const deadline = 60 * time.Second

// follows reads a log that is being written until all its lines have come, or,
// where some stand nowhere any more, nothing else does.
func follows(t *testing.T, p writer.Plan, o follow.Options) *tally {
	written := write(t, p)
	ctx, stop := context.WithTimeout(t.Context(), deadline)
	defer stop()
	c := &tally{times: make([]int, p.Lines)}
	quiet, silence := time.NewTimer(deadline), deadline
	if slices.Contains(p.Ways, writer.Copytruncate) {
		silence = 3 * time.Second
	}
	var notes []follow.Note
	batches := follow.Follow(ctx, []string{p.Path}, o)
	for c.seen < p.Lines {
		select {
		case b, open := <-batches:
			if !open {
				t.Logf("%d lines of %d came; notes %v", c.seen, p.Lines, notes)
				return c
			}
			require.NoError(t, b.Err)
			notes = append(notes, b.Notes...)
			for _, l := range b.Lines {
				c.add(l.Text)
			}
			if written == nil {
				quiet.Reset(silence)
			}
		case err := <-written:
			require.NoError(t, err)
			written = nil
			quiet.Reset(silence)
		case <-quiet.C:
			stop()
		}
	}
	stop()
	for range batches { // what comes now comes twice
	}
	if written != nil {
		require.NoError(t, <-written)
	}
	return c
}

var rotations = []writer.Way{writer.Rename, writer.Late, writer.Missing, writer.Compress, writer.Twice}

// A log is rotated in all ways while it is written: each line comes once, and in
// order.
func TestTorture(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]writer.Plan{
		"full speed":         {Lines: 100_000, Every: 10_000, Ways: rotations},
		"full speed, pieces": {Lines: 50_000, Every: 5000, Ways: rotations, Split: true},
		"20,000 a second":    {Lines: 30_000, Rate: 20_000, Every: 1000, Ways: rotations, Split: true},
		"500 a second":       {Lines: 1000, Rate: 500, Every: 20, Ways: rotations},
	} {
		for _, poll := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", polling"}[poll], func(t *testing.T) {
				t.Parallel()
				p := p // the other way of waiting has its own
				p.Path, p.Seed, p.Tell, p.Size = filepath.Join(t.TempDir(), "mail.log"), rand.Uint64(), 100*time.Millisecond, 120
				c := follows(t, p, follow.Options{Poll: poll, Start: follow.Oldest})
				lost, doubled := c.faults()
				require.Empty(t, lost, "lost; seed %d", p.Seed)
				require.Empty(t, doubled, "doubled; seed %d", p.Seed)
				require.Zero(t, c.foreign)
				require.Zero(t, c.upset, "came before an older one")
			})
		}
	}
}

// With copytruncate lines are lost between the copying and the emptying; those
// that stand in the copies come, and once.
func TestTortureCopytruncate(t *testing.T) {
	t.Parallel()
	p := writer.Plan{Path: filepath.Join(t.TempDir(), "mail.log"), Lines: 40_000, Rate: 20_000, Every: 2000, Size: 120,
		Ways: []writer.Way{writer.Copytruncate}, Seed: rand.Uint64()}
	c := follows(t, p, follow.Options{Start: follow.Oldest})
	left, err := writer.Left(p.Path, p.Lines)
	require.NoError(t, err)
	_, doubled := c.faults()
	require.Empty(t, doubled, "seed %d", p.Seed)
	require.Zero(t, c.foreign)
	race := 0
	began := slices.IndexFunc(c.times, func(times int) bool { return times > 0 })
	for n, stands := range left {
		if n < began {
			continue // copied and emptied before the new file was looked at for the first time
		}
		if stands {
			require.NotZero(t, c.times[n], "line %d was lost, though it stands in a copy; seed %d", n, p.Seed)
		} else {
			race++
		}
	}
	t.Logf("the race of copytruncate: %d lines of %d stand nowhere, %d of them came", race, p.Lines, c.seen-(p.Lines-race))
}

// The reader dies at random moments, and begins anew where it had last noted its
// position; what it read after that counts for nothing, as a transaction that was
// not committed.
func TestTortureKilled(t *testing.T) {
	t.Parallel()
	p := writer.Plan{Path: filepath.Join(t.TempDir(), "mail.log"), Lines: 25_000, Rate: 10_000, Every: 1000, Size: 120,
		Ways: rotations, Tell: 100 * time.Millisecond, Split: true, Seed: rand.Uint64()}
	written := write(t, p)
	r := rand.New(rand.NewPCG(p.Seed, 1))
	c := &tally{times: make([]int, p.Lines)}
	position, kills := follow.Position{Source: p.Path}, 0
	end := time.Now().Add(deadline)
	for (c.seen < p.Lines || kills < 50) && time.Now().Before(end) {
		// Longer and longer, as a life that ends before an elder is unpacked leaves all as it was.
		position = life(t, c, position, time.Duration(1+r.IntN(50+2*kills))*time.Millisecond, r)
		kills++
	}
	require.NoError(t, <-written)
	lost, doubled := c.faults()
	require.Empty(t, lost, "lost; seed %d", p.Seed)
	require.Empty(t, doubled, "doubled; seed %d", p.Seed)
	require.Zero(t, c.foreign)
	require.GreaterOrEqual(t, kills, 50)
	t.Logf("%d kills", kills)
}

// life is one reader's: it answers the position that it noted last.
func life(t *testing.T, c *tally, from follow.Position, span time.Duration, r *rand.Rand) follow.Position {
	text, err := json.Marshal(from)
	require.NoError(t, err)
	var noted follow.Position
	require.NoError(t, json.Unmarshal(text, &noted))
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	batches := follow.Follow(ctx, []string{from.Source}, follow.Options{From: []follow.Position{noted}, Start: follow.Oldest})
	defer time.AfterFunc(span, kill).Stop()
	var pending [][]byte
	for b := range batches {
		require.NoError(t, b.Err)
		for _, note := range b.Notes {
			require.False(t, note.Lost, note.Text)
		}
		n := len(b.Lines)
		commit := r.IntN(3) == 0
		if commit {
			n = r.IntN(n + 1)
		}
		for _, l := range b.Lines[:n] {
			pending = append(pending, l.Text)
		}
		if commit {
			noted = b.Position(n)
			for _, text := range pending {
				c.add(text)
			}
			pending = pending[:0]
			if n < len(b.Lines) {
				kill() // the rest of the batch died with it
				break
			}
		}
	}
	for range batches { // until all has ended
	}
	return noted
}
