package hook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sendwarden/alert"
)

// A program that goes is run for what it was told of before, in order; one that
// stays is told of other kinds from then on.
func TestUse(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	gate := filepath.Join(t.TempDir(), "gate")
	slow := script(t, `until [ -e `+gate+` ]; do sleep 0.02; done; echo "slow $SENDWARDEN_EVENT $SENDWARDEN_USER" >>`+out)
	quick := script(t, `echo "quick $SENDWARDEN_EVENT $SENDWARDEN_USER" >>`+out)
	blocks := []alert.Kind{alert.Block}
	s := start(t, Config{{On: blocks, Run: []string{slow}}})
	lines := func() string {
		text, _ := os.ReadFile(out)
		return string(text)
	}

	s.Tell(notice(alert.Block, "ana"))
	s.Tell(notice(alert.Block, "bob"))
	s.Use(Config{{On: []alert.Kind{alert.Block, alert.Release}, Run: []string{quick}}})
	s.Tell(notice(alert.Block, "carol"))
	eventually(t, func() bool { return lines() == "quick block carol\n" })
	require.NoError(t, os.WriteFile(gate, nil, 0o644))
	eventually(t, func() bool { return lines() == "quick block carol\nslow block ana\nslow block bob\n" })

	s.Use(Config{{On: []alert.Kind{alert.Release}, Run: []string{quick}}, {On: []alert.Kind{alert.Release}, Run: []string{slow}}})
	s.Tell(notice(alert.Block, "dora"))
	s.Tell(notice(alert.Release, "ana"))
	eventually(t, func() bool {
		return strings.Contains(lines(), "quick release ana\n") && strings.Contains(lines(), "slow release ana\n")
	})
	require.NotContains(t, lines(), "dora")
	require.Empty(t, s.failures())
}
