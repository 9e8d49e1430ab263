// Command memory measures what a user costs: bytes in memory at a million known
// users, asleep and awake, and the time to judge a submission of any of them.
//
//	go run ./bench/memory [-users 1000000] [-seed 1]
//
// The users are those of a simulated server after three weeks, each many times
// over. "in memory" is a replay, or a daemon without a state file; with one, only
// the users who were heard of lately are in memory (bench/state).
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"sendwarden/bench/people"
	"sendwarden/scoring"
)

func main() {
	users := flag.Int("users", 1_000_000, "known users")
	seed := flag.Uint64("seed", 1, "the simulated server")
	flag.Parse()
	if err := measure(*users, *seed); err != nil {
		log.Fatal(err)
	}
}

func measure(users int, seed uint64) error {
	p, err := people.Simulate(seed, 1200)
	if err != nil {
		return err
	}
	fmt.Printf("%d processors, %s; %d people of a simulated server\n\n", runtime.NumCPU(), runtime.Version(), len(p.Users))
	sizes := make([]int, len(p.Users))
	sum := 0
	for i, name := range p.Users {
		sizes[i] = len(p.Records[scoring.UserKey(name)])
		sum += sizes[i]
	}
	slices.Sort(sizes)
	fmt.Printf("record of a user         %d bytes on average; median %d, 9 in 10 under %d, the largest %d\n",
		sum/len(sizes), sizes[len(sizes)/2], sizes[len(sizes)*9/10], sizes[len(sizes)-1])

	before := heap()
	s := scoring.New(p.Rules)
	if err := p.Rest(s.Restore); err != nil {
		return err
	}
	rest := heap()
	if err := p.Many(users, s.Restore); err != nil {
		return err
	}
	after := heap()
	fmt.Printf("in memory, %d users  %d bytes a user, with name and table (%d MB); the server's own memory is %d KB\n",
		users, (after-rest)/int64(users), (after-rest)>>20, (rest-before)>>10)

	if err := awake(s, p); err != nil {
		return err
	}

	r := rand.New(rand.NewPCG(seed, 1))
	judge(s, p, r, users, "any of them (asleep)")
	judge(s, p, r, len(p.Users), "one of a few (awake)")
	fmt.Printf("in memory after that     %d bytes a user\n", (heap()-rest)/int64(users))
	runtime.KeepAlive(s)
	return nil
}

// awake measures what a user takes who is heard of. Asking whether one is blocked
// is enough for that.
func awake(s *scoring.Scorer, p *people.People) error {
	const some = 20_000
	records, before := int64(0), heap()
	err := p.Many(some, func(key string, record []byte) error {
		name, _ := scoring.UserOf(key)
		s.Blocks(name)
		records += int64(len(record))
		return nil
	})
	fmt.Printf("awake, %d of them     %d bytes a user, with name and table\n", some, (heap()-before+records)/some)
	return err
}

// judge measures submissions of random users, each with its fate.
func judge(s *scoring.Scorer, p *people.People, r *rand.Rand, users int, what string) {
	const n = 100_000
	subs := make([]scoring.Submission, n)
	for i := range subs {
		subs[i] = p.Next(r, i, users)
	}
	for _, sub := range subs[:10_000] {
		s.Submission(sub)
	}
	begun := time.Now()
	for _, sub := range subs[10_000:] {
		s.Submission(sub)
		s.Queued(sub.Message, sub.Time, 2, sub.User)
		s.Removed(sub.Message)
	}
	fmt.Printf("judging %-20s %.1f µs a submission\n", what, float64(time.Since(begun).Microseconds())/(n-10_000))
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
