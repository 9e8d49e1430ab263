// Package review is the page on which an administrator reviews who is blocked,
// whose mail waits and who is close to it, sees why, and decides: on the daemon
// itself, live, in a browser.
//
// The pages are made here, from what control.Service shows, and every act goes
// through it, as those of the commands do. A little script swaps in what has
// changed; without it the pages load anew by themselves.
//
// Whoever reaches this page can stop any user of the server from sending, so it
// listens on loopback only and opens by a link that works once (gate.go). Nothing
// on it comes from anywhere else, and no other page can act on it or frame it.
package review

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sendwarden/control"
	"sendwarden/socket"
)

//go:embed static templates
var files embed.FS

// Bounds on what the server gives a browser.
const (
	maxHeader   = 16 << 10
	requestTime = 10 * time.Second
	workTime    = 30 * time.Second
	idleTime    = 2 * time.Minute
	farewell    = time.Second
)

// Page is the review page.
type Page struct {
	listener net.Listener
	gate     *gate
	log      *slog.Logger
	now      func() time.Time
	pages    map[string]*template.Template
	streams  chan struct{} // a place for each browser that is told of news
}

// Open opens the socket of a configuration that names one. Now is the clock of
// links, sessions and "ago".
func Open(c Config, log *slog.Logger, now func() time.Time) (*Page, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	pages, err := parse()
	if err != nil {
		return nil, err
	}
	l, err := c.open()
	if err != nil {
		return nil, fmt.Errorf("review: %w", err)
	}
	return &Page{
		listener: l, gate: newGate(c, now), log: log, now: now, pages: pages, streams: make(chan struct{}, maxStreams),
	}, nil
}

// open opens the socket. Whoever may connect to one of a path is whom the web
// server says, so that it is opened for the web server's group alone.
func (c Config) open() (net.Listener, error) {
	network, at, err := c.address()
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		return control.Listen(control.Config{Socket: at, Group: c.Group})
	}
	return net.Listen(network, at)
}

// Link is an address that lets one browser in, once; "" where a web server before
// the page says who somebody is.
func (p *Page) Link() string {
	if p.gate.config.UserHeader != "" {
		return ""
	}
	return "http://" + p.listener.Addr().String() + p.gate.link()
}

// Address is where the page listens.
func (p *Page) Address() string { return p.listener.Addr().String() }

// Run answers browsers until the context ends.
func (p *Page) Run(ctx context.Context, s control.Service) error {
	server := &http.Server{
		Handler:           p.gate.guard(p.routes(s)),
		ReadHeaderTimeout: requestTime,
		ReadTimeout:       workTime,
		WriteTimeout:      workTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	if err := socket.Serve(ctx, server, p.listener, farewell); err != nil {
		return fmt.Errorf("review: %w", err)
	}
	return nil
}

// routes are all that can be asked for.
func (p *Page) routes(s control.Service) http.Handler {
	v := &views{Page: p, service: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", v.overview)
	mux.HandleFunc("GET /user", v.user)
	mux.HandleFunc("GET /history", v.history)
	mux.HandleFunc("GET /rules", v.rules)
	mux.HandleFunc("GET /events", v.events)
	mux.HandleFunc("POST /act", v.act)
	mux.HandleFunc("GET /static/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, "static/"+r.PathValue("name"))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "There is no such page.")
	})
	return mux
}
