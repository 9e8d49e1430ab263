package queue

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// eximListing is what Exim 4.96 prints, with invented names.
const eximListing = ` 4m   312 1xXEkk-000001-01 <alice@example.es>
          customer@example.com

25m  2.9K 1xXEkk-000002-01 <shop@example.net> (www-data)
        D red.king@example.com
          "white > queen"@example.com

 7d   12M 1xXEkk-00000000003-0001 <> *** frozen ***
          forged@example.net

 0m     0 1xXEkk-000004-01 <"a> (b"@example.es> (www-data) *** frozen ***
          x@example.com

*** spool read error: 1xXEkk-000005-01 ***

`

func TestEximWaiting(t *testing.T) {
	var got []string
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "bulk", "input"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "-odd", "input"), 0o700))
	x := Exim{programs: func(args ...string) (string, error) {
		switch fmt.Sprint(args) {
		case "[-bP spool_directory]":
			return "spool_directory = " + dir + "\n", nil
		case "[-bp]":
			return eximListing, nil
		case "[-qG-odd -bp]":
			return "", nil
		}
		require.Equal(t, []string{"-qGbulk", "-bp"}, args)
		return "5m  10 1xXEkk-000009-01 <b@example.es>\n          leo@example.com\n", nil
	}}
	require.NoError(t, x.Waiting(context.Background(), func(w Waiting) {
		got = append(got, fmt.Sprint(w.ID, " ", w.Arrived.Unix(), " ", w.Size, " ", w.Sender, " ", w.Recipients, " ", w.Held(), " ", w.Named))
	}))
	require.Equal(t, []string{
		"1xXEkk-000001-01 1795858194 312 alice@example.es [{customer@example.com }] false ",
		`1xXEkk-000002-01 1795858194 2969 shop@example.net [{"white > queen"@example.com }] false `,
		"1xXEkk-00000000003-0001 1795858194 12582912 MAILER-DAEMON [{forged@example.net }] true ",
		`1xXEkk-000004-01 1795858194 0 "a> (b"@example.es [{x@example.com }] true `,
		"1xXEkk-000009-01 1795858194 10 b@example.es [{leo@example.com }] false bulk",
	}, got)
}

// Who handed in what, as the spool says: who logged in, an account, a client, Exim.
func TestEximSurvey(t *testing.T) {
	x, _ := spoolOf(t, map[string]string{
		"1xXEkk-000001-01": "--auth_id alice\n-host_address [192.0.2.7]:57622\n",
		"1xXEkk-000002-01": "--auth_id alice\n-host_address [192.0.2.7]:57622\n-frozen 1\n",
	})
	var got []Item
	require.NoError(t, x.Survey(context.Background(), func(i Item) error { got = append(got, i); return nil }))
	require.Len(t, got, 2)
	require.Equal(t, "alice", got[0].User)
	require.Equal(t, netip.MustParseAddr("192.0.2.7"), got[0].Client)
	require.Equal(t, NoUID, got[0].UID)
	require.False(t, got[0].Held())
	require.True(t, got[1].Held())
	require.ErrorIs(t, x.Survey(context.Background(), func(Item) error { return context.Canceled }), context.Canceled)

	local := eximEnvelope{envelope: envelope{user: "local:www-data", sender: "a@example.es"}, caller: "www-data", script: "33:form.php"}
	require.Equal(t, Item{Mail: Mail{ID: "x", Queue: input, Sender: "a@example.es"}, Account: "www-data", UID: NoUID, Script: "33:form.php"}, local.item("x"))
	notice := eximEnvelope{envelope: envelope{user: "local:Debian-exim"}, notice: true}
	require.Equal(t, Item{Mail: Mail{ID: "x", Queue: input}, UID: NoUID}, notice.item("x"))
}

// FuzzEximQueue reads anything that claims to be Exim's list: its messages have ids
// that Exim makes.
func FuzzEximQueue(f *testing.F) {
	f.Add(eximListing)
	f.Fuzz(func(t *testing.T, text string) {
		readEximQueue(strings.NewReader(text), func(w Waiting) { require.True(t, isEximID(w.ID)) })
	})
}
