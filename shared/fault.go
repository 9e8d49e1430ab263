package shared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// slow is how long an engine took that was too late.
type slow time.Duration

func (s slow) Error() string {
	return fmt.Sprintf("it answers after %v", time.Duration(s).Round(time.Millisecond))
}

// faults are those that an engine names in the first word of its answer
// (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors), with
// their kind and what to do about them.
var faults = []struct{ begins, kind, remedy string }{
	{"OOM", "memory", "raise maxmemory, or look who else keeps data there"},
	{"WRONGPASS", "password", "the user or the password is wrong: see password_file and " + PasswordVariable},
	{"NOAUTH", "password", "it wants a password: see password_file and " + PasswordVariable},
	{"NOPERM", "permission", "the ACL user may not do that: see docs/shared-state.md"},
	{"READONLY", "replica", "that is a replica: name the server, or Sentinel"},
	{"MISCONF", "disk", "it cannot save its data: look at its log and disk"},
	{"LOADING", "loading", "it is reading its data, wait"},
	{"CLUSTERDOWN", "cluster", "a part of the Cluster is down"},
}

// Kinds of failures that no answer names.
const (
	tooLate      = "late"       // no answer in time
	unconnected  = "connection" // refused, ended, or there is no such host
	anotherFault = "other"      // an answer that is none of the faults
)

// noFailures has each kind of failure, so that those who count see what there is.
func noFailures() map[string]int64 {
	none := map[string]int64{tooLate: 0, unconnected: 0, anotherFault: 0}
	for _, f := range faults {
		none[f.kind] = 0
	}
	return none
}

// late tells whether an error is that there was no answer in time.
func late(err error) bool {
	var slow slow
	return errors.As(err, &slow) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

func kindOf(err error) string {
	if late(err) {
		return tooLate
	}
	for _, f := range faults {
		if strings.HasPrefix(err.Error(), f.begins) {
			return f.kind
		}
	}
	if _, is := rueidis.IsRedisErr(err); is {
		return anotherFault
	}
	return unconnected
}

// explained is an error with what to do about it.
func explained(err error, wait time.Duration) error {
	var slow slow
	switch {
	case errors.As(err, &slow):
		return fmt.Errorf("it answers later than %v", wait) // in the same words each time
	case late(err):
		return fmt.Errorf("no answer within %v", wait)
	}
	for _, f := range faults {
		if strings.HasPrefix(err.Error(), f.begins) {
			return fmt.Errorf("%w (%s)", err, f.remedy)
		}
	}
	return err
}
