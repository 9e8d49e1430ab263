package maillog

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestMask(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ana@example.es", "ana@example.es"},
		{"josé 😀", "josé 😀"},
		{"a\x1b[31mb\r\n\x00\x7f", "a·[31mb····"},
		{"a\u009b31mb", "a·31mb"},                      // C1: CSI in one rune
		{"a\u202eb\u2066c\u200fd\u061ce", "a·b·c·d·e"}, // direction
		{"a\u2028b\u2029c", "a·b·c"},
		{"a\u200bb\ufeffc", "a·b·c"}, // zero width
		{"a\xffb", "a·b"},
		{"a\ufffdb", "a\ufffdb"},
	} {
		require.Equal(t, c.want, Mask(c.in))
	}
	long := Mask(strings.Repeat("é", 1000))
	require.True(t, utf8.ValidString(long))
	require.Equal(t, strings.Repeat("é", 256)+"…", long)
	require.Equal(t, strings.Repeat("é", 255)+"…", Mask("a" + strings.Repeat("é", 1000))[1:])
}

func TestDoubtful(t *testing.T) {
	for _, user := range []string{"ana", "ana@example.es", "Ana+tag_1@example.es", "josé", `DOMAIN\ana`} {
		require.False(t, Doubtful(user), user)
	}
	for _, user := range []string{"", "a,b", "a b", "a=b", "a?b", "a\tb", "a\u202eb", "a\xff", "a\u00a0b", strings.Repeat("a", 600)} {
		require.True(t, Doubtful(user), user)
	}
}
