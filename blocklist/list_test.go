package blocklist

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const reject = "REJECT 5.7.1 Sending is suspended for this account: unusual logins. Please contact your administrator."

var since = time.Date(2026, 4, 15, 21, 15, 2, 0, time.FixedZone("", 2*60*60))

// open makes a list of the text, which Postfix would read itself.
func open(t *testing.T, text string) (*List, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "blocklist")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o640))
	l, err := Open(path, Table{})
	require.NoError(t, err)
	return l, path
}

func contents(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestBlockAndRelease(t *testing.T) {
	l, path := open(t, "# ours\n\npostmaster DUNNO\n")
	e := Entry{User: "info@example.es", Action: reject, Since: since, Score: 142,
		Notes: []string{"info@example.es: blocked 2026-04-15 21:15:02 +0200, score 142 of 100; 7 messages", "  +60 third country"}}
	require.NoError(t, l.Block(e))
	got, ok := l.Lookup("Info@Example.ES")
	require.True(t, ok)
	require.True(t, got.Blocks())
	e.Line = 7
	require.Equal(t, e.Notes, got.Notes)
	require.True(t, e.Since.Equal(got.Since))
	require.Equal(t, 142.0, got.Score)
	require.Equal(t, 7, got.Line)

	require.ErrorIs(t, l.Block(e), ErrAlready)
	require.ErrorIs(t, l.Block(Entry{User: "POSTMASTER", Action: reject}), ErrExempt)

	_, found, err := l.Release("INFO@example.es")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "# ours\n\npostmaster DUNNO\n", contents(t, path))

	change, err := l.Refresh()
	require.NoError(t, err)
	require.True(t, change.Empty(), "our own doing is no news")
}
