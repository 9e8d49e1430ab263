package daemon

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/policy"
	"sendwarden/scoring"
	"sendwarden/settings"

	"github.com/stretchr/testify/require"
)

const timedRules = `
threshold: {hold: 50, block: 100}
half_life: 2h
rules:
  - {name: new country, when: new_country, points: 40}
  - {name: third country, when: 'strange_countries("3h") >= 3', points: 60}
`

// Addresses of the embedded data: two of Spain's, and of three other countries.
const (
	home, office   = "80.58.61.250", "80.58.61.251"
	brazil, russia = "177.32.18.77", "178.66.201.14"
	vietnam        = "14.160.33.192"
)

// turns are moments of a log without years and zones, in Madrid: New Year, both
// changes of the hour, and an ordinary day.
const turns = `
	Dec 31 23:40:00 ana ` + home + `
	Dec 31 23:58:30 ana ` + brazil + `
	Dec 31 23:59:59 bob ` + home + `
	Jan  1 00:00:01 ana ` + russia + `
	Jan  1 00:00:00 ana ` + office + `
	Jan  1 09:00:00 bob ` + office + `
	Mar 29 01:59:58 carol ` + home + `
	Mar 29 03:00:01 carol ` + brazil + `
	Mar 29 01:59:59 dora ` + home + `
	Mar 29 03:00:02 carol ` + russia + `
	Mar 29 03:20:00 dora ` + office + `
	Oct 25 02:50:00 eva ` + home + `
	Oct 25 02:59:50 eva ` + brazil + `
	Oct 25 02:00:10 eva ` + russia + `
	Oct 25 02:00:07 bob ` + home + `
	Oct 25 03:00:00 frank ` + home + `
	Nov 20 10:00:05 frank ` + brazil + `
	Nov 20 10:00:03 bob ` + office + `
	Nov 20 10:00:01 frank ` + russia + `
	Nov 20 10:00:02 frank ` + vietnam + `
	Nov 20 10:00:09 frank ` + home + `
`

// timed is a daemon whose clock is the test's.
type timed struct {
	*Daemon
	clock time.Time
}

func newTimed(t *testing.T, zone *time.Location) *timed {
	t.Helper()
	d := &timed{}
	rules, sections, err := settings.Parse("rules.yaml", []byte(timedRules))
	require.NoError(t, err)
	dir := t.TempDir()
	table, err := blocklist.NewTable("texthash", "")
	require.NoError(t, err)
	list, err := blocklist.Open(filepath.Join(dir, "blocklist"), table)
	require.NoError(t, err)
	places, err := geo.Open()
	require.NoError(t, err)
	d.Daemon = New(rules, sections, Options{List: list, State: filepath.Join(dir, "state.db"), Places: places, Zone: zone, Queue: &fakeQueue{},
		Now: func() time.Time { return d.clock }, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, d.openMemory(d.with.State))
	require.NoError(t, d.remember())
	t.Cleanup(func() {
		d.lastSave()
		require.Empty(t, d.failing)
	})
	return d
}

// reads takes a line, and what it makes of it is done.
func (d *timed) reads(t *testing.T, line string) {
	t.Helper()
	require.NoError(t, d.take(follow.Batch{Source: "mail.log", Lines: []follow.Line{{Text: []byte(line)}}}))
	d.letGoUntil(d.clock)
	d.perform()
}

// verdicts are who was blocked, when, at what score.
func (d *timed) verdicts() (blocks []string) {
	for _, e := range d.list.Entries() {
		blocks = append(blocks, fmt.Sprintf("%s %s %.1f", e.Since.Format(time.RFC3339), e.User, e.Score))
	}
	return blocks
}

// postfix writes the lines of turns as Postfix does, with the stamp that each begins
// with.
func postfixLines(turns string) (lines []string) {
	for line := range strings.Lines(turns) {
		stamp, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if rest == "" {
			continue
		}
		words := strings.Fields(rest)
		lines = append(lines, fmt.Sprintf("%s:%s mail postfix/smtpd[7]: %XA1: client=unknown[%s], sasl_method=PLAIN, sasl_username=%s@example.es",
			stamp, words[0], 0x4A672+len(lines), words[2], words[1]))
	}
	return lines
}

// However the clock of the machine jumps, forth and back and over a whole day, the
// daemon gives the verdicts that a replay of the same log gives, at New Year, when the
// hour changes, and of lines that come out of order.
func TestClockJumps(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	require.NoError(t, err)
	lines := postfixLines(turns)
	expected := replayed(t, madrid, lines)
	require.Equal(t, []string{
		"2026-01-01T00:00:01+01:00 ana@example.es 175.3",
		"2026-03-29T03:00:02+02:00 carol@example.es 120.0",
		"2026-10-25T02:00:10+01:00 eva@example.es 117.6",
		"2026-11-20T10:00:02+01:00 frank@example.es 120.0",
	}, expected)

	for name, jump := range map[string]func(i int) time.Duration{
		"a clock that is right":                func(int) time.Duration { return 0 },
		"five hours forth and back":            func(i int) time.Duration { return time.Duration(i%3-1) * 5 * time.Hour },
		"a day behind, and then right":         func(i int) time.Duration { return -24 * time.Hour * time.Duration((i+1)%2) },
		"twenty hours ahead with each other":   func(i int) time.Duration { return 20 * time.Hour * time.Duration(i%2) },
		"a clock that has not moved all along": nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := newTimed(t, madrid)
			for i, at := range instants(t, madrid, lines) {
				if d.clock = at; jump != nil {
					d.clock = at.Add(jump(i))
				} else if i > 0 {
					d.clock = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
				}
				d.reads(t, lines[i])
			}
			require.Equal(t, expected, d.verdicts())
		})
	}
}

