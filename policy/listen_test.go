package policy

import (
	"context"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sendwarden/socket"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestConfigCheck(t *testing.T) {
	for config, want := range map[string]string{
		``: ``,
		`{listen: [inet:127.0.0.1:10045, "inet:[::1]:10045", inet:localhost:10046, unix:/run/x/policy, systemd:policy]}`: ``,
		`{listen: [inet:192.0.2.1:10045], remote: true}`:                                                                 ``,
		`{socket_mode: 0600}`: ``, `{socket_mode: 0o660}`: ``, `{socket_mode: "0620"}`: ``,

		`{listen: [inet:192.0.2.1:10045]}`:                         `listen: inet:192.0.2.1:10045: other hosts could reach it, and have users blocked (write inet:127.0.0.1:PORT,`,
		`{listen: ["inet:[::]:10045"]}`:                            `listen: inet:[::]:10045: other hosts could reach it`,
		`{listen: ["inet:0.0.0.0:1"]}`:                             `other hosts could reach it`,
		`{socketmap: [inet:mail.example.es:1]}`:                    `socketmap: inet:mail.example.es:1: no address and port (write them as in inet:127.0.0.1:10045`,
		`{listen: ["inet:10045"]}`:                                 `no address and port`,
		`{listen: ["inet:127.0.0.1:0"]}`:                           `no address and port`,
		`{listen: ["127.0.0.1:10045"]}`:                            `listen: 127.0.0.1:10045: no address (write inet:127.0.0.1:PORT, unix:/PATH or systemd:NAME)`,
		`{listen: ["unix:private/policy"]}`:                        `unix:private/policy: the path is not whole (write where it is on this host, such as unix:/var/spool/postfix/`,
		`{listen: ["unix:"]}`:                                      `the path is not whole`,
		`{listen: ["systemd:"]}`:                                   `no name (write what FileDescriptorName= says`,
		`{listen: ["unix:/` + strings.Repeat("x", 103) + `"]}`:     `a path of 104 bytes, and a socket's has no room for more than 103`,
		`{listen: [systemd:a, systemd:b], socketmap: [systemd:a]}`: `systemd:a: named twice`,
		`{max_connections: -1}`:                                    `max_connections: -1 is no number of connections (0 is 1000)`,
		`{socket_mode: 0666}`:                                      `socket_mode: with 0666 every user of this host could have others blocked (write 0660, and socket_group)`,
		`{socket_mode: 0440}`:                                      `socket_mode: with 0440 nobody can connect`,
		`{socket_mode: rw}`:                                        `socket_mode: "rw" is no mode (write it in octal, such as 0660)`,
		`{socket_mode: 04660}`:                                     `is no mode`,
	} {
		var c Config
		require.NoError(t, yaml.Unmarshal([]byte(config), &c), config)
		err := c.Check()
		if want == "" {
			require.NoError(t, err, config)
			continue
		}
		require.ErrorContains(t, err, want, config)
		_, err = Open(c)
		require.ErrorContains(t, err, want, config)
	}
}

func TestConfigCheckTellsAll(t *testing.T) {
	err := Config{Listen: []string{"a", "b"}, Socketmap: []string{"c"}, SocketMode: "d"}.Check()
	require.Len(t, strings.Split(err.Error(), "\n"), 4)
}

// ownGroup is the group that the test's files have anyway.
func ownGroup(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	require.NoError(t, err)
	g, err := user.LookupGroupId(u.Gid)
	require.NoError(t, err)
	return g.Name
}

// ready is a configuration with one unix socket.
func ready(t *testing.T) (Config, string) {
	path := filepath.Join(t.TempDir(), "policy")
	return Config{Listen: []string{"unix:" + path}, SocketGroup: ownGroup(t)}, path
}

