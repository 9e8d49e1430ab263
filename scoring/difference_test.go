package scoring

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

// TestDifference reads rules files that become each other, from top to bottom of
// testdata/words/difference.txtar, and what is said of each change.
func TestDifference(t *testing.T) {
	const path = "testdata/words/difference.txtar"
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	var before *Rules
	for i := 0; i+1 < len(archive.Files); i += 2 {
		file, want := &archive.Files[i], &archive.Files[i+1]
		require.Equal(t, file.Name+": said", want.Name)
		rules, err := Parse(file.Name, file.Data, "alerts")
		require.NoError(t, err)
		said := ""
		if before != nil {
			said = strings.Join(Difference(before, rules), "\n") + "\n"
			require.Empty(t, Difference(rules, rules))
		}
		before = rules
		if *update {
			want.Data = []byte(said)
			continue
		}
		require.Equal(t, string(want.Data), said, file.Name)
	}
	if *update {
		require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
	}
}

// What is added to the rules has to be added to Difference, or be left to others
// knowingly.
func TestDifferenceKnowsAllRules(t *testing.T) {
	others := "Log Geo Blocklist Table State StateAt Sections"
	require.Equal(t, 13+len(strings.Fields(others)), reflect.TypeFor[Rules]().NumField())
	require.Equal(t, 6, reflect.TypeFor[Rule]().NumField(), "Name, Points, Every, senders, when; at says nothing")
	require.Equal(t, 5, reflect.TypeFor[Override]().NumField())
}
