package follow

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChoose(t *testing.T) {
	now := time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		files      map[string]time.Duration // how long ago they were written
		journalctl bool
		want, why  string
	}{
		"Debian":                   {map[string]time.Duration{"mail.log": time.Hour, "journal/": 0}, true, "/var/log/mail.log", "it is there"},
		"Red Hat":                  {map[string]time.Duration{"maillog": time.Hour}, true, "/var/log/maillog", "it is there"},
		"both":                     {map[string]time.Duration{"mail.log": 2 * time.Hour, "maillog": time.Hour}, true, "/var/log/maillog", "it is there"},
		"Debian 12":                {map[string]time.Duration{"journal/": 0}, true, Journal, "there is neither"},
		"Debian 12, upgraded":      {map[string]time.Duration{"mail.log": 300 * time.Hour, "journal/": 0}, true, Journal, "12 days ago"},
		"old log, no journal":      {map[string]time.Duration{"mail.log": 300 * time.Hour}, true, "/var/log/mail.log", "there is no journal"},
		"old log, no journalctl":   {map[string]time.Duration{"mail.log": 300 * time.Hour, "journal/": 0}, false, "/var/log/mail.log", "there is no journal"},
		"a container with nothing": {nil, false, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, age := range c.files {
				path := filepath.Join(root, "var/log", file)
				if file == "journal/" {
					require.NoError(t, os.MkdirAll(path, 0o755))
					continue
				}
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, nil, 0o644))
				require.NoError(t, os.Chtimes(path, now.Add(-age), now.Add(-age)))
			}
			source, why, err := choose(root, c.journalctl, now)
			require.Equal(t, c.want, source)
			require.Contains(t, why, c.why)
			require.Equal(t, c.want == "", err != nil)
		})
	}
}
