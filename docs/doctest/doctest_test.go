package doctest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const page = "# A page\n\n" +
	"1. Say `sendwarden list\n   --json` or `ls`.\n\n" +
	"       $ sendwarden release ana@example.es --reason 'is  in Brazil'   # a remark\n" +
	"       ana@example.es may send again.\n\n" +
	"   Or:\n\n" +
	"    sendwarden rules | sed s/a/b/ > x && sendwarden check x    what it does\n\n" +
	"    go run ./cmd/sendwarden version\n\n    $ sendwarden list\n\n" +
	"text\n    goes on\n"

func TestRead(t *testing.T) {
	p := Read(page)
	require.Equal(t, []string{
		"$ sendwarden release ana@example.es --reason 'is  in Brazil'   # a remark\nana@example.es may send again.",
		"sendwarden rules | sed s/a/b/ > x && sendwarden check x    what it does\n\ngo run ./cmd/sendwarden version",
		"$ sendwarden list",
	}, p.Blocks)
	require.Equal(t, []string{"sendwarden list --json", "ls"}, p.Spans)
	require.Equal(t, [][]string{{"release", "ana@example.es", "--reason", "is  in Brazil"}, {"rules"}, {"check", "x"}, {"version"}, {"list"}}, p.Commands())
	require.Equal(t, [][]string{{"list", "--json"}}, p.Mentions())
}
