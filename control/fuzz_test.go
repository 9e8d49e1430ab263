package control

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What passes for an act is one: bounded, printable, of one place.
func FuzzAct(f *testing.F) {
	f.Add(`{"act":"block","user":"info@example.es","why":"phished"}`)
	f.Add(`{"act":"trust","user":"ana@example.es","trust":{"country":"FR","until":"2026-05-01T22:00:00Z"}}`)
	f.Add(`{"act":"untrust","user":"ana@example.es","trust":{"network":"2001:db8::/32"}}`)
	f.Add(`{"act":"keep","user":"a","queue_id":"4F1A2B3C4D"}`)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAct(strings.NewReader(text))
		if err != nil {
			require.True(t, errors.As(err, new(*Error)), "%v", err)
			return
		}
		require.Contains(t, acts, a.Kind)
		require.True(t, a.User != "" && len(a.User) <= maxUser && printable(a.User) && printable(a.Why) && len(a.Why) <= maxWhy)
		if a.Trust != nil {
			require.NotEmpty(t, a.Trust.Place())
			if a.Trust.Network != "" {
				network, err := netip.ParsePrefix(a.Trust.Network)
				require.NoError(t, err)
				require.Equal(t, network.Masked(), network)
			}
		}
	})
}

// A record of the ledger may have been damaged on its disk.
func FuzzRecord(f *testing.F) {
	f.Add(`{"time":"2026-04-15T19:15:02Z","who":"sendwarden","act":"block","user":"info@example.es"}`)
	f.Add(`{"time":"2026-04-15T19:15:02Z","who":"ana","act":"trust","user":"a","trust":{"asn":3215}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ReadRecord([]byte(text)); err == nil {
			require.False(t, Before(r.Key(0), r.Time), "%s", r.Key(0))
		}
	})
}
