package socket

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve has an HTTP server answer on a listener until the context ends. What it
// is answering then gets so long to end by itself. The error is the listener's or
// that of the end; an end that was asked for is none.
func Serve(ctx context.Context, server *http.Server, l net.Listener, farewell time.Duration) error {
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
		err := server.Shutdown(last)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		ended <- err
	})
	err := server.Serve(l)
	if stop() { // it ended by itself
		return err
	}
	return <-ended
}
