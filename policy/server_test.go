package policy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	question = "request=smtpd_access_policy\nsasl_username=bob\n\n"
	refusal  = "action=REJECT 5.7.1 Sending is suspended.\n\n"
)

// door is a server that runs for one test, on net.Pipe.
type door struct {
	*Server
	*pipes
	stop  context.CancelFunc
	ended chan error
}

func open(t *testing.T, s *Server, answer func(*Request) Action) *door {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &door{Server: s, pipes: newPipes(), stop: stop, ended: make(chan error, 1)}
	go func() { d.ended <- s.Serve(ctx, d.pipes, answer) }()
	t.Cleanup(stop)
	return d
}

// ask asks about bob, and wants to be refused.
func ask(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := io.WriteString(conn, question)
	require.NoError(t, err)
	hear(t, conn)
}

func hear(t *testing.T, conn net.Conn) {
	t.Helper()
	got := make([]byte, len(refusal))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, refusal, string(got))
}

func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	n, err := conn.Read(make([]byte, 1))
	require.Zero(t, n)
	require.ErrorIs(t, err, io.EOF)
}

// As many connections are served as are allowed. Further ones are closed, which
// is warned of once, and again a minute later.
func TestConnectionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		warns := make(chan error, 10)
		d := open(t, &Server{Warn: func(err error) { warns <- err }}, understood)
		var conns []net.Conn
		for range defaultConnections {
			conns = append(conns, d.dial(t))
		}
		for range 2 {
			for _, c := range conns {
				ask(t, c)
			}
		}
		for range 50 {
			closed(t, d.dial(t))
		}
		require.ErrorContains(t, <-warns, "pipe:test: 1000 connections are open and no more are taken")
		require.Empty(t, warns)
		require.Equal(t, Counts{Open: 1000, Requests: 2000, Surplus: 50}, d.Counts())

		time.Sleep(quiet)
		closed(t, d.dial(t))
		require.ErrorContains(t, <-warns, "(and 49 more since the last warning)")

		require.NoError(t, conns[0].Close()) // one leaves, another comes
		synctest.Wait()
		another := d.dial(t)
		ask(t, another)
		require.EqualValues(t, 1000, d.Counts().Open)

		d.stop()
		require.NoError(t, <-d.ended)
		require.Zero(t, d.Counts().Open)
	})
}

// Stopping answers what is being decided, and what is on its way; it closes
// what is silent and what is half.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		decide := make(chan struct{})
		d := open(t, &Server{}, func(r *Request) Action {
			if r.Sender == "slow" {
				<-decide
			}
			return understood(r)
		})
		silent, half, asking, late := d.dial(t), d.dial(t), d.dial(t), d.dial(t)
		_, err := io.WriteString(half, "request=smtpd_")
		require.NoError(t, err)
		_, err = io.WriteString(asking, "request=smtpd_access_policy\nsender=slow\nsasl_username=bob\n\n"+question+"request=")
		require.NoError(t, err)
		synctest.Wait()

		d.stop()
		synctest.Wait()
		ask(t, late)
		closed(t, late)
		closed(t, silent)
		closed(t, half)
		require.Empty(t, d.ended, "one is still being decided")

		close(decide)
		hear(t, asking)
		hear(t, asking) // it was complete when the server stopped
		closed(t, asking)
		require.NoError(t, <-d.ended)
		require.Zero(t, d.Counts().Broken)
	})
}

// A client that takes no answers is given up, and when the server stops, soon.
func TestAnswersThatNobodyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, &Server{Patience: time.Minute}, understood)
		deaf := d.dial(t)
		began := time.Now()
		_, err := io.WriteString(deaf, question)
		require.NoError(t, err)
		for d.Counts().Open > 0 {
			time.Sleep(time.Second)
			synctest.Wait()
		}
		require.Equal(t, 2*time.Minute, time.Since(began))

		deaf = d.dial(t)
		_, err = io.WriteString(deaf, question)
		require.NoError(t, err)
		synctest.Wait()
		d.stop()
		began = time.Now()
		require.NoError(t, <-d.ended)
		require.Equal(t, lastAnswer, time.Since(began))
	})
}

// The deadline for writing is that of the request, however long the connection
// was silent before.
func TestAnswersAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, &Server{}, understood)
		conn := d.dial(t)
		for _, silence := range []time.Duration{0, 9, 11, 19, 21, 100, 5, 5, 5, 5, 100_000} {
			time.Sleep(silence * time.Second)
			ask(t, conn)
		}
		d.stop()
		require.NoError(t, <-d.ended)
	})
}

// Every answer is one write, so that it's one packet, and nothing follows it.
func TestOneWriteAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		ctx, stop := context.WithCancel(t.Context())
		var writes atomic.Int64
		ended := make(chan error, 1)
		go func() { ended <- new(Server).Serve(ctx, counting{p, &writes}, understood) }()
		conn := p.dial(t)
		for n := range int64(5) {
			ask(t, conn)
			require.Equal(t, n+1, writes.Load())
		}
		stop()
		require.NoError(t, <-ended)
		require.EqualValues(t, 5, writes.Load())
	})
}

