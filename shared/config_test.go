package shared

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]func(Config){
		"redis://10.0.0.5": func(c Config) {
			require.Equal(t, []string{"10.0.0.5:6379"}, c.addresses)
			require.Equal(t, "sendwarden", c.Prefix)
			require.Equal(t, 200*time.Millisecond, c.Wait)
		},
		"redis://a:7000,b:7001,[2001:db8::1]:7002?prefix=mail": func(c Config) {
			require.Equal(t, []string{"a:7000", "b:7001", "[2001:db8::1]:7002"}, c.addresses)
			require.Equal(t, "mail", c.Prefix)
		},
		"rediss://warden@state.example.es/3?wait=50ms&ca=/etc/ca.pem": func(c Config) {
			require.True(t, c.secure)
			require.Equal(t, "warden", c.user)
			require.Equal(t, 3, c.db)
			require.Equal(t, 50*time.Millisecond, c.Wait)
		},
		"redis+sentinel://a,b:26380,c/mymaster": func(c Config) {
			require.Equal(t, "mymaster", c.master)
			require.Equal(t, []string{"a:26379", "b:26380", "c:26379"}, c.addresses)
		},
		"redis+unix:///run/redis/redis.sock": func(c Config) { require.Equal(t, "/run/redis/redis.sock", c.socket) },
	} {
		require.True(t, IsURL(text))
		c, err := Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, text, c.URL)
		want(c)
	}
	require.False(t, IsURL("/var/lib/sendwarden/state.db"))
}

func TestParseFaults(t *testing.T) {
	for text, want := range map[string]string{
		"redis://":                                   `"" is no HOST:PORT (write redis://10.0.0.5:6379)`,
		"redis://h\x01":                              `"h\x01" is no HOST:PORT (write redis://10.0.0.5:6379)`,
		"redis://h:0":                                `"h:0" is no HOST:PORT (write redis://10.0.0.5:6379)`,
		"redis://h:70000":                            `"h:70000" is no HOST:PORT (write redis://10.0.0.5:6379)`,
		"redis://:secret@h":                          "a password stands in the URL, where others see it (write it into a file",
		"redis://u:secret@h/%zz":                     "it is no URL (write redis://HOST:6379)",
		"valkey://h":                                 "valkey:// is not known (one of redis, rediss,",
		"redis://h/zero":                             `"zero" is no number of a database`,
		"redis://a,b/1":                              "a Cluster has no numbered databases",
		"redis+sentinel://a,b":                       "what Sentinel calls the server is missing",
		"redis+unix://run/redis.sock":                "the socket's path is not whole",
		"redis://h?prefix={x}":                       "without braces",
		"redis://h?wait=1h":                          `wait "1h": 1ms to 2s`,
		"redis://h?wait=1s&wait=2s":                  "wait is there twice",
		"redis://h?pasword_file=/x":                  "pasword_file means nothing here (prefix, wait, password_file,",
		"redis://h?password_file=x":                  `password_file: "x" is no whole path`,
		"redis://h?ca=/x":                            "ca, cert and key are for TLS (write rediss://)",
		"rediss://h?cert=/x":                         "cert and key go together",
		"redis://h#x":                                "there is a # in it",
		"redis://" + strings.Repeat("h,", 100) + "h": "101 addresses are more than enough",
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "secret")
	}
}

// FuzzParse: whatever a rules file calls a state, there is an engine or a fault.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"redis://a:7000,b", "rediss://u@h/1?ca=/x", "redis+sentinel://a/m", "redis+unix:///x", "redis://:p@h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err == nil {
			require.True(t, c.socket != "" || len(c.addresses) > 0)
			require.Positive(t, c.Wait)
			require.LessOrEqual(t, c.Wait, longestWait)
		}
	})
}

func TestLater(t *testing.T) {
	require.True(t, Later("1526919030474-55", "1526919030474-9"))
	require.True(t, Later("2-0", "1-99"))
	require.True(t, Later("1-0", ""))
	require.False(t, Later("1-0", "1-0"))
	require.False(t, Later("", ""))
}

// What an engine says is told with what to do about it.
func TestExplained(t *testing.T) {
	require.ErrorContains(t, explained(errors.New("OOM command not allowed when used memory > 'maxmemory'."), 0), "raise maxmemory")
	require.ErrorContains(t, explained(slow(1100*time.Millisecond), 200*time.Millisecond), "it answers later than 200ms")
	require.Equal(t, rueidis.ErrClosing, explained(rueidis.ErrClosing, 0))
}
