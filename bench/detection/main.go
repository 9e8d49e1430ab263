// Command detection measures how well rules tell thefts from honest people, on
// invented servers (package simulate). For each world it writes the log, lets
// `sendwarden replay` judge it, and compares the verdicts with the truth.
//
//	go run ./bench/detection                     # the table of docs/detection.md
//	go run ./bench/detection -seeds 1-3 -v       # while tuning: other seeds, and each miss
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"sendwarden/simulate"
)

func main() {
	seeds := flag.String("seeds", "101-110", "seeds of the worlds; 1 to 99 are for tuning, 101 and above for reporting")
	rules := flag.String("rules", "rules.yaml", "rules file")
	data := flag.String("data", "bench/data/worlds", "where worlds are kept")
	binary := flag.String("sendwarden", "", "program to measure (default: built from this checkout)")
	cold := flag.Bool("cold", false, "thefts from the first hour on, when nothing is usual yet")
	dovecot := flag.Bool("dovecot", true, "with Dovecot's login lines")
	shaken := flag.Bool("shaken", false, "shake every parameter of each world, as its seed has it")
	vary := flag.String("vary", "", "PARAMETER=FACTOR of the worlds")
	verbose := flag.Bool("v", false, "tell each miss and each wrong block")
	flag.Parse()
	if err := measure(*seeds, *rules, *data, *binary, options{*cold, *dovecot, *shaken, *vary}, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "detection:", err)
		os.Exit(1)
	}
}

// options are what all worlds of a run have in common.
type options struct {
	cold, dovecot, shaken bool
	vary                  string
}

func (o options) world(seed uint64) (simulate.World, string, error) {
	w := simulate.Default(seed)
	name := fmt.Sprintf("seed-%d", seed)
	if o.shaken {
		w, name = w.Shaken(0.7), name+"-shaken"
	}
	if o.cold {
		w.Cold, name = true, name+"-cold"
	}
	if !o.dovecot {
		w.WithDovecot, name = false, name+"-nodovecot"
	}
	if o.vary != "" {
		parameter, factor, _ := strings.Cut(o.vary, "=")
		f, err := strconv.ParseFloat(factor, 64)
		if err != nil {
			return w, "", fmt.Errorf("-vary %s: want PARAMETER=FACTOR", o.vary)
		}
		varied, known := w.Vary(parameter, f)
		if !known {
			return w, "", fmt.Errorf("-vary %s: no such parameter; there are %s", o.vary, strings.Join(simulate.Parameters(), ", "))
		}
		w, name = varied, name+"-"+parameter+"-"+factor
	}
	return w, name, nil
}

func measure(seeds, rules, data, binary string, o options, verbose bool) error {
	list, err := parseSeeds(seeds)
	if err != nil {
		return err
	}
	if binary == "" {
		if binary, err = build(); err != nil {
			return err
		}
		defer os.RemoveAll(filepath.Dir(binary))
	}
	results := make([]*result, len(list))
	errs := make([]error, len(list))
	var wait sync.WaitGroup
	slots := make(chan struct{}, 2)
	for i, seed := range list {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i], errs[i] = judgeWorld(seed, rules, data, binary, o)
		})
	}
	wait.Wait()
	total := newResult()
	for i := range results {
		if errs[i] != nil {
			return errs[i]
		}
		total.add(results[i])
	}
	total.print(os.Stdout, verbose)
	return nil
}

func parseSeeds(s string) (list []uint64, err error) {
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, err := strconv.ParseUint(from, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("-seeds %s: %w", s, err)
		}
		b, err := strconv.ParseUint(to, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("-seeds %s: %w", s, err)
		}
		for ; a <= b; a++ {
			list = append(list, a)
		}
	}
	return list, nil
}
