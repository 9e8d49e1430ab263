package hook

import (
	"errors"
	"slices"

	"sendwarden/alert"
)

// Waiting is a notice for which a program has not been run to its end.
type Waiting struct {
	Run    []string     `json:"run"` // as the configuration has it
	Notice alert.Notice `json:"notice"`
}

// Outbox returns what to remember across a restart. Whoever saves it with their own
// position in the log, and restores both, has each program run for each notice. One
// that ran between the last save and a crash runs again, for a notice of the same
// ID: a lock that is made twice is one lock, and one that is not made is none.
func (r *Runner) Outbox() []Waiting {
	r.mu.Lock()
	all := slices.Concat(r.programs, r.leaving, r.ending)
	r.mu.Unlock()
	left := []Waiting{}
	for _, q := range all {
		for _, n := range q.left() {
			left = append(left, Waiting{q.run, n})
		}
	}
	return left
}

// left is what the program has not been run for to its end, in order.
func (q *queue) left() []alert.Notice {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running == nil {
		return slices.Clone(q.waiting)
	}
	return append([]alert.Notice{*q.running}, q.waiting...)
}

// Restore takes in what was remembered; call it before Run. What waited for a program
// that is configured no more is told as a failure.
func (r *Runner) Restore(left []Waiting) {
	for _, w := range left {
		if !r.restore(w) {
			name := "hook"
			if len(w.Run) > 0 {
				name = (&Program{Run: w.Run}).name()
			}
			r.failed(name, w.Notice, errors.New("not run: it is not configured any more, or too many notices wait for it"))
		}
	}
}

// restore gives a notice back to its program: of several that are the same, to one
// that does not have it.
func (r *Runner) restore(w Waiting) bool {
	for _, q := range r.inUse() {
		if slices.Equal(q.run, w.Run) && q.takeBack(w.Notice) {
			return true
		}
	}
	return false
}

func (q *queue) takeBack(n alert.Notice) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	has := slices.ContainsFunc(q.waiting, func(other alert.Notice) bool { return other.ID() == n.ID() })
	if has || len(q.waiting) >= maxWaiting {
		return false
	}
	q.waiting = append(q.waiting, n)
	poke(q.wake)
	return true
}
