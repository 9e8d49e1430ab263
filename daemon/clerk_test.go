package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"sendwarden/blocklist"
	"sendwarden/state"

	"github.com/stretchr/testify/require"
)

// desk is a clerk whose Postfix answers as the test says, and what it told of.
type desk struct {
	*clerk
	answer  error
	reloads []string
	faults  []string
}

func newDesk() *desk {
	d := &desk{}
	d.clerk = &clerk{log: slog.New(slog.DiscardHandler), failing: make(map[string]bool), jobs: make(chan func(context.Context), maxJobs)}
	d.run = func(_ context.Context, name string, args ...string) (string, error) {
		for _, a := range args {
			name += " " + a
		}
		d.reloads = append(d.reloads, name)
		return "", d.answer
	}
	d.fault = func(text string, err error) {
		if err != nil {
			text += ": " + err.Error()
		}
		d.faults = append(d.faults, text)
	}
	return d
}

var six = time.Date(2026, 4, 15, 6, 0, 0, 0, time.UTC)

// Postfix is told of changes at most every ten seconds, and told again when it did
// not hear; the fault and its end are said once.
func TestClerkReload(t *testing.T) {
	d := newDesk()
	d.configDir = "/etc/postfix-out"
	at := func(s int) { d.reload(context.Background(), six.Add(time.Duration(s)*time.Second)) }
	at(0)
	require.Empty(t, d.reloads, "nothing has changed")
	d.due, d.answer = true, errors.New("the mail system is not running")
	at(1)
	at(2)
	at(10)
	require.Equal(t, []string{"postfix -c /etc/postfix-out reload"}, d.reloads)
	d.answer = nil
	at(11)
	require.Len(t, d.reloads, 2)
	require.Equal(t, []string{noReload + ": the mail system is not running", noReload}, d.faults)
	at(60)
	require.Len(t, d.reloads, 2, "it has heard")
}

// A thief's addresses are shut out and let in again, in the order in which that was
// asked for; what was asked for before the end is done.
func TestClerkShutsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, dir := newDesk(), t.TempDir()
		store, err := state.Open(filepath.Join(dir, "state.db"), six)
		require.NoError(t, err)
		d.store, d.tell.addresses = store, true
		file := filepath.Join(dir, "addresses")
		d.addresses, err = blocklist.OpenAddresses(file, blocklist.AddressOptions{}, six)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { defer close(over); d.work(ctx) }()

		thief := netip.MustParseAddr("192.0.2.7")
		d.shutOut("ana@example.es", nil)
		d.shutOut("ana@example.es", []netip.Addr{thief})
		synctest.Wait()
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(text), "192.0.2.7")
		time.Sleep(2 * time.Second) // the bubble's clock
		synctest.Wait()
		require.Equal(t, []string{"postfix reload"}, d.reloads)

		cancel()
		<-over
		d.clerk.release("ana@example.es") // asked for as the daemon ends
		d.work(ctx)
		text, err = os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(text), "\n192.0.2.7")
		require.NoError(t, store.Close())
	})
}

// Header checks are written when the blocklist says something else, and not for a
// comment that has changed.
func TestClerkHeaderChecks(t *testing.T) {
	d := newDesk()
	d.headers = blocklist.HeaderConfig{File: filepath.Join(t.TempDir(), "header_checks"), Host: "mail.example.es"}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	entries := []blocklist.Entry{{User: "ana@example.es", Action: "REJECT"}}
	d.list(entries, six)
	d.list([]blocklist.Entry{{User: "ana@example.es", Action: "REJECT", Line: 7}}, six)
	require.Len(t, d.jobs, 1)
	d.work(ended)
	same, err := blocklist.HasHeaderChecks(d.headers.File, entries, "mail.example.es")
	require.NoError(t, err)
	require.True(t, same)

	d.headers.File = "/nowhere/header_checks"
	d.list(nil, six)
	d.work(ended)
	require.Len(t, d.faults, 1)
	require.Contains(t, d.faults[0], noHeaders+": ")

	var none *clerk // where no table is kept
	none.list(entries, six)
	none.shutOut("ana@example.es", []netip.Addr{netip.MustParseAddr("192.0.2.7")})
	none.release("ana@example.es")
	none.work(ended)
}
