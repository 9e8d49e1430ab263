package investigate

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sendwarden/maillog"
	"sendwarden/queue"

	"github.com/stretchr/testify/require"
)

func eximID(i int) string { return fmt.Sprintf("1xXEkk-%06d-01", i) }

// steps are the commands of a finding.
func steps(f Finding) string {
	var all []string
	for _, s := range f.Steps {
		all = append(all, s.Command)
	}
	return strings.Join(all, "\n")
}

// A script's mail in Exim's queue, half of it frozen: the account has a name and no
// number, and the commands are Exim's.
func TestEximAccount(t *testing.T) {
	q := New(Exim("exim4"))
	for i := range 6 {
		w := queue.Waiting{ID: eximID(i), Queue: []string{"input", "frozen"}[i%2], Sender: "shop@example.net", Arrived: queue.Unix{Time: night}, Recipients: []queue.Awaited{{Address: "leo@example.com"}}}
		q.Wait(w)
		q.Add(queue.Item{Mail: queue.Mail{ID: w.ID}, UID: queue.NoUID, Account: "www-data", Script: "33:wp-cache.php"})
	}
	q.Hear(&maillog.Event{Type: maillog.Local, Source: maillog.Exim, Time: night, UID: maillog.NoUID, User: "www-data", From: "shop@example.net", QueueID: eximID(99), Recipients: 3})
	f := q.Findings(nowhere)[0]
	require.Equal(t, "The local account www-data fills the queue", f.Title)
	require.Contains(t, f.Facts[0], "6 messages to 6 recipients in the queue")
	require.Contains(t, f.Facts[0], "3 of them frozen")
	require.Contains(t, strings.Join(f.Facts, "\n"), "by the log 1 message to 3 recipients")
	require.Equal(t, `sendwarden investigate --ids local:www-data | xargs -r exim4 -Mf
sendwarden block local:www-data --reason 'fills the queue'
find / -xdev -name wp-cache.php -ls
sendwarden trace www-data
exim4 -Mvh 1xXEkk-000000-01; exim4 -Mvb 1xXEkk-000000-01 | head -50; exim4 -Mvl 1xXEkk-000000-01`, steps(f))
	require.NotContains(t, steps(f), "post", "no command of Postfix's")
}

// Without root's rights the log tells whose the messages are, Exim's own among them.
func TestEximOriginByLog(t *testing.T) {
	q := New(Exim("exim4"))
	for i, sender := range []string{"a@example.net", "b@example.net", "c@example.net", "MAILER-DAEMON"} {
		q.Wait(queue.Waiting{ID: eximID(i), Queue: "input", Arrived: queue.Unix{Time: night}, Sender: sender, Recipients: []queue.Awaited{{Address: "leo@example.com"}}})
	}
	addr := netip.MustParseAddr("2001:db8::7")
	q.Hear(&maillog.Event{Type: maillog.Submission, Source: maillog.Exim, Time: night, UID: maillog.NoUID, User: "ana@example.es", Addr: addr, QueueID: eximID(0)})
	q.Hear(&maillog.Event{Type: maillog.Local, Source: maillog.Exim, Time: night, UID: maillog.NoUID, User: "www-data", From: "b@example.net", QueueID: eximID(1)})
	q.Hear(&maillog.Event{Type: maillog.Queued, Source: maillog.Exim, Time: night, UID: maillog.NoUID, Addr: addr, QueueID: eximID(2)})
	q.Hear(&maillog.Event{Type: maillog.Local, Source: maillog.Exim, Time: night, UID: maillog.NoUID, User: "Debian-exim", QueueID: eximID(3)})
	var keys []string
	for _, o := range q.Origins() {
		keys = append(keys, o.Key())
	}
	require.Equal(t, []string{"bounces", "host:2001:db8::7", "local:www-data", "user:ana@example.es"}, keys)
}

// Why recipients wait, Exim's log says; the last attempt counts, and none of mail
// that has gone.
func TestEximDelays(t *testing.T) {
	q := New(Exim("exim4"))
	for i := range 30 {
		q.Wait(queue.Waiting{ID: eximID(i), Queue: "input", Arrived: queue.Unix{Time: night}, Sender: "ana@example.es", Recipients: []queue.Awaited{{Address: "leo@example.com"}}})
	}
	attempt := func(i int, status, reason string) {
		q.Hear(&maillog.Event{Type: maillog.Delivery, Source: maillog.Exim, Time: night.Add(time.Minute), QueueID: eximID(i), To: "leo@example.com", Status: status, Reason: reason})
	}
	for i := range 40 { // ten of them are not in the queue
		attempt(i, "deferred", "Connection refused")
		attempt(i, "deferred", "SMTP error from remote mail server: 421 4.7.0 Try again later")
	}
	attempt(0, "sent", "")
	found := q.Findings(nowhere)
	last := found[len(found)-1]
	require.Equal(t, "29 recipients wait for example.com", last.Title)
	require.Equal(t, []string{"SMTP error from remote mail server: 421 4.7.0 Try again later"}, last.Facts)
	require.Equal(t, "exim4 -Rf example.com", steps(last))
}

