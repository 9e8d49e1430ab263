package follow_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sendwarden/follow"
)

const journalVariable = "FOLLOW_TEST_JOURNAL"

// fakeJournalctl prints the entries of a file from a cursor or from a moment on,
// as journalctl --follow does, and dies after as many as the file "crash" beside
// it says; it then waits to be killed.
func fakeJournalctl(path string, args []string) int {
	from, since := "", int64(0)
	for _, a := range args {
		if c, ok := strings.CutPrefix(a, "--cursor="); ok {
			from = c
		}
		if s, ok := strings.CutPrefix(a, "--since=@"); ok {
			since, _ = strconv.ParseInt(s, 10, 64)
		}
	}
	if strings.HasPrefix(from, "s=bad") {
		fmt.Fprintln(os.Stderr, "Failed to seek to cursor: Invalid argument")
		return 1
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 1
	}
	crash, _ := os.ReadFile(path + ".crash")
	left, err := strconv.Atoi(strings.TrimSpace(string(crash)))
	if err != nil {
		left = -1
	}
	skipping := from != ""
	for line := range strings.Lines(string(text)) {
		if skipping = skipping && !strings.Contains(line, `"__CURSOR":"`+from+`"`); skipping {
			continue
		}
		if _, at, ok := strings.Cut(line, `"__REALTIME_TIMESTAMP":"`); ok {
			digits, _, _ := strings.Cut(at, `"`)
			if us, _ := strconv.ParseInt(digits, 10, 64); us/1e6 < since {
				continue
			}
		}
		if left == 0 {
			fmt.Print(line[:len(line)/2]) // cut short by its death
			return 3
		}
		left--
		fmt.Print(line)
	}
	for {
		time.Sleep(time.Hour) // until it is killed
	}
}

func journalEntry(n int, uid, unit, comm, message string) string {
	return fmt.Sprintf(`{"__CURSOR":"s=1;i=%x;t=%x","__REALTIME_TIMESTAMP":"%d","SYSLOG_IDENTIFIER":"postfix/smtpd","_UID":%q,"_SYSTEMD_UNIT":%q,"_COMM":%q,"MESSAGE":%s}`+"\n",
		n, 1_795_831_200_000_000+n, 1_795_831_200_000_000+n, uid, unit, comm, message)
}

// journalReader follows a journal that has the entries of a file.
func journalReader(t *testing.T, entries string, o follow.Options) (*reader, string) {
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path, []byte(entries), 0o600))
	t.Setenv(journalVariable, path)
	o.Journalctl = []string{os.Args[0]}
	return read(t, follow.Journal, o), path
}

// /dev/log takes lines from everybody; what journald itself says of the sender
// decides.
func TestJournalTrust(t *testing.T) {
	entries := journalEntry(1, "0", "postfix@-.service", "smtpd", `"one"`) +
		journalEntry(2, "1000", "user@1000.service", "logger", `"forged by a user"`) +
		journalEntry(3, "33", "postfix.service", "smtpd", `"forged by PHP"`) +
		journalEntry(4, "0", "cron.service", "logger", `"forged in root's crontab"`) +
		journalEntry(5, "0", "", "smtpd", `"journald came too late to see the unit"`) +
		journalEntry(6, "0", "dovecot.service", "log", `[255,111]`) +
		"no JSON\n{}\n" +
		strings.Replace(journalEntry(7, "0", "postfix.service", "smtpd", `"x"`), `"_UID":"0"`, `"_UID":["0","1000"]`, 1) +
		journalEntry(8, "0", "postfix.service", "smtpd", `"`+strings.Repeat("x", follow.MaxLine)+`"`) +
		journalEntry(9, "0", "postfix.service", "smtpd", `"last"`)
	r, _ := journalReader(t, entries, follow.Options{})
	for len(r.ready) < 4 {
		r.batch()
	}
	var got []string
	for _, l := range r.ready {
		_, message, _ := strings.Cut(string(l.Text), `"MESSAGE":`)
		got = append(got, strings.TrimSuffix(message, "}"))
	}
	require.Equal(t, []string{`"one"`, `"journald came too late to see the unit"`, `[255,111]`, `"last"`}, got)
	r.hears("passed over", true)
}

