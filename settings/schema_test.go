package settings

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sendwarden"
	"sendwarden/scoring"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const schemaFile = "../rules.schema.json"

var update = flag.Bool("update", false, "write rules.schema.json anew")

// TestSchema keeps rules.schema.json what the program says, and compares it to the
// parser: what is right for one is right for the other, and keys that one does not
// know the other does not either.
func TestSchema(t *testing.T) {
	text, err := Schema()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(schemaFile, text, 0o644))
	}
	published, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	require.Equal(t, string(published), string(text), "run: go test ./settings -run TestSchema -update")

	names := slices.Sorted(maps.Keys(sectionTypes()))
	require.Equal(t, slices.Sorted(slices.Values(Names())), names)

	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("rules.schema.json", doc))
	schema, err := compiler.Compile("rules.schema.json")
	require.NoError(t, err)
	validate := func(text []byte) error {
		var value any
		require.NoError(t, yaml.Unmarshal(text, &value))
		return schema.Validate(value)
	}
	require.NoError(t, validate(sendwarden.Rules))

	archive, err := txtar.ParseFile("testdata/schema.txtar")
	require.NoError(t, err)
	for _, file := range archive.Files {
		_, parsed := scoring.Parse(file.Name, file.Data, Names()...)
		if parsed == nil {
			rules, err := scoring.Parse(file.Name, file.Data, Names()...)
			require.NoError(t, err)
			_, parsed = Read(file.Name, rules)
		}
		if strings.HasPrefix(file.Name, "good") {
			require.NoError(t, parsed)
			require.NoError(t, validate(file.Data), file.Name)
			continue
		}
		require.Error(t, parsed, file.Name)
		require.Error(t, validate(file.Data), file.Name)
	}
	require.Greater(t, len(archive.Files), 20)
}
