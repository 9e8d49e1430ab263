package follow

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// However a text is read in pieces, its lines are the same, and none is longer
// than MaxLine.
func FuzzCut(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), 4)
	f.Add([]byte("\x00\x00one\r\n"), 1)
	f.Add(append(bytes.Repeat([]byte("x"), 3*MaxLine), "\nline\n"...), MaxLine)
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		var whole, pieces cutter
		want, used := whole.cut(text, 0, true)
		require.Equal(t, len(text), used)
		step = max(1+len(text)/100, step)
		var got []Line
		for from, to := 0, 0; from < len(text); {
			to = min(len(text), max(to, from)+step)
			lines, used := pieces.cut(text[from:to], int64(from), to == len(text))
			got, from = append(got, lines...), from+used
		}
		require.Equal(t, len(want), len(got))
		for i, l := range got {
			require.LessOrEqual(t, len(l.Text), MaxLine)
			require.Equal(t, want[i].Text, l.Text)
		}
	})
}

// Whatever a position says, reading goes on somewhere.
func FuzzPosition(f *testing.F) {
	f.Add([]byte(`{"source":"mail.log","files":[{"dev":1,"ino":2,"at":4,"head":"00","of":4,"mtime":"2026-11-28T02:00:00Z"}]}`))
	f.Add([]byte(`{"files":[{"at":-1,"of":-5},{"at":9223372036854775807,"of":9223372036854775807}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var p Position
		if json.Unmarshal(text, &p) != nil {
			return
		}
		p.Source = filepath.Join(t.TempDir(), "mail.log")
		require.NoError(t, os.WriteFile(p.Source, []byte("one\ntwo\n"), 0o600))
		l := newFollower(p.Source, Options{From: []Position{p}}, func(Batch) bool { return true })
		l.wake = newWake(p.Source, true)
		_, err := l.round()
		require.NoError(t, err)
		require.NotEmpty(t, l.files)
		for _, file := range l.files {
			file.close()
		}
	})
}

// What is admitted has a cursor to go on from.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"__CURSOR":"s=1","_UID":"0","_COMM":"smtpd","MESSAGE":[104,105]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		j := newJournal(Options{trusted: map[string]bool{"0": true}}, nil)
		if j.admits(line) {
			require.NotEmpty(t, cursorOf(line))
		}
	})
}
