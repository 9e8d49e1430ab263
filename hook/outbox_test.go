package hook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"sendwarden/alert"
)

// What waits, and what runs, is remembered until it has been run to its end: by a
// daemon that is killed then, and the next.
func TestOutbox(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	gate := filepath.Join(t.TempDir(), "gate")
	slow := script(t, `echo "begun $SENDWARDEN_USER" >>`+out+`; until [ -e `+gate+` ]; do sleep 0.02; done; echo "$SENDWARDEN_ID" >>`+out)
	lines := func() string {
		text, _ := os.ReadFile(out)
		return string(text)
	}
	config := Config{{On: []alert.Kind{alert.Block}, Run: []string{slow}}}
	s := start(t, config)
	s.Tell(notice(alert.Block, "ana"))
	eventually(t, func() bool { return lines() == "begun ana\n" })
	s.Tell(notice(alert.Block, "bob"))
	s.Tell(notice(alert.Release, "carol"))
	record, err := json.Marshal(s.Outbox())
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(gate, nil, 0o644))
	eventually(t, func() bool { return len(s.Outbox()) == 0 })
	s.stop()
	const both = "begun ana\nblock 2026-03-28T12:00:00Z ana\nbegun bob\nblock 2026-03-28T12:00:00Z bob\n"
	require.Equal(t, both, lines())

	var left []Waiting
	require.NoError(t, json.Unmarshal(record, &left))
	next := start(t, config, left...)
	eventually(t, func() bool { return lines() == both+both })
	require.Empty(t, next.failures())
	next.stop()

	without := start(t, nil, left...)
	require.Equal(t, []string{"ana: the hook hook for block: not run: it is not configured any more, or too many notices wait for it",
		"bob: the hook hook for block: not run: it is not configured any more, or too many notices wait for it"}, without.failures())
	require.Empty(t, without.Outbox())
}
