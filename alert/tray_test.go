package alert

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

// play lets notices come, a line each ("12:03 block ana"), and returns what
// went until midnight: "12:10 2: block ana, block bob". Each message takes no time.
func play(t *testing.T, tr *tray, fails func(time.Time) bool, story string) string {
	t.Helper()
	var told strings.Builder
	run := func(until time.Time, now time.Time) {
		for {
			at, any := tr.due(now)
			if now = later(now, at); !any || now.After(until) {
				return
			}
			d := tr.digest(now, "")
			var names []string
			for _, n := range d.notices {
				names = append(names, fmt.Sprintf("%s %s", n.Kind, n.User))
			}
			what := strings.Join(names, ", ")
			if d.brief {
				what = fmt.Sprintf("brief %d", len(names))
			}
			if fails(now) {
				what = "failed"
				tr.failed(now)
			} else {
				tr.went(d, now)
			}
			fmt.Fprintf(&told, "%s %s\n", now.Format("15:04:05"), what)
		}
	}
	now := noon
	for line := range strings.Lines(story) {
		f := strings.Fields(line)
		at, err := time.Parse("15:04", f[0])
		require.NoError(t, err)
		next := noon.Add(at.Sub(time.Date(0, 1, 1, 12, 0, 0, 0, time.UTC)))
		run(next, now)
		now = next
		require.Nil(t, tr.add(Notice{Kind: Kind(f[1]), User: f[2], Time: now}, now))
		run(now, now)
	}
	run(noon.Add(36*time.Hour), now)
	return told.String()
}

func never(time.Time) bool { return false }

func newTray() *tray { return &tray{on: Kinds(), interval: interval, perHour: perHour} }

func TestFirstAtOnceOthersGathered(t *testing.T) {
	require.Equal(t, "12:00:00 block ana\n12:10:00 brake carol, block bob\n13:00:00 block dan\n",
		play(t, newTray(), never, "12:00 block ana\n12:03 block bob\n12:04 brake carol\n13:00 block dan\n"))
}

func TestHoldsRideAlong(t *testing.T) {
	require.Equal(t, "12:30:00 block bob, hold ana\n", play(t, newTray(), never, "12:00 hold ana\n12:30 block bob\n"))
	require.Equal(t, "12:00:00 hold ana, release ana\n", play(t, newTray(), never, "12:00 hold ana\n12:30 release ana\n"), "a day later")
}

func TestOnlyWhatIsAskedFor(t *testing.T) {
	tr := newTray()
	tr.on = usualKinds()
	require.Equal(t, "13:00:00 fault x\n", play(t, tr, never, "12:00 hold ana\n12:30 release bob\n13:00 fault x\n"))
}

// A storm of one block a minute makes no more than the hour's messages, and
// whoever came beyond them is named in the next one.
func TestCap(t *testing.T) {
	tr := newTray()
	tr.interval, tr.perHour = time.Minute, 3
	var story strings.Builder
	for minute := range 59 {
		fmt.Fprintf(&story, "12:%02d block u%d\n", minute, minute)
	}
	require.Equal(t, "12:00:00 block u0\n12:01:00 block u1\n12:02:00 block u2\n13:00:00 brief 56\n",
		play(t, tr, never, story.String()))
}

func TestRetries(t *testing.T) {
	until := func(end string) func(time.Time) bool {
		return func(now time.Time) bool { return now.Format("15:04") < end }
	}
	require.Equal(t, "12:00:00 failed\n12:00:30 failed\n12:01:30 block ana\n",
		play(t, newTray(), until("12:01"), "12:00 block ana\n"))
	// What comes meanwhile goes with it, and does not hasten it.
	require.Equal(t, "12:00:00 failed\n12:00:30 failed\n12:01:30 failed\n12:03:30 failed\n12:07:30 failed\n12:15:30 failed\n"+
		"12:31:30 failed\n13:01:30 failed\n13:31:30 failed\n14:01:30 block ana, block bob\n",
		play(t, newTray(), until("14:00"), "12:00 block ana\n12:05 block bob\n"))
}

func TestTooManyWait(t *testing.T) {
	tr := newTray()
	for i := range maxWaiting {
		require.Nil(t, tr.add(Notice{Kind: Block, User: fmt.Sprint(i), Time: noon}, noon))
	}
	first := tr.digest(noon, "")
	require.Equal(t, "0", tr.add(Notice{Kind: Block, User: "last", Time: noon}, noon).User)
	d := tr.digest(noon, "")
	require.Equal(t, fmt.Sprintf("%d blocked, 1 more", maxWaiting), d.subject())
	require.Contains(t, d.text(), "There was no room for 1 older notice; the daemon's log has them.")
	require.Contains(t, d.text(), fmt.Sprintf("and %d more: sendwarden list\n", maxWaiting-maxHeadlines))
	require.Less(t, len(d.text()), 64<<10)
	tr.went(first, noon)
	require.Len(t, tr.waiting, 1)
	require.Equal(t, "last", tr.waiting[0].User)
}

func TestSingle(t *testing.T) {
	tr := &tray{on: []Kind{Block}, perHour: 2, single: true}
	require.Equal(t, "12:00:00 block a\n12:00:00 block b\n13:00:00 block c\n",
		play(t, tr, never, "12:00 block a\n12:00 block b\n12:00 block c\n"))
}
