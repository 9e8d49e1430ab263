package blocklist

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// FuzzText: any bytes stay as they are around an entry that comes and goes.
func FuzzText(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("\xef\xbb\xbfa REJECT\r\n\r\n\v\f REJECT"))
	f.Add([]byte("victim@example.es"))
	f.Add([]byte("# victim@example.es:\n\n# victim@example.es: blocked\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before := parse(data)
		var lines []byte
		for n := range before.lines {
			lines = append(lines, before.line(n)...)
		}
		require.True(t, bytes.Equal(data, lines), "the lines tile the file")

		e := Entry{User: "victim@example.es", Action: reject, Since: since, Notes: []string{"why"}}
		if _, ok := before.lookup(e.User); ok {
			rest, _, _ := before.without(e.User)
			after, ok := parse(rest).lookup(e.User)
			require.True(t, !ok || after.Exempt(), "released")
			return
		}
		blocked := parse(before.with(e))
		got, ok := blocked.lookup(e.User)
		require.True(t, ok)
		require.Equal(t, reject, got.Action)
		require.Len(t, got.Notes, 2)

		after, _, ok := blocked.without(e.User)
		require.True(t, ok)
		if len(data) > 0 && data[len(data)-1] != '\n' {
			data = append(bytes.Clone(data), '\n')
		}
		require.True(t, bytes.Equal(data, after), "%q became %q", data, after)
	})
}

func TestHeader(t *testing.T) {
	for header, want := range map[string]Entry{
		" blocked 2026-04-15 21:15:02 +0200, score 142 of 100; 7 messages": {Since: since, Score: 142},
		" blocked 2026-04-15 21:15:02 +0200, score 1.5":                    {Since: since, Score: 1.5},
		" blocked 2026-04-15 21:15:02 +0200":                               {Since: since},
		" blocked 2026-04-15 21:15:02 +0200, score NaN":                    {Since: since},
		" blocked yesterday, I think":                                      {},
		" my neighbour":                                                    {},
		"":                                                                 {},
	} {
		var got Entry
		got.readHeader(header)
		require.True(t, want.Since.Equal(got.Since), "%q: %v", header, got.Since)
		require.Equal(t, want.Score, got.Score, "%q", header)
	}
}

func TestCheckFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, data string) string {
		require.NoError(t, os.WriteFile(at(name), []byte(data), 0o640))
		return at(name)
	}
	require.Empty(t, Check(at("missing")), "it is made at the first start")
	require.Empty(t, Check(write("head", head)))
	require.Empty(t, Check(write("empty", "")))
	for path, want := range map[string]string{
		dir:                                      dir + ": this is no regular file (name the blocklist file)",
		write("nul", "a REJECT\nb\x00 REJECT\n"): at("nul") + ":2: a NUL byte: this is no text (restore the file from a copy)",
		write("bom", "\xef\xbb\xbf# hello there\n"):      at("bom") + ":1: the file begins with a byte order mark, which Postfix reads as part of a name (save it without one)",
		write("latin1", "j\xf6rg REJECT\n"):              at("latin1") + ":1: the line is not UTF-8, and Postfix ignores it (write it in UTF-8)",
		write("key", long(511)+" REJECT\n"):              at("key") + ":1: a name of 511 bytes, for which postmap refuses the whole table (delete the line)",
		write("giant", "a REJECT\n# "+long(70_000)+"\n"): at("giant") + ":2: a line of 70003 bytes, above 65536 (restore the file from a copy, or break the line)",
		write("hidden", "b\u202eob REJECT\n"):            at("hidden") + ":1: no table can hold this login name: b?ob: it has control characters or direction marks in it (delete the line; the policy service can refuse such a name)",
	} {
		problems := Check(path)
		require.Len(t, problems, 1, path)
		require.EqualError(t, problems[0], want)
	}
	shared := write("shared", "")
	require.NoError(t, os.Chmod(shared, 0o646))
	require.EqualError(t, Check(shared)[0], shared+": everybody on this host may write it (chmod o-w "+shared+")")
}

func long(n int) string { return string(bytes.Repeat([]byte("x"), n)) }
