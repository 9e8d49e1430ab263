package scoring

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBrake(t *testing.T) {
	const noon = 12 * hourStep
	var b brake
	for i := range int64(leastBlocks) {
		require.True(t, b.allows(noon+i, 0), "block %d", i+1)
	}
	require.False(t, b.allows(noon+60, 0), "an eleventh on a small server")
	require.True(t, b.allows(noon+hourStep, 0), "the first is an hour ago")
	require.False(t, b.allows(noon+hourStep, 0))

	for range 1000 {
		b.seen(1)
	}
	require.True(t, b.allows(noon+hourStep, 0), "fifty of a thousand users")
	require.False(t, b.allows(noon+hourStep, 3), "the rules say three")
}

func TestSenders(t *testing.T) {
	var ss senders
	for i := range uint32(maxSenders) {
		ss.used(i, int64(i))
	}
	require.Equal(t, maxSenders, ss.since(0))
	ss.used(5, 100)
	ss.used(99, 101) // the one unused for longest goes
	require.Equal(t, maxSenders, ss.since(0))
	require.Equal(t, 2, ss.since(100))
	require.Equal(t, maxSenders, ss.since(1))
}

func TestSpeed(t *testing.T) {
	madrid := spot{at: 1, located: true, lat: 40.42, lon: -3.7, radius: 20}
	moscow := spot{at: 1 + 3600, located: true, lat: 55.75, lon: 37.62, radius: 50}
	require.InDelta(t, 3440-70, madrid.speed(moscow), 40, "an hour for 3,440 km, less both radiuses")
	require.Zero(t, madrid.speed(spot{at: 2}), "nobody knows where that is")
	require.Zero(t, spot{}.speed(moscow), "never seen before")
}
