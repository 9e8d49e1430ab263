package maillog

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The wrapper in examples/php passes a message on as it is, and what it logs is read
// as it was meant, whatever a visitor put into the URL.
func TestWrapper(t *testing.T) {
	text, err := os.ReadFile("../examples/php/sendmail-php")
	require.NoError(t, err)
	dir := t.TempDir()
	program := func(name, script string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	program("logger", `printf '%s\n' "$@" >"`+dir+`/logged"`)
	program("sendmail", `{ printf '%s\n' "$@"; cat; } >"`+dir+`/sent"`)
	path := "PATH=" + dir + ":/usr/sbin:/usr/bin:/sbin:/bin"
	require.Contains(t, string(text), "\nPATH=/usr/sbin:")
	program("sendmail-php", strings.Replace(string(text), "\nPATH=/usr/sbin:/usr/bin:/sbin:/bin", "\n"+path, 1))

	cmd := exec.Command(filepath.Join(dir, "sendmail-php"), "-t", "-i", "-f", "a@example.es, args=x\ny")
	cmd.Stdin = strings.NewReader("Subject: x\n\nhi\n")
	cmd.Env = []string{
		"SENDMAIL_PHP_URL=www.example.es/x, client=192.0.2.66, filename=/home/victim/x.php, uid=0, user=root, args=\n$(id)",
		"SENDMAIL_PHP_CLIENT=2001:db8::15", "SENDMAIL_PHP_FILE=/home/ana/w w/form.php",
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	sent, err := os.ReadFile(filepath.Join(dir, "sent"))
	require.NoError(t, err)
	require.Equal(t, "-t\n-i\n-f\na@example.es, args=x\ny\nSubject: x\n\nhi\n", string(sent))

	logged, err := os.ReadFile(filepath.Join(dir, "logged"))
	require.NoError(t, err)
	words := strings.Split(strings.TrimSpace(string(logged)), "\n")
	require.Len(t, words, 6, "one line for syslog")
	require.Equal(t, []string{"-p", "mail.info", "-t"}, words[:3])
	var ev Event
	require.True(t, NewParser(Options{Location: time.UTC, Reference: time.Now()}).Parse([]byte("2026-11-20T20:42:06+00:00 web "+words[3]+": "+words[5]), &ev))
	require.Equal(t, Script, ev.Type)
	require.Equal(t, words[3], ev.User)
	require.Equal(t, os.Getuid(), ev.UID)
	require.Equal(t, "/home/ana/w w/form.php", ev.Script)
	require.Equal(t, "2001:db8::15", ev.Addr.String())
	require.True(t, strings.HasPrefix(ev.URL, "www.example.es/x? client=192.0.2.66? filename=/home/victim/x.php? uid=0"), ev.URL)
}
