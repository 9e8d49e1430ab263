package maillog

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Skim remembers how the queue manager's lines begin. That must change nothing:
// each line is marked as Glance alone would.
func TestSkimMarksWhatGlanceSees(t *testing.T) {
	logs, err := filepath.Glob("testdata/*.log")
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	for _, name := range logs {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		requireAsGlance(t, text)
	}
}

func FuzzSkim(f *testing.F) {
	const head = "2026-11-20T20:24:07.123456+01:00 mail postfix/qmgr[182]: "
	f.Add([]byte(head + "3F2A1B4C5D: removed\n" + head + "3F2A1B4C5D: removed\r\n" + head + "\n" + head + " x"))
	f.Add([]byte(head + "3F2A1B4C5D: removed\n" + head + "[ID 197553 mail.info] 3F2A1B4C5D: removed"))
	f.Add([]byte(head + "3F2A1B4C5D: removed\n" + head + "message repeated 2 times: [ 3F2A1B4C5D: removed]"))
	f.Add([]byte(head + "3F2A1B4C5D: removed\n" + head + "NOQUEUE: removed\n" + head + "3F2A1B4C5D: from=<a>, size=1, nrcpt=1 (queue active)"))
	f.Add([]byte("Nov  5 10:00:00 mail postfix/qmgr[1]: 3F2A1B4C5D: removed\nNov  5 10:00:00 mail postfix/qmgr[1]: 4XyzAbc: removed"))
	f.Add([]byte("Nov  5 10:00:00 postfix/qmgr[1]: 3F2A1B4C5D: removed\nNov  5 10:00:00 postfix/qmgr[1]: a b/smtpd[2]: 3F2A1B4C5D: removed"))
	f.Fuzz(requireAsGlance)
}

func requireAsGlance(t *testing.T, text []byte) {
	var want []Mark
	start, line := 0, 0
	for l := range bytes.Lines(text) {
		end := start + len(bytes.TrimSuffix(l, []byte("\n")))
		switch kind, id := Glance(text[start:end]); kind {
		case Always:
			want = append(want, Mark{uint32(start), uint32(end), uint32(line), 0})
		case OfMessage:
			want = append(want, Mark{uint32(start), uint32(end), uint32(line), hashID(id)})
		case Refused:
			want = append(want, Mark{uint32(start), uint32(end), uint32(line), refused})
		}
		start += len(l)
		line++
	}
	got, lines := Skim(text, nil)
	require.Equal(t, want, got)
	require.Equal(t, line, lines)
}

func BenchmarkSkim(b *testing.B) {
	const head = "2026-11-20T20:24:07.123456+01:00 mail postfix/"
	block := bytes.Repeat([]byte(head+"qmgr[182]: 27ABDF7C9C: from=<bounce-379940@news107.example.net>, size=21636, nrcpt=2 (queue active)\n"+
		head+"qmgr[182]: 27ABDF7C9C: removed\n"+head+"smtpd[2817]: connect from mx14.example.net[203.0.113.14]\n"), 700)
	var marks []Mark
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		marks, _ = Skim(block, marks[:0])
	}
}
