package scoring

import (
	"net/netip"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// A client that hangs up leaves a message of which nothing more is heard.
func TestMessagesAreForgotten(t *testing.T) {
	rules, err := Parse("rules.yaml", []byte("rules: [{name: new, when: new_address, points: 1}]"))
	require.NoError(t, err)
	s := New(rules)
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	submit := func(id string, at time.Time) {
		s.Submission(Submission{User: "ana", Time: at, Message: id})
	}
	submit("mx/postfix/A1", start)
	submit("mx/postfix/A2", start.AddDate(0, 0, 5))
	require.Len(t, s.messages, 2, "Postfix tries for five days")
	submit("mx/postfix/A3", start.AddDate(0, 0, 7))
	require.NotContains(t, s.messages, "mx/postfix/A1")
	require.Len(t, s.messages, 2)
}

// Who was blocked by mistake takes nobody along: the addresses that were taken
// for thieves' are cleared with the user, those seen during the block as well.
func TestReleaseAcquits(t *testing.T) {
	rules, err := Parse("rules.yaml", []byte("rules: [{name: foreign, when: 'country != \"ES\"', points: 120}]"))
	require.NoError(t, err)
	s := New(rules)
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	for i := range 40 { // a server that is used at home
		s.Submission(Submission{User: userName(i), Time: start, Place: at("198.51.100.1", "ES", 3352)})
	}
	hotel, station := at("203.0.113.7", "FR", 3215), at("203.0.113.99", "FR", 3215)
	require.Equal(t, Block, s.Submission(Submission{User: "ana", Time: start.Add(time.Hour), Place: hotel}).Action)
	require.Equal(t, Refuse, s.Submission(Submission{User: "ana", Time: start.Add(2 * time.Hour), Place: station}).Action)
	for _, p := range []geo.Place{hotel, station} {
		require.NotZero(t, s.server.strangers[hashAddr(p.Addr)].thief)
	}
	s.Released("ana", start.Add(3*time.Hour), true)
	for _, p := range []geo.Place{hotel, station} {
		require.Zero(t, s.server.strangers[hashAddr(p.Addr)].thief)
	}
}

func at(addr, country string, asn uint32) geo.Place {
	return geo.Place{Addr: netip.MustParseAddr(addr), Kind: geo.Placed, Country: country, ASN: asn}
}
