package daemon

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sendwarden/control"
	"sendwarden/geo"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/state"
)

// leftBehind are the files of a daemon that ended while a message of ana's waited, and
// its rules.
func leftBehind(t *testing.T, door string) (*scoring.Rules, Files) {
	rules, _, err := settings.Parse("rules.yaml", []byte(door+`
home: [ES]
threshold: {hold: 50, block: 100}
rules: [{name: second country, when: 'new_country && countries("1h") >= 2', points: 60}]
`))
	require.NoError(t, err)
	dir := t.TempDir()
	files := Files{Blocklist: filepath.Join(dir, "blocklist"), State: filepath.Join(dir, "state.db")}
	require.NoError(t, os.WriteFile(files.Blocklist, nil, 0o600))

	scorer := scoring.New(rules)
	scorer.Remember(func(string) []byte { return nil }, func(key string, err error) { t.Error(key, err) })
	for i, country := range []string{"ES", "BR"} {
		v := scorer.Submission(scoring.Submission{
			User: ana, Time: time.Now().Add(time.Duration(i-60) * time.Second), Message: scoring.MessageID{ID: first[:10] + country[:1]},
			Place: geo.Place{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Country: country, ASN: uint32(64496 + i)},
		})
		require.Equal(t, scoring.Action(i), v.Action) // allow, then hold
	}
	store, err := OpenState(files.State)
	require.NoError(t, err)
	var batch state.Batch
	scorer.Changes(batch.Put)
	require.NoError(t, store.Commit(&batch))
	require.NoError(t, store.Close())
	return rules, files
}

// Mail that waited when the daemon ended is kept until a person decides: also by one
// who has looked first.
func TestKeptWithoutADaemon(t *testing.T) {
	rules, files := leftBehind(t, "door: {listen: [\"inet:127.0.0.1:10031\"]}")
	o := NewOffline(rules, files)
	all, err := o.Accounts(t.Context())
	require.NoError(t, err)
	require.True(t, all.Holds)
	require.Len(t, all.Held, 1)
	require.Len(t, all.Held[0].Held, 1)
	a, err := o.Account(t.Context(), ana)
	require.NoError(t, err)
	require.Equal(t, []string{"ES"}, a.Countries)
	require.NotEmpty(t, a.Memory)
	_, err = o.Account(t.Context(), "eva@example.es")
	require.ErrorContains(t, err, "eva@example.es is not known here")
	crowd, err := o.Crowd(t.Context())
	require.NoError(t, err)
	require.Equal(t, []control.Habit{{What: "ES", Days: 1}}, crowd.Countries, "where a message was held nobody is at home")
	done, err := o.Do(t.Context(), control.Who{Name: "root"}, control.Act{Kind: control.Keep, User: ana, Why: "calling her"})
	require.NoError(t, err)
	require.Equal(t, 1, done.Kept)
	_, err = o.Do(t.Context(), control.Who{Name: "root"}, control.Act{Kind: control.Keep, User: "eva@example.es"})
	require.EqualError(t, err, "no mail of eva@example.es is held (`sendwarden list` shows whose is)")
	require.NoError(t, o.Close())

	again := NewOffline(rules, files)
	all, err = again.Accounts(t.Context())
	require.NoError(t, err)
	require.True(t, all.Held[0].Held[0].Until.IsZero(), "it does not go by itself")
	acts, err := again.History(t.Context(), control.Span{})
	require.NoError(t, err)
	require.Len(t, acts, 1)
	require.Equal(t, "calling her", acts[0].Why)
	require.NoError(t, again.Close())
}

// Where nobody asks at the door, mail is not held, and nobody is told that it is.
func TestNothingIsKeptWithoutADoor(t *testing.T) {
	rules, files := leftBehind(t, "")
	o := NewOffline(rules, files)
	_, err := o.Do(t.Context(), control.Who{Name: "root"}, control.Act{Kind: control.Keep, User: ana})
	require.ErrorContains(t, err, "doubtful mail is not held here, only reported")
	require.NoError(t, o.Close())
}
