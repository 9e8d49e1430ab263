package blocklist

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The file is written when the list says something else, and not for the time alone.
func TestWriteHeaderChecks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "header_checks")
	ana := []Entry{{User: "ana@example.es", Action: "REJECT"}, {User: "who(x)", Action: "REJECT"}}
	write := func(entries []Entry, now time.Time) (changed bool, faults int) {
		changed, all, err := WriteHeaderChecks(path, entries, "mail.example.es", now)
		require.NoError(t, err)
		return changed, len(all)
	}
	_, err := HasHeaderChecks(path, nil, "mail.example.es")
	require.Error(t, err)

	changed, faults := write(ana, morning)
	require.True(t, changed)
	require.Equal(t, 1, faults)
	require.Contains(t, contents(t, path), `Authenticated sender: ana@example\.es\)`)
	before := contents(t, path)
	changed, faults = write(ana, morning.Add(time.Hour))
	require.False(t, changed)
	require.Equal(t, 1, faults, "said each time")
	require.Equal(t, before, contents(t, path))

	for entries, want := range map[*[]Entry]bool{&ana: true, {}: false} {
		same, err := HasHeaderChecks(path, *entries, "mail.example.es")
		require.NoError(t, err)
		require.Equal(t, want, same)
	}
	changed, _ = write(nil, morning.Add(2*time.Hour))
	require.True(t, changed)
	require.NotContains(t, contents(t, path), "ana@")
	_, _, err = WriteHeaderChecks(filepath.Join(t.TempDir(), "none", "x"), ana, "mail.example.es", morning)
	require.Error(t, err)
}
