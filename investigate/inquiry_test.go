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

var night = time.Date(2026, 3, 28, 3, 13, 18, 0, time.UTC)

func waiting(id, sender, to, delay string) queue.Waiting {
	return queue.Waiting{
		ID: id, Queue: "deferred", Arrived: queue.Unix{Time: night}, Size: 300, Sender: sender,
		Recipients: []queue.Awaited{{Address: to, Delay: delay}},
	}
}

func nowhere(*Origin) string { return "" }

// Without root's rights, the log alone says whose the queued mail is.
func TestOriginByLog(t *testing.T) {
	q := New(Postfix())
	for i := range 6 {
		id := fmt.Sprintf("4F1C2A3B%02d", i)
		q.Wait(waiting(id, "a@example.net", "leo@example.com", ""))
		q.Hear(&maillog.Event{Type: maillog.Submission, Time: night, User: "ana@example.es", QueueID: id, Addr: netip.MustParseAddr("192.0.2.7")})
		q.Hear(&maillog.Event{Type: maillog.Queued, Time: night, QueueID: id, Recipients: 1})
	}
	q.Wait(waiting("4F1C2A3BFF", "MAILER-DAEMON", "eva@example.com", ""))
	// The same id, used an hour before for another message.
	q.Wait(waiting("4F1C2A3BFE", "x@example.net", "eva@example.com", ""))
	q.Hear(&maillog.Event{Type: maillog.Submission, Time: night.Add(-time.Hour), User: "bob@example.es", QueueID: "4F1C2A3BFE"})

	keys := make(map[string]int)
	for _, o := range q.Origins() {
		keys[o.Key()] = o.Messages
	}
	require.Equal(t, map[string]int{"user:ana@example.es": 6, "bounces": 1, "unknown": 1}, keys)
	found := q.Findings(nowhere)
	require.Len(t, found, 1)
	require.Equal(t, "The account ana@example.es fills the queue", found[0].Title)
}

// Reasons that differ in ids and addresses only are one; a provider that puts
// everything off is named.
func TestDelays(t *testing.T) {
	q := New(Postfix())
	for i := range 30 {
		q.Wait(waiting(fmt.Sprintf("4F1C2A3B%02d", i), "ana@example.es", "leo@Example.COM",
			fmt.Sprintf("host mx%d.example.com[192.0.2.%d] said: 421 4.7.0 Try again later, q%d7-2002", i, i, i)))
	}
	found := q.Findings(nowhere)
	last := found[len(found)-1]
	require.Equal(t, "30 recipients wait for example.com", last.Title)
	require.Equal(t, []string{"host … said: 421 4.7.0 Try again later, …"}, last.Facts)
}

// What strangers and users choose is safe to paste into a shell.
func TestCommandsAreSafe(t *testing.T) {
	for word, want := range map[string]string{
		"ana@example.es": "ana@example.es", "": "''", "-x": "'-x'", "a b": "'a b'", "$(reboot)": "'$(reboot)'", "it's": `'it'\''s'`, "a;b": "'a;b'",
	} {
		require.Equal(t, want, quote(word))
	}
	q := New(Postfix())
	for i := range 6 {
		q.Wait(waiting(fmt.Sprintf("4F1C2A3B%02d", i), "a@example.net", "leo@example.com", ""))
		q.Add(queue.Item{Mail: queue.Mail{ID: fmt.Sprintf("4F1C2A3B%02d", i)}, User: "$(reboot)", UID: queue.NoUID,
			Script: "33:$(halt).php", Alias: "x$(halt)@example.es", Aliased: 30})
	}
	for _, f := range q.Findings(nowhere) {
		for _, step := range f.Steps {
			if i := strings.Index(step.Command, "$(reboot)"); i >= 0 {
				require.Equal(t, "'", step.Command[i-1:i], step.Command)
			}
			if i := strings.Index(step.Command, "$(halt)"); i >= 0 && !strings.HasPrefix(step.Command, "check_recipient_access") { // a setting
				require.Contains(t, step.Command[:i], "'", step.Command)
			}
		}
	}
}

// Nothing grows with the queue beyond what is kept of it.
func TestQueueBounds(t *testing.T) {
	q := New(Postfix())
	for i := range maxNames + 100 {
		id := fmt.Sprintf("%010X", i)
		q.Wait(waiting(id, fmt.Sprintf("s%d@example.net", i), "leo@example.com", ""))
		q.Add(queue.Item{Mail: queue.Mail{ID: id}, UID: queue.NoUID, Client: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})})
	}
	require.LessOrEqual(t, len(q.Origins()), maxNames+1)
	require.Equal(t, maxNames+100, q.Messages)
}
