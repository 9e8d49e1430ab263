//go:build e2e

package policy

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests run the installed Postfix, on a configuration of its own, with its
// smtpd in a chroot. Who logs in, and as whom, is up to the test: it stands in
// for Dovecot, and admits everybody.

// host is a running Postfix.
type host struct {
	Dir         string
	Door, Table string // host:port of smtpd with the policy service, and with the socketmap
	Log         string
}

func startPostfix(t *testing.T) *host {
	t.Helper()
	require.Zero(t, os.Getuid(), "Postfix starts as root only")
	dir, err := os.MkdirTemp("/tmp", "door") // not t.TempDir: Postfix's own user must enter it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	h := &host{Dir: dir, Door: freePort(t), Table: freePort(t), Log: filepath.Join(dir, "maillog")}
	for _, name := range []string{"etc", "queue", "queue/sendwarden"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	for _, name := range []string{"main.cf", "master.cf"} {
		form, err := template.ParseFiles("testdata/e2e/" + name)
		require.NoError(t, err)
		var text strings.Builder
		require.NoError(t, form.Execute(&text, h))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "etc", name), []byte(text.String()), 0o644))
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(h.Log)
			t.Logf("%s", log)
		}
	})
	h.standInForDovecot(t)
	h.postfix(t, "start")
	t.Cleanup(func() { h.postfix(t, "stop") })
	return h
}

func (h *host) postfix(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("postfix", append([]string{"-c", filepath.Join(h.Dir, "etc")}, args...)...)
	require.NoError(t, cmd.Run(), "%s", cmd) // its output would stay open as long as Postfix runs
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// standInForDovecot speaks the server's side of Dovecot's authentication
// protocol, as much of it as AUTH PLAIN takes (Dovecot's
// doc/…/auth-protocol.txt), and finds every password right.
func (h *host) standInForDovecot(t *testing.T) {
	t.Helper()
	private := filepath.Join(h.Dir, "queue", "private")
	require.NoError(t, os.Mkdir(private, 0o700))
	postfix, err := user.Lookup("postfix")
	require.NoError(t, err)
	uid, err := strconv.Atoi(postfix.Uid)
	require.NoError(t, err)
	require.NoError(t, os.Chown(private, uid, -1)) // or smtpd can't enter it
	path := filepath.Join(private, "auth")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o666))
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			talks.Go(func() { admitAll(conn) })
		}
	})
	t.Cleanup(func() { // when Postfix has stopped
		require.NoError(t, l.Close())
		talks.Wait()
	})
}

func admitAll(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if fields[0] != "AUTH" {
			continue
		}
		_, response, _ := strings.Cut(lines.Text(), "\tresp=")
		plain, err := base64.StdEncoding.DecodeString(response)
		parts := strings.Split(string(plain), "\x00")
		if err != nil || len(parts) != 3 {
			fmt.Fprintf(conn, "FAIL\t%s\n", fields[1])
			continue
		}
		fmt.Fprintf(conn, "OK\t%s\tuser=%s\n", fields[1], parts[1])
	}
}

// open opens the sockets of a test's server, in the queue directory.
func (h *host) open(t *testing.T) *Server {
	t.Helper()
	at := "unix:" + filepath.Join(h.Dir, "queue", "sendwarden")
	s, err := Open(Config{Listen: []string{at + "/policy"}, Socketmap: []string{at + "/map"}})
	require.NoError(t, err)
	s.Warn = func(err error) { t.Errorf("a warning: %v", err) }
	return s
}

// run answers until the function that it returns is called.
func run(t *testing.T, s *Server, answer func(*Request) Action, lookup func(table, key string) Reply) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, answer, lookup) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

// smtp is a client that has logged in.
type smtp struct{ *textproto.Conn }

