//go:build e2e

package hook

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests run the examples with the real programs, as root: shellcheck,
// passwd on an account made for it, nft in a network of its own, and Dovecot.

func TestShellcheck(t *testing.T) {
	var scripts []string
	examples, err := filepath.Glob("../examples/hooks/*")
	require.NoError(t, err)
	for _, path := range examples {
		if filepath.Ext(path) == "" {
			scripts = append(scripts, path)
		}
	}
	require.Len(t, scripts, 7)
	out, err := exec.Command("shellcheck", append([]string{"--shell=sh"}, scripts...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// real runs an example as it is, with the system's programs.
func real(t *testing.T, script, event, user string, settings ...string) string {
	t.Helper()
	path, err := filepath.Abs("../examples/hooks/" + script)
	require.NoError(t, err)
	cmd := exec.Command(path)
	cmd.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
		"SENDWARDEN_EVENT=" + event, "SENDWARDEN_USER=" + user}, settings...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

func TestRealPasswd(t *testing.T) {
	name := fmt.Sprintf("sw-test-%d", os.Getpid())
	command(t, "useradd", "--no-create-home", "--shell", "/bin/false", name)
	t.Cleanup(func() { command(t, "userdel", name) })
	status := func() string { return strings.Fields(command(t, "passwd", "-S", name))[1] }
	require.Equal(t, "L", status(), "a new account has no password")
	command(t, "usermod", "--password", "$6$x$notahash", name)
	require.Equal(t, "P", status())
	state := "STATE=" + filepath.Join(t.TempDir(), "locked")
	require.Equal(t, "locked "+name+"\n", real(t, "lock-local-account", "block", name+"@example.es", "DOMAIN=example.es", state))
	require.Equal(t, "L", status())
	require.Equal(t, name+" is locked already\n", real(t, "lock-local-account", "block", name, state))
	require.Equal(t, "unlocked "+name+"\n", real(t, "lock-local-account", "release", name, state))
	require.Equal(t, "P", status())
	require.Equal(t, "root is no person's local account: nothing done\n", real(t, "lock-local-account", "block", "root", state))
}

func TestRealNft(t *testing.T) {
	out := command(t, "unshare", "--net", "sh", "-euc", `cd ../examples/hooks
		nft -f nftables-set.nft
		export SENDWARDEN_EVENT=block SENDWARDEN_IPS="192.0.2.1 198.51.100.7 2001:db8::25 2001:db8::26"
		./nftables-set; ./nftables-set
		nft list table inet sendwarden
		echo ---
		SENDWARDEN_EVENT=release SENDWARDEN_IPS="192.0.2.1 2001:db8::1 203.0.113.9" ./nftables-set
		nft list table inet sendwarden`)
	blocked, released, _ := strings.Cut(out, "---")
	require.Contains(t, blocked, "192.0.2.1 timeout 6h expires 5h59m")
	require.Contains(t, blocked, "198.51.100.7 timeout 6h expires")
	require.Equal(t, 1, strings.Count(blocked, "2001:db8::/64 timeout 6h expires"))
	require.NotContains(t, released, "192.0.2.1 timeout")
	require.Contains(t, released, "198.51.100.7 timeout 6h expires")
	require.NotContains(t, released, "2001:db8::/64")
}

// dovecot23 and dovecot24 are the same for Dovecot 2.3 and for 2.4.
const dovecot23 = `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:%[1]s/mail/%%u
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 100
service imap-login {
  inet_listener imap {
    port = %[2]s
  }
  inet_listener imaps {
    port = 0
  }
}
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=%[1]s/mail/%%u
}
`

const dovecot24 = `dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = no
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = %[1]s/mail/%%{user}
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 100
service imap-login {
  inet_listener imap {
    port = %[2]s
  }
  inet_listener imaps {
    port = 0
  }
}
passdb static {
  password = secret
}
userdb static {
  fields {
    uid = 65534
    gid = 65534
    home = %[1]s/mail/%%{user}
  }
}
`

// Dovecot's own doveadm ends the session of the one, not of the other.
func TestRealDovecot(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "kick")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "mail"), 0o777))
	require.NoError(t, os.Chown(filepath.Join(dir, "mail"), 65534, 65534))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, _ := net.SplitHostPort(address)
	conf := filepath.Join(dir, "dovecot.conf")
	form := dovecot23
	if !strings.HasPrefix(command(t, "dovecot", "--version"), "2.3.") {
		form = dovecot24
	}
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, form, dir, port), 0o644))
	server := exec.Command("dovecot", "-F", "-c", conf)
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM) // Wait tells whether it was there
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		require.NoError(t, server.Wait(), "%s", log)
	})
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "doveadm"), []byte("#!/bin/sh\nexec /usr/bin/doveadm -c "+conf+` "$@"`+"\n"), 0o755))
	path := "PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin"

	thief, owner := login(t, address, "ana@example.es"), login(t, address, "bob@example.es")
	for _, force := range []string{"no", "yes"} {
		if force == "yes" {
			thief = login(t, address, "ana@example.es")
		}
		real(t, "dovecot-kick", "block", "ana@example.es", path, "FORCE="+force)
		require.NoError(t, thief.SetReadDeadline(time.Now().Add(20*time.Second)))
		_, err = bufio.NewReader(thief).ReadString(0)
		require.ErrorContains(t, err, "EOF")
	}
	real(t, "dovecot-kick", "block", "ana@example.es", path) // nobody is there any more
	_, err = fmt.Fprint(owner, "b NOOP\r\n")
	require.NoError(t, err)
	require.Contains(t, line(t, owner), "b OK")
}

// login opens an IMAP session.
func login(t *testing.T, address, user string) net.Conn {
	t.Helper()
	var c net.Conn
	eventually(t, func() (up bool) {
		var err error
		c, err = net.Dial("tcp", address)
		return err == nil
	})
	t.Cleanup(func() { _ = c.Close() }) // the server may have been first
	require.Contains(t, line(t, c), "* OK")
	_, err := fmt.Fprintf(c, "a LOGIN %s secret\r\n", user)
	require.NoError(t, err)
	for {
		answer := line(t, c)
		if strings.HasPrefix(answer, "a ") {
			require.Contains(t, answer, "a OK")
			return c
		}
	}
}

// line reads a line, byte by byte, so that none is kept from the next reader.
func line(t *testing.T, c net.Conn) string {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	var text []byte
	for b := make([]byte, 1); ; {
		_, err := c.Read(b)
		require.NoError(t, err, "%s", text)
		if b[0] == '\n' {
			return string(text)
		}
		text = append(text, b[0])
	}
}
