package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// rules are counters by the names that a rules file gives them.
type rules struct {
	mu       sync.RWMutex
	counters map[string]prometheus.Counter
}

// counter finds a rule's counter, which is made the first time it fires.
func (r *rules) counter(name string, made func(string) prometheus.Counter) prometheus.Counter {
	r.mu.RLock()
	c := r.counters[name]
	r.mu.RUnlock()
	if c != nil {
		return c
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.counters[name]; c != nil {
		return c
	}
	if r.counters == nil {
		r.counters = make(map[string]prometheus.Counter)
	}
	c = made(name)
	r.counters[name] = c
	return c
}
