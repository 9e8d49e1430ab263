package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sendwarden/policy"
)

// kind is a server that can be measured.
type kind struct {
	name    string
	program string // "" is this program itself
	state   string // the protocol_state that it answers to; "" is DATA
	config  string
	args    []string // CONFIG, PORT and DIR stand for what they say
	daemon  bool     // it goes into the background, and leaves its number in DIR/pid
}

// The others have a rule that counts each user's messages and is never reached.
var kinds = []kind{
	{name: "echo"},
	{name: "parse"},
	{name: "score"},
	{name: "postfwd1", program: "postfwd1", config: postfwdRules, args: postfwdArgs, daemon: true},
	{name: "postfwd2", program: "postfwd2", config: postfwdRules, args: postfwdArgs, daemon: true},
	{name: "postfwd3", program: "postfwd3", config: postfwdRules, args: postfwdArgs, daemon: true},
	{name: "policyd-rate-limit", program: "policyd-rate-limit", state: "RCPT", config: rateLimitRules, args: []string{"--file", "CONFIG"}},
}

const postfwdRules = `id=RATE_SASL; sasl_username=~^(.+)$; action=rate(sasl_username/1000000/3600/450 4.7.1 sorry, max 1000000 messages per hour)
`

var postfwdArgs = []string{"--daemon", "--file", "CONFIG", "--interface", "127.0.0.1", "--port", "PORT",
	"--user", "nobody", "--group", "nogroup", "--pidfile", "DIR/pid", "--nodns", "--norulelog", "--perfmon"}

// rateLimitRules are the package's own with limits that are never reached.
const rateLimitRules = `debug: False
user: "root"
group: "root"
pidfile: "DIR/pid"
backend: 0
sqlite_config:
    database: "DIR/db.sqlite3"
SOCKET: ["127.0.0.1", PORT]
limits:
    - [1000000000, 60]
limit_by_sasl: True
limit_by_sender: False
limit_by_ip: False
limited_networks: []
success_action: "dunno"
fail_action: "defer_if_permit Rate limit reach, retry later"
db_error_action: "dunno"
report: False
delay_to_close: 300
`

// server is one that runs.
type server struct {
	kind
	addr  string
	cmd   *exec.Cmd
	group int // of its processes
	dir   string
	asked int // questions so far
}

// start starts a server and waits until it answers.
func start(k kind, o options) (*server, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &server{kind: k, addr: addr}
	if s.dir, err = os.MkdirTemp("", "door"); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil { // they change to another user
		return nil, err
	}
	if k.program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		s.cmd = exec.Command(self, "-serve", k.name, "-listen", addr, "-users", strconv.Itoa(o.users), "-cpuprofile", o.profile)
	} else if s.cmd, err = s.foreign(); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if k.program == "" {
		s.cmd.Stdout, s.cmd.Stderr = os.Stdout, os.Stderr
	}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.group = s.cmd.Process.Pid
	for began := time.Now(); time.Since(began) < 10*time.Minute; time.Sleep(100 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			continue
		}
		if k.daemon {
			pid, _ := os.ReadFile(filepath.Join(s.dir, "pid"))
			if s.group, err = strconv.Atoi(strings.TrimSpace(string(pid))); err != nil {
				return nil, fmt.Errorf("its process: %w", err)
			}
		}
		return s, conn.Close()
	}
	said, _ := os.ReadFile(log.Name())
	return nil, errors.Join(fmt.Errorf("it does not answer; it said: %s", said), s.stop())
}

// foreign is the command that starts another program's server.
func (s *server) foreign() (*exec.Cmd, error) {
	_, port, _ := net.SplitHostPort(s.addr)
	path := filepath.Join(s.dir, "config.yaml")
	fill := strings.NewReplacer("CONFIG", path, "DIR", s.dir, "PORT", port)
	var args []string
	for _, a := range s.args {
		args = append(args, fill.Replace(a))
	}
	return exec.Command(s.program, args...), os.WriteFile(path, []byte(fill.Replace(s.config)), 0o644)
}

// stop ends a server with all its processes.
func (s *server) stop() error {
	for began := time.Now(); s.group > 1 && time.Since(began) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
		if syscall.Kill(-s.group, syscall.SIGTERM) != nil { // none is left
			break
		}
		_, _ = syscall.Wait4(s.cmd.Process.Pid, nil, syscall.WNOHANG, nil) // it may be that of a daemon, which has left
	}
	if s.group > 1 {
		_ = syscall.Kill(-s.group, syscall.SIGKILL) // fails where the loop has seen the end
	}
	return os.RemoveAll(s.dir)
}

// cpu is the processor time of the server's processes so far.
func (s *server) cpu() (sum time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // from the third field of proc(5) on
		if fields[2] == strconv.Itoa(s.group) {                                   // process group
			user, _ := strconv.Atoi(fields[11])
			system, _ := strconv.Atoi(fields[12])
			sum += time.Duration(user+system) * 10 * time.Millisecond // of 100 Hz
		}
	}
	return sum
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// be is this program as a server, until a signal.
func be(name, addr string, o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	var answer func(*policy.Request) policy.Action
	switch name {
	case "parse":
		answer = func(*policy.Request) policy.Action { return policy.Dunno() }
	case "score":
		answer = newScorer(o.users).answer
		if o.profile != "" {
			f, err := os.Create(o.profile)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if name == "echo" {
		context.AfterFunc(ctx, func() { _ = l.Close() })
		return echo(l)
	}
	s := &policy.Server{Warn: func(err error) { fmt.Fprintln(os.Stderr, "door:", err) }}
	return s.Serve(ctx, l, answer)
}

// echo is as little of a policy server as there can be.
func echo(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() { // it ends with its connection, or with the program
			defer conn.Close()
			buf, end := make([]byte, 4096), 0
			for {
				n, err := conn.Read(buf[end:])
				if err != nil {
					return
				}
				if end += n; bytes.HasSuffix(buf[:end], []byte("\n\n")) {
					if _, err := conn.Write([]byte("action=DUNNO\n\n")); err != nil {
						return
					}
					end = 0
				}
			}
		}()
	}
}
