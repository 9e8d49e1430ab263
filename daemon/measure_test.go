package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sendwarden/follow"
	"sendwarden/metrics"
	"sendwarden/scoring"

	"github.com/stretchr/testify/require"
)

// measured is a daemon as far as its problems go, which has read a log of 12
// bytes up to its end.
func measured(t *testing.T) (d *Daemon, log string) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "mail.log")
	require.NoError(t, os.WriteFile(log, []byte("first\nsecond"), 0o600))
	info, err := os.Stat(log)
	require.NoError(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	at := follow.Position{Source: log, Files: []follow.Place{{Device: stat.Dev, Inode: stat.Ino, Offset: 12}}}
	return &Daemon{
		log: slog.New(slog.DiscardHandler), failing: make(map[string]string),
		logs:  logs{positions: map[string]follow.Position{log: at, follow.Journal: {Source: follow.Journal}}},
		meter: &meter{set: metrics.New("test"), unread: make(map[string]delay)},
	}, log
}

var ten = time.Date(2026, 4, 15, 10, 0, 0, 0, time.UTC)

// A log to which nobody writes is no problem, however long it is silent.
func TestSilentLogIsNoProblem(t *testing.T) {
	d, log := measured(t)
	require.Empty(t, d.problems(ten))
	require.Empty(t, d.problems(ten.Add(24*time.Hour)))
	require.NoError(t, os.Remove(log), "as between two files of a rotation")
	require.Empty(t, d.problems(ten.Add(25*time.Hour)))
}

func TestUnreadLogIsAProblem(t *testing.T) {
	d, log := measured(t)
	require.NoError(t, os.WriteFile(log, []byte("first\nsecond\nthird\n"), 0o600))
	require.Empty(t, d.problems(ten), "it came just now")
	require.Empty(t, d.problems(ten.Add(maxDelay)))
	require.Equal(t, []string{log + ": what was written to it has not been read for 1m5s"}, d.problems(ten.Add(65*time.Second)))

	at := d.logs.positions[log]
	at.Files[0].Offset = 15
	require.Empty(t, d.problems(ten.Add(66*time.Second)), "it is behind, but it moves")
	at.Files[0].Offset = 19
	require.Empty(t, d.problems(ten.Add(time.Hour)))

	require.NoError(t, os.Rename(log, log+".1"))
	require.NoError(t, os.WriteFile(log, []byte("of the next file\n"), 0o600))
	require.Empty(t, d.problems(ten.Add(2*time.Hour)))
	require.Len(t, d.problems(ten.Add(2*time.Hour+2*time.Minute)), 1, "the new file is not read at all")
}

func TestSaveThatDoesNotEndIsAProblem(t *testing.T) {
	d, _ := measured(t)
	d.memory.saving = true // each time that it is looked at, but another save
	for i := range 100 {
		require.Empty(t, d.problems(ten.Add(time.Duration(i)*time.Second)))
		d.meter.saved(time.Millisecond, nil)
	}
	require.Empty(t, d.problems(ten.Add(100*time.Second)))
	require.Equal(t, []string{"what is remembered has been on its way to the disk for 2m0s"}, d.problems(ten.Add(220*time.Second)))
}

func TestFaultsAreProblems(t *testing.T) {
	d, _ := measured(t)
	d.failing[unsaved] = "no space left on device"
	d.failing[oldDatabase] = "mail goes on with the old one"
	d.meter.left()
	require.Equal(t, []string{unsaved + ": no space left on device", "Postfix is not answered at the door"}, d.problems(ten))
}

// Without a monitoring system nothing is measured, and nothing is missed.
func TestNoMeter(t *testing.T) {
	m, err := openMeter(metrics.Config{}, "test")
	require.NoError(t, err)
	require.Nil(t, m)
	m.judged("ES", scoring.Verdict{})
	m.saved(time.Second, nil)
	m.came("mail.log")
	m.taken(nil)
	m.left()
	(&Daemon{}).measure(ten)
}