func login(t *testing.T, server, user, address string) smtp {
	t.Helper()
	conn, err := net.Dial("tcp", server)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	c := smtp{textproto.NewConn(conn)}
	t.Cleanup(func() { _ = c.Close() }) // the server may have closed it
	c.heard(t, "220")
	c.says(t, "EHLO client.example.com", "250")
	c.says(t, "XCLIENT ADDR="+address+" NAME=[UNAVAILABLE]", "220")
	c.says(t, "EHLO client.example.com", "250")
	c.says(t, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00secret")), "235")
	return c
}

func (c smtp) says(t *testing.T, line, want string) {
	t.Helper()
	require.NoError(t, c.PrintfLine("%s", line))
	c.heard(t, want)
}

// heard reads a reply and wants its last line to begin so.
func (c smtp) heard(t *testing.T, want string) {
	t.Helper()
	for {
		line, err := c.ReadLine()
		require.NoError(t, err)
		if len(line) < 4 || line[3] != '-' {
			require.True(t, strings.HasPrefix(line, want), "wanted %q, heard %q", want, line)
			return
		}
	}
}

// sends begins a message and goes on if DATA is answered with 354.
func (c smtp) sends(t *testing.T, data string) {
	t.Helper()
	c.says(t, "RSET", "250")
	c.says(t, "MAIL FROM:<someone@example.es>", "250")
	c.says(t, "RCPT TO:<customer@example.com>", "250")
	c.says(t, "RCPT TO:<other@example.com>", "250")
	c.says(t, "DATA", data)
	if data == "354" {
		c.says(t, "Subject: an offer\r\n\r\nGood morning.\r\n.", "250 2.0.0 Ok: queued as")
	}
}

func (h *host) held(t *testing.T) int {
	t.Helper()
	mail, err := filepath.Glob(filepath.Join(h.Dir, "queue", "hold", "*"))
	require.NoError(t, err)
	return len(mail)
}

// Each message of an open session is asked about, and what is answered is done.
func TestPostfixAsks(t *testing.T) {
	h := startPostfix(t)
	var asked Request
	var action Action
	run(t, h.open(t), func(r *Request) Action { asked = *r; return action }, tables)

	alice := login(t, h.Door, "Alice", "203.0.113.40")
	alice.sends(t, "354")
	require.Equal(t, "DATA", asked.State)
	require.Equal(t, "Alice", asked.User)
	require.Equal(t, "PLAIN", asked.Method)
	require.Equal(t, "203.0.113.40", asked.Addr.String())
	require.Equal(t, "unknown", asked.ClientName)
	require.Equal(t, "client.example.com", asked.Helo)
	require.Equal(t, "someone@example.es", asked.Sender)
	require.Equal(t, 2, asked.Recipients)
	require.NotEmpty(t, asked.Instance)
	require.Equal(t, "door", asked.Context)
	log, err := os.ReadFile(h.Log)
	require.NoError(t, err)
	require.Contains(t, string(log), asked.QueueID+": client=unknown[203.0.113.40], sasl_method=PLAIN, sasl_username=Alice")

	require.Zero(t, h.held(t))
	action = Hold("a new country")
	alice.sends(t, "354")
	require.Equal(t, 1, h.held(t))

	action = Reject("5.7.1 Sending is suspended für Sie.")
	alice.sends(t, "554 5.7.1 <DATA>: Data command rejected: Sending is suspended f")
	action = Dunno()
	alice.sends(t, "354")
	action = Hangup("4.7.1 Sending is suspended.")
	alice.sends(t, "421 4.7.1 <DATA>: Data command rejected: Sending is suspended.")
	_, err = alice.ReadLine()
	require.ErrorContains(t, err, "EOF")
	require.Equal(t, 1, h.held(t))
}

// Whatever Dovecot calls a user, Postfix sends it in one piece.
func TestPostfixSendsOddNames(t *testing.T) {
	h := startPostfix(t)
	var asked Request
	run(t, h.open(t), func(r *Request) Action { asked = *r; return Dunno() }, tables)
	for _, user := range []string{`al ice`, `a,b=c?`, `=`, `"we\ird" %s 100%`, `bob sasl_sender=eve`, `jörg@example.es`, strings.Repeat("x", 300)} {
		c := login(t, h.Door, user, "203.0.113.40")
		c.sends(t, "354")
		require.Equal(t, user, asked.User)
	}
	c := login(t, h.Door, "alice", "203.0.113.40")
	c.says(t, "MAIL FROM:<\"a,b=c d\"@example.es> AUTH=<x,sasl_username=bob>", "250")
	c.says(t, "RCPT TO:<\"x y=z\"@example.com>", "250")
	c.says(t, "DATA", "354")
	require.Equal(t, "alice", asked.User)
	require.Equal(t, "<x,sasl_username=bob>", asked.SASLSender)
	require.Equal(t, "x y=z@example.com", asked.Recipient)
}

// Without a server, or with one that fails in the middle, mail goes on; when it is
// there again, the same smtpd asks it again.
func TestPostfixGoesOn(t *testing.T) {
	h := startPostfix(t)
	refuse := func(*Request) Action { return Reject("") }
	stop := run(t, h.open(t), refuse, tables)
	alice := login(t, h.Door, "alice", "203.0.113.40")
	alice.sends(t, "554 5.7.1")
	stop()
	alice.sends(t, "354")

	l, err := net.Listen("unix", filepath.Join(h.Dir, "queue", "sendwarden", "policy"))
	require.NoError(t, err)
	require.NoError(t, os.Chmod(l.Addr().String(), 0o666))
	var dying sync.WaitGroup
	dying.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 10)) // killed in the middle of a request
			_ = conn.Close()
		}
	})
	alice.sends(t, "354")
	require.NoError(t, l.Close())
	dying.Wait()

	run(t, h.open(t), refuse, tables)
	alice.sends(t, "554 5.7.1")
}

