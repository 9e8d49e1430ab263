package policy

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The files in testdata are dialogues with the server:
//
//	> text      the client sends a line, in which \r, \x00 and the like mean what they mean in Go
//	>| text     it sends the text without a line feed
//	>* N text   it sends the text N times, however much of it is taken
//	>.          it sends no more
//	< text      the server sends this line
//	<| text     it sends exactly this, without a line feed
//	<.          it closes the connection
//	= 3s        nothing is sent for so long, by either side
//	! text      the server warns of this
//
// Nobody waits in them: time is synctest's.

// TestPolicyDialogues talks with a policy server that tells what it understood.
func TestPolicyDialogues(t *testing.T) {
	play(t, "testdata/policy/*.txt", func(ctx context.Context, s *Server, l net.Listener) error {
		return s.Serve(ctx, l, understood)
	})
}

// TestSocketmapDialogues talks with a socketmap server that has two tables.
func TestSocketmapDialogues(t *testing.T) {
	play(t, "testdata/socketmap/*.txt", func(ctx context.Context, s *Server, l net.Listener) error {
		return s.ServeMap(ctx, l, tables)
	})
}

// understood answers with what it was asked. Its user "panic" is a fault in the
// code that decides.
func understood(r *Request) Action {
	switch r.User {
	case "panic":
		panic("a fault of ours")
	case "bob":
		return Reject("5.7.1 Sending is suspended.")
	case "":
		return Dunno()
	}
	said := fmt.Sprintf("user=%+q", r.User)
	for _, f := range []struct {
		name  string
		value any
	}{
		{"state", r.State}, {"protocol", r.Protocol}, {"addr", r.Addr}, {"client", r.ClientName}, {"helo", r.Helo},
		{"sender", r.Sender}, {"recipient", r.Recipient}, {"recipients", r.Recipients}, {"queue_id", r.QueueID},
		{"instance", r.Instance}, {"size", r.Size}, {"method", r.Method}, {"sasl_sender", r.SASLSender}, {"context", r.Context},
	} {
		if !reflect.ValueOf(f.value).IsZero() {
			said += fmt.Sprintf(" %s=%+q", f.name, fmt.Sprint(f.value))
		}
	}
	return Hold(said)
}

func tables(table, key string) Reply {
	switch {
	case table == "echo":
		return Found(Hold(fmt.Sprintf("%q", key)))
	case table != "sendwarden":
		return Perm("no table " + table)
	case key == "bob":
		return Found(Reject("5.7.1 Sending is suspended."))
	case key == "boss":
		return Found(Dunno())
	case key == "later":
		return Temp("not now")
	case key == "panic":
		panic("a fault of ours")
	}
	return NotFound()
}

func play(t *testing.T, pattern string, serve func(context.Context, *Server, net.Listener) error) {
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) {
				d := newDialogue(t, serve)
				for n, line := range strings.Split(string(script), "\n") {
					d.step(t, fmt.Sprintf("%s:%d: %s", file, n+1, line), line)
				}
				d.end(t)
			})
		})
	}
}

// dialogue is a client's side of one connection.
type dialogue struct {
	conn  net.Conn
	stop  context.CancelFunc
	ended chan error
	warns chan error
	left  bool // the client has closed its side
}

func newDialogue(t *testing.T, serve func(context.Context, *Server, net.Listener) error) *dialogue {
	ctx, stop := context.WithCancel(t.Context())
	d := &dialogue{stop: stop, ended: make(chan error, 1), warns: make(chan error, 100)}
	s := &Server{Warn: func(err error) { d.warns <- err }}
	l := newPipes()
	go func() { d.ended <- serve(ctx, s, l) }()
	d.conn = l.dial(t)
	t.Cleanup(func() { // for a test that fails half-way
		stop()
		_ = d.conn.Close()
	})
	return d
}

// end stops the server, and sees that all was said.
func (d *dialogue) end(t *testing.T) {
	d.stop()
	if !d.left {
		rest, err := io.ReadAll(d.conn)
		require.NoError(t, err)
		require.Empty(t, string(rest), "something that nobody asked for")
	}
	require.NoError(t, <-d.ended)
	require.Empty(t, d.warns, "there are warnings that nobody expects")
}

func (d *dialogue) step(t *testing.T, place, line string) {
	mark, text, _ := strings.Cut(line, " ")
	switch mark {
	case "", "#":
	case ">":
		d.send(t, place, unescape(t, place, text)+"\n")
	case ">|":
		d.send(t, place, unescape(t, place, text))
	case ">*":
		times, what, _ := strings.Cut(text, " ")
		n, err := strconv.Atoi(times)
		require.NoError(t, err, place)
		_, _ = d.conn.Write([]byte(strings.Repeat(unescape(t, place, what), n))) // what the server takes of it
	case ">.":
		d.left = true
		require.NoError(t, d.conn.Close(), place)
	case "<":
		d.expect(t, place, text+"\n")
	case "<|":
		d.expect(t, place, text)
	case "<.":
		n, err := d.conn.Read(make([]byte, 1))
		require.Zero(t, n, place)
		require.Equal(t, io.EOF, err, place)
	case "=":
		pause, err := time.ParseDuration(text)
		require.NoError(t, err, place)
		require.NoError(t, d.conn.SetReadDeadline(time.Now().Add(pause)))
		_, err = d.conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, place)
		require.NoError(t, d.conn.SetReadDeadline(time.Time{}))
	case "!":
		synctest.Wait()
		require.NotEmpty(t, d.warns, place)
		require.ErrorContains(t, <-d.warns, text, place)
	default:
		require.Fail(t, "no step of a dialogue", place)
	}
}

func (d *dialogue) send(t *testing.T, place, text string) {
	_, err := d.conn.Write([]byte(text))
	require.NoError(t, err, place)
}

// expect reads as much as is expected; what is too much shows at the next step.
func (d *dialogue) expect(t *testing.T, place, want string) {
	got := make([]byte, len(want))
	require.NoError(t, d.conn.SetReadDeadline(time.Now().Add(time.Second)))
	n, err := io.ReadFull(d.conn, got)
	require.Equal(t, want, string(got[:n]), place)
	require.NoError(t, err, place)
	require.NoError(t, d.conn.SetReadDeadline(time.Time{}))
}

func unescape(t *testing.T, place, text string) string {
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	require.NoError(t, err, place)
	return s
}

// pipes is a listener on net.Pipe, which synctest can watch.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   atomic.Bool
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(t testing.TB) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	if p.once.CompareAndSwap(false, true) {
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "test" }
