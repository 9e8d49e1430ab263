package daemon

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sendwarden/follow"
)

// A log that cannot be read is a fault when that lasts, and no longer one when nothing
// more is heard of it.
func TestDeaf(t *testing.T) {
	l := newLogs(nil, nil, nil)
	says := func(after time.Duration, want string) {
		t.Helper()
		if err := l.deaf(ten.Add(after)); want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
	}
	ends := errors.New("journalctl ends again and again (Failed to get boot id)")
	says(0, "")
	l.down(follow.Journal, ends, ten)
	says(time.Second, "")
	l.down(follow.Journal, ends, ten.Add(3*time.Second))
	says(20*time.Second, "")
	l.down(follow.Journal, ends, ten.Add(30*time.Second))
	says(31*time.Second, "journal: journalctl ends again and again (Failed to get boot id)")
	says(75*time.Second, "journal: journalctl ends again and again (Failed to get boot id)")
	says(76*time.Second, "")
	l.down(follow.Journal, ends, ten.Add(80*time.Second))
	says(81*time.Second, "")
}