// Another zone of the machine's, with a zone for the log, changes nothing; a log whose
// stamps carry their zone needs none.
func TestZoneOfTheMachine(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	require.NoError(t, err)
	lines := postfixLines(turns)
	expected := replayed(t, madrid, lines)
	at := instants(t, madrid, lines)
	for _, zone := range []string{"America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland"} {
		there, err := time.LoadLocation(zone)
		require.NoError(t, err)
		d, zoned := newTimed(t, madrid), newTimed(t, there)
		for i, line := range lines {
			d.clock, zoned.clock = at[i].In(there), at[i].In(there)
			d.reads(t, line)
			zoned.reads(t, at[i].Format("2006-01-02T15:04:05.000000Z07:00")+line[len("Dec 31 23:40:00"):])
		}
		require.Equal(t, expected, d.verdicts(), zone)
		require.Equal(t, expected, zoned.verdicts(), zone)
	}
}

// replayed are the verdicts of the lines when they are all old.
func replayed(t *testing.T, zone *time.Location, lines []string) (blocks []string) {
	t.Helper()
	rules, err := scoring.Parse("rules.yaml", []byte(timedRules))
	require.NoError(t, err)
	places, err := geo.Open()
	require.NoError(t, err)
	path := judge.Path{Places: places, Scorer: scoring.New(rules), Released: func(scoring.Release) {}, Doubtful: func(*maillog.Event) {}}
	path.Judged = func(_ *maillog.Event, v scoring.Verdict) {
		if v.Action == scoring.Block {
			blocks = append(blocks, fmt.Sprintf("%s %s %.1f", v.Time.Format(time.RFC3339), v.User, v.Score))
		}
	}
	parser := maillog.NewParser(maillog.Options{Location: zone, Reference: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Clients: true})
	var ev maillog.Event
	for _, line := range lines {
		require.True(t, parser.Parse([]byte(line), &ev), line)
		path.Follow(&ev)
	}
	return blocks
}

// instants are when the lines were written.
func instants(t *testing.T, zone *time.Location, lines []string) (at []time.Time) {
	t.Helper()
	parser := maillog.NewParser(maillog.Options{Location: zone, Reference: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Clients: true})
	var ev maillog.Event
	for _, line := range lines {
		require.True(t, parser.Parse([]byte(line), &ev), line)
		at = append(at, ev.Time)
	}
	return at
}

// At the door the clock counts. One that jumps between two messages neither lets a
// thief go nor makes a stranger of who writes from home.
func TestClockJumpsAtTheDoor(t *testing.T) {
	begin := time.Date(2026, 4, 15, 10, 0, 0, 0, time.UTC)
	for _, jump := range []time.Duration{0, time.Minute, -time.Minute, 2 * time.Hour, -2 * time.Hour, -7 * time.Hour, -26 * time.Hour} {
		d := newTimed(t, time.UTC)
		n := 0
		asks := func(user, ip string) string {
			n++
			answer := d.answer(&policy.Request{State: "DATA", User: user, Addr: netip.MustParseAddr(ip), QueueID: fmt.Sprintf("%XF%d", 0xA672A9BAA, n), Method: "PLAIN"})
			d.perform()
			word, _, _ := strings.Cut(answer.String(), " ")
			return word
		}
		for day := range 3 {
			d.clock = begin.AddDate(0, 0, day-3)
			require.Equal(t, "DUNNO", asks("ana@example.es", home))
			require.Equal(t, "DUNNO", asks("bob@example.es", home))
		}
		d.clock = begin
		asks("ana@example.es", brazil)
		d.clock = begin.Add(jump)
		require.Equal(t, "DUNNO", asks("bob@example.es", office), "jump %v", jump)
		asks("ana@example.es", russia)
		d.clock = d.clock.Add(time.Second)
		asks("ana@example.es", vietnam)
		require.Equal(t, "REJECT", asks("ana@example.es", home), "jump %v", jump)
		d.clock = begin.Add(time.Minute)
		require.Equal(t, "REJECT", asks("ana@example.es", home), "the clock is put right again")
		require.Equal(t, "DUNNO", asks("bob@example.es", home), "jump %v", jump)
		require.Len(t, d.list.Entries(), 1)
	}
}

func TestMain(m *testing.M) {
	// The machine's own zone must not count: the tests name what they mean.
	if err := os.Setenv("TZ", "Pacific/Chatham"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
