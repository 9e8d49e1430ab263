package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Figures have as many digits as mean something.
func TestCell(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{0.0, "0"}, {0.123, "0.12"}, {7.77, "7.8"}, {77.7, "78"}, {777.7, "778"}, {31_745.0, "31,700"}, {1_234_567.0, "1,230,000"},
		{1500 * time.Microsecond, "1.5 ms"}, {2349 * time.Millisecond, "2.3 s"}, {12_345, "12,345"}, {"as it is", "as it is"},
	} {
		require.Equal(t, c.want, cell(c.v))
	}
}

// Tables come between their marks, and the rest of the document stays.
func TestInto(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scale.md")
	require.NoError(t, os.WriteFile(name, []byte("before\n<!-- rate -->\nold\n<!-- end -->\nbetween\n<!-- machine -->\n<!-- end -->\nafter\n"), 0o644))
	rate := &table{name: "rate", head: []string{"hosts", "submissions/s"}}
	rate.add(2, 4100.0)
	require.NoError(t, into(name, []*table{rate, {name: "machine", remark: "a machine."}}))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "before\n<!-- rate -->\n| hosts | submissions/s |\n| --- | --- |\n| 2 | 4,100 |\n<!-- end -->\nbetween\n<!-- machine -->\na machine.\n<!-- end -->\nafter\n", string(text))
	require.EqualError(t, into(name, []*table{{name: "plan"}}), name+": <!-- plan --> is not in it")
}
