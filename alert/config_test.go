package alert

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ yaml, says string }{
		{"{}", ""},
		{"{mail: [{to: [ana@example.es]}], webhook: [{url: 'https://chat.example.es/hooks/x', on: [block]}], interval: 30m}", ""},
		{"{interval: 5s}", "alerts: interval: 5s (1m to 24h)"},
		{"{per_hour: -1}", "alerts: per_hour: -1 (1 to 1000)"},
		{"{sendmail: /usr/lib/sendmail, smtp: 'localhost:25'}", "alerts: sendmail and smtp: mail goes by one of them (take the other away)"},
		{"{sendmail: sendmail}", `alerts: sendmail: "sendmail" (write the whole path, such as /usr/sbin/sendmail)`},
		{"{smtp: localhost}", `alerts: smtp: "localhost" (write host:port, such as localhost:25)`},
		{"{smtp: 'localhost:mail'}", `alerts: smtp: "localhost:mail" (write host:port, such as localhost:25)`},
		{"{tls: always}", `alerts: tls: "always" (may or verify)`},
		{"{from: Warden}", `alerts: from: "Warden" is no plain address (write name@example.com)`},
		{"{mail: [{}]}", "alerts: mail 1: to: 0 addresses (1 to 50)"},
		{"{mail: [{to: ['Ana <ana@example.es>']}]}", `alerts: mail 1: to: "Ana <ana@example.es>" is no plain address (write name@example.com)`},
		{"{mail: [{to: ['a@example.es', \"b@example.es\\r\\nBcc: c@example.es\"]}]}", `alerts: mail 1: to: "b@example.es··Bcc: c@example.es" is no plain address (write name@example.com)`},
		{"{mail: [{to: [buzón@example.es]}]}", `alerts: mail 1: to: "buzón@example.es" is no plain address (write name@example.com)`},
		{"{mail: [{to: [a@example.es], on: [blocks]}]}", `alerts: mail 1: on: "blocks" (one of brake fault block alarm queue hold release)`},
		{"{webhook: [{url: chat.example.es/secret}]}", "alerts: webhook 1: url: not the URL of a webhook (write https://…)"},
		{"{webhook: [{url: 'https://chat.example.es', timeout: 1h}]}", "alerts: webhook 1: timeout: 1h0m0s (1s to 5m)"},
		{"{webhook: [{url: 'https://chat.example.es', headers: {\"X\\nY\": z}}]}", `alerts: webhook 1: headers: "X\nY" cannot be sent (letters and hyphens in the name, no line break in the value)`},
		{"{notify_user: true}", "alerts: user_mail: domains: none, so that nobody is written to (write your mail domains)"},
		{"{notify_user: true, user_mail: {domains: ['@example.es']}}", `alerts: user_mail: domains: "@example.es" is no domain (write example.com)`},
		{"{notify_user: true, user_mail: {domains: [example.es], text: 'Hola {name}'}}", `alerts: user_mail: text: "{name}" (the words in braces are {user}, {time} and {host})`},
		{"{per_hour: 5000, tls: x}", "alerts: per_hour: 5000 (1 to 1000)\nalerts: tls: \"x\" (may or verify)"},
	} {
		var config Config
		require.NoError(t, yaml.Unmarshal([]byte(c.yaml), &config), c.yaml)
		if err := config.Check(); c.says == "" {
			require.NoError(t, err, c.yaml)
		} else {
			require.EqualError(t, err, c.says, c.yaml)
		}
	}
}

func TestRecipients(t *testing.T) {
	c := Config{Mail: []Mail{{To: []string{"b@example.es", "a@example.es"}}, {To: []string{"b@example.es"}}}}
	require.Equal(t, []string{"a@example.es", "b@example.es"}, c.Recipients())
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "ñandú": "ñandú", "a\tb": "a·b", "\u202eab": "·ab", "\xffa": "·a", "": "",
		"ññññññ": "ñññññ…", "xñññññ": "xññññ…", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80": "······…",
	} {
		require.Equal(t, want, Clean(in, 10), "%q", in)
	}
	require.LessOrEqual(t, len(Clean("xxxxxxxx\xf0\x9f\x98\x80", 10)), 10+len("…"))
}

func TestKinds(t *testing.T) {
	require.Len(t, Kinds(), 7)
	require.Equal(t, "sendwarden block ana", (&Notice{Kind: Brake, User: "ana", Time: time.Now()}).Command())
}
