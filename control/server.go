package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"sync"
	"time"

	"sendwarden/socket"
)

// Bounds on what the server gives a client.
const (
	maxClients = 64
	maxBody    = 16 << 10
	maxHeader  = 8 << 10

	requestTime = 5 * time.Second
	workTime    = 30 * time.Second
	idleTime    = time.Minute
	farewell    = 2 * time.Second // for what is being answered when the daemon stops
)

// forHeader is where root's client says whom it works for.
const forHeader = "Sendwarden-For"

// Serve answers at a socket until the context ends.
func Serve(ctx context.Context, l *Listener, s Service, log *slog.Logger) error {
	server := &http.Server{
		Handler:           &server{Service: s, may: l.may, log: log},
		ReadHeaderTimeout: requestTime,
		ReadTimeout:       workTime + requestTime, // when it ends, so does the request's context
		WriteTimeout:      workTime + requestTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	if err := socket.Serve(ctx, server, &bounded{Listener: l, places: make(chan struct{}, maxClients)}, farewell); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

// bounded lets only so many connections in at once; the others wait in the
// kernel's queue.
type bounded struct {
	net.Listener
	places chan struct{}
}

func (b *bounded) Accept() (net.Conn, error) {
	b.places <- struct{}{}
	conn, err := b.Listener.Accept()
	if err != nil {
		<-b.places
		return nil, err
	}
	return &guest{UnixConn: conn.(*net.UnixConn), leave: func() { <-b.places }}, nil
}

// guest gives its place back when it is closed.
type guest struct {
	*net.UnixConn
	leave func()
	once  sync.Once
}

func (g *guest) Close() error {
	err := g.UnixConn.Close()
	g.once.Do(g.leave)
	return err
}

// peer is who is at the other end of a connection.
type peer struct {
	uid, gid int
	err      error
}

type peerKey struct{}

func withPeer(ctx context.Context, conn net.Conn) context.Context {
	var p peer
	if g, ok := conn.(*guest); ok {
		p.uid, p.gid, p.err = credentials(g.UnixConn)
	} else {
		p.err = errors.New("no unix socket")
	}
	return context.WithValue(ctx, peerKey{}, p)
}

// server is the Service as HTTP.
type server struct {
	Service
	may func(uid, gid int) bool
	log *slog.Logger
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, ok := r.Context().Value(peerKey{}).(peer)
	switch {
	case !ok || p.err != nil:
		fail(w, &Error{http.StatusForbidden, "it cannot be told who asks"})
		return
	case !s.may(p.uid, p.gid):
		s.log.Warn("refused at the control socket", "uid", p.uid)
		fail(w, &Error{http.StatusForbidden, fmt.Sprintf("user id %d may not ask here (root may, and who is in the socket's group)", p.uid)})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.URL.Path == "/v1/watch" && r.Method == http.MethodGet {
		s.watch(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), workTime)
	defer cancel()
	answer, err := s.answer(r.WithContext(ctx), p)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = encoder(w).Encode(answer) // a client that has gone misses the end
}

// answer finds out what is asked for.
func (s *server) answer(r *http.Request, p peer) (any, error) {
	ctx, ask := r.Context(), r.URL.Query()
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/status":
		return s.Status(ctx)
	case "GET /v1/accounts":
		return s.Accounts(ctx)
	case "GET /v1/account":
		return s.Account(ctx, ask.Get("user"))
	case "GET /v1/crowd":
		return s.Crowd(ctx)
	case "GET /v1/trusts":
		return s.Trusts(ctx)
	case "GET /v1/history":
		span, err := readSpan(ask)
		if err != nil {
			return nil, err
		}
		return s.History(ctx, span)
	case "GET /v1/rules":
		return s.Rules(ctx)
	case "POST /v1/review-link":
		return s.ReviewLink(ctx)
	case "POST /v1/acts":
		act, err := readAct(r)
		if err != nil {
			return nil, err
		}
		return s.Do(ctx, who(r, p), act)
	}
	return nil, &Error{http.StatusNotFound, fmt.Sprintf("%s %s: there is no such thing in this version", clip(r.Method), clip(r.URL.Path))}
}

// readSpan reads which part of the ledger is asked for.
func readSpan(ask map[string][]string) (span Span, err error) {
	first := func(name string) string {
		if v := ask[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	span.User = first("user")
	if text := first("since"); text != "" {
		if span.Since, err = time.Parse(time.RFC3339, text); err != nil {
			return span, invalid("since: %q is no time such as 2026-04-15T21:15:00Z", clip(text))
		}
	}
	if text := first("most"); text != "" {
		if span.Most, err = strconv.Atoi(text); err != nil || span.Most < 0 || span.Most > MaxRecords {
			return span, invalid("most: %q is no number up to %d", clip(text), MaxRecords)
		}
	}
	if len(span.User) > maxUser {
		return span, invalid("user: above %d bytes", maxUser)
	}
	return span, nil
}

// readAct reads an act, and refuses what isn't one to the letter.
func readAct(r *http.Request) (Act, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return Act{}, &Error{http.StatusUnsupportedMediaType, "an act is application/json"}
	}
	return parseAct(r.Body)
}

func parseAct(body io.Reader) (a Act, err error) {
	in := json.NewDecoder(body)
	in.DisallowUnknownFields()
	if err := in.Decode(&a); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return a, &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("no act: above %d bytes", large.Limit)}
		}
		return a, invalid("no act: %v", err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return a, invalid("no act: there is more behind it")
	}
	return a, a.Check()
}

// who is the peer, by name, and for whom a client of root's works.
func who(r *http.Request, p peer) Who {
	w := Who{UID: p.uid, Name: strconv.Itoa(p.uid)}
	if u, err := user.LookupId(w.Name); err == nil && printable(u.Username) {
		w.Name = u.Username
	}
	if name := r.Header.Get(forHeader); p.uid == 0 && name != "" && len(name) <= maxName && printable(name) {
		w.For = name
	}
	return w
}

// maxName bounds an account's name, as useradd(8) does.
const maxName = 64

// watch streams verdicts, one JSON object a line.
func (s *server) watch(w http.ResponseWriter, r *http.Request) {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	// What bounds other requests is not for this one, and the client sees that it
	// is heard.
	if errors.Join(out.SetReadDeadline(time.Time{}), flush(out)) != nil {
		return
	}
	lines := encoder(w)
	err := s.Watch(r.Context(), func(j Judged) error {
		if err := lines.Encode(j); err != nil {
			return err
		}
		return flush(out)
	})
	if err != nil && r.Context().Err() == nil {
		s.log.Warn("a watcher is gone", "error", err)
	}
}

// flush sends what is there to a client that has some time to take it.
func flush(out *http.ResponseController) error {
	return errors.Join(out.SetWriteDeadline(time.Now().Add(requestTime)), out.Flush())
}

func fail(w http.ResponseWriter, err error) {
	e := &Error{http.StatusInternalServerError, err.Error()}
	switch known := new(Error); {
	case errors.As(err, &known):
		e = known
	case errors.Is(err, context.Canceled):
		e = &Error{http.StatusServiceUnavailable, "the daemon stops"}
	case errors.Is(err, context.DeadlineExceeded):
		e = &Error{http.StatusServiceUnavailable, "the daemon is busy: it may still do it"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_ = encoder(w).Encode(map[string]string{"error": e.Text}) // a client that has gone misses it
}

func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // people read it, too
	return e
}
