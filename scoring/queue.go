package scoring

import (
	"cmp"
	"container/heap"
	"slices"
)

// queue is the users who have held messages, those first whose score fades first.
// A time in it is only the soonest at which it is worth a look: what a user does
// meanwhile may put off the moment, which is worked out when the time has come.
type queue struct {
	order  soonest
	byName map[string]*waiting
	count  int64 // users who ever waited
}

// waiting is one of these users.
type waiting struct {
	name  string
	at    int64 // no message of this user is due before; Unix seconds
	since int64 // the place in the order in which they began to wait
	index int   // in the heap; -1: taken out to be looked at
	fresh bool  // what other hosts know has been learnt since the time came
}

func newQueue() queue { return queue{byName: make(map[string]*waiting)} }

// add has a user looked at by a time; one who waits already, not later than before.
func (q *queue) add(name string, at int64) {
	w := q.byName[name]
	switch {
	case w == nil:
		w = &waiting{name: name, at: at, since: q.count}
		q.count++
		q.byName[name] = w
		heap.Push(&q.order, w)
	case at < w.at:
		w.at = at
		heap.Fix(&q.order, w.index)
	}
}

// next takes out a user whose time has come; nil when there is none. Put back, or
// drop, whom it answers.
func (q *queue) next(now int64) *waiting {
	if len(q.order) == 0 || q.order[0].at > now {
		return nil
	}
	return heap.Pop(&q.order).(*waiting)
}

// due are those whose time has come, and of whom other hosts may know more.
func (q *queue) due(now int64) (names []string) {
	for i := 0; i < len(q.order); i++ {
		if w := q.order[i]; w.at <= now && !w.fresh {
			names = append(names, w.name)
		}
	}
	return names
}

func (q *queue) put(w *waiting) { heap.Push(&q.order, w) }

// drop ends a user's waiting.
func (q *queue) drop(name string) {
	w := q.byName[name]
	if w == nil {
		return
	}
	delete(q.byName, name)
	if w.index >= 0 {
		heap.Remove(&q.order, w.index)
	}
}

// all has everybody looked at by a time.
func (q *queue) all(at int64) {
	for _, w := range q.order {
		w.at = at
	}
	heap.Init(&q.order)
}

// names are those who wait, in the order in which they began to.
func (q *queue) names() []string {
	sorted := slices.Clone(q.order)
	slices.SortFunc(sorted, func(a, b *waiting) int { return cmp.Compare(a.since, b.since) })
	names := make([]string, len(sorted))
	for i, w := range sorted {
		names[i] = w.name
	}
	return names
}

// soonest is a heap (container/heap) by time.
type soonest []*waiting

func (s soonest) Len() int           { return len(s) }
func (s soonest) Less(i, j int) bool { return s[i].at < s[j].at }

func (s soonest) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push implements heap.Interface.
func (s *soonest) Push(x any) {
	w := x.(*waiting)
	w.index = len(*s)
	*s = append(*s, w)
}

// Pop implements heap.Interface.
func (s *soonest) Pop() any {
	last := len(*s) - 1
	w := (*s)[last]
	(*s)[last], *s = nil, (*s)[:last]
	w.index = -1
	return w
}
