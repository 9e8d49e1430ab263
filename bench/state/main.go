// Command state measures the file that keeps what is remembered: how fast a
// million users are written, how long a Commit of a thousand changed ones takes,
// how long a start, and how much memory a daemon has that works on it.
//
//	go run ./bench/state [-users 1000000] [-seed 1] [-dir DIR]
//
// DIR is on the disk that is measured; by default the temporary directory. What
// the daemon would do happens in a second process (-file), whose memory is its own.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"sendwarden/bench/people"
	"sendwarden/scoring"
	"sendwarden/state"
)

func main() {
	users := flag.Int("users", 1_000_000, "known users")
	seed := flag.Uint64("seed", 1, "the simulated server")
	dir := flag.String("dir", "", "where the file is made")
	file := flag.String("file", "", "only start from this file, and work on it")
	flag.Parse()
	p, err := people.Simulate(*seed, 1200)
	switch {
	case err != nil:
	case *file != "":
		err = work(*file, p, *users)
	default:
		err = measure(p, *users, *dir)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func measure(p *people.People, users int, dir string) error {
	dir, err := os.MkdirTemp(dir, "state")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "state.db")
	fmt.Printf("%d processors, %s; %d users in %s\n\n", runtime.NumCPU(), runtime.Version(), users, dir)
	if err := fill(path, p, users); err != nil {
		return err
	}
	cmd := exec.Command(os.Args[0], append(os.Args[1:], "-file", path)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// work is what a daemon does in a busy minute or two.
func work(path string, p *people.People, users int) (err error) {
	debug.FreeOSMemory()
	fmt.Printf("memory before the start  %d MB, mostly for the simulation\n", status("VmRSS:")>>20)
	store, s, err := start(path, p.Rules)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := commits(store, s, p, users); err != nil {
		return err
	}
	debug.FreeOSMemory()
	fmt.Printf("memory after it          %d MB, and %d MB of pages of the file, which the kernel takes back when it needs them\n",
		status("RssAnon:")>>20, status("RssFile:")>>20)
	return size(store, "after the commits")
}

func fill(path string, p *people.People, users int) error {
	store, err := state.Open(path, time.Now())
	if err != nil {
		return err
	}
	begun := time.Now()
	var batch state.Batch
	put := func(key string, record []byte) error {
		batch.Put(key, record)
		if batch.Len() < 20_000 {
			return nil
		}
		defer func() { batch = state.Batch{} }()
		return store.Commit(&batch)
	}
	if err := errors.Join(p.Rest(put), p.Many(users, put), store.Commit(&batch)); err != nil {
		return err
	}
	fmt.Printf("writing all              %.1f s\n", time.Since(begun).Seconds())
	if err := size(store, "after that"); err != nil {
		return err
	}
	begun = time.Now()
	if err := store.Compact(); err != nil {
		return err
	}
	fmt.Printf("compacting               %.1f s\n", time.Since(begun).Seconds())
	return errors.Join(size(store, "after that"), store.Close())
}

func size(store *state.Store, when string) error {
	file, free, err := store.Size()
	fmt.Printf("the file                 %d MB %s, %d MB of it free\n", file>>20, when, free>>20)
	return err
}

// start is what a daemon does with a state.
func start(path string, rules *scoring.Rules) (*state.Store, *scoring.Scorer, error) {
	begun := time.Now()
	store, err := state.Open(path, time.Now())
	if err != nil {
		return nil, nil, err
	}
	s := scoring.New(rules)
	s.Remember(func(key string) []byte {
		record, err := store.Load(key)
		if err != nil {
			log.Fatal(err)
		}
		return record
	}, func(key string, err error) { log.Fatal(key, ": ", err) })
	err = errors.Join(store.Each("server/", s.Restore), store.Each("message/", s.Restore))
	fmt.Printf("start                    %d ms\n", time.Since(begun).Milliseconds())
	return store, s, err
}

// commits plays a hundred busy seconds: a thousand random users send in each.
func commits(store *state.Store, s *scoring.Scorer, p *people.People, users int) error {
	const rounds, each = 100, 1000
	r := rand.New(rand.NewPCG(1, 1))
	var judging, changes, committing []time.Duration
	for round := range rounds {
		subs := make([]scoring.Submission, each)
		for i := range subs {
			subs[i] = p.Next(r, round*each+i, users)
		}
		begun := time.Now()
		for _, sub := range subs {
			s.Submission(sub)
			s.Queued(sub.Message, sub.Time, 2, sub.User)
			s.Removed(sub.Message)
		}
		judged := time.Now()
		var batch state.Batch
		s.Changes(batch.Put)
		changed := time.Now()
		if err := store.Commit(&batch); err != nil {
			return err
		}
		judging = append(judging, judged.Sub(begun)/each)
		changes = append(changes, changed.Sub(judged))
		committing = append(committing, time.Since(changed))
	}
	report("judging, users on disk", judging)
	report("Changes of 1,000 users", changes)
	report("Commit of 1,000 users", committing)
	return nil
}

func report(what string, times []time.Duration) {
	slices.Sort(times)
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Nanosecond) }
	fmt.Printf("%-24s median %v, 99 in 100 under %v\n", what, round(times[len(times)/2]), round(times[len(times)*99/100]))
}

// status is a figure of this process, such as VmRSS:, proc_pid_status(5).
func status(name string) (n int64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name); found {
			_, _ = fmt.Sscan(rest, &n)
		}
	}
	return n << 10
}
