package scoring

import (
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkSleep puts a user to sleep and wakes the user again, of 200 submissions
// in four weeks.
func BenchmarkSleep(b *testing.B) {
	s := New(shipped(b))
	for _, sub := range crowd(rand.New(rand.NewPCG(1, 1)), 1, 200, 28*24*time.Hour/200) {
		s.Submission(sub)
		s.Queued(sub.Message, sub.Time, 2, sub.User)
		s.Removed(sub.Message)
	}
	u := s.users.find(userName(0))
	b.ReportAllocs()
	var record []byte
	for b.Loop() {
		record = encode(func(c *coder) { c.user(u) })
		if _, err := userOf(u.name, record); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(record)), "bytes")
}
