package shared

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each failure has a kind that those who count know, and words with what to do.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		err        error
		kind, says string
	}{
		{context.DeadlineExceeded, "late", "no answer within 200ms"},
		{slow(time.Second), "late", "it answers later than 200ms"},
		{errors.New("dial tcp 192.0.2.1:6379: connect: connection refused"), "connection", "dial tcp 192.0.2.1:6379: connect: connection refused"},
		{errors.New("OOM command not allowed when used memory > 'maxmemory'."), "memory", "OOM command not allowed when used memory > 'maxmemory'. (raise maxmemory, or look who else keeps data there)"},
		{errors.New("WRONGPASS invalid username-password pair"), "password", "WRONGPASS invalid username-password pair (the user or the password is wrong: see password_file and SENDWARDEN_STATE_PASSWORD)"},
		{errors.New("READONLY You can't write against a read only replica."), "replica", "READONLY You can't write against a read only replica. (that is a replica: name the server, or Sentinel)"},
		{errors.New("CLUSTERDOWN Hash slot not served"), "cluster", "CLUSTERDOWN Hash slot not served (a part of the Cluster is down)"},
	} {
		require.Equal(t, c.kind, kindOf(c.err))
		require.Contains(t, noFailures(), c.kind)
		require.EqualError(t, explained(c.err, 200*time.Millisecond), c.says)
	}
}
