package trace

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sendwarden/maillog"

	"github.com/stretchr/testify/require"
)

// search looks for something in one log.
func search(t testing.TB, word, log string) (stories []*Story, more int) {
	t.Helper()
	q, err := NewQuery(word)
	require.NoError(t, err)
	s := New(q, true)
	for s.Pass() {
		p := maillog.NewParser(maillog.Options{})
		finder := s.Finder()
		for block := range strings.SplitAfterSeq(log, "\n\n") { // as if read in blocks
			text := []byte(block)
			for _, span := range finder.Find(text, nil) {
				s.Take(text[span.Start:span.End], p)
			}
		}
	}
	return s.Stories()
}

func ids(stories []*Story) (ids []string) {
	for _, s := range stories {
		ids = append(ids, s.ID)
	}
	return ids
}

const at10 = "2026-11-20T10:00:00+01:00 mail postfix/"

// A bounce is found from the message, the message from its bounce, and a message
// that a relay in front took in by the message-id alone.
func TestLinksLeadBothWays(t *testing.T) {
	log := strings.Join([]string{
		at10 + "smtpd[1]: 4F1C2A3B01: client=unknown[192.0.2.1], sasl_method=PLAIN, sasl_username=ana",
		at10 + "cleanup[1]: 4F1C2A3B01: message-id=<a@pc>",
		at10 + "smtp[1]: 4F1C2A3B01: to=<leo@example.com>, relay=mx.example.com[192.0.2.9]:25, dsn=2.0.0, status=sent (250 Ok: queued as 4F1C2A3B09)",
		at10 + "qmgr[1]: 4F1C2A3B01: removed",
		"2026-11-20T10:00:01+01:00 relay postfix/smtpd[1]: 4F1C2A3B02: client=mail[192.0.2.8]",
		"2026-11-20T10:00:01+01:00 relay postfix/cleanup[1]: 4F1C2A3B02: message-id=<a@pc>",
		"2026-11-20T10:00:01+01:00 relay postfix/bounce[1]: 4F1C2A3B02: sender non-delivery notification: 4F1C2A3B03",
		"2026-11-20T10:00:01+01:00 relay postfix/cleanup[1]: 4F1C2A3B03: message-id=<b@relay>",
		at10 + "cleanup[1]: 4F1C2A3B09: message-id=<not-linked@far>", // the far server's id, used here for something else
		at10 + "cleanup[1]: 4F1C2A3B0A: message-id=<>",
	}, "\n") + "\n"
	for _, word := range []string{"ana", "4F1C2A3B01", "4F1C2A3B02", "4F1C2A3B03", "a@pc", "<b@relay>", "192.0.2.8"} {
		stories, more := search(t, word, log)
		require.Equal(t, []string{"4F1C2A3B01", "4F1C2A3B02", "4F1C2A3B03"}, ids(stories), word)
		require.Zero(t, more)
	}
	stories, _ := search(t, "4F1C2A3B09", log)
	require.Equal(t, []string{"4F1C2A3B09"}, ids(stories))
}

// An id is used again: each use is a story of its own, and only the wanted one
// is told.
func TestUsedAgain(t *testing.T) {
	var log strings.Builder
	for i, user := range []string{"ana", "bob", "ana"} {
		fmt.Fprintf(&log, "2026-11-20T1%d:00:00+01:00 mail postfix/smtpd[1]: 4F1C2A3B01: client=unknown[192.0.2.1], sasl_method=PLAIN, sasl_username=%s\n", i, user)
		fmt.Fprintf(&log, "2026-11-20T1%d:00:01+01:00 mail postfix/qmgr[1]: 4F1C2A3B01: removed\n", i)
		fmt.Fprintf(&log, "2026-11-20T1%d:00:01+01:00 mail postfix/smtp[1]: 4F1C2A3B01: to=<leo@example.com>, relay=none, status=sent (late)\n", i)
	}
	stories, _ := search(t, "ana", log.String())
	require.Len(t, stories, 2)
	for _, s := range stories {
		require.Equal(t, "ana", s.User)
		require.Len(t, s.Lines, 3)
		require.Len(t, s.Deliveries, 1)
	}
	stories, _ = search(t, "4F1C2A3B01", log.String())
	require.Len(t, stories, 3)
}

// However much a log says, a bounded part of it is kept.
func TestBounds(t *testing.T) {
	var log strings.Builder
	for i := range maxDeliveries + 10 {
		fmt.Fprintf(&log, at10+"smtp[1]: 4F1C2A3B01: to=<u%d@example.com>, relay=none, status=deferred (%s)\n", i, strings.Repeat("x", 1000))
	}
	stories, _ := search(t, "4F1C2A3B01", log.String())
	require.Len(t, stories, 1)
	require.Len(t, stories[0].Deliveries, maxDeliveries)
	require.Equal(t, map[string]int{"deferred": maxDeliveries + 10}, stories[0].Outcomes)
	require.LessOrEqual(t, len(stories[0].Deliveries[0].Reason), maxText+len("…"))

	log.Reset()
	for i := range Most + 5 {
		fmt.Fprintf(&log, at10+"smtpd[1]: %010X: client=unknown[192.0.2.1], sasl_method=PLAIN, sasl_username=ana\n", i)
	}
	stories, more := search(t, "ana", log.String())
	require.Len(t, stories, Most)
	require.Equal(t, 5, more)
}

func TestQuery(t *testing.T) {
	for word, fault := range map[string]string{"": "nothing", "<>": "nothing", "uid:": "number", "uid:-1": "number", "uid:99999999999": "number"} {
		_, err := NewQuery(word)
		require.ErrorContains(t, err, fault, word)
	}
}

// FuzzSearch asks of any log that a search ends, and that each story it tells is
// one of those that were asked for or leads to one.
func FuzzSearch(f *testing.F) {
	logs, err := filepath.Glob("../maillog/testdata/*.log")
	require.NoError(f, err)
	for _, name := range logs {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add("A672A9BAA49", string(text))
		f.Add("ana@example.es", string(text))
	}
	f.Fuzz(func(t *testing.T, word, log string) {
		if _, err := NewQuery(word); err != nil {
			return
		}
		stories, _ := search(t, word, log)
		for _, s := range stories {
			require.True(t, maillog.IsMessageID(s.ID), s.ID)
			require.NotEmpty(t, s.Lines)
			if len(s.Links) == 0 && len(s.Lines) < maxLines {
				lower := strings.ToLower(strings.Join(s.Lines, "\n"))
				q, _ := NewQuery(word)
				if bytes.IndexFunc(q.lower, func(r rune) bool { return r < ' ' || r > '~' }) < 0 && !strings.Contains(lower, "…") && log[0] != '{' {
					require.Contains(t, lower, string(q.lower))
				}
			}
		}
	})
}
