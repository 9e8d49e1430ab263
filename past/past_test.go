package past

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStop ends the reading of logs with the block at hand, whether there is
// one log or several.
func TestStop(t *testing.T) {
	const week = "../testdata/week/mail.log"
	for name, files := range map[string][]string{"one": {week}, "two": {week, week}} {
		t.Run(name, func(t *testing.T) {
			all := countEvents(t, files, func(context.CancelFunc) {})
			some := countEvents(t, files, func(stop context.CancelFunc) { stop() })
			require.Less(t, some, all)
		})
	}
}

func countEvents(t *testing.T, files []string, each func(stop context.CancelFunc)) (n int) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	logs, err := Open(files, time.UTC, time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	defer func() { require.NoError(t, logs.Close()) }()
	for range logs.All(ctx) {
		n++
		each(stop)
	}
	if ctx.Err() != nil {
		require.Equal(t, ErrStopped, logs.Err)
	} else {
		require.NoError(t, logs.Err)
	}
	return n
}
