package tally

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sendwarden/geo"
	"sendwarden/maillog"

	"github.com/stretchr/testify/require"
)

// countIn counts a log in blocks of so many lines, each into one of two Counts.
func countIn(places *geo.DB, log []byte, lines int) *Counts {
	k := NewCounter(places).Of(maillog.Options{Reference: time.Date(2026, 11, 20, 22, 0, 0, 0, time.UTC)})
	total, order, parts := NewCounts(), NewOrder(), []*Counts{NewCounts(), NewCounts()}
	all := bytes.SplitAfter(log, []byte("\n"))
	for i := 0; len(all) > 0; i++ {
		n := min(lines, len(all))
		block := bytes.Join(all[:n], nil)
		order.Count(k.Block(block, parts[i%2], nil))
		all = all[n:]
	}
	order.AddTo(total)
	total.Add(parts[0])
	total.Add(parts[1])
	return total
}

func embedded(t testing.TB) *geo.DB {
	places, err := geo.Open()
	require.NoError(t, err)
	return places
}

// TestMessages tells the story of a few messages and what is counted of them.
func TestMessages(t *testing.T) {
	log := ""
	say := func(format string, args ...any) {
		log += "2026-11-20T20:24:07+01:00 mail " + fmt.Sprintf(format, args...) + "\n"
	}
	say("postfix/submission/smtpd[1]: A672A9BAA49: client=h.example.net[80.58.143.21], sasl_method=PLAIN, sasl_username=ana")
	say("postfix/qmgr[2]: A672A9BAA49: from=<ana@example.es>, size=2048, nrcpt=2 (queue active)")
	say("postfix/smtp[3]: A672A9BAA49: to=<leo@Example.com>, relay=mx[192.0.2.9]:25, delay=1, dsn=2.0.0, status=sent (250 Ok)")
	say("postfix/smtp[3]: A672A9BAA49: to=<eva@example.net>, relay=none, delay=1, dsn=4.0.0, status=deferred (later)")
	say("postfix/qmgr[2]: A672A9BAA49: from=<ana@example.es>, size=2048, nrcpt=2 (queue active)") // the same, tried again
	say("postfix/smtp[3]: A672A9BAA49: to=<eva@example.net>, relay=none, delay=1, dsn=4.0.0, status=deferred (later)")
	say("postfix/smtp[3]: A672A9BAA49: to=<eva@example.net>, relay=none, delay=1, dsn=5.0.0, status=bounced (never)")
	say("postfix/qmgr[2]: A672A9BAA49: removed")
	say("postfix/pickup[4]: A672A9BAA49: uid=33 from=<www-data>") // the id, used again
	say("postfix/qmgr[2]: A672A9BAA49: from=<www-data@example.es>, size=1024, nrcpt=1 (queue active)")
	say("postfix/local[5]: A672A9BAA49: to=<root@example.es>, relay=local, delay=1, dsn=2.0.0, status=sent (forwarded as B672A9BAA49)")
	say("postfix/smtpd[1]: B672A9BAA50: client=localhost[127.0.0.1], orig_queue_id=A672A9BAA49, orig_client=h.example.net[80.58.143.21]")
	say("postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[203.0.113.9]: 554 5.7.1 no; from=<a@example.com> to=<b@example.es> proto=ESMTP helo=<x>")
	say("postfix/cleanup[6]: B672A9BAA50: hold: header Subject: x from localhost[127.0.0.1]; from=<a> to=<b>")
	say("postfix/smtpd[1]: warning: x[203.0.113.9]: SASL LOGIN authentication failed: no")
	say("exim[7]: 1vMBxe-000abc-XY <= ana@example.es H=(pc) [80.58.143.21] P=esmtpsa A=plain:ana S=1024")
	say("exim[7]: 1vMBxe-000abc-XY => leo@example.com R=dnslookup T=remote_smtp H=mx.example.com [198.51.100.4]")
	log = strings.Replace(log, "20:24:07", "20:00:00", 1)
	log += "no log line\n  that goes on\n"

	c := countIn(embedded(t), []byte(log), 1000)
	require.Equal(t, [Outcomes]int{Accepted: 4, Sent: 2, Forwarded: 1, Bounced: 1, Deferred: 2, Rejected: 1, Held: 1, Failed: 1}, c.Total)
	require.Equal(t, c.Total, c.Hours[20], "the log's own hour")
	require.Equal(t, 1, c.Reinjected)
	require.Equal(t, 1, c.Waiting, "one message, put off twice")
	require.Equal(t, int64(4096), c.Bytes, "each message once")
	require.Equal(t, Table{"ana": 2}, c.Users)
	require.Equal(t, Table{"uid 33": 1}, c.Accounts)
	require.Equal(t, Table{"ana@example.es": 2, "www-data@example.es": 1}, c.Senders)
	require.Equal(t, Table{"example.com": 2}, c.Domains)
	require.Equal(t, 2, c.Countries["ES"])
	require.Equal(t, 5, c.Programs["postfix/smtp"]+c.Programs["postfix/local"])
	require.Equal(t, 1, c.Unframed)
	require.Equal(t, 24*time.Minute+7*time.Second, c.To.Sub(c.From))
	require.Equal(t, []string{"no log line"}, c.Samples)
}

// TestBlocks: where a log is cut into blocks must not matter.
func TestBlocks(t *testing.T) {
	logs, err := filepath.Glob("../maillog/testdata/*.log")
	require.NoError(t, err)
	logs = append(logs, "../testdata/week/mail.log")
	places := embedded(t)
	for _, name := range logs {
		log, err := os.ReadFile(name)
		require.NoError(t, err)
		whole := countIn(places, log, 1<<30)
		require.Positive(t, whole.Lines, name)
		for _, lines := range []int{1, 7, 100} {
			require.True(t, whole.Equal(countIn(places, log, lines)), "%s in blocks of %d lines", name, lines)
		}
	}
}

// TestTableBounded: invented names do not take the memory.
func TestTableBounded(t *testing.T) {
	table := Table{}
	for i := range maxNames + 10 {
		table.add(fmt.Sprint(i), 1)
	}
	table.add("1", 1)
	require.Equal(t, 10, table[Others])
	require.Equal(t, 2, table["1"])
	require.LessOrEqual(t, len(table), maxNames+1)
}

// FuzzBlock: any bytes are counted, line by line.
func FuzzBlock(f *testing.F) {
	logs, err := filepath.Glob("../maillog/testdata/*.log")
	require.NoError(f, err)
	for _, name := range logs {
		log, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(log[:min(len(log), 4<<10)])
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		c := countIn(nil, log, 100)
		require.Equal(t, bytes.Count(log, []byte("\n"))+min(1, len(log)-1-bytes.LastIndexByte(log, '\n')), c.Lines)
		require.LessOrEqual(t, sumOf(c.Programs)+c.Unframed, c.Lines)
	})
}

func sumOf(t Table) (n int) {
	for _, count := range t {
		n += count
	}
	return n
}
