package policy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// defaultConnections is as many as a large Postfix has smtpd processes.
	defaultConnections = 1000
	// defaultPatience is how long a request may take from its first byte to its
	// last. Postfix writes it at once.
	defaultPatience = 10 * time.Second
	// lastCall is how long connections are still listened to when the server
	// stops: for requests that are on their way.
	lastCall = 100 * time.Millisecond
	// lastAnswer is how long it then waits for clients to take what was answered.
	lastAnswer = 2 * time.Second
)

// Server answers Postfix on any number of sockets. Its zero value is ready for
// use; set the fields before. It is safe for concurrent use.
type Server struct {
	// MaxConnections bounds the open connections of all sockets together; 0 is
	// 1,000. One more is closed at once.
	MaxConnections int
	// Patience is how long a request may take to come in, and an answer to be
	// taken; 0 is 10 s. It doesn't bound the silence between requests.
	Patience time.Duration
	// Warn is told of trouble, of each kind at most once a minute. Calls may be
	// concurrent.
	Warn func(error)

	sockets  []opened
	warnings warnings
	counts   struct{ open, requests, surplus, broken, faults atomic.Int64 }
}

// Counts are what a Server has seen since it began.
type Counts struct {
	Open     int64 // connections that are open now
	Requests int64 // that were answered
	Surplus  int64 // connections closed at once, because there were too many
	Broken   int64 // connections cut off for what came, or didn't come, over them
	Faults   int64 // of ours: requests for which the caller's function panicked
}

// Counts can be asked at any time.
func (s *Server) Counts() Counts {
	c := &s.counts
	return Counts{c.open.Load(), c.requests.Load(), c.surplus.Load(), c.broken.Load(), c.faults.Load()}
}

// Serve answers check_policy_service on a socket until ctx ends: then what was
// asked is answered, all connections are closed, and Serve returns nil. It calls
// answer from many goroutines; a Request is answer's until it returns, and its
// strings for ever.
func (s *Server) Serve(ctx context.Context, l net.Listener, answer func(*Request) Action) error {
	return s.serve(ctx, l, func() protocol {
		return &delegation{parser: &parser{}, answer: answer, fault: s.fault(l)}
	})
}

// ServeMap answers socketmap look-ups as Serve answers requests. The table is
// what main.cf calls it, the "sendwarden" of socketmap:inet:127.0.0.1:10046:sendwarden,
// and the key as the client spells it.
func (s *Server) ServeMap(ctx context.Context, l net.Listener, lookup func(table, key string) Reply) error {
	return s.serve(ctx, l, func() protocol {
		return &sockmap{lookup: lookup, fault: s.fault(l)}
	})
}

// session is one listener with its connections.
type session struct {
	server  *Server
	name    string // of the listener, as main.cf writes it
	closing atomic.Bool
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	talks   sync.WaitGroup
}

func (s *Server) serve(ctx context.Context, l net.Listener, speak func() protocol) error {
	ss := &session{server: s, name: nameOf(l), conns: make(map[net.Conn]struct{})}
	stop := context.AfterFunc(ctx, func() {
		_ = l.Close() // Accept tells what comes of it
		ss.close()
	})
	err := ss.accept(ctx, l, speak)
	if stop() { // nobody asked us to stop: the listener was closed
		_ = l.Close() // it is closed already
		ss.close()
	}
	ss.talks.Wait()
	return err
}

// accept takes connections until the listener is closed. Every other error is
// said and waited out, so that the door stays open: what lasts longest is a lack
// of file descriptors.
func (ss *session) accept(ctx context.Context, l net.Listener, speak func() protocol) error {
	for pause := time.Duration(0); ; {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			ss.admit(conn, speak)
			continue
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("%s: %w", ss.name, err)
		}
		ss.server.warn(noAccept, fmt.Errorf("%s: %w", ss.name, err))
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// admit begins to talk with a new client, if there is room for one.
func (ss *session) admit(conn net.Conn, speak func() protocol) {
	s := ss.server
	limit := int64(s.MaxConnections)
	if limit <= 0 {
		limit = defaultConnections
	}
	if s.counts.open.Add(1) > limit {
		s.counts.open.Add(-1)
		s.counts.surplus.Add(1)
		_ = conn.Close() // nothing was said on it
		s.warn(surplus, fmt.Errorf("%s: %d connections are open and no more are taken (raise max_connections, or see who holds them)", ss.name, limit))
		return
	}
	ss.mu.Lock()
	ss.conns[conn] = struct{}{}
	ss.mu.Unlock()
	ss.talks.Go(func() {
		ss.talk(conn, speak())
		ss.mu.Lock()
		delete(ss.conns, conn)
		ss.mu.Unlock()
		s.counts.open.Add(-1)
	})
}

// talk is one connection from its beginning to its end.
func (ss *session) talk(conn net.Conn, p protocol) {
	t := &talk{session: ss, conn: conn, protocol: p, in: make([]byte, usual), patience: ss.server.Patience}
	if t.patience <= 0 {
		t.patience = defaultPatience
	}
	err := t.run()
	_ = conn.Close() // both sides have said what they had to say
	if err != nil {
		ss.server.counts.broken.Add(1)
		ss.server.warn(broken, fmt.Errorf("%s: a connection is cut off: %w", ss.name, err))
	}
}

// close ends what is silent. A talk that is about to read finds closing set, or
// these deadlines on its connection.
func (ss *session) close() {
	ss.closing.Store(true)
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for conn := range ss.conns {
		// An error of these means that it is closed.
		_ = conn.SetReadDeadline(time.Now().Add(lastCall))
		_ = conn.SetWriteDeadline(time.Now().Add(lastAnswer))
	}
}

// fault makes the function that is told of a panic in the caller's code.
func (s *Server) fault(l net.Listener) func(any) {
	return func(p any) {
		s.counts.faults.Add(1)
		s.warn(ours, fmt.Errorf("%s: a fault while answering, so the mail passed: %v\n%s", nameOf(l), p, debug.Stack()))
	}
}

// trouble is what warnings are counted by.
type trouble int

const (
	surplus trouble = iota
	broken
	ours
	noAccept
	troubles // how many kinds there are
)

// quiet is how long there is no other warning of the same kind: who sends us
// rubbish must not fill the log with it.
const quiet = time.Minute

// warnings remembers when a kind was last warned of, and how often it was not
// said since.
type warnings struct {
	mu   sync.Mutex
	said [troubles]time.Time
	kept [troubles]int
}

func (s *Server) warn(kind trouble, err error) {
	w, now := &s.warnings, time.Now()
	w.mu.Lock()
	if last := w.said[kind]; !last.IsZero() && now.Sub(last) < quiet {
		w.kept[kind]++
		w.mu.Unlock()
		return
	}
	kept := w.kept[kind]
	w.said[kind], w.kept[kind] = now, 0
	w.mu.Unlock()
	if s.Warn == nil {
		return
	}
	if kept > 0 {
		err = fmt.Errorf("%w (and %d more since the last warning)", err, kept)
	}
	s.Warn(err)
}

// nameOf is a socket as main.cf writes it.
func nameOf(l net.Listener) string {
	network, addr := l.Addr().Network(), l.Addr().String()
	if network == "tcp" {
		network = "inet"
	}
	return network + ":" + addr
}
