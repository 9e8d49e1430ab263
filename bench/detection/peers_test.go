package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// Each peer's rule is played a day of one user's messages. A message is
// "+MINUTES ADDRESS COUNTRY", the minutes counted from the message before; "x3"
// at its end sends it three times. The answer is which message is refused first.
func TestPeers(t *testing.T) {
	tests := []struct {
		rule     string
		messages string
		first    int // refused, from 1; 0: none
	}{
		{"geoip-policyd", "+0 1 ES, +1 2 FR, +1 3 DE, +1 4 IT", 4},
		{"geoip-policyd", "+0 1 ES, +1 2 FR, +1 3 DE, +61 4 IT", 0}, // each is forgotten after an hour
		{"geoip-policyd", addresses(10, "ES"), 0},
		{"geoip-policyd", addresses(11, "ES"), 11},
		{"postfwd", "+0 1 ES, +1 2 FR, +1 3 DE, +1 4 IT, +1 5 PL", 0},
		{"postfwd", "+0 1 ES, +1 2 FR, +1 3 DE, +1 4 IT, +1 5 PL, +1 6 RO", 6},
		{"postfwd", addresses(20, "ES"), 0},
		{"postfwd", addresses(21, "ES"), 21},
		{"postfwd", "+0 1 ES, +1 2 FR, +1 3 DE, +1 4 IT, +1 5 PL, +1440 6 RO", 0},
		{"postfwd", "+0 1 ES, +20 2 FR, +1425 3 DE, +1000 4 IT, +1 5 PL, +1 6 RO, +1 7 GB", 7}, // purged once a day only
		{"pcc", "+0 1 FR, +1 2 DE, +1 3 IT", 0},                                                // counted before the message at hand
		{"pcc", "+0 1 FR, +1 2 DE, +1 3 IT, +1 3 IT", 4},
		{"pcc", "+0 1 ES, +1 2 DE, +1 3 IT, +1 3 IT", 0}, // the server's own country is ignored
		{"pcc", "+0 1 FR, +1 2 DE, +2881 3 IT, +1 3 IT", 0},
		{"saslpolicyd", "+0 1 ES x100", 0},
		{"saslpolicyd", "+0 1 ES x101", 101},
		{"saslpolicyd", "+0 1 ES x100, +60 1 ES x100", 0},
		{"saslpolicyd", addresses(11, "ES"), 11},
		{"policyd", "+0 1 ES x30", 0},
		{"policyd", "+0 1 ES x31", 31},
		{"policyd", "+0 1 ES x30, +30 1 ES x15", 0}, // half of the counter has leaked
		{"policyd", "+0 1 ES x30, +30 1 ES x16", 46},
		{"travel", "+0 1 ES, +60 2 US", 2},
		{"travel", "+0 1 ES, +600 2 US", 0},
		{"travel", "+0 1 ES, +0 2 ES", 0}, // under 100 km
		{"founding", "+0 1 ES, +1 2 FR, +1 3 IT", 3},
		{"founding", "+0 1 ES, +1 2 FR, +31 3 IT", 0},
		{"founding", addresses(11, "FR"), 11},
		{"founding", addresses(11, "ES"), 0}, // at home there is slack
		{"founding", addresses(21, "ES"), 21},
	}
	for _, test := range tests {
		t.Run(test.rule+" "+test.messages[:min(40, len(test.messages))], func(t *testing.T) {
			rule := peerNamed(t, test.rule)
			first := 0
			for i, m := range dialogue(t, test.messages) {
				if rule.submission(m) == refused && first == 0 {
					first = i + 1
				}
			}
			require.Equal(t, test.first, first)
		})
	}
}

// DirectAdmin counts what comes back.
func TestBlockCracking(t *testing.T) {
	rule, at := peerNamed(t, "DirectAdmin"), time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	for range 99 {
		require.False(t, rule.bounced("ana", at))
	}
	require.False(t, rule.bounced("ana", at.Add(time.Hour)), "the others are an hour old")
	require.False(t, rule.bounced("leo", at.Add(time.Hour)))
	for range 98 {
		require.False(t, rule.bounced("ana", at.Add(time.Hour)))
	}
	require.True(t, rule.bounced("ana", at.Add(time.Hour)))
}

// addresses are messages from so many addresses, one a minute.
func addresses(n int, country string) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("+1 %d %s", i+1, country))
	}
	return strings.Join(list, ", ")
}

func peerNamed(t *testing.T, prefix string) rule {
	for _, p := range peers("ES") {
		if strings.HasPrefix(strings.TrimPrefix(p.name, "the "), prefix) {
			return p.rule
		}
	}
	require.Fail(t, "no such rule", prefix)
	return nil
}

func dialogue(t *testing.T, text string) (list []*message) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	for part := range strings.SplitSeq(text, ", ") {
		var minutes, address, times int
		var country string
		n, _ := fmt.Sscanf(part, "+%d %d %s x%d", &minutes, &address, &country, &times)
		require.GreaterOrEqual(t, n, 3, part)
		at = at.Add(time.Duration(minutes) * time.Minute)
		place := geo.Place{Kind: geo.Placed, Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(address)}), Country: country, HasCoordinates: true, Lat: 40, Lon: -4}
		if country == "US" {
			place.Lon = -100
		}
		for range max(1, times) {
			list = append(list, &message{fmt.Sprint(len(list)), "ana", at, place})
		}
	}
	return list
}
