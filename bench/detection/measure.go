package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// measurement is how all rules did, in one world or in several.
type measurement struct {
	userDays int
	people   map[string]*people // by kind
	rules    []*score           // Sendwarden's first
}

// people are the honest people of one kind. What is held is told of
// Sendwarden: the other rules hold nothing, or all until a person looks.
type people struct {
	userDays, messages int
	held, letGo        int // held messages, and those of them let go within half an hour
}

// score is how one rule did.
type score struct {
	name   string
	thefts []outcome
	wrong  []mistake
}

// outcome is what became of one theft.
type outcome struct {
	seed         uint64
	kind, manner string
	user         string
	start, end   time.Time
	sent         int
	caught       bool
	delivered    int           // of the thief's messages; all of them when it was not caught
	after        time.Duration // from the thief's first message to the block
}

// mistake is an honest user who was blocked.
type mistake struct {
	seed    uint64
	kind    string
	user    string
	at      time.Time
	verdict verdict
}

func (m *measurement) kind(name string) *people {
	p := m.people[name]
	if p == nil {
		p = &people{}
		m.people[name] = p
	}
	return p
}

func (m *measurement) add(x *measurement) {
	m.userDays += x.userDays
	for name, p := range x.people {
		sum := m.kind(name)
		sum.userDays += p.userDays
		sum.messages += p.messages
		sum.held += p.held
		sum.letGo += p.letGo
	}
	for i, s := range x.rules {
		if i == len(m.rules) {
			m.rules = append(m.rules, &score{name: s.name})
		}
		m.rules[i].thefts = append(m.rules[i].thefts, s.thefts...)
		m.rules[i].wrong = append(m.rules[i].wrong, s.wrong...)
	}
}

// everybody sums the people up.
func (m *measurement) everybody() (sum people) {
	for _, p := range m.people {
		sum.userDays += p.userDays
		sum.messages += p.messages
		sum.held += p.held
		sum.letGo += p.letGo
	}
	return sum
}

func (s *score) caught() (n int) {
	for _, o := range s.thefts {
		if o.caught {
			n++
		}
	}
	return n
}

// delivered lists how many messages of each theft got through, in order.
func (s *score) delivered() []int {
	var list []int
	for _, o := range s.thefts {
		list = append(list, o.delivered)
	}
	slices.Sort(list)
	return list
}

// reportingSeeds are the worlds of the tables; 1 to 99 are for tuning.
const reportingSeeds = "101-110"

// atOnce is how many worlds are made and judged at the same time.
const atOnce = 2

// measure judges the worlds of the options.
func measure(o options) (*measurement, error) {
	seeds, err := parseSeeds(cmp.Or(o.seeds, reportingSeeds))
	if err != nil {
		return nil, err
	}
	parts := make([]*measurement, len(seeds))
	err = parallel(len(seeds), func(i int) (err error) {
		began := time.Now()
		parts[i], err = judge(o, seeds[i])
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "world %d of %d judged in %s\n", i+1, len(seeds), time.Since(began).Round(time.Second))
		return o.tidy(seeds[i])
	})
	if err != nil {
		return nil, err
	}
	total := &measurement{people: make(map[string]*people)}
	for _, p := range parts {
		total.add(p)
	}
	return total, nil
}

// tidy removes a world that is not to be kept.
func (o options) tidy(seed uint64) error {
	if o.keep {
		return nil
	}
	_, name, err := o.kind.world(seed)
	if err != nil {
		return err
	}
	return os.RemoveAll(o.data + "/" + name)
}

// parallel does n pieces of work, a few at the same time, and begins none after
// one has failed.
func parallel(n int, work func(int) error) error {
	errs := make([]error, n)
	var running sync.WaitGroup
	var failed atomic.Bool
	slots := make(chan struct{}, atOnce)
	for i := range n {
		slots <- struct{}{}
		if failed.Load() {
			break
		}
		running.Go(func() {
			defer func() { <-slots }()
			if errs[i] = work(i); errs[i] != nil {
				failed.Store(true)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// misses tells what to look at: thefts missed or caught late, and honest users
// blocked.
func (m *measurement) misses(w io.Writer) {
	const stamp = "01-02 15:04"
	s := m.rules[0]
	for _, o := range s.thefts {
		if o.caught && o.delivered <= 10 {
			continue
		}
		word := "missed"
		if o.caught {
			word = "late"
		}
		fmt.Fprintf(w, "%-6s  seed %d  %-15s %-15s %s  %s .. %s  %d of %d passed", word, o.seed, o.kind, o.manner, o.user,
			o.start.Format(stamp), o.end.Format(stamp), o.delivered, o.sent)
		if o.caught {
			fmt.Fprintf(w, ", caught after %s", o.after.Round(time.Minute))
		}
		fmt.Fprintln(w)
	}
	for _, x := range s.wrong {
		fmt.Fprintf(w, "wrong   seed %d  %-10s %s %s:", x.seed, x.kind, x.user, x.at.Format(stamp))
		for _, why := range x.verdict.Reasons {
			fmt.Fprintf(w, " %s %+g (%s AS%d);", why.Rule, why.Points, why.Country, why.ASN)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}