// What a client's address means in a list of Exim's, whose separator it has in it.
func TestEximHost(t *testing.T) {
	q := New(Exim("exim -C /etc/exim.conf"))
	for i := range 6 {
		q.Wait(queue.Waiting{ID: eximID(i), Queue: "input", Arrived: queue.Unix{Time: night}, Sender: "ana@example.es", Recipients: []queue.Awaited{{Address: "leo@example.com"}}})
		q.Add(queue.Item{Mail: queue.Mail{ID: eximID(i)}, UID: queue.NoUID, Client: netip.MustParseAddr("2001:db8::7")})
	}
	f := q.Findings(nowhere)[0]
	require.Contains(t, steps(f), "\ndeny hosts = 2001::db8::::7\n")
	require.Contains(t, steps(f), "exim -C /etc/exim.conf -bP +relay_from_hosts")
	require.Contains(t, steps(f), "sendwarden investigate --ids host:2001:db8::7 | xargs -r exim -C /etc/exim.conf -Mf")
}

// What an alias makes of one message stands in Exim's log only. A recipient that is
// tried again is the same, and one that has a mailbox is no alias.
func TestEximAlias(t *testing.T) {
	q := New(Exim("exim4"))
	for i := range 3 {
		q.Wait(queue.Waiting{ID: eximID(i), Queue: "input", Arrived: queue.Unix{Time: night}, Recipients: []queue.Awaited{{Address: "all@example.es"}}})
	}
	delivery := func(id int, to, orig, status string) {
		q.Hear(&maillog.Event{Type: maillog.Delivery, Source: maillog.Exim, Time: night, QueueID: eximID(id), To: to, OrigTo: orig, Status: status})
	}
	for i := range 30 {
		to := fmt.Sprintf("member%d@example.com", i)
		delivery(0, to, "all@example.es", "deferred")
		delivery(0, to, "all@example.es", "deferred")
		delivery(0, to, "all@example.es", "sent")
		delivery(1, to, "All@example.es", "sent")
		delivery(9, to, "all@example.es", "sent") // it has left the queue
	}
	delivery(2, "/var/mail/ana", "ana@example.es", "sent")
	for range 40 {
		delivery(2, "leo@example.com", "", "deferred")
		delivery(2, "leo@example.com", "", "sent")
	}
	found := q.Findings(nowhere)
	require.Len(t, found, 1, "%v", found)
	require.Equal(t, "The alias all@example.es multiplies mail", found[0].Title)
	require.Equal(t, []string{"2 messages to it became 60 recipients"}, found[0].Facts)
	require.Contains(t, steps(found[0]), "exim4 -bt all@example.es\n")
}

// What is in a named queue is held there: Exim finds it nowhere else.
func TestEximNamedQueue(t *testing.T) {
	q := New(Exim("exim4"))
	for i := range 6 {
		q.Wait(queue.Waiting{ID: eximID(i), Named: []string{"bulk", "", "bulk"}[i%3], Queue: "input", Arrived: queue.Unix{Time: night}, Recipients: []queue.Awaited{{Address: "leo@example.com"}}})
		q.Add(queue.Item{Mail: queue.Mail{ID: eximID(i)}, UID: queue.NoUID, Account: "www-data"})
	}
	o := q.Origins()[0]
	require.Equal(t, []string{eximID(1), eximID(4)}, o.IDs)
	require.Equal(t, map[string][]string{"bulk": {eximID(0), eximID(2), eximID(3), eximID(5)}}, o.Named)
	require.Equal(t, []string{eximID(1), eximID(4), eximID(0)}, o.Some(3))
	require.Len(t, o.Some(9), 6)
	said := steps(q.Findings(nowhere)[0])
	require.Contains(t, said, "sendwarden investigate --ids local:www-data | xargs -r exim4 -Mf\n")
	require.Contains(t, said, "sendwarden investigate --ids local:www-data --queue bulk | xargs -r exim4 -qGbulk -Mf\n")
}
