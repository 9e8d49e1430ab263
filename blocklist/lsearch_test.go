package blocklist

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a person or the daemon wrote is on the left, what Exim reads on the right.
func TestLsearch(t *testing.T) {
	const usual = "5.7.1 Sending is suspended for this account. Please contact your administrator."
	for before, want := range map[string]string{
		"info@example.es REJECT 5.7.1 Sending is suspended.": "info@example.es  5.7.1 Sending is suspended.",
		"Info@Example.es 554 5.7.1 no ${run{/bin/sh}} $h_x:": "Info@Example.es  5.7.1 no ${run{/bin/sh}} $h_x:", // Exim does not expand what it looked up
		"info REJECT":                        "info  " + usual,
		"info DEFER 4.7.1 Try later":         "info  " + usual,
		"info HOLD":                          "info  " + usual,
		"local:www-data REJECT 5.7.1 no":     `"local:www-data"  5.7.1 no`,
		`a:b\c REJECT no`:                    `"a:b\\c"  no`,
		`jos\303\251 REJECT no`:              `jos\303\251  no`,
		"josé REJECT no":                     "josé  no\n" + `jos\303\251  no`,
		"a#b REJECT no":                      `"a#b"  no`,
		"info DUNNO\nINFO REJECT":            "", // the first line counts
		"info OK":                            "",
		"# info REJECT":                      "",
		"info REJECT one\n    and more":      "info  one    and more",
		"info WARN\nbob REJECT no\nbob OK\n": "bob  no",
	} {
		t.Run(before, func(t *testing.T) {
			table := string(parse([]byte(before + "\n")).lsearch("/etc/sendwarden/lists/blocklist"))
			first, rest, _ := strings.Cut(table, "\n")
			require.Equal(t, "# Who may not send mail, for Exim (lsearch). Made from /etc/sendwarden/lists/blocklist; do not edit.", first)
			require.Equal(t, want, strings.TrimSuffix(rest, "\n"))
		})
	}
}

// The file for Exim stands beside the list from the start, which Exim's user may
// read, and follows each change of it; a mode that somebody gave it stays.
func TestLsearchFile(t *testing.T) {
	table, err := NewTable("lsearch", "")
	require.NoError(t, err)
	path := t.TempDir() + "/blocklist"
	l, err := Open(path, table)
	require.NoError(t, err)
	require.Equal(t, "lsearch;"+path+".lsearch", l.Map())
	require.True(t, table.Live())
	keys := func() string {
		_, rest, _ := strings.Cut(contents(t, path+".lsearch"), "\n")
		return rest
	}
	mode := func() os.FileMode {
		info, err := os.Stat(path + ".lsearch")
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	require.Empty(t, keys())
	require.Equal(t, os.FileMode(0o644), mode())

	require.NoError(t, l.Block(Entry{User: "info", Action: "REJECT no"}))
	require.Equal(t, "info  no\n", keys())
	require.NoError(t, os.Chmod(path+".lsearch", 0o640))
	require.NoError(t, os.WriteFile(path, []byte("bob REJECT by hand\n"), 0o640))
	change, err := l.Refresh()
	require.NoError(t, err)
	require.Len(t, change.Added, 1)
	require.Equal(t, "bob  by hand\n", keys())
	require.Equal(t, os.FileMode(0o640), mode())

	require.NoError(t, os.Remove(path+".lsearch"))
	_, err = l.Refresh()
	require.NoError(t, err)
	require.Equal(t, "bob  by hand\n", keys())
	_, _, err = l.Release("bob")
	require.NoError(t, err)
	require.Empty(t, keys())
	only(t, strings.TrimSuffix(path, "/blocklist"), "blocklist", "blocklist.lsearch", "blocklist.lock")
}

// eximFinds looks a key up as Exim's lsearch does (src/lookups/lsearch.c):
// continuation lines and comments are none of the keys.
func eximFinds(table, key string) bool {
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' || strings.ContainsRune(" \t\v\f\r", rune(line[0])) {
			continue
		}
		var is strings.Builder
		i := 0
		if line[0] == '"' {
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' && i+1 < len(line) {
					i++
				}
				is.WriteByte(line[i])
			}
		} else {
			for ; i < len(line) && !strings.ContainsRune(": \t\v\f\r", rune(line[i])); i++ {
				is.WriteByte(line[i])
			}
		}
		if len(is.String()) == len(key) && strings.EqualFold(is.String(), key) {
			return true
		}
	}
	return false
}

// Whatever stands in a blocklist, Exim finds who is blocked by it.
func FuzzLsearch(f *testing.F) {
	for _, seed := range []string{"info REJECT", `a:b\" REJECT`, "josé REJECT no\n x", "\\x REJECT", "#\n#x REJECT", "a DUNNO\nA REJECT", "\\\f 500"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		text := parse([]byte(data))
		table := string(text.lsearch("list"))
		lines := 1
		for i, e := range text.entries {
			if text.first[e.fold] == i && e.Blocks() {
				require.True(t, eximFinds(table, e.User), "%q in %q", e.User, table)
				if lines++; !isASCII(e.User) {
					lines++
				}
			}
		}
		require.Equal(t, lines, strings.Count(table, "\n"), "%q", table)
	})
}
