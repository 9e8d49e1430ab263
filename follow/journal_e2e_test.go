//go:build e2e

package follow_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sendwarden/follow"
)

// exported makes a journal of entries in the export format, as a log host does.
func exported(t *testing.T, dir, name string, numbers ...int) {
	t.Helper()
	var text strings.Builder
	for _, n := range numbers {
		uid, unit, facility := "0", "postfix@-.service", 2
		switch n % 5 {
		case 1:
			uid, unit = "1000", "user@1000.service"
		case 2:
			unit, facility = "ssh.service", 4
		}
		fmt.Fprintf(&text, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=1f2e3d4c5b6a79881f2e3d4c5b6a7988\n", 1_795_831_200_000_000+n*1000, 1000+n)
		fmt.Fprintf(&text, "_UID=%s\n_SYSTEMD_UNIT=%s\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=postfix/smtpd\n_HOSTNAME=mx\nMESSAGE=line %d\n\n", uid, unit, facility, n)
	}
	cmd := exec.Command("/lib/systemd/systemd-journal-remote", "-o", filepath.Join(dir, name), "-")
	cmd.Stdin = strings.NewReader(text.String())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func (r *reader) getsEntries(numbers ...int) {
	r.t.Helper()
	for len(r.ready) < len(numbers) {
		r.batch()
	}
	require.Len(r.t, r.ready, len(numbers))
	for i, n := range numbers {
		require.Contains(r.t, string(r.ready[i].Text), fmt.Sprintf(`"MESSAGE":"line %d"`, n))
	}
	r.ready = nil
}

// The real journalctl, on a journal that grows, is gone on with, and then loses
// its older entries.
func TestJournalctl(t *testing.T) {
	dir := t.TempDir()
	exported(t, dir, "remote.journal", 0, 1, 2, 3, 4)
	o := follow.Options{Journalctl: []string{"journalctl", "--directory=" + dir}}
	r := read(t, follow.Journal, o)
	r.getsEntries(0, 3, 4)
	r.end()
	exported(t, dir, "remote.journal", 5, 6, 7, 8)
	o.From = []follow.Position{r.position()}
	r = read(t, follow.Journal, o)
	r.getsEntries(5, 8)
	require.Empty(t, r.notes)
	r.end()
	require.NoError(t, os.Remove(filepath.Join(dir, "remote.journal")))
	exported(t, dir, "younger.journal", 10, 13)
	o.From = []follow.Position{r.position()}
	r = read(t, follow.Journal, o)
	r.getsEntries(10, 13)
	r.hears("no longer in the journal", true)
}
