package maillog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueueKey(t *testing.T) {
	require.Equal(t, Key{"postfix", "A1B2C"}, QueueKey(&Event{Instance: "postfix/submission", QueueID: "A1B2C"}))
	require.Equal(t, Key{"postfix", "A1B2C"}, QueueKey(&Event{Instance: "postfix", QueueID: "A1B2C"}))
	require.Equal(t, Key{"postfix-out", "A1B2C"}, QueueKey(&Event{Instance: "postfix-out", QueueID: "A1B2C"}))
}

func TestTrust(t *testing.T) {
	const entry = `{"__REALTIME_TIMESTAMP":"1793869211000000","SYSLOG_IDENTIFIER":"postfix/qmgr",WHO"MESSAGE":"A672A9BAA12: removed"}`
	genuine := strings.Replace(entry, "WHO", `"_UID":"105","_SYSTEMD_UNIT":"postfix@-.service",`, 1)
	logger := strings.Replace(entry, "WHO", `"_UID":"1000","_SYSTEMD_UNIT":"session-3.scope",`, 1)
	nobody := strings.Replace(entry, "WHO", "", 1)

	for _, c := range []struct {
		name                    string
		trust                   Trust
		genuine, logger, nobody bool
	}{
		{"all are believed", Trust{}, true, true, true},
		{"by uid", Trust{UIDs: []uint32{0, 105}}, true, false, false},
		{"by unit", Trust{Units: []string{"postfix"}}, true, false, false},
		{"by both", Trust{UIDs: []uint32{0}, Units: []string{"postfix"}}, false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, ev := NewParser(Options{Trust: c.trust}), new(Event)
			require.Equal(t, c.genuine, p.Parse([]byte(genuine), ev))
			require.Equal(t, c.logger, p.Parse([]byte(logger), ev))
			require.Equal(t, c.nobody, p.Parse([]byte(nobody), ev))
		})
	}
}

func TestStats(t *testing.T) {
	p, ev := NewParser(madrid(t)), new(Event)
	require.True(t, p.Parse([]byte("Nov  5 10:00:00 mail postfix/qmgr[1]: A672A9BAA12: removed"), ev))
	require.False(t, p.Parse([]byte("Nov  5 10:00:00 mail postfix/smtpd[1]: connect from unknown[192.0.2.1]"), ev))
	require.False(t, p.Parse([]byte("Nov  5 10:00:00 mail postfix/smtp[1]: A672A9BAA12: to=<leo@exam\x1b"), ev))
	require.False(t, p.Parse([]byte(strings.Repeat("x", MaxLine+1)), ev))

	s := p.Stats()
	require.Equal(t, 4, s.Lines)
	require.Equal(t, 1, s.Events[Removed])
	require.Equal(t, 1, s.Odd[Postfix])
	require.Equal(t, []string{"Nov  5 10:00:00 mail postfix/smtp[1]: A672A9BAA12: to=<leo@exam·"}, s.Sample[Postfix])
	require.Equal(t, 1, s.Long)
}

// TestNoAllocation holds the promise that replaying a large log rests on.
func TestNoAllocation(t *testing.T) {
	p, ev := NewParser(Options{}), new(Event)
	for _, text := range []string{
		"postfix/smtpd[1]: connect from unknown[192.0.2.1]",
		"postfix/smtpd[1]: A672A9BAA12: client=unknown[192.0.2.1], sasl_sender=<x, sasl_method=PLAIN, sasl_username=victim>",
		"postfix/cleanup[1]: A672A9BAA12: message-id=<x@example.es>",
		"dovecot: imap(ana)<124><x>: Disconnected: Logged out in=29 out=578",
		"sshd[1]: Accepted publickey for root",
	} {
		line := []byte("2026-11-20T20:24:07.123456+01:00 mail " + text)
		require.Zero(t, testing.AllocsPerRun(100, func() { p.Parse(line, ev) }), text)
		require.Zero(t, testing.AllocsPerRun(100, func() { Glance(line) }), text)
	}
}
