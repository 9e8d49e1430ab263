package daemon

import (
	"sync"
	"time"
)

// turn is who may use the path, one at a time. What takes long is done aside: the
// next one has the turn meanwhile.
type turn struct {
	sync.Mutex
	until time.Time // by when who has it must answer; zero: they have time
}

// lockUntil takes the turn for one who must answer by then.
func (t *turn) lockUntil(until time.Time) {
	t.Lock()
	t.until = until
}

// Unlock ends a turn.
func (t *turn) Unlock() {
	t.until = time.Time{}
	t.Mutex.Unlock()
}

// aside waits for others than those who want the turn, by when it must be over.
func (t *turn) aside(wait func(until time.Time)) {
	until := t.until
	t.Unlock()
	wait(until)
	t.lockUntil(until)
}