// Fifty sessions at once are each asked about their own message, once.
func TestPostfixAsksForMany(t *testing.T) {
	h := startPostfix(t)
	var mu sync.Mutex
	asked := map[string]int{}
	s := h.open(t)
	run(t, s, func(r *Request) Action {
		mu.Lock()
		defer mu.Unlock()
		asked[r.User+" "+r.Addr.String()]++
		if strings.HasPrefix(r.User, "thief") {
			return Reject("")
		}
		return Dunno()
	}, tables)
	const many = 50
	var sessions []smtp
	for n := range many {
		sessions = append(sessions, login(t, h.Door, fmt.Sprintf("%s%d", []string{"ana", "thief"}[n%2], n), fmt.Sprintf("203.0.113.%d", n)))
	}
	var sending sync.WaitGroup
	for n, c := range sessions {
		sending.Go(func() { c.sends(t, []string{"354", "554 5.7.1"}[n%2]) })
	}
	sending.Wait()
	require.Len(t, asked, many)
	for who, times := range asked {
		require.Equal(t, 1, times, who)
	}
	require.EqualValues(t, many, s.Counts().Open, "one connection for each smtpd")
}

// The look-up by check_sasl_access reaches an open session, too.
func TestPostfixLooksUp(t *testing.T) {
	h := startPostfix(t)
	var mu sync.Mutex
	blocked := false
	run(t, h.open(t), nil, func(table, key string) Reply {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case table != "sendwarden" || key != "Alice":
			return Perm("not what was expected")
		case blocked:
			return Found(Reject("5.7.1 Sending is suspended."))
		}
		return NotFound()
	})
	alice := login(t, h.Table, "Alice", "203.0.113.40")
	alice.sends(t, "354")
	mu.Lock()
	blocked = true
	mu.Unlock()
	alice.says(t, "MAIL FROM:<alice@example.es>", "250")
	alice.says(t, "RCPT TO:<customer@example.com>", "554 5.7.1 <Alice>: SASL login name rejected: Sending is suspended.")
}

// postmap asks for anything, in the spelling that it is given.
func TestPostmapAsks(t *testing.T) {
	h := startPostfix(t)
	run(t, h.open(t), nil, tables)
	query := func(table, key string) (answer, said string) {
		var out, errs strings.Builder
		cmd := exec.Command("postmap", "-c", filepath.Join(h.Dir, "etc"), "-q", key, "socketmap:unix:"+filepath.Join(h.Dir, "queue/sendwarden/map")+":"+table)
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run() // its status says only whether there was an answer
		return strings.TrimSuffix(out.String(), "\n"), errs.String()
	}
	for _, c := range []struct{ table, key, answer, says string }{
		{"sendwarden", "bob", "REJECT 5.7.1 Sending is suspended.", ""},
		{"sendwarden", "boss", "DUNNO", ""},
		{"sendwarden", "alice", "", ""},
		{"sendwarden", "later", "", "socketmap server temporary error: not now"},
		{"typo", "bob", "", "no table typo"},
		{"echo", "ViCtim  name, @Example.es", `HOLD "ViCtim  name, @Example.es"`, ""},
		{"echo", "jörg", `HOLD "jörg"`, ""},
		{"echo", strings.Repeat("x", 2000), `HOLD "` + strings.Repeat("x", maxText-1), ""},
	} {
		answer, says := query(c.table, c.key)
		require.Equal(t, c.answer, answer, "%s %s", c.table, c.key)
		if c.says == "" {
			require.Empty(t, says, "%s %s", c.table, c.key)
		}
		require.Contains(t, says, c.says, "%s %s", c.table, c.key)
	}
}
