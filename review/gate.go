package review

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// linkLife is how long a link may be used, once.
	linkLife = 15 * time.Minute
	// sessionLife is how long somebody may do nothing and stay.
	sessionLife = 12 * time.Hour
	// maxLinks and maxSessions bound what is remembered; the oldest goes first.
	maxLinks, maxSessions = 16, 64
	// maxForm is more than any form here is long.
	maxForm = 16 << 10
	// cookie names the session.
	cookie = "sendwarden"
)

// gate lets in who came by a link that the daemon gave out, or whom the web
// server before us names. A link works once; what it leaves in the browser is a
// cookie that no script reads and no other site sends.
type gate struct {
	config Config
	now    func() time.Time

	mu       sync.Mutex
	links    map[secret]time.Time // until when
	sessions map[secret]*session
}

// secret is the digest of one: looking it up takes no longer for a near guess.
type secret [sha256.Size]byte

func digest(s string) secret { return sha256.Sum256([]byte(s)) }

// session is one who was let in.
type session struct {
	who  string // for the ledger
	last time.Time
	said string // what became of the last act, to be shown once
}

func newGate(c Config, now func() time.Time) *gate {
	return &gate{config: c, now: now, links: make(map[secret]time.Time), sessions: make(map[secret]*session)}
}

// link makes a path that lets somebody in, once.
func (g *gate) link() string {
	token := rand.Text()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	if len(g.links) >= maxLinks {
		delete(g.links, oldest(g.links, func(t time.Time) time.Time { return t }))
	}
	g.links[digest(token)] = g.now().Add(linkLife)
	return "/enter?token=" + token
}

// sweep forgets what is over.
func (g *gate) sweep() {
	now := g.now()
	maps.DeleteFunc(g.links, func(_ secret, until time.Time) bool { return now.After(until) })
	maps.DeleteFunc(g.sessions, func(_ secret, s *session) bool { return now.Sub(s.last) > sessionLife })
}

func oldest[V any](m map[secret]V, when func(V) time.Time) secret {
	return slices.MinFunc(slices.Collect(maps.Keys(m)), func(a, b secret) int { return when(m[a]).Compare(when(m[b])) })
}

// redeem uses a link up; the answer is the new session's cookie.
func (g *gate) redeem(token string) (string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	key := digest(token)
	if _, ok := g.links[key]; !ok {
		return "", false
	}
	delete(g.links, key)
	value := rand.Text()
	g.admit(digest(value), "review page")
	return value, true
}

// admit begins a session.
func (g *gate) admit(key secret, who string) *session {
	if len(g.sessions) >= maxSessions {
		delete(g.sessions, oldest(g.sessions, func(s *session) time.Time { return s.last }))
	}
	s := &session{who: who, last: g.now()}
	g.sessions[key] = s
	return s
}

// who tells whose a request is; nil is nobody who was let in.
func (g *gate) who(r *http.Request) *session {
	name, value := "", ""
	if g.config.UserHeader != "" {
		name = r.Header.Get(g.config.UserHeader)
		value = name
	} else if c, err := r.Cookie(cookie); err == nil {
		value = c.Value
	}
	if value == "" {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	s := g.sessions[digest(value)]
	if s == nil && name != "" {
		return g.admit(digest(name), name)
	}
	if s != nil {
		s.last = g.now()
	}
	return s
}

// say leaves somebody what became of an act; hear takes it away.
func (g *gate) say(s *session, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.said = text
}

func (g *gate) hear(s *session) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	text := s.said
	s.said = ""
	return text
}

// whoKey is under which a request carries its session.
type whoKey struct{}

func sessionOf(r *http.Request) *session {
	s, _ := r.Context().Value(whoKey{}).(*session)
	return s
}

// guard stands before all pages: what no page may do, who may ask, and from
// where. Acts come by POST, and only from our own pages (net/http's
// CrossOriginProtection, by Sec-Fetch-Site and Origin).
func (g *gate) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "This came from another site's page, and nothing was done.")
	}))
	inside := protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/enter" && g.config.UserHeader == "" {
			g.enter(w, r)
			return
		}
		s := g.who(r)
		if s == nil {
			refuse(w, http.StatusUnauthorized, g.way())
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), whoKey{}, s)))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		switch {
		case !g.knows(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "This page is not called that. Its names stand under review: in the rules file.")
		case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
			w.Header().Set("Allow", "GET, HEAD, POST")
			refuse(w, http.StatusMethodNotAllowed, "There is nothing here that is done like this.")
		default:
			inside.ServeHTTP(w, r)
		}
	})
}

// way says how somebody is let in.
func (g *gate) way() string {
	if g.config.UserHeader != "" {
		return "The web server before this page has not said who you are."
	}
	return "This page opens by a link that works once. On the mail server, `sendwarden review` prints one."
}

// harden forbids a page everything that ours do not need: other sites' content,
// frames around it, and being kept.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// knows tells whether a Host header names this page.
func (g *gate) knows(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.Trim(strings.ToLower(name), "[]")
	return name == "localhost" || name == "127.0.0.1" || name == "::1" || slices.Contains(g.config.Names, name)
}

// enter lets somebody in by a link. What follows is a page and no redirection: a
// cookie that only our own pages send is not sent along with the redirection of
// a link that stood in a mail.
func (g *gate) enter(w http.ResponseWriter, r *http.Request) {
	var value string
	ok := r.Method == http.MethodGet // a look ahead, as programs do that show links, does not use it up
	if ok {
		value, ok = g.redeem(r.URL.Query().Get("token"))
	}
	if !ok {
		refuse(w, http.StatusUnauthorized, "This link was used before, or is too old. On the mail server, `sendwarden review` prints a new one.")
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(sessionLife / time.Second)})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Refresh", "0; url=/")
	_, _ = w.Write([]byte("<!doctype html><html lang=en><title>Sendwarden</title><p><a href=/>Go on to the review page</a></html>\n"))
}

// refuse says no in plain text.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
