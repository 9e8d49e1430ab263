package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sendwarden/control"
	"sendwarden/queue"
	"sendwarden/scoring"
	"sendwarden/words"

	"github.com/stretchr/testify/require"
)

// What a table of 80 columns has no room for: a long name, an address of IPv6 written
// out, the longest kind of name that a network has.
const (
	longUser    = "maria.de.los.angeles.fernandez-villaverde@comunicaciones.example.es"
	longIP      = "2804:14c:1234:5678:90ab:cdef:1234:5678"
	longOrg     = "Empresa de Telecomunicaciones de la Provincia de Ejemplo y sus Municipios S.A. E.S.P."
	longRule    = "many bounces from a strange place in one day"
	longQueueID = "1qAbCd-000000012Ab-3CdE"
)

// fits wants no line to be wider than a terminal, but for a single word or a command
// to copy.
func fits(t *testing.T, name, text string) {
	t.Helper()
	require.NotEmpty(t, text, name)
	for line := range strings.SplitSeq(text, "\n") {
		rest := strings.TrimSpace(line)
		if !strings.Contains(rest, " ") || strings.HasPrefix(rest, "sendwarden ") {
			continue
		}
		require.LessOrEqual(t, utf8.RuneCountInString(line), words.Width, "%s:\n%s", name, text)
	}
}

// The commands that read logs, of a theft in which all is long.
func TestLogsFit(t *testing.T) {
	var log strings.Builder
	at := time.Date(2026, 4, 15, 9, 0, 0, 0, time.UTC)
	for i, ip := range []string{"2a02:9140:1:2:3:4:5:6", "2a02:9140:1:2:3:4:5:7", longIP, "2401:4900:1234:5678:90ab:cdef:1234:5678", "2001:448a:1234:5678:90ab:cdef:1234:5678", longIP} {
		at = at.Add(10 * time.Minute)
		stamp, id := at.Format("2006-01-02T15:04:05.000000-07:00"), fmt.Sprintf("4XyZw%05dzBcDfG", i)
		fmt.Fprintf(&log, "%s mail postfix/submission/smtpd[7]: %s: client=unknown[%s], sasl_method=PLAIN, sasl_username=%s\n", stamp, id, ip, longUser)
		fmt.Fprintf(&log, "%s mail postfix/qmgr[8]: %s: from=<%s>, size=1234, nrcpt=1 (queue active)\n", stamp, id, longUser)
		fmt.Fprintf(&log, "%s mail postfix/smtp[9]: %s: to=<%s>, relay=a.very.long.name.of.a.relay.example.com[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host said: 550 5.1.1 %s)\n",
			stamp, id, longUser, strings.Repeat("no such user here ", 6))
	}
	name := filepath.Join(t.TempDir(), "mail.log")
	require.NoError(t, os.WriteFile(name, []byte(log.String()), 0o644))
	rules := filepath.Join(t.TempDir(), "old.yaml")
	require.NoError(t, os.WriteFile(rules, fmt.Appendf(nil, "rules: [{name: %s, when: new_country, points: 40}]", longRule), 0o644))
	t.Setenv("TZ", "UTC")
	for _, command := range []string{"replay", "replay --rules " + rules, "replay --against " + rules, "explain " + longUser, "explain --rules " + rules + " " + longUser, "stats", "trace " + longUser, "trace 4XyZw00003zBcDfG"} {
		var out, errs bytes.Buffer
		require.Equal(t, exitDone, run(append(strings.Fields(command), name), &out, &errs), errs.String())
		fits(t, command, out.String())
	}
}

