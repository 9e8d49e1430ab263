//go:build e2e

package blocklist

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// These tests run the installed Postfix's postconf and postmap (with the
// packages postfix-lmdb and postfix-cdb), on a configuration of their own.

func config(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	main := filepath.Join(dir, "main.cf")
	require.NoError(t, os.WriteFile(main, []byte("compatibility_level = 3.6\n"), 0o644))
	hourAgo := time.Now().Add(-time.Hour) // Postfix waits until a new one has settled
	require.NoError(t, os.Chtimes(main, hourAgo, hourAgo))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "master.cf"), nil, 0o644))
	return dir
}

// query asks postmap as smtpd would; empty is not found.
func query(t *testing.T, conf, table, user string) string {
	t.Helper()
	out, err := exec.Command(program("postmap"), "-c", conf, "-q", user, table).Output()
	if err != nil {
		require.Empty(t, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func realTables(t *testing.T, conf string) map[string]Table {
	t.Helper()
	tables := map[string]Table{}
	for _, k := range kinds {
		table, err := NewTable(k.name, conf)
		require.NoError(t, err)
		if !table.ForExim() {
			tables[k.name] = table
		}
	}
	return tables
}

func TestPostfixDetect(t *testing.T) {
	table, err := Detect(context.Background(), config(t))
	require.NoError(t, err)
	require.Equal(t, "lmdb", table.Type())
	_, err = Detect(context.Background(), t.TempDir())
	require.ErrorContains(t, err, "there is no main.cf where Postfix looks for it")
}

func TestPostfixFindsTheBlocked(t *testing.T) {
	conf := config(t)
	for name, table := range realTables(t, conf) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "blocklist")
			l, err := Open(path, table)
			require.NoError(t, err)
			require.NoError(t, l.Block(Entry{User: "Info@Example.es", Action: reject, Notes: []string{"+60 third country\nbob REJECT"}}))
			require.Equal(t, reject, query(t, conf, l.Map(), "iNFO@example.ES"))
			require.Empty(t, query(t, conf, l.Map(), "bob"), "no reason makes an entry")
			_, _, err = l.Release("info@example.es")
			require.NoError(t, err)
			require.Empty(t, query(t, conf, l.Map(), "info@example.es"))

			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = fmt.Fprint(f, "ana@example.es 550 5.7.1 by hand\n")
			require.NoError(t, err)
			require.NoError(t, f.Close())
			change, err := l.Refresh()
			require.NoError(t, err)
			require.Len(t, change.Added, 1)
			require.Equal(t, "550 5.7.1 by hand", query(t, conf, l.Map(), "ana@example.es"))
		})
	}
}

// Every name that CanHold admits is found by the spelling it was blocked under.
func TestPostfixHolds(t *testing.T) {
	conf := config(t)
	table, err := NewTable("lmdb", conf)
	require.NoError(t, err)
	l, err := Open(filepath.Join(t.TempDir(), "blocklist"), table)
	require.NoError(t, err)
	for _, user := range []string{
		"info", "Info@Example.ES", `DOMAIN\User`, `ends\\`, "JÖRG", "Straße", "İstanbul", "ΣΊΣΥΦΟΣ",
		"a:b", "a#b", "a,b=c?", "Ꭰ", strings.Repeat("Ä", maxName/2),
	} {
		require.NoError(t, l.Block(Entry{User: user, Action: "REJECT " + user}), "%q", user)
		require.Equal(t, "REJECT "+user, query(t, conf, l.Map(), user), "%q", user)
	}
}

// Every character folds as Postfix folds it: the table's own keys are compared.
// Newer characters than this Postfix's ICU knows are left out by Go's tables.
func TestPostfixFolds(t *testing.T) {
	conf := config(t)
	path := filepath.Join(t.TempDir(), "alphabet")
	var file strings.Builder
	for r := rune(0x80); r <= unicode.MaxRune; r++ {
		if unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.S) {
			fmt.Fprintf(&file, "%U-%c %c\n", r, r, r)
		}
	}
	require.NoError(t, os.WriteFile(path, []byte(file.String()), 0o640))
	table, err := NewTable("lmdb", conf)
	require.NoError(t, err)
	require.NoError(t, table.Build(context.Background(), path))
	out, err := exec.Command(program("postmap"), "-c", conf, "-s", table.Map(path)).Output()
	require.NoError(t, err)
	require.Greater(t, strings.Count(string(out), "\n"), 100_000)
	for line := range strings.Lines(string(out)) {
		key, char, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		r, _ := utf8.DecodeRuneInString(char)
		if want := Fold(fmt.Sprintf("%U-%c", r, r)); key != want {
			require.Equal(t, key, want, "%U", r)
		}
	}
}

