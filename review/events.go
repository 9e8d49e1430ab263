package review

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"sendwarden/control"
)

const (
	// maxStreams is how many browsers are told of news at once.
	maxStreams = 32
	// pulse is how often a browser is told to look again though nothing is known
	// to have happened: scores fade, and other hands act.
	pulse = 5 * time.Second
	// streamTime is what a browser gets to take one line.
	streamTime = 5 * time.Second
)

// events tells a browser that there is something new (server-sent events, the
// EventSource of the HTML standard). It does not say what: the browser asks for
// its page again.
func (v *views) events(w http.ResponseWriter, r *http.Request) {
	select {
	case v.streams <- struct{}{}:
		defer func() { <-v.streams }()
	default:
		refuse(w, http.StatusServiceUnavailable, "Too many browsers have this page open.")
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	news := make(chan struct{}, 1)
	var watch sync.WaitGroup
	watch.Go(func() {
		defer cancel()
		_ = v.service.Watch(ctx, func(j control.Judged) error { // its end is the stream's
			if j.Action != "allow" || len(j.Reasons) > 0 {
				select {
				case news <- struct{}{}:
				default:
				}
			}
			return nil
		})
	})
	w.Header().Set("Content-Type", "text/event-stream")
	stream(ctx, w, news)
	cancel()
	watch.Wait()
}

// stream writes until the context ends or the browser takes nothing any more.
func stream(ctx context.Context, w http.ResponseWriter, news <-chan struct{}) {
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // what bounds other requests is not for this one
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	for name := "hello"; ; {
		_ = out.SetWriteDeadline(time.Now().Add(streamTime)) // where there are no deadlines, none is needed
		if _, err := fmt.Fprintf(w, "event: %s\ndata:\n\n", name); err != nil {
			return
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
			name = "news"
		case <-tick.C:
			name = "news"
		}
	}
}
