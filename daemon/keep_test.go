package daemon

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// While a verdict waits to be carried out nothing is saved: after a crash, a state
// that knows of the verdict would keep its line from being judged again, and nobody
// would be blocked. The save is made up for as soon as it is done.
func TestNoSaveWhileDeedsWait(t *testing.T) {
	d := &Daemon{wake: make(chan struct{}, 1)}
	carriedOut := false
	d.later(func() { carriedOut = true })
	d.save()
	require.False(t, d.memory.saving)
	require.True(t, d.memory.due, "the loop saves after it has performed what waits")
	require.False(t, carriedOut)
	d.perform()
	require.True(t, carriedOut)
	require.Empty(t, d.deeds)
}
