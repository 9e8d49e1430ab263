package queue

import (
	"bufio"
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// surveyed are the items of a queue with one message.
func surveyed(t *testing.T, file string) Item {
	t.Helper()
	b := newMailbag(t, "")
	require.NoError(t, os.WriteFile(b.path("deferred/A672A9BAA49"), compose(t, file), 0o700))
	var items []Item
	require.NoError(t, b.local().Survey(context.Background(), func(i Item) error { items = append(items, i); return nil }))
	require.Len(t, items, 1)
	return items[0]
}

// Pickup's own Received line stands on top and names the account; further down it
// is what the message's author wrote, as it is in mail that came by SMTP.
func TestSurveyAccount(t *testing.T) {
	const received = "N Received: by web.example.es (Postfix, from userid 33)\nN \"\\tid A672A9BAA49; Sat, 28 Mar 2026 03:13:18 +0100 (CET)\"\n"
	const head = "C 1200\nT 1774663998\nS a@example.es\nR leo@example.com\nM\n"
	item := surveyed(t, head+received+"N X-PHP-Originating-Script: 33:form.php\nN Subject: an\nN \"  offer\"\n")
	require.Equal(t, 33, item.UID)
	require.Equal(t, "33:form.php", item.Script)
	require.Equal(t, "an  offer", item.Subject)
	require.Empty(t, item.User)

	item = surveyed(t, head+"N Received: from elsewhere\n"+received)
	require.Equal(t, NoUID, item.UID)
	item = surveyed(t, "C 1200\nT 1774663998\nA client_address=192.0.2.7\nS a@example.es\nR leo@example.com\nM\n"+received)
	require.Equal(t, NoUID, item.UID)
	require.Equal(t, netip.MustParseAddr("192.0.2.7"), item.Client)
}

// An alias is what several recipients were made of.
func TestSurveyAlias(t *testing.T) {
	item := surveyed(t, "C 1200\nT 1774663998\nS a@example.es\nO all@example.es\nR ana@example.com\nR bob@example.com\nO eva@example.es\nR eva@example.es\nM\nN Subject: x\n")
	require.Equal(t, "all@example.es", item.Alias)
	require.Equal(t, 2, item.Aliased)
	item = surveyed(t, "C 1200\nT 1774663998\nS a@example.es\nO ana@example.es\nR ana@example.es\nO eva@example.es\nR eva@example.es\nM\nN Subject: x\n")
	require.Zero(t, item.Aliased)
}

// What Postfix says when it does not list its queue is followed by what to do.
func TestNotListed(t *testing.T) {
	failed := errors.New("exit status 69")
	for said, want := range map[string]string{
		"postqueue: fatal: open /etc/postfix/main.cf: No such file or directory\n": "there is no main.cf where Postfix looks for it (--postfix-config DIR names another folder; `postconf -d config_directory` its own)",
		"postqueue: fatal: User ana(1000) is not allowed to view the mail queue":   "Postfix lets only others see its queue (run it as root, or see authorized_mailq_users)",
		"postqueue: fatal: Queue report unavailable - mail system is down":         "Postfix does not run (`postfix start`)",
		"postqueue: invalid option -- 'j'":                                         "this Postfix can't list its queue in JSON, which came with 3.1 (upgrade it)",
		"postqueue: fatal: \x1b[31mother":                                          "exit status 69: postqueue: fatal: ·[31mother",
	} {
		require.EqualError(t, unlisted(failed, said), want)
	}
}

// FuzzWaiting reads anything that claims to be postqueue's.
func FuzzWaiting(f *testing.F) {
	f.Add(`{"queue_name": "deferred", "queue_id": "A672A9BAA49", "arrival_time": 1774663998, "message_size": 321, "forced_expire": false, "sender": "a@example.es", "recipients": [{"address": "leo@example.com", "delay_reason": "connect: refused"}]}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		_ = readWaiting(bufio.NewReader(strings.NewReader(text)), func(w Waiting) { require.True(t, IsID(w.ID)) })
	})
}
