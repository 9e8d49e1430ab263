package main

import (
	"strings"
	"testing"
	"time"

	"sendwarden/simulate"

	"github.com/stretchr/testify/require"
)

// What `replay --json` printed decides what had become of each message.
func TestFates(t *testing.T) {
	all, err := readVerdicts(strings.NewReader(`
{"type":"hold","time":"2026-11-09T09:00:00Z","user":"ana","queue_id":"B"}
{"type":"release","time":"2026-11-09T09:20:00Z","user":"ana","queue_id":"B"}
{"type":"hold","time":"2026-11-09T10:00:00Z","user":"ana","queue_id":"C"}
{"type":"block","time":"2026-11-09T10:05:00Z","user":"ana","queue_id":"D"}
{"type":"hold","time":"2026-11-09T10:10:00Z","user":"leo","queue_id":"F"}
`))
	require.NoError(t, err)
	tests := []struct {
		id, user, at string
		want         fate
	}{
		{"A", "ana", "08:59", passed},
		{"B", "ana", "09:00", passed},  // held, but let go
		{"C", "ana", "10:00", waiting}, // and the block came
		{"D", "ana", "10:05", refused}, // the message that brought it
		{"E", "ana", "11:00", refused},
		{"F", "leo", "10:10", waiting}, // until the log ended
		{"G", "leo", "10:20", passed},
	}
	for _, test := range tests {
		at, err := time.Parse("2006-01-02 15:04", "2026-11-09 "+test.at)
		require.NoError(t, err)
		require.Equal(t, test.want, all.submission(&message{id: test.id, user: test.user, at: at}), test.id)
	}
}

// A block in the thief's time catches the theft; one at another time is wrong.
func TestBlocks(t *testing.T) {
	start := time.Date(2026, 11, 9, 9, 0, 0, 0, time.UTC)
	theft := &simulate.Theft{User: "ana", Start: start, End: start.Add(time.Hour)}
	tests := []struct {
		name          string
		final         bool
		minutes       []int
		caught, wrong bool
	}{
		{"with the first message", false, []int{0}, true, false},
		{"with the last, whose mail comes back", false, []int{61}, true, false},
		{"when it is over", false, []int{70}, false, true},
		{"before", false, []int{-5}, false, true},
		{"before, lifted, and again", false, []int{-5, 10}, true, true},
		{"before, and to the end", true, []int{-5, 10}, false, true},
		{"in its time and after", false, []int{10, 90}, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &record{final: test.final, caught: map[string]time.Time{}, wrong: map[string]time.Time{}}
			for _, m := range test.minutes {
				r.blocks("ana", start.Add(time.Duration(m)*time.Minute), theft)
			}
			require.Equal(t, test.caught, len(r.caught) == 1, "caught")
			require.Equal(t, test.wrong, len(r.wrong) == 1, "wrong")
		})
	}
}

// A small world goes the whole way, and every rule is asked about every theft.
func TestCourt(t *testing.T) {
	w := simulate.Default(7)
	w.Users, w.Days, w.Thefts = 40, 3, 4
	w, known := w.Vary("thief-volume", 0.1)
	require.True(t, known)
	dir := t.TempDir()
	truth, err := simulate.Dir(w, dir)
	require.NoError(t, err)
	m := &made{World: w, dir: dir, truth: truth}
	stolen := 0
	for _, theft := range truth.Thefts {
		stolen += len(theft.Messages)
	}

	all, err := readVerdicts(strings.NewReader(""))
	require.NoError(t, err)
	c, err := tryWorld(m, all, peers(m.Home))
	require.NoError(t, err)
	got := c.measurement()
	require.Len(t, got.rules, 1+len(peers("ES")))
	require.Zero(t, got.rules[0].caught(), "nothing was blocked")
	delivered := 0
	for _, n := range got.rules[0].delivered() {
		delivered += n
	}
	require.Equal(t, stolen, delivered, "so everything arrived")
	require.Equal(t, truth.Honest, got.everybody().messages)
	require.Equal(t, 40*3, got.everybody().userDays)
	for _, s := range got.rules {
		require.Len(t, s.thefts, 4, s.name)
	}

	for i := range truth.Thefts { // now with a block at each first message
		theft := &truth.Thefts[i]
		all.blocks[theft.User] = verdict{Type: "block", Time: theft.Start.Truncate(time.Microsecond), User: theft.User, QueueID: theft.First}
	}
	c, err = tryWorld(m, all, peers(m.Home))
	require.NoError(t, err)
	got = c.measurement()
	require.Equal(t, 4, got.rules[0].caught())
	require.Empty(t, got.rules[0].wrong)
	require.Equal(t, []int{0, 0, 0, 0}, got.rules[0].delivered())
}
