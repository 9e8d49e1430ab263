//go:build e2e

package authpolicy

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// conf23 and conf24 are for Dovecot 2.3 and for 2.4, whose settings have other
// names; DIR is the test's folder.
const conf23 = `
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u DIR/passwords
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=DIR
}
`

const conf24 = `
passdb passwd-file {
  default_password_scheme = plain
  passwd_file_path = DIR/passwords
}
userdb static {
  fields {
    uid = 65534
    gid = 65534
    home = DIR
  }
}
`

// asked23 and asked24 are what docs/dovecot.md has Dovecot ask.
const (
	asked23 = "auth_policy_request_attributes = login=%{user} protocol=%s remote=%{rip}\n"
	asked24 = "auth_policy_request_attributes {\n  login = %{user}\n  protocol = %{protocol}\n  remote = %{remote_ip}\n  pwhash =\n}\n"
)

// is24 tells which Dovecot is installed.
func is24(t *testing.T) bool {
	t.Helper()
	version, err := exec.Command("dovecot", "--version").Output()
	require.NoError(t, err)
	return !strings.HasPrefix(string(version), "2.3.")
}

// dovecot runs Dovecot's auth process, which asks at an address, and returns what
// becomes of a log-in by a service.
func dovecot(t *testing.T, address string, settings ...string) func(service, login string) string {
	t.Helper()
	require.Zero(t, os.Getuid(), "Dovecot starts as root only")
	dir, err := os.MkdirTemp("/tmp", "dovecot") // short enough for the names of sockets
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	config, first, service := conf23, "", "service"
	if is24(t) {
		config, first, service = conf24, "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n", "protocol"
	}
	config = first + `base_dir = DIR/run
state_dir = DIR/run
log_path = DIR/log
protocols =
ssl = no
auth_mechanisms = plain
auth_failure_delay = 0
auth_policy_server_url = http://` + address + `/
auth_policy_hash_nonce = any secret of this host
` + config + strings.Join(settings, "\n") + "\n"
	config = strings.ReplaceAll(config, "DIR", dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "conf"), []byte(config), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "passwords"), []byte("alice@example.es:right::::::\nbob@example.es:right::::::\n"), 0o644))
	cmd := exec.Command("dovecot", "-F", "-c", filepath.Join(dir, "conf"))
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // Wait tells whether it was there
		require.NoError(t, cmd.Wait())
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("%s", log)
		}
	})
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "run", "auth-client"))
		return err == nil
	}, 10*time.Second, 5*time.Millisecond)
	return func(protocol, login string) string {
		out, _ := exec.Command("doveadm", "-c", filepath.Join(dir, "conf"), "auth", "test", "-x", service+"="+protocol, "-x", "rip=192.0.2.7", login, "right").CombinedOutput()
		if strings.Contains(string(out), "auth succeeded") {
			return "in"
		}
		return "out"
	}
}

// Who is blocked can't log in to hand mail in, by any spelling, and reads it as
// before; nobody else notices.
func TestDovecot(t *testing.T) {
	var mu sync.Mutex
	var told []Question
	s := New(Config{}, func(login string) bool { return strings.EqualFold(login, "alice@example.es") }, func(q Question) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, q)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(cancel)

	asked := asked23
	if is24(t) {
		asked = asked24
	}
	login := dovecot(t, l.Addr().String(), asked, "auth_policy_check_before_auth = no", "auth_policy_check_after_auth = yes", "auth_policy_report_after_auth = no")
	for _, c := range []struct{ service, login, becomes string }{
		{"smtp", "alice@example.es", "out"},
		{"smtp", "Alice@Example.ES", "out"},
		{"submission", "alice@example.es", "out"},
		{"imap", "alice@example.es", "in"},
		{"pop3", "alice@example.es", "in"},
		{"smtp", "bob@example.es", "in"},
		{"submission", "bob@example.es", "in"},
	} {
		require.Equal(t, c.becomes, login(c.service, c.login), "%v", c)
	}
	mu.Lock()
	require.Len(t, told, 3)
	require.Equal(t, Question{"alice@example.es", "smtp", "192.0.2.7"}, told[1], "the name as Dovecot knows it")
	mu.Unlock()

	// Nobody's log-in depends on us.
	cancel()
	require.NoError(t, <-ended)
	require.Equal(t, "in", login("smtp", "bob@example.es"))
}

// Dovecot's own attributes, which it sends by default, are understood, too.
func TestDovecotByDefault(t *testing.T) {
	s := New(Config{Key: "secret"}, func(login string) bool { return login == "alice@example.es" }, func(Question) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	login := dovecot(t, l.Addr().String(), "auth_policy_server_api_header = X-API-Key: secret", "auth_policy_server_url = http://"+l.Addr().String()+"/?",
		"auth_policy_check_before_auth = yes", "auth_policy_report_after_auth = yes")
	require.Equal(t, "out", login("smtp", "alice@example.es"))
	require.Equal(t, "in", login("imap", "alice@example.es"))
	require.Equal(t, "in", login("smtp", "bob@example.es"))
}
