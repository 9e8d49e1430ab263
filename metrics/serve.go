package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// maxSilence is how long the loop may be busy with something else. postmap may
	// take 20 s.
	maxSilence = time.Minute
	// maxAtOnce bounds the requests that are answered at the same time.
	maxAtOnce = 4
)

// Health says why somebody has to come; nothing when all is well.
func (s *Set) Health(now time.Time) (problems []string) {
	last := s.sample.Load()
	if last == nil {
		return []string{"the daemon is still starting"}
	}
	if silent := now.Sub(last.Time); silent > maxSilence {
		problems = append(problems, fmt.Sprintf("the daemon's loop has not come round for %s", silent.Round(time.Second)))
	}
	return append(problems, last.Problems...)
}

// Handler answers /metrics and /healthz.
func (s *Set) Handler(now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxAtOnce, Timeout: 10 * time.Second}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		problems := s.Health(now())
		if len(problems) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, strings.Join(problems, "\n")+"\n") // a client that hung up knows enough
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	return mux
}

// Serve answers until the context ends.
func (s *Set) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(time.Now),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // scrapes in hand are of no use to a daemon that ends
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}