func TestUnixSocket(t *testing.T) {
	c, path := ready(t)
	defer syscall.Umask(syscall.Umask(0)) // also with a careless umask
	s, err := Open(c)
	require.NoError(t, err)
	require.Equal(t, []string{"unix:" + path}, s.Addresses())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o660, info.Mode())
	require.NoFileExists(t, path+socket.Fresh)

	_, err = Open(c)
	require.ErrorContains(t, err, "unix:"+path+": another program listens there")

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, understood, tables) }()
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	ask(t, conn)
	stop()
	require.NoError(t, <-ended)
	closed(t, conn)
	require.NoFileExists(t, path)
}

// What a daemon that was killed left behind is taken away; of one that runs, or
// anything else, nothing is.
func TestUnixSocketLeftBehind(t *testing.T) {
	c, path := ready(t)
	for _, name := range []string{path, path + socket.Fresh} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		require.NoError(t, err)
		l.SetUnlinkOnClose(false)
		require.NoError(t, l.Close())
	}
	first, err := Open(c)
	require.NoError(t, err)

	require.NoError(t, os.Remove(path)) // somebody took it away, and another daemon began
	second, err := Open(c)
	require.NoError(t, err)
	require.NoError(t, first.Close())
	_, err = net.Dial("unix", path)
	require.NoError(t, err, "the first took the second's socket away")
	require.NoError(t, second.Close())
	require.NoFileExists(t, path)

	require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
	_, err = Open(c)
	require.ErrorContains(t, err, "unix:"+path+": there is something that is no socket (choose another path, or take it away)")
	require.FileExists(t, path)
}

func TestUnixSocketFaults(t *testing.T) {
	c, path := ready(t)
	c.Listen[0] += "/policy"
	_, err := Open(c)
	require.ErrorContains(t, err, "there is no folder "+path+" (install -d -o USER -g postfix -m 2750 "+path+",")

	c, path = ready(t)
	c.SocketGroup = "no-such-group"
	_, err = Open(c)
	require.ErrorContains(t, err, "unix:"+path+": there is no group no-such-group (set socket_group")
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestInetSockets(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	free, path := ready(t)
	_, err = Open(Config{Listen: []string{free.Listen[0], "inet:" + taken.Addr().String()}, SocketGroup: free.SocketGroup})
	require.ErrorContains(t, err, "inet:"+taken.Addr().String()+": another program listens there (see ss -lntp;")
	require.NoFileExists(t, path, "all sockets or none")

	require.NoError(t, taken.Close())
	s, err := Open(Config{Socketmap: []string{"inet:" + taken.Addr().String()}, MaxConnections: 7})
	require.NoError(t, err)
	require.Equal(t, 7, s.MaxConnections)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, understood, tables) }()
	conn, err := net.Dial("tcp", taken.Addr().String())
	require.NoError(t, err)
	_, err = conn.Write([]byte("14:sendwarden bob,"))
	require.NoError(t, err)
	got := make([]byte, 4)
	_, err = conn.Read(got)
	require.NoError(t, err)
	require.Equal(t, "37:O", string(got))
	stop()
	require.NoError(t, <-ended)
}

// A socket that systemd opened: this test runs itself with one, as systemd would.
func TestSystemdSocket(t *testing.T) {
	if os.Getenv("POLICY_TEST_ACTIVATED") != "" {
		s, err := Open(Config{Listen: []string{"systemd:policy"}, Socketmap: []string{"systemd:map"}})
		require.ErrorContains(t, err, "systemd:map: systemd passed no socket of this name (see FileDescriptorName=")
		require.Nil(t, s)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	file, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	// LISTEN_PID is the process's own, which a shell knows before it becomes it.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" -test.run=^TestSystemdSocket$ -test.v`, self)
	cmd.Env = append(os.Environ(), "POLICY_TEST_ACTIVATED=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=policy")
	cmd.ExtraFiles = []*os.File{file}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS")
	_, err = Open(Config{Listen: []string{"systemd:policy"}})
	require.ErrorContains(t, err, "systemd passed no socket of this name")
}
