package doctor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sendwarden/scoring"
	"sendwarden/settings"

	"github.com/stretchr/testify/require"
)

func TestCheckRules(t *testing.T) {
	rules := &scoring.Rules{Rules: make([]scoring.Rule, 3)}
	in := &Installation{Rules: rules, Origin: settings.Shipped}
	require.Equal(t, "ok: "+settings.Shipped+": 3 rules, mode enforce ()", line(one(t, checkRules(t.Context(), in))))
	rules.Watch = true
	require.Contains(t, one(t, checkRules(t.Context(), in)).Fact, "mode watch: nobody is blocked")

	const goesOn = "kill -HUP the daemon when it is repaired; until then it goes on with the old rules"
	in.Broken = errors.New("rules.yaml:3:1: no such key")
	require.Equal(t, "fault: rules.yaml:3:1: no such key ("+goesOn+")", line(one(t, checkRules(t.Context(), in))))
	in.Broken = scoring.Faults{{File: "rules.yaml", Text: "one"}, {File: "rules.yaml", Text: "two"}}
	require.Equal(t, "`sendwarden check` shows all 2 faults; "+goesOn, one(t, checkRules(t.Context(), in)).Remedy)
}

// Rules that the daemon's account may put others in the place of.
func TestCheckRulesOfTheDaemon(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(path, nil, 0o666))
	require.NoError(t, os.Chmod(path, 0o666))
	in := &Installation{Rules: &scoring.Rules{}, Origin: path, Account: "nobody"}
	found := checkRules(t.Context(), in)
	require.Len(t, found, 2)
	require.Equal(t, Warning, found[1].State)
	require.Contains(t, found[1].Fact, "the daemon's account nobody could put other rules there")
}

// Data that is as old as the release is told to be old, and a file that is missing.
func TestCheckPlaces(t *testing.T) {
	in := &Installation{Now: time.Now().AddDate(3, 0, 0)}
	for _, f := range checkPlaces(t.Context(), in) {
		require.Equal(t, Warning, f.State, f.Fact)
	}
	in.Geo = []string{"/nowhere.mmdb"}
	require.Contains(t, line(one(t, checkPlaces(t.Context(), in))), "/nowhere.mmdb")
}

func TestCheckBlocklist(t *testing.T) {
	dir := t.TempDir()
	in := &Installation{List: filepath.Join(dir, "lists", "blocklist")}
	require.Contains(t, line(one(t, checkBlocklist(t.Context(), in))), "fault: "+filepath.Dir(in.List)+": no such directory (mkdir -p ")
	require.NoError(t, os.Mkdir(filepath.Dir(in.List), 0o755))
	require.Contains(t, line(one(t, checkBlocklist(t.Context(), in))), "there is no blocklist yet; `sendwarden run` makes it")
	require.NoError(t, os.WriteFile(in.List, []byte("info@example.es REJECT 5.7.1 Ask Ana\nana@example.es\n"), 0o644))
	require.Equal(t, "fault: "+in.List+":2: ana@example.es stands alone, and Postfix ignores the line (add what to do, such as REJECT)", line(one(t, checkBlocklist(t.Context(), in))))
	require.NoError(t, os.WriteFile(in.List, []byte("info@example.es REJECT 5.7.1 Ask Ana\n"), 0o644))
	require.Equal(t, "ok: "+in.List+": 1 line ()", line(one(t, checkBlocklist(t.Context(), in))))
}