// journalctl dies again and again, in the midst of entries: none is lost or
// doubled.
func TestJournalRestarts(t *testing.T) {
	var entries strings.Builder
	for n := 1; n <= 10; n++ {
		entries.WriteString(journalEntry(n, "0", "postfix.service", "smtpd", strconv.Itoa(n)))
	}
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path, []byte(entries.String()), 0o600))
	require.NoError(t, os.WriteFile(path+".crash", []byte("4"), 0o600))
	t.Setenv(journalVariable, path)
	r := read(t, follow.Journal, follow.Options{Journalctl: []string{os.Args[0]}})
	for len(r.ready) < 10 {
		r.batch()
	}
	for i, l := range r.ready {
		require.Contains(t, string(l.Text), fmt.Sprintf(`"MESSAGE":%d}`, i+1))
	}
	require.Len(t, r.ready, 10)
	r.hears("is started again", false)
	require.Equal(t, "s=1;i=a;t="+strconv.FormatInt(1_795_831_200_000_010, 16), r.position().Cursor)
}

func TestJournalGoesOnAfterAPosition(t *testing.T) {
	entries := journalEntry(1, "0", "postfix.service", "smtpd", "1") + journalEntry(2, "0", "postfix.service", "smtpd", "2")
	at := follow.Position{Source: follow.Journal, Cursor: "s=1;i=1;t=" + strconv.FormatInt(1_795_831_200_000_001, 16)}
	r, _ := journalReader(t, entries, follow.Options{From: []follow.Position{at}})
	r.batch()
	require.Len(t, r.ready, 1)
	require.Contains(t, string(r.ready[0].Text), `"MESSAGE":2}`)
	require.Equal(t, at, r.last.Position(0))
}

// A cursor that the journal does not know costs nothing: its moment is in it.
func TestJournalUnknownCursor(t *testing.T) {
	entries := journalEntry(1, "0", "postfix.service", "smtpd", "1") + journalEntry(2, "0", "postfix.service", "smtpd", "2")
	at := follow.Position{Source: follow.Journal, Cursor: "s=bad;i=1;t=" + strconv.FormatInt(1_795_831_200_000_001, 16)}
	r, _ := journalReader(t, entries, follow.Options{From: []follow.Position{at}})
	r.hears("does not know the entry", true)
	for len(r.ready) == 0 {
		r.batch()
	}
	require.Len(t, r.ready, 1)
	require.Contains(t, string(r.ready[0].Text), `"MESSAGE":2}`)
}

func TestJournalWithoutJournalctl(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var err error
	for b := range follow.Follow(ctx, []string{follow.Journal}, follow.Options{Journalctl: []string{"/nonexistent/journalctl"}}) {
		err = b.Err
	}
	require.ErrorContains(t, err, "journal: ")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A journalctl that does not work is said to be so each time, and tried again.
func TestJournalDown(t *testing.T) {
	t.Setenv(journalVariable, filepath.Join(t.TempDir(), "is not there"))
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	down := 0
	for b := range follow.Follow(ctx, []string{follow.Journal}, follow.Options{Journalctl: []string{os.Args[0]}}) {
		require.NoError(t, b.Err)
		require.ErrorContains(t, b.Down, "journalctl ends again and again (exit status 1)")
		if down++; down == 3 {
			stop()
		}
	}
	require.GreaterOrEqual(t, down, 3)
}

// Journalctl is ended with its reader, also when it has nothing to say.
func TestJournalEnds(t *testing.T) {
	r, _ := journalReader(t, journalEntry(1, "0", "postfix.service", "smtpd", "1"), follow.Options{})
	r.batch()
	begun := time.Now()
	r.end()
	require.Less(t, time.Since(begun), patience)
}