// Of a file that people broke, Postfix and we take the same entries.
func TestPostfixReadsAsWeDo(t *testing.T) {
	conf := config(t)
	for _, file := range []string{
		"a REJECT\n# between\n\n   more\n\tand more\nb REJECT\n",
		"   lost\na REJECT\n",
		"alone\n\"two words\" REJECT\nopen\"quote REJECT\nc REJECT x\n",
		"slash\\ REJECT\nb\\\\ REJECT\nalias: REJECT\n",
		"latin\xf6 REJECT\nutf8ö REJECT\n",
		"a REJECT one\nA REJECT two\n",
		"a REJECT\r\n\r\nb REJECT here\r\n",
		"nb\u00a0sp REJECT\nver\vtab REJECT\n",
		"a REJECT",
		"\xef\xbb\xbfa REJECT\n",
		long(510) + " REJECT\n",
	} {
		path := filepath.Join(t.TempDir(), "blocklist")
		require.NoError(t, os.WriteFile(path, []byte(file), 0o640))
		table, err := NewTable("lmdb", conf)
		require.NoError(t, err)
		l, err := Open(path, table)
		require.NoError(t, err)
		out, err := exec.Command(program("postmap"), "-c", conf, "-s", l.Map()).Output()
		require.NoError(t, err)
		got := map[string]string{}
		for line := range strings.Lines(string(out)) {
			key, action, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			got[key] = action
		}
		want := map[string]string{}
		for fold, e := range l.now().current() {
			want[fold] = e.Action
		}
		require.Equal(t, want, got, "%q", file)
	}
}

// One name that is too long would keep postmap from building anything; the
// error has its words, and the fault its line.
func TestPostfixRefusesALongKey(t *testing.T) {
	conf := config(t)
	path := filepath.Join(t.TempDir(), "blocklist")
	require.NoError(t, os.WriteFile(path, []byte(long(maxKey)+" REJECT\n"), 0o640))
	table, err := NewTable("lmdb", conf)
	require.NoError(t, err)
	l, err := Open(path, table)
	require.ErrorIs(t, err, ErrTable)
	require.ErrorContains(t, err, "MDB_BAD_VALSIZE")
	require.Equal(t, 1, l.Problems()[0].Line)
}

func TestPostfixBrokenLMDBIsMadeAnew(t *testing.T) {
	conf := config(t)
	path := filepath.Join(t.TempDir(), "blocklist")
	require.NoError(t, os.WriteFile(path+".lmdb", make([]byte, 20_000), 0o640))
	table, err := NewTable("lmdb", conf)
	require.NoError(t, err)
	l, err := Open(path, table)
	require.NoError(t, err)
	require.NoError(t, l.Block(Entry{User: "bob", Action: reject}))
	require.Equal(t, reject, query(t, conf, l.Map(), "bob"))
}

// A process that has the table open stands for an smtpd in the middle of a
// session: it sees the next state of lmdb, as Live promises, and of no other.
func TestPostfixReachesOpenSessions(t *testing.T) {
	conf := config(t)
	for name, table := range realTables(t, conf) {
		t.Run(name, func(t *testing.T) {
			l, err := Open(filepath.Join(t.TempDir(), "blocklist"), table)
			require.NoError(t, err)
			require.NoError(t, l.Block(Entry{User: "canary", Action: "REJECT"}))
			cmd := exec.Command(program("postmap"), "-c", conf, "-q", "-", l.Map())
			in, err := cmd.StdinPipe()
			require.NoError(t, err)
			var answers strings.Builder
			cmd.Stdout = &answers
			require.NoError(t, cmd.Start())
			// More than a pipe holds: when it is written, the canary was looked up.
			_, err = fmt.Fprint(in, "canary\n", strings.Repeat("nobody\n", 40_000))
			require.NoError(t, err)
			require.NoError(t, l.Block(Entry{User: "bob", Action: "REJECT"}))
			_, err = fmt.Fprint(in, "bob\n")
			require.NoError(t, err)
			require.NoError(t, in.Close())
			require.NoError(t, cmd.Wait())
			want := "canary\tREJECT\n"
			if table.Live() {
				want += "bob\tREJECT\n"
			}
			require.Equal(t, want, answers.String())
		})
	}
}
