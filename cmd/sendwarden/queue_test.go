package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sendwarden/queue"
	"sendwarden/words"

	"github.com/stretchr/testify/require"
)

// spam is a thief's mail in the queue, of which every third message is held.
func spam(n int) []queue.Mail {
	var mail []queue.Mail
	for i := range n {
		m := queue.Mail{
			ID: fmt.Sprintf("%011X", 0xA672A9BAA49+i), Queue: []string{"hold", "active", "deferred"}[i%3],
			Arrived: time.Date(2026, 3, 28, 3, 13, i, 0, time.Local), Size: 4200, Sender: "info@example.es", Recipients: 50,
			To: []string{"ana@example.com", "beat@example.com", "carla@example.com"}, Subject: "Presupuesto nº " + fmt.Sprint(i),
		}
		mail = append(mail, m)
	}
	return mail
}

func printed(t *testing.T, mail []queue.Mail, all bool) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, printMail(&out, "info@example.es", mail, all))
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 81, line)
	}
	return out.String()
}

func TestPrintMail(t *testing.T) {
	mail := spam(2)
	mail[1].Recipients, mail[1].Size, mail[1].Subject = 1, 3_100_000, ""
	since := mail[0].Arrived.Format(words.Stamp)
	require.Equal(t, `2 messages of info@example.es in the queue, 1 on hold;
51 recipients, 3.1 MB, the oldest since `+since+`.

ID           QUEUE   SINCE        SIZE    TO
A672A9BAA49  hold    03-28 03:13  4 kB    ana@example.com and 49 more
    Presupuesto nº 0
A672A9BAA4A  active  03-28 03:13  3.1 MB  ana@example.com

`+"`sendwarden queue info@example.es --release` lets go what the daemon holds.\n`sendwarden queue info@example.es --hold` holds what is not.\n", printed(t, mail, false))

	many := printed(t, spam(1200), false)
	require.Contains(t, many, "1,200 messages of info@example.es in the queue, 400 on hold;\n60,000 recipients, 5 MB, ")
	require.Contains(t, many, "\nand 1,190 more (--all shows each)\n")
	require.Equal(t, 10, strings.Count(many, "    Presupuesto"))
	require.Equal(t, 1200, strings.Count(printed(t, spam(1200), true), "    Presupuesto"))
}

// Long names and ids don't make long lines.
func TestPrintMailLong(t *testing.T) {
	mail := spam(1)
	mail[0].ID, mail[0].Subject = "4fXq3z1Qm6zJ8d4fXq3z1Qm6zJ8d", strings.Repeat("ñ", 300)
	mail[0].To = []string{strings.Repeat("ñ", 200) + "@example.com"}
	require.Contains(t, printed(t, mail, false), "ñ…\n    ñ")
}
