package doctor

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what doctor says into the golden files")

// briefly is a context for what never answers.
func briefly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// line is a finding as it is printed.
func line(f Finding) string { return fmt.Sprintf("%s: %s (%s)", f.State, f.Fact, f.Remedy) }

// One check that hangs, as on a file of a server that is gone, keeps the others from
// nothing, and is told of.
func TestExamineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		all := []check{
			{"first", func(context.Context, *Installation) []Finding { return []Finding{fine("well\x1b[2J")} }},
			{"hanging", func(context.Context, *Installation) []Finding { <-hangs; return nil }},
			{"heeding", func(ctx context.Context, _ *Installation) []Finding {
				<-ctx.Done()
				return []Finding{wrong("wait", "%v", ctx.Err())}
			}},
			{"silent", func(context.Context, *Installation) []Finding { return nil }},
			{"last", func(context.Context, *Installation) []Finding { return []Finding{doubt("look", "odd")} }},
		}
		began := time.Now()
		found := examine(t.Context(), &Installation{}, all)
		require.Equal(t, []Finding{
			{"first", OK, "well·[2J", ""},
			{"hanging", Unknown, "no answer within 30s", "see with dmesg and df what hangs: a disk, a server of files"},
			{"heeding", Fault, "context deadline exceeded", "wait"},
			{"last", Warning, "odd", "look"},
		}, found)
		require.Equal(t, patience+time.Second, time.Since(began))
		close(hangs)
	})
}
