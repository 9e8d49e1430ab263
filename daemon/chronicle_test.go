package daemon

import (
	"path/filepath"
	"testing"
	"time"

	"sendwarden/control"
	"sendwarden/scoring"
	"sendwarden/state"

	"github.com/stretchr/testify/require"
)

// What became of messages is counted by the hour, and for who is blocked since the first
// reason. It comes back from the state, and is told and forgotten with its user.
func TestChronicle(t *testing.T) {
	noon := time.Date(2026, 4, 15, 14, 0, 0, 0, time.FixedZone("", 2*60*60))
	reason := scoring.Reason{Time: noon.Add(-5 * time.Minute), Rule: "new country", Points: 72}
	c := newChronicle()
	for _, m := range []struct {
		user   string
		after  time.Duration
		v      scoring.Action
		became scoring.Action
	}{
		{"ana@example.es", -30 * time.Minute, scoring.Allow, scoring.Allow},
		{"info@example.es", 0, scoring.Hold, scoring.Hold},
		{"info@example.es", time.Minute, scoring.Block, scoring.Refuse},
		{"info@example.es", 61 * time.Minute, scoring.Refuse, scoring.Refuse},
		{"info@example.es", 62 * time.Minute, scoring.Refuse, scoring.Refuse},
		{"uid:33", 0, scoring.Alarm, scoring.Allow}, // no user
		{"bob@example.es", 90 * time.Minute, scoring.Refuse, scoring.Refuse},
	} {
		c.judged(scoring.Verdict{User: m.user, Time: noon.Add(m.after), Action: m.v, Reasons: []scoring.Reason{reason}, Messages: 3, Recipients: 14}, m.became)
	}
	hours := []control.Hour{
		{Start: noon.Add(-time.Hour).UTC(), Outcomes: control.Outcomes{LetThrough: 1}},
		{Start: noon.UTC(), Outcomes: control.Outcomes{Held: 1, Refused: 1}},
		{Start: noon.Add(time.Hour).UTC(), Outcomes: control.Outcomes{Refused: 3}},
	}
	require.Equal(t, hours, c.hours())
	info := &control.Fate{Since: reason.Time, Messages: 3, Recipients: 14, Refused: 2, Last: noon.Add(62 * time.Minute)}
	require.Equal(t, info, c.fates["info@example.es"])
	require.Equal(t, &control.Fate{Refused: 1, Last: noon.Add(90 * time.Minute)}, c.fates["bob@example.es"], "blocked by hand")

	store, err := state.Open(filepath.Join(t.TempDir(), "state.db"), noon)
	require.NoError(t, err)
	defer store.Close()
	d := &Daemon{memory: newMemory()}
	save := func() {
		batch := &state.Batch{}
		c.put(d, batch)
		require.NoError(t, store.Commit(batch))
	}
	save()
	back := newChronicle()
	require.NoError(t, back.restore(store))
	require.Equal(t, hours, back.hours())
	require.WithinDuration(t, info.Last, back.fates["info@example.es"].Last, 0)

	record, err := store.Load(fatesKey)
	require.NoError(t, err)
	part, is := Part(fatesKey, record, "bob@example.es").(ours)
	require.True(t, is)
	require.Len(t, part.Fates, 1)
	batch := &state.Batch{}
	require.NoError(t, Forget(store, "bob@example.es", batch))
	require.NoError(t, store.Commit(batch))
	record, err = store.Load(fatesKey)
	require.NoError(t, err)
	require.NotContains(t, string(record), "bob")
	require.Contains(t, string(record), "info")

	c.fade(noon.Add(chronicleLife))
	require.Equal(t, hours, c.hours(), "not yet")
	c.fade(noon.Add(chronicleLife + 24*time.Hour))
	require.Empty(t, c.hours())
	save()
	back = newChronicle()
	require.NoError(t, back.restore(store))
	require.Empty(t, back.hours())
}
