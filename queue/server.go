package queue

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// Bounds on what the server gives a client.
const (
	maxClients  = 16
	requestTime = 5 * time.Second  // to send its line
	workTime    = 5 * time.Minute  // for the queue
	answerTime  = 30 * time.Second // to read the answer
)

// Worker is a queue that this process may work on: [Local], or [Exim].
type Worker interface {
	Hold(ctx context.Context, user string, ids []string) (Result, error)
	Release(ctx context.Context, user string, ids []string) (Result, error)
	List(ctx context.Context, user string) ([]Mail, error)
}

// Server does for others what needs root: it holds, releases and lists users'
// mail, and takes nothing else. Its requests are done one after the other.
type Server struct {
	Queue Worker
	// Allow decides by the user id of the process at the other end.
	Allow func(uid uint32) bool
	// Log is told of each request and each refusal, as slog.Info is.
	Log func(msg string, args ...any)

	turn sync.Mutex // held while the queue is worked on
}

// Listen opens the server's socket, which its owner, this process's user, and a
// group may write to. A socket that a dead server left is replaced.
func Listen(path string, gid int) (*net.UnixListener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("queue: %s: this is no socket (name another, or remove it)", path)
		}
		if conn, err := net.Dial("unix", path); err == nil {
			_ = conn.Close() // it showed what it had to
			return nil, fmt.Errorf("queue: %s: a server listens there already", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("queue: %w", err)
		}
	}
	l, err := bind(path, gid)
	if err != nil {
		return nil, fmt.Errorf("queue: %s: %w", path, remedy(err))
	}
	return l, nil
}

// bind makes a socket that has its mode and group from the start. To change
// them afterwards, by its name, would let one who may write to the directory
// put another file in its place, and root would give that away.
func bind(path string, gid int) (l *net.UnixListener, err error) {
	defer syscall.Umask(syscall.Umask(0o117))
	if own := os.Getegid(); gid != own {
		if err := syscall.Setegid(gid); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, syscall.Setegid(own)) }()
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

func remedy(err error) error {
	var e syscall.Errno
	if !errors.As(err, &e) {
		return err
	}
	if e == syscall.ENOENT {
		return fmt.Errorf("%w (mkdir the directory; systemd does with RuntimeDirectory=)", e)
	}
	return e
}

// Serve answers clients until the context ends, and then waits for those that
// are being answered.
func (s *Server) Serve(ctx context.Context, l *net.UnixListener) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // ends Accept
	defer stop()
	var clients sync.WaitGroup
	defer clients.Wait()
	places := make(chan struct{}, maxClients)
	for {
		conn, err := l.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.ECONNABORTED):
			continue
		case err != nil:
			return fmt.Errorf("queue: %w", err)
		}
		select {
		case places <- struct{}{}:
		default:
			_ = conn.Close() // the client says so
			s.Log("refused", "error", "too many clients", "clients", maxClients)
			continue
		}
		clients.Go(func() {
			defer func() { <-places }()
			defer conn.Close()
			s.client(ctx, conn)
		})
	}
}

// client does one request of a client.
func (s *Server) client(ctx context.Context, conn *net.UnixConn) {
	uid, err := peer(conn)
	if err == nil && !s.Allow(uid) {
		err = fmt.Errorf("user id %d may not ask here (queue-helper --user names who may)", uid)
	}
	var req request
	if err == nil {
		_ = conn.SetReadDeadline(time.Now().Add(requestTime)) // a failure shows when it is read
		req, err = readRequest(conn)
	}
	if err != nil {
		s.Log("refused", "uid", uid, "error", err)
		s.answer(conn, []answer{{Error: err.Error()}})
		return
	}
	s.answer(conn, s.work(ctx, req))
}

// readRequest reads a client's line. What comes after it is not read.
func readRequest(conn io.Reader) (request, error) {
	in := bufio.NewReaderSize(io.LimitReader(conn, maxRequest), maxRequest)
	line, err := in.ReadSlice('\n')
	switch {
	case err == nil:
		return parseRequest(line)
	case len(line) == maxRequest:
		return request{}, fmt.Errorf("no request: a line above %d bytes", maxRequest)
	}
	return request{}, errors.New("no request: no whole line")
}

// work does what a request asks for, and puts it into lines.
func (s *Server) work(ctx context.Context, req request) []answer {
	s.turn.Lock()
	defer s.turn.Unlock()
	ctx, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	ids := req.IDs
	if req.All {
		ids = nil
	}
	var result Result
	var mail []Mail
	var err error
	switch req.Verb {
	case "hold":
		result, err = s.Queue.Hold(ctx, req.User, ids)
	case "release":
		result, err = s.Queue.Release(ctx, req.User, ids)
	case "list":
		mail, err = s.Queue.List(ctx, req.User)
	}
	s.Log(req.Verb, "user", mask(req.User, maxUser), "asked", len(ids), "found", len(result)+len(mail),
		"moved", len(result.IDs(Held, Released, Requeued)), "error", err)
	lines := make([]answer, 0, len(result)+len(mail)+1)
	for _, d := range result {
		lines = append(lines, answer{ID: d.ID, Outcome: d.Outcome})
	}
	for i := range mail {
		lines = append(lines, answer{Mail: &mail[i]})
	}
	if err != nil {
		return append(lines, answer{Error: mask(err.Error(), 2000)})
	}
	return append(lines, answer{End: true})
}

// answer writes the lines. A client that doesn't read them gets no more.
func (s *Server) answer(conn net.Conn, lines []answer) {
	_ = conn.SetWriteDeadline(time.Now().Add(answerTime)) // an error shows when it is written
	out := bufio.NewWriter(conn)
	enc := json.NewEncoder(out)
	for _, line := range lines {
		if err := enc.Encode(line); err != nil {
			return
		}
	}
	_ = out.Flush() // the client misses the end
}
