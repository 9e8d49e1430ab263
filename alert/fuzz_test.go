package alert

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// headers are those of every mail, and there are no others.
var headers = []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}

// FuzzMessage puts a stranger's words wherever a notice has words, and asks
// that the mail's headers and lines stay ours, and that nothing hidden shows.
func FuzzMessage(f *testing.F) {
	for _, words := range []string{"info@example.es", "a\r\nBcc: all@example.com", "\u202egro", "=?utf-8?Q?=E2=80=AE?=", "\n.\n", "\x80\xff", "ñ",
		"=\x00?utf-8?B?AAAA?=", strings.Repeat("ñ", 400), "\u2028\u2029\u0085", "From x", "?= =?"} {
		f.Add(words, words, true)
	}
	f.Fuzz(func(t *testing.T, user, words string, alone bool) {
		n := Notice{Kind: Block, Time: noon, Host: words, User: user, Score: 142, Usual: words, Detail: words,
			Reasons: []Reason{{Time: noon, Rule: words, Country: words, ASN: 1, Org: words}}}
		d := &digest{time: noon, host: words, notices: []Notice{n}}
		if !alone {
			d.notices = append(d.notices, Notice{Kind: Fault, User: words, Detail: user})
		}
		raw := (&message{"a@example.es", []string{"b@example.es"}, "[Sendwarden] " + d.subject(), d.text(), noon, d.identity()}).bytes()
		for line := range bytes.Lines(raw) {
			require.LessOrEqual(t, len(line), 998+2)
			line, ended := bytes.CutSuffix(line, []byte("\r\n"))
			require.True(t, ended || len(line) == 0 || bytes.HasSuffix(raw, line))
			for _, c := range line {
				require.True(t, ' ' <= c && c <= '~', "%q", line)
			}
		}
		m, err := mail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err)
		for name, values := range m.Header {
			require.Contains(t, headers, name)
			require.Len(t, values, 1)
		}
		require.Len(t, m.Header, len(headers))
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		require.NoError(t, err)
		shown(t, subject)
		require.True(t, strings.HasPrefix(subject, "[Sendwarden] "))
		body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
		require.NoError(t, err)
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		require.Equal(t, d.text(), text)
		for line := range strings.Lines(text) {
			shown(t, strings.TrimSuffix(line, "\n"))
		}
		inChat := strings.TrimSuffix(strings.TrimPrefix(chat(d), "```\n"), "```")
		require.NotContains(t, inChat, "`")
		require.NotContains(t, inChat, "<")
		_, err = json.Marshal(post{chat(d), d.time, d.host, d.notices, 0})
		require.NoError(t, err)
	})
}

func shown(t *testing.T, line string) {
	t.Helper()
	require.False(t, strings.ContainsFunc(line, hides), "%q", line)
	require.Equal(t, strings.ToValidUTF8(line, ""), line)
}

// FuzzCommand asks a real shell what it reads the command as, from the mail
// and from a chat: the name whole, and nothing of it done.
func FuzzCommand(f *testing.F) {
	for _, user := range []string{"info@example.es", "x'; echo hacked #", "`id`", "$(id)", "-rf", "a b", `\`, `DOMAIN\user`, "~root", "*", "!", "\n", "`; id #`", "é", "a=b", "#"} {
		f.Add(user)
	}
	sh, err := exec.LookPath("sh")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, user string) {
		n := Notice{Kind: Block, User: user, Time: noon}
		command := n.Command()
		if user == "" {
			require.Empty(t, command)
			return
		}
		require.Contains(t, chat(&digest{notices: []Notice{n}}), "    "+command+"\n")
		if command == "sendwarden list" {
			return
		}
		cmd := exec.Command(sh, "-c", `sendwarden() { for a; do printf '%s\n' "$a"; done; }; `+command)
		cmd.Env = []string{"PATH=/nonexistent", "HOME=/root"}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err)
		want := "release\n" + user + "\n"
		if user[0] == '-' {
			want = "release\n--\n" + user + "\n"
		}
		require.Equal(t, want, string(out))
	})
}
