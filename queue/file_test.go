package queue

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// compose makes a queue file from text: on each line a kind and data, which are
// written as a Go string where they begin with a quote. A line "@name" names an
// offset; "p @name" points to it.
func compose(t testing.TB, text string) []byte {
	t.Helper()
	offsets := map[string]int{}
	var file []byte
	for range 2 { // the second time the offsets are known
		file = file[:0]
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			if name, is := strings.CutPrefix(line, "@"); is {
				offsets[name] = len(file)
				continue
			}
			kind, data, _ := strings.Cut(line, " ")
			require.Lenf(t, kind, 1, "%q", line)
			if name, is := strings.CutPrefix(data, "@"); is && kind == "p" {
				data = fmt.Sprintf("%15d", offsets[name])
			}
			if strings.HasPrefix(data, `"`) {
				var err error
				data, err = strconv.Unquote(data)
				require.NoErrorf(t, err, "%q", line)
			}
			file = appendRecord(file, kind[0], data)
		}
	}
	return file
}

// appendRecord writes a record as Postfix's rec_put does.
func appendRecord(file []byte, kind byte, data string) []byte {
	file = append(file, kind)
	size := len(data)
	for ; size > 0x7f; size >>= 7 {
		file = append(file, byte(size)|0x80)
	}
	return append(append(file, byte(size)), data...)
}

// show is what is read from a queue file, as text.
func show(file []byte) string {
	r := newRecords()
	r.open(bytes.NewReader(file))
	e, err := readEnvelope(r)
	if err != nil {
		return err.Error() + "\n"
	}
	return fmt.Sprintf("user %q\nsender %s\narrived %s\nqueued %s\nsize %d\nrecipients %d %s\nsubject %s\n",
		e.user, e.sender, e.arrived.UTC().Format("2006-01-02 15:04:05"), e.queued.UTC().Format("2006-01-02 15:04:05"),
		e.size, e.recipients, strings.Join(e.to, " "), readSubject(r))
}

func TestFiles(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			for i := 0; i+1 < len(archive.Files); i += 2 {
				require.Equal(t, string(archive.Files[i+1].Data), show(compose(t, string(archive.Files[i].Data))), archive.Files[i].Name)
			}
		})
	}
}

// FuzzFile: of any bytes, the user is one whose record stands in them, and all
// that is shown fits on a line.
func FuzzFile(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		for i := 0; i < len(archive.Files); i += 2 {
			f.Add(compose(f, string(archive.Files[i].Data)))
		}
	}
	f.Add([]byte("C\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("C\x011p\x010p\x0217"))
	r := newRecords()
	f.Fuzz(func(t *testing.T, file []byte) {
		r.open(bytes.NewReader(file))
		e, err := readEnvelope(r)
		if err != nil {
			require.Equal(t, envelope{}, e)
			return
		}
		if e.user != "" {
			record := appendRecord(nil, recAttribute, "sasl_username="+e.user)
			require.True(t, bytes.Contains(file, record) || bytes.Contains(file, lengthened(record)), "%q", e.user)
		}
		require.LessOrEqual(t, len(e.to), shownTo)
		for _, shown := range append(e.to, e.sender, readSubject(r)) {
			require.NotContains(t, shown, "\n")
			require.NotContains(t, shown, "\x1b")
			require.LessOrEqual(t, len(shown), 2*maxAddress)
		}
	})
}

// lengthened is a record whose length is written with more groups than it
// needs, as Postfix reads it, too: it is matched by its data.
func lengthened(record []byte) []byte { return record[bytes.IndexByte(record, 's'):] }
