package main

import (
	"fmt"
	"net/netip"
	"time"

	"sendwarden/geo"
	"sendwarden/scoring"
	"sendwarden/state"

	"github.com/rogpeppe/go-internal/testscript"
)

// remember makes a state of what two people did in three days: both sent from
// home, and then ana@example.es from Lyon, which waits.
func remember(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, "remember FILE")
	rules, err := scoring.Parse("rules.yaml", []byte(`rules: [{name: foreign, when: country != "ES", points: 60}]`))
	ts.Check(err)
	s := scoring.New(rules)
	s.Remember(func(string) []byte { return nil }, func(string, error) {})
	monday := time.Date(2026, 4, 13, 9, 0, 0, 0, time.FixedZone("", 7200))
	home := geo.Place{Addr: netip.MustParseAddr("198.51.100.7"), Kind: geo.Placed, Country: "ES", ASN: 3352, Org: "Telefonica"}
	lyon := geo.Place{Addr: netip.MustParseAddr("203.0.113.7"), Kind: geo.Placed, Country: "FR", ASN: 3215, Org: "Orange"}
	for day := range 3 {
		for _, user := range []string{"ana@example.es", "bob@example.es"} {
			at := monday.AddDate(0, 0, day)
			id := scoring.MessageID{Host: "mx", Queue: "postfix", ID: fmt.Sprintf("%.1s%dC0FFEE", user, day)}
			s.Submission(scoring.Submission{User: user, Time: at, Place: home, Method: "PLAIN", Message: id})
			s.Queued(id, at, 2, user)
			s.Removed(id)
		}
	}
	s.Submission(scoring.Submission{User: "ana@example.es", Time: monday.AddDate(0, 0, 3), Place: lyon, Method: "PLAIN",
		Message: scoring.MessageID{Host: "mx", Queue: "postfix", ID: "D1C0FFEE"}})

	store, err := state.Open(ts.MkAbs(args[0]), monday)
	ts.Check(err)
	var batch state.Batch
	s.Changes(batch.Put)
	batch.Put("position/var/log/mail.log", []byte(`{"offset":4711}`))
	batch.Put("daemon/raised", []byte(`{"ana@example.es":true}`))
	batch.Put("daemon/alerts", []byte(`{"waiting":[{"way":"mail","notice":{"user":"ana@example.es"}},{"way":"mail","notice":{"user":"bob@example.es"}}]}`))
	batch.Put("daemon/hooks", []byte(`[{"run":["/bin/lock"],"notice":{"type":"block","user":"ana@example.es"}},{"run":["/bin/lock"],"notice":{"user":"bob@example.es"}}]`))
	batch.Put("daemon/kept", []byte(`{"bob@example.es":["4F1A2B3C4D"]}`))
	ts.Check(store.Commit(&batch))
	ts.Check(store.Close())
}
