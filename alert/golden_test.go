package alert

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what was made into testdata/*.txtar")

// TestGolden makes of the notices of each archive the mail and the post that
// tell them in one digest. An archive whose comment begins with "brief" is one
// above the cap.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			require.NoError(t, err)
			d := golden(t, archive)
			got := []txtar.File{archive.Files[0], {Name: "mail", Data: asMail(d)}, {Name: "post", Data: asPost(t, d)}}
			if *update {
				archive.Files = got
				require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
				return
			}
			require.Len(t, archive.Files, len(got))
			for i := range got {
				require.Equal(t, string(archive.Files[i].Data), string(got[i].Data), got[i].Name)
			}
		})
	}
}

// golden is the digest of an archive's notices.
func golden(t *testing.T, archive *txtar.Archive) *digest {
	t.Helper()
	var notices []Notice
	require.NoError(t, json.Unmarshal(archive.Files[0].Data, &notices))
	now := time.Date(2026, 3, 28, 9, 10, 0, 0, time.FixedZone("", 3600))
	tr := tray{on: Kinds(), perHour: perHour}
	for _, n := range notices {
		require.Nil(t, tr.add(n, now))
	}
	d := tr.digest(now, "mail.example.es")
	d.brief = bytes.HasPrefix(archive.Comment, []byte("brief"))
	return d
}

func asMail(d *digest) []byte {
	m := message{"sendwarden@mail.example.es", []string{"postmaster@example.es", "ana@example.es"},
		"[Sendwarden] " + d.subject(), d.text(), d.time, d.identity()}
	return bytes.ReplaceAll(m.bytes(), []byte("\r\n"), []byte("\n"))
}

func asPost(t *testing.T, d *digest) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as people read it
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(post{chat(d), d.time, d.host, d.notices, d.dropped}))
	return b.Bytes()
}
