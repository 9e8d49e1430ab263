package doctor

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sendwarden/shared"
	"sendwarden/state"

	"github.com/stretchr/testify/require"
)

func TestCheckState(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	in := &Installation{Now: time.Now(), State: path}
	require.Empty(t, checkState(t.Context(), in), "nothing was started yet")
	in.Daemons = []Process{{pid: os.Getpid()}}
	require.Equal(t, Warning, one(t, checkState(t.Context(), in)).State, "a daemon runs, and has another file")
	in.Daemons = nil

	store, err := state.Open(path, noon)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.Equal(t, OK, one(t, checkState(t.Context(), in)).State)

	require.NoError(t, os.Chmod(path, 0o644))
	found := checkState(t.Context(), in)
	require.Len(t, found, 2)
	require.Contains(t, line(found[0]), "warning: "+path+": others may read what is remembered of people")
	require.NoError(t, os.Chmod(path, 0o600))

	in.Daemons = []Process{{pid: os.Getpid()}}
	require.NoError(t, os.Chtimes(path, time.Time{}, in.Now.AddDate(0, 0, -4)))
	f := one(t, checkState(t.Context(), in))
	require.Equal(t, Warning, f.State)
	require.Contains(t, f.Fact, "nothing was written to it since")
	in.Daemons = nil

	require.NoError(t, os.WriteFile(path, []byte("what a crash has left"), 0o600))
	f = one(t, checkState(t.Context(), in))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Remedy, "sets a damaged one aside")
}

// An engine that is out of reach, or takes connections and keeps silent.
func TestCheckEngine(t *testing.T) {
	require.Empty(t, checkEngine(t.Context(), &Installation{}))
	for _, url := range []string{"redis://127.0.0.1:1", "redis+unix:///nowhere/redis.sock"} {
		c, err := shared.Parse(url)
		require.NoError(t, err)
		f := one(t, checkEngine(t.Context(), &Installation{Engine: &c}))
		require.Equal(t, Fault, f.State)
		require.Contains(t, f.Fact, url+": ")
		require.Contains(t, f.Remedy, "this host goes on by what it knows")
	}
}

func TestCheckDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root is held by nothing")
	}
	dir := t.TempDir()
	in := &Installation{List: filepath.Join(dir, "blocklist"), State: "/nowhere/state.db", Account: "nobody"}
	require.NoError(t, os.Chmod(dir, 0o755))
	found := checkDisk(t.Context(), in)
	require.Contains(t, line(found[0]), "fault: "+dir+": the account nobody can't write there: ")
	require.Contains(t, found[0].Remedy, "what can't be written blocks nobody")
	require.Contains(t, found[1].Fact, " MB free")
	require.Len(t, found, 2, "of what is not there, others speak")

	in.Account = "root"
	require.NotContains(t, line(checkDisk(t.Context(), in)[0]), "can't write")
	f, is := space("/proc", "/somewhere")
	require.True(t, is)
	require.Equal(t, Fault, f.State, "a file system without room")
	if f, is := space("/sys", "/somewhere"); is && f.State == Fault {
		require.Contains(t, f.Remedy, "what can't be written blocks nobody")
	}
}
