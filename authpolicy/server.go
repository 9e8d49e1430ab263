package authpolicy

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"sendwarden/socket"
)

const (
	maxBody  = 8 << 10 // bytes; a question has some 200
	maxLogin = 512
	// maxAtOnce bounds the questions that are answered at the same time, and
	// maxConnections those who may ask; Dovecot's auth process keeps some open.
	maxAtOnce      = 64
	maxConnections = 256
	farewell       = time.Second
)

// Question is what Dovecot asks about a log-in. What else it sends, a hash of the
// password among it, is not kept.
type Question struct {
	Login    string `json:"login"`
	Protocol string `json:"protocol"`
	Remote   string `json:"remote"` // the client's address, as Dovecot was told
}

// Server answers Dovecot.
type Server struct {
	config  Config
	refuse  []string
	blocked func(login string) bool
	refused func(Question)
	busy    chan struct{}
}

// New makes a server that asks blocked about names as they were typed, from several
// goroutines, and tells refused of each log-in that it refuses.
func New(c Config, blocked func(login string) bool, refused func(Question)) *Server {
	s := &Server{config: c, refuse: c.Refuse, blocked: blocked, refused: refused, busy: make(chan struct{}, maxAtOnce)}
	if len(s.refuse) == 0 {
		s.refuse = defaultRefuse()
	}
	return s
}

// Serve answers until the context ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10,
	}
	return socket.Serve(ctx, server, &limited{l, make(chan struct{}, maxConnections)}, farewell)
}

// ServeHTTP answers one question. What is none gets a status that Dovecot takes for
// no answer.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	default:
		http.Error(w, "too many questions at once", http.StatusServiceUnavailable)
		return
	}
	if status, text := s.unfit(r); status != 0 {
		http.Error(w, text, status)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "no whole question", http.StatusBadRequest)
		return
	}
	q, err := parse(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if command(r) == "allow" && s.refuses(q) {
		_, _ = io.WriteString(w, `{"status":-1,"msg":"Sending is suspended for this account"}`+"\n") // who hung up learns nothing
		s.refused(q)
		return
	}
	_, _ = io.WriteString(w, `{"status":0,"msg":""}`+"\n")
}

// command is what Dovecot puts behind auth_policy_server_url, with a "?" of its own
// where the address has one already (2.3, src/auth/auth-policy.c).
func command(r *http.Request) string {
	values, err := url.ParseQuery(strings.TrimLeft(r.URL.RawQuery, "?&"))
	if err != nil {
		return ""
	}
	return values.Get("command")
}

// unfit says why a request is no question.
func (s *Server) unfit(r *http.Request) (status int, text string) {
	switch command := command(r); {
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "questions are posted"
	case s.config.Key != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("X-API-Key")), []byte(s.config.Key)) != 1:
		return http.StatusForbidden, "the key is another (auth_policy_server_api_header)"
	case command != "allow" && command != "report":
		return http.StatusBadRequest, "command is allow or report"
	}
	return 0, ""
}

// parse reads a question.
func parse(body []byte) (Question, error) {
	var q Question
	if err := json.Unmarshal(body, &q); err != nil {
		return q, errors.New("no question in JSON")
	}
	switch {
	case q.Login == "" || len(q.Login) > maxLogin || !utf8.ValidString(q.Login):
		return Question{}, errors.New("no login, or no name that anybody has")
	case len(q.Protocol) > 32 || len(q.Remote) > 64:
		return Question{}, errors.New("no protocol or address is that long")
	}
	return q, nil
}

// refuses tells whether somebody may not log in. Who asks by no protocol is not
// known to hand mail in.
func (s *Server) refuses(q Question) bool {
	return slices.Contains(s.refuse, strings.ToLower(q.Protocol)) && s.blocked(q.Login)
}

// limited admits so many connections at the same time, and closes what comes above
// that: who waits would wait for Dovecot's own.
type limited struct {
	net.Listener
	places chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &placed{conn, sync.OnceFunc(func() { <-l.places })}, nil
		default:
			_ = conn.Close() // Dovecot takes it for no answer
		}
	}
}

// placed gives its place back when it is closed, which net/http may do twice at
// the end: as its answer ends, and as the server does.
type placed struct {
	net.Conn
	leave func()
}

func (p *placed) Close() error {
	p.leave()
	return p.Conn.Close()
}