type counting struct {
	*pipes
	writes *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.pipes.Accept()
	return countingConn{conn, c.writes}, err
}

type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// When no more files can be opened, the server waits and goes on.
func TestAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		warns := make(chan error, 10)
		s := &Server{Warn: func(err error) { warns <- err }}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		went := time.Now()
		go func() { ended <- s.Serve(ctx, &failing{pipes: p, left: 12}, understood) }()
		ask(t, p.dial(t))
		require.Greater(t, time.Since(went), 3*time.Second)
		require.ErrorContains(t, <-warns, "pipe:test: too many open files")
		require.Empty(t, warns)
		stop()
		require.NoError(t, <-ended)
	})
}

type failing struct {
	*pipes
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left--; f.left >= 0 {
		return nil, syscall.EMFILE
	}
	return f.pipes.Accept()
}

// A listener that somebody closes ends Serve with an error, and its connections.
func TestListenerClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, &Server{}, understood)
		conn := d.dial(t)
		ask(t, conn)
		require.NoError(t, d.pipes.Close())
		closed(t, conn)
		require.ErrorIs(t, <-d.ended, net.ErrClosed)
	})
}

// One who talks nonsense, again and again, doesn't fill the log.
func TestWarningsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		warned := 0
		d := open(t, &Server{Warn: func(error) { warned++ }}, understood)
		for range 600 {
			conn := d.dial(t)
			_, err := io.WriteString(conn, "nonsense\n\n")
			require.NoError(t, err)
			closed(t, conn)
			time.Sleep(time.Second)
		}
		d.stop()
		require.NoError(t, <-d.ended)
		require.EqualValues(t, 600, d.Counts().Broken)
		require.Equal(t, 10, warned)
	})
}

// A thousand clients on real sockets, each of which asks ten times.
func TestThousandClients(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &Server{}
	go func() { ended <- s.Serve(ctx, l, understood) }()
	var clients sync.WaitGroup
	faults := make(chan error, 1000)
	for n := range 1000 {
		clients.Go(func() { faults <- client(l.Addr().String(), fmt.Sprintf("user%d", n), 10) })
	}
	clients.Wait()
	close(faults)
	for err := range faults {
		require.NoError(t, err)
	}
	require.EqualValues(t, 10_000, s.Counts().Requests)
	stop()
	require.NoError(t, <-ended)
	require.Zero(t, s.Counts().Open)
}

func client(server, user string, times int) error {
	conn, err := net.Dial("tcp", server)
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for range times {
		if _, err := fmt.Fprintf(conn, "request=smtpd_access_policy\nsasl_username=%s\n\n", user); err != nil {
			return err
		}
		want := fmt.Sprintf("action=HOLD user=%q\n\n", user)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(in, got); err != nil {
			return err
		}
		if string(got) != want {
			return errors.New(string(got))
		}
	}
	return nil
}

// A request that has been seen before costs no memory at all.
func TestNoAllocation(t *testing.T) {
	d := &delegation{parser: &parser{}, answer: understoodNothing}
	request := []byte(strings.ReplaceAll(fullRequest, "USER", "alice"))
	out := make([]byte, 0, 100)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if n, err := d.cut(request, 0); n != len(request) || err != nil {
			panic("not a request")
		}
		got, err := d.reply(request, out[:0])
		if err != nil || !bytes.Equal(got, []byte("action=DUNNO\n\n")) {
			panic("not answered")
		}
	}))
}

func understoodNothing(*Request) Action { return Dunno() }

func BenchmarkReply(b *testing.B) {
	d := &delegation{parser: &parser{}, answer: understoodNothing}
	requests := [][]byte{[]byte(strings.ReplaceAll(fullRequest, "USER", "alice")), []byte(strings.ReplaceAll(fullRequest, "USER", "bob"))}
	out := make([]byte, 0, 100)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		request := requests[i%2]
		if n, err := d.cut(request, 0); n != len(request) || err != nil {
			b.Fatal(err)
		}
		if _, err := d.reply(request, out[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

// fullRequest is what Postfix 3.7.11 sends at DATA.
const fullRequest = `request=smtpd_access_policy
protocol_state=DATA
protocol_name=ESMTP
client_address=203.0.113.40
client_name=dsl40.isp.example
client_port=57684
reverse_client_name=dsl40.isp.example
server_address=127.0.0.1
server_port=10650
helo_name=laptop.home
sender=USER@example.es
recipient=customer@example.com
recipient_count=1
queue_id=685919BA054
instance=ea3.6b00b01b.67c9e.0
size=0
etrn_domain=
stress=
sasl_method=PLAIN
sasl_username=USER
sasl_sender=
ccert_subject=
ccert_issuer=
ccert_fingerprint=
ccert_pubkey_fingerprint=
encryption_protocol=TLSv1.3
encryption_cipher=TLS_AES_256_GCM_SHA384
encryption_keysize=256
policy_context=

`
