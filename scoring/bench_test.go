package scoring

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// crowd is a server's worth of submissions: most from lines of the users' own,
// some from elsewhere at home, few from abroad.
func crowd(r *rand.Rand, users, n int, step time.Duration) []Submission {
	subs := make([]Submission, n)
	now := monday
	for i := range subs {
		user := r.IntN(users)
		own := rand.New(rand.NewPCG(uint64(user), 0)) // always the same two lines
		p := line(own, spain, 200)
		switch dice := r.IntN(100); {
		case dice < 30:
			p = line(own, spain, 200)
		case dice < 32:
			p = line(r, spain, 200)
		case dice == 32:
			p = line(r, world, 200)
		}
		now = now.Add(step)
		subs[i] = Submission{User: userName(user), Time: now, Place: p, Method: "PLAIN", Message: MessageID{Host: "mx", ID: fmt.Sprintf("%X", i)}}
	}
	return subs
}

// BenchmarkSubmission judges submissions with the shipped rules.
func BenchmarkSubmission(b *testing.B) {
	const users, n = 2000, 200_000
	subs := crowd(rand.New(rand.NewPCG(1, 1)), users, n, 2*time.Second)
	s := New(shipped(b))
	span := subs[n-1].Time.Sub(subs[0].Time) + time.Second
	for i := 0; b.Loop(); i++ {
		sub := subs[i%n]
		sub.Time = sub.Time.Add(time.Duration(i/n) * span)
		s.Due(sub.Time)
		s.Submission(sub)
		s.Queued(sub.Message, sub.Time, 2, sub.User)
		s.Removed(sub.Message)
	}
}

// BenchmarkMemory reports the bytes that are remembered of one user of many,
// with 200 submissions each in four weeks.
func BenchmarkMemory(b *testing.B) {
	const users, each = 10_000, 200
	var perUser float64
	for b.Loop() {
		subs := crowd(rand.New(rand.NewPCG(1, 1)), users, users*each, 28*24*time.Hour/(users*each))
		before := inUse()
		s := New(shipped(b))
		for i := range subs {
			s.Due(subs[i].Time)
			s.Submission(subs[i])
			s.Queued(subs[i].Message, subs[i].Time, 2, subs[i].User)
			s.Removed(subs[i].Message)
		}
		perUser = float64(inUse()-before) / users
		runtime.KeepAlive(subs)
		runtime.KeepAlive(s)
	}
	b.ReportMetric(perUser, "bytes/user")
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
