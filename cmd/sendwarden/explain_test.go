package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sendwarden"
	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/scoring"

	"github.com/stretchr/testify/require"
)

// FuzzExplainLine: whatever a line holds, something is said about it, and nothing
// that a terminal would obey.
func FuzzExplainLine(f *testing.F) {
	for _, line := range []string{
		"Apr 15 09:30:00 mail postfix/smtpd[7]: A1B2C3D4E5: client=h.example.net[177.32.18.77], sasl_method=PLAIN, sasl_username=ana@example.es",
		"2026-04-15T09:30:00+02:00 mail postfix/qmgr[7]: A1B2C3D4E5: from=<ana@example.es>, size=300, nrcpt=5 (queue active)",
		"2026-04-15T09:30:00+02:00 mail postfix/smtp[7]: A1B2C3D4E5: to=<x@example.com>, relay=none, delay=1, dsn=5.1.1, status=bounced (no such user)",
		"Apr 15 09:30:00 mail postfix/smtpd[7]: A1B2C3D4E5: client=h[::1], sasl_method=\x1b[31m, sasl_username=a\u202eb",
		"Apr 15 09:30:00 mail cron[7]: done", "", "\x00",
	} {
		f.Add(line)
	}
	rules, err := scoring.Parse("rules.yaml", sendwarden.Rules)
	require.NoError(f, err)
	places, err := geo.Open()
	require.NoError(f, err)
	reference := time.Date(2026, 4, 15, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		for _, asJSON := range []bool{false, true} {
			var out bytes.Buffer
			x := &lineExplainer{w: &out, path: judge.Quiet(places, scoring.New(rules)), all: true, json: asJSON, at: past.Log{Old: &follow.Old{Name: "-"}},
				parser: maillog.NewParser(maillog.Options{Location: time.UTC, Reference: reference})}
			x.path.Witness = x.witness
			if x.lines(strings.NewReader(text)) != nil {
				require.Greater(t, len(text), maillog.MaxLine)
				return
			}
			require.True(t, text == "" || out.Len() > 0)
			require.False(t, !asJSON && strings.ContainsAny(out.String(), "\x1b\x00\u202e\u2028"), "%q", out.String())
		}
	})
}