// The commands that ask the daemon.
func TestViewsFit(t *testing.T) {
	now := time.Now()
	place := control.Place{IP: longIP, Country: "BR", ASN: 4294967295, Org: longOrg, City: "San Fernando del Valle de Catamarca"}
	reason := control.Reason{Time: now, Rule: longRule, Points: 123.5, Place: place, QueueID: longQueueID}
	account := control.Account{User: longUser, Blocked: true, Since: now, At: 1234.5, Score: 1234.5, Hold: 50, Block: 100, Action: "REJECT", Usual: "ES, AS64496 " + longOrg + ", since 2025-11",
		Reasons: []control.Reason{reason, reason, reason, reason}, Held: []control.Message{{QueueID: longQueueID, Since: now, Until: now.Add(48 * time.Hour), Place: place}}}
	trust := &control.Trust{User: longUser, Network: "2804:14c:1234:5678::/64", Until: now.Add(time.Hour)}
	record := control.Record{Time: now, Who: longUser, Act: control.TrustPlace, User: longUser, Trust: trust, Why: strings.Repeat("she is in Brazil ", 10)}
	blocked := control.Record{Time: now, Who: control.ByItself, Act: control.Block, User: longUser, Score: 1234.5, Why: strings.Repeat(longRule+" +60, ", 6)}
	all := control.Accounts{Listed: []control.Account{account}, Held: []control.Account{account}, Close: []control.Account{account}, Holds: true}
	status := control.Status{Version: "1.2.3 (0123456789abcdef0123456789abcdef01234567)", Host: "mail.comunicaciones.example.es", Mode: "watch", Rules: "/etc/sendwarden/" + strings.Repeat("long-", 10) + "rules.yaml",
		Blocklist: "/etc/sendwarden/lists/blocklist", Logs: []control.Log{{Source: "/var/log/a/folder/of/its/own/mail.log", Lines: 1_234_567, Last: now, Delay: time.Hour}},
		Door: &control.Door{Sockets: []string{"unix:/var/spool/postfix/sendwarden/policy", "inet:127.0.0.1:10045"}}, Geo: []control.Geo{{Source: "/var/lib/GeoIP/GeoLite2-City.mmdb", Type: "GeoLite2-City", Old: true}},
		Faults: []string{"the blocklist could not be written; trying again: open /etc/sendwarden/lists/blocklist: no space left on device"}}
	rules, err := scoring.Parse("rules.yaml", fmt.Appendf(nil, "rules: [{name: %s, when: new_country, points: 60}]", longRule))
	require.NoError(t, err)
	s := standing{Made: now, Since: now.Add(-time.Hour), Source: "the daemon on " + status.Host + ", running since " + now.Format(words.Stamp), Running: true, Status: &status,
		Blocked: all.Listed, Held: all.Held, Close: all.Close, Holds: true, Done: []control.Record{record, blocked}, Fired: []control.Rule{{Name: longRule, Points: 60, Fired: 12345, Last: now}}, rules: rules}
	list := listCommand{zone: time.Local, blocked: true, held: true, near: true}
	for name, print := range map[string]func(out *narrow){
		"list":    func(out *narrow) { require.NoError(t, list.print(out, all, byDaemon)) },
		"status":  func(out *narrow) { require.NoError(t, printStatus(out, status)) },
		"history": func(out *narrow) { printHistory(out, []control.Record{record, blocked}, control.Span{}, time.Local) },
		"report":  func(out *narrow) { printStanding(out, &s) },
		"watch": func(out *narrow) {
			judged := control.Judged{Time: now, User: longUser, Action: "refuse", Score: 1234.5, Reasons: account.Reasons, Place: place}
			short := judged
			short.IP = "192.0.2.111"
			fmt.Fprint(out.to, judgedLines(judged, painter(out.to)), judgedLines(short, painter(out.to)))
		},
		"queue": func(out *narrow) {
			require.NoError(t, mailTable(out.to, []queue.Mail{{ID: longQueueID, Queue: "deferred", Arrived: now, Size: 12345678, To: []string{longUser}, Recipients: 1234, Subject: strings.Repeat(longOrg, 2)}}))
		},
	} {
		var text strings.Builder
		print(&narrow{to: &text})
		fits(t, name, text.String())
	}
}

func TestBroken(t *testing.T) {
	for line, want := range map[string]string{
		"short":                                 "short",
		"a line that is too long":               "a line that is too\n    long",
		"  indented, and too long it":           "  indented, and too\n      long it",
		"onewordthatisverymuchtoolong":          "onewordthatisverymuchtoolong",
		"onewordthatisverymuchtoolong and more": "onewordthatisverymuchtoolong\n    and more",
		"  sendwarden release ana@example.es":   "  sendwarden release ana@example.es",
		"twenty letters here.":                  "twenty letters here.",
	} {
		require.Equal(t, want, broken(line, 20))
	}
}
