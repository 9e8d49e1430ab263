package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"sendwarden/blocklist"

	"github.com/stretchr/testify/require"
)

func TestCheckAddresses(t *testing.T) {
	in := mapped(t, map[string]string{})
	require.Empty(t, checkAddresses(t.Context(), in), "there is no such table")
	in.With.Addresses = blocklist.AddressConfig{File: filepath.Join(t.TempDir(), "addresses")}
	f := one(t, checkAddresses(t.Context(), in))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Remedy, "start the daemon, which makes it")
	require.NoError(t, os.WriteFile(in.With.Addresses.File, nil, 0o644))
	f = one(t, checkAddresses(t.Context(), in))
	require.Equal(t, Warning, f.State, "a Postfix without services asks it nowhere: %s", f.Fact)
	in.Postfix = nil
	require.Empty(t, checkAddresses(t.Context(), in))
}

// Header checks follow the blocklist; a Postfix that has better is told so.
func TestCheckHeaderChecks(t *testing.T) {
	in := mapped(t, map[string]string{})
	require.Empty(t, checkHeaderChecks(t.Context(), in))
	in.With.HeaderChecks = blocklist.HeaderConfig{File: filepath.Join(t.TempDir(), "header_checks"), Host: "mail.example.es"}
	require.Equal(t, Fault, one(t, checkHeaderChecks(t.Context(), in)).State)
	require.NoError(t, os.WriteFile(in.With.HeaderChecks.File, []byte("# another list\n"), 0o644))
	f := one(t, checkHeaderChecks(t.Context(), in))
	require.Contains(t, f.Fact, "is not what the blocklist says")

	entries, err := blocklist.Read(in.List)
	require.NoError(t, err)
	_, faults, err := blocklist.WriteHeaderChecks(in.With.HeaderChecks.File, entries, "mail.example.es", noon)
	require.Empty(t, faults)
	require.NoError(t, err)
	f = one(t, checkHeaderChecks(t.Context(), in))
	require.Equal(t, Warning, f.State)
	require.Contains(t, f.Fact, "this Postfix has check_sasl_access")
}
