package postfix

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const laidOut = `# Postfix of example.es
compatibility_level = 3.6

smtpd_data_restrictions =
    reject_unauth_pipelining,

# why this?
	permit
# of the next
myhostname=mail.example.es
smtpd_data_restrictions = permit`

func TestSettings(t *testing.T) {
	all := settings([]byte(laidOut), mainName)
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	require.Equal(t, []string{"compatibility_level", dataList, "myhostname", dataList}, names)
	require.True(t, all[1].comments)
	require.False(t, all[0].comments || all[2].comments)
	require.Equal(t, "smtpd_data_restrictions =\n    reject_unauth_pipelining,\n\n# why this?\n\tpermit\n", laidOut[all[1].from:all[1].to])

	f := file{path: "main.cf", text: []byte(laidOut)}
	require.Equal(t, "smtpd_data_restrictions = permit", f.raw(dataList))
	require.Equal(t, "", f.raw("mynetworks"))
	require.Contains(t, f.obstacle(all, dataList), "comments")
	require.Empty(t, f.obstacle(all, "myhostname"))
	f.link = true
	require.Contains(t, f.obstacle(all, "myhostname"), "link")
}

func TestMasterSettings(t *testing.T) {
	all := settings([]byte("smtp      inet  n  -  y  -  -  smtpd\n  -o a=b\nsubmission inet n - y - - smtpd\n# x\n -o c=d\n"), masterName)
	require.Len(t, all, 2)
	require.Equal(t, "smtp/inet", all[0].name)
	require.False(t, all[0].comments)
	require.Equal(t, "submission/inet", all[1].name)
	require.True(t, all[1].comments)
}

// Logical lines follow each other, begin at the beginning of a line, and do not
// overlap, whatever stands in the file.
func FuzzSettings(f *testing.F) {
	f.Add(laidOut)
	f.Add(" lost\n#\n=\n= x\n\x00\r\n\ty")
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, s := range settings([]byte(text), mainName) {
			require.GreaterOrEqual(t, s.from, end)
			require.Greater(t, s.to, s.from)
			require.LessOrEqual(t, s.to, len(text))
			require.True(t, s.from == 0 || text[s.from-1] == '\n')
			require.True(t, s.to == len(text) || text[s.to-1] == '\n')
			require.False(t, strings.ContainsAny(text[s.from:s.from+1], " \t#\n"))
			end = s.to
		}
	})
}

// What postconf prints may be anything; a reference is never read past its end.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"$a", "${a}x", "$(a", "${a?b}", "$$a", "a = $a\nb=\n=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := &Config{inForce: map[string]string{"a": "permit"}}
		if got, ok := c.expand(text); ok {
			require.LessOrEqual(t, len(got), len(text)*len("permit"))
		}
		for name, value := range values(text) {
			require.NotEmpty(t, name)
			require.NotContains(t, value, "\n")
		}
		c.services(text, values(text))
	})
}
