package follow

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// stale is how old a log's last line may be before the journal is asked instead:
// an upgrade to Debian 12 leaves the old mail.log where it was, and nothing
// writes to it any more.
const stale = 7 * 24 * time.Hour

// Choose answers which source this machine's mail log is, and why: /var/log/mail.log
// (Debian), /var/log/maillog (Red Hat), or the journal.
func Choose(now time.Time) (source, why string, err error) {
	_, err = exec.LookPath("journalctl")
	return choose("/", err == nil, now)
}

func choose(root string, journalctl bool, now time.Time) (source, why string, err error) {
	var last time.Time
	for _, usual := range []string{"/var/log/mail.log", "/var/log/maillog"} {
		info, err := os.Stat(filepath.Join(root, usual))
		if err == nil && info.Mode().IsRegular() && (source == "" || info.ModTime().After(last)) {
			source, last = usual, info.ModTime()
		}
	}
	journal := journalctl && keepsJournal(root)
	age := now.Sub(last)
	switch {
	case source != "" && age <= stale:
		return source, "it is there, last written " + last.Format(time.RFC3339), nil
	case source != "" && journal:
		return Journal, fmt.Sprintf("%s was last written %d days ago, and the system keeps a journal", source, age/(24*time.Hour)), nil
	case source != "":
		return source, fmt.Sprintf("it is there, though last written %d days ago; there is no journal", age/(24*time.Hour)), nil
	case journal:
		return Journal, "there is neither /var/log/mail.log nor /var/log/maillog, and the system keeps a journal", nil
	}
	return "", "", errors.New("there is neither /var/log/mail.log nor /var/log/maillog nor a journal (name the log with --log, or under log: in the rules)")
}

func keepsJournal(root string) bool {
	for _, dir := range []string{"/run/log/journal", "/var/log/journal"} {
		if info, err := os.Stat(filepath.Join(root, dir)); err == nil && info.IsDir() {
			return true
		}
	}
	return false
}
