// Package redistest runs Debian's redis-server for tests, or its valkey-server where
// there is no Redis, and what may go wrong between it and its clients.
package redistest

import (
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

// Server is a redis-server that ends with its test.
type Server struct {
	Addr string
	Dir  string
	args []string
	cmd  *exec.Cmd
	t    testing.TB
}

// Start starts a server that keeps its data in memory alone, with further options
// as in redis.conf(5): "--requirepass", "x".
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	s := &Server{Addr: FreeAddr(t), Dir: t.TempDir(), t: t}
	_, port, _ := net.SplitHostPort(s.Addr)
	s.args = append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.Dir,
		"--logfile", filepath.Join(s.Dir, "log")}, options...)
	s.Begin()
	t.Cleanup(s.Kill)
	return s
}

// FreeAddr is an address that nobody listens at.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// program is Redis' program of a name, or Valkey's.
func program(name string) string {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return "valkey-" + name
	}
	return "redis-" + name
}

// Begin starts the server, again if it was killed: without what it knew.
func (s *Server) Begin() {
	s.t.Helper()
	s.cmd = exec.Command(program("server"), s.args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(s.t, s.cmd.Start(), "apt-get install redis-server, or valkey-server")
	require.Eventually(s.t, func() bool {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond, "it does not listen; see %s", filepath.Join(s.Dir, "log"))
}

// Kill ends the server at once, and all that it knows with it.
func (s *Server) Kill() {
	if s.cmd.Process != nil {
		_ = s.cmd.Process.Kill() // it may have ended
		_ = s.cmd.Wait()
	}
}

// Freeze keeps the server from answering, until thawed.
func (s *Server) Freeze() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGSTOP)) }

// Thaw has it go on.
func (s *Server) Thaw() { require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGCONT)) }

// Port is where it listens.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// Do asks the server by redis-cli(1) or valkey-cli(1).
func (s *Server) Do(words ...string) string {
	s.t.Helper()
	out, err := exec.Command(program("cli"), append([]string{"-p", s.Port(), "--no-auth-warning"}, words...)...).CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// Cluster starts a Cluster of three servers that share the slots.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	var all []*Server
	var addrs []string
	for range 3 {
		// The port of the bus is 10,000 above by default, which may be too high.
		bus := FreeAddr(t)
		_, port, _ := net.SplitHostPort(bus)
		s := Start(t, "--cluster-enabled", "yes", "--cluster-port", port, "--cluster-node-timeout", "2000")
		all, addrs = append(all, s), append(addrs, s.Addr)
	}
	out, err := exec.Command(program("cli"), append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, s := range all {
		require.Eventually(t, func() bool { return strings.Contains(s.Do("cluster", "info"), "cluster_state:ok") }, 20*time.Second, 50*time.Millisecond)
	}
	return all
}

// Sentinels start a server, its replica, and three Sentinels that watch it as
// "mymaster"; they answer the addresses of the Sentinels.
func Sentinels(t testing.TB) (server, replica *Server, sentinels string) {
	t.Helper()
	server = Start(t)
	replica = Start(t, "--replicaof", "127.0.0.1 "+server.Port())
	var addrs []string
	for range 3 {
		addr, dir := FreeAddr(t), t.TempDir()
		_, port, _ := net.SplitHostPort(addr)
		conf := filepath.Join(dir, "sentinel.conf")
		require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `port %s
bind 127.0.0.1
dir %s
sentinel monitor mymaster 127.0.0.1 %s 2
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 5000
`, port, dir, server.Port()), 0o600))
		s := &Server{Addr: addr, Dir: dir, t: t, args: []string{conf, "--sentinel", "--logfile", filepath.Join(dir, "log")}}
		s.Begin()
		t.Cleanup(s.Kill)
		addrs = append(addrs, addr)
		require.Eventually(t, func() bool { return strings.Contains(s.Do("sentinel", "replicas", "mymaster"), replica.Port()) }, 20*time.Second, 50*time.Millisecond)
	}
	return server, replica, strings.Join(addrs, ",")
}
