// Command detection measures how well rules tell thefts from honest people, on
// invented servers (package simulate): Sendwarden's shipped rules, and the
// published rules of other tools, over the same logs.
//
// For each world it writes the log, lets `sendwarden replay` judge it, plays
// the log to the other tools' rules, and compares what they all did with the
// truth. docs/detection.md says what the figures mean.
//
//	go run ./bench/detection                 # the tables, for worlds 101 to 110
//	go run ./bench/detection -seeds 1-3 -v   # while tuning: other worlds, and each miss
//	go run ./bench/detection -sensitivity    # each parameter halved and doubled
//	go run ./bench/detection -markdown       # all of it, into docs/detection.md; with -sensitivity that table alone
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// options say what is measured.
type options struct {
	seeds   string
	program program
	data    string
	keep    bool
	kind    kind
	alone   bool // the shipped rules only
	verbose bool
}

func main() {
	var o options
	var sensitivity, markdown bool
	flag.StringVar(&o.seeds, "seeds", "", "seeds of the worlds (default 101-110, with -sensitivity 101-102); 1 to 99 are for tuning, 101 and above for reporting")
	flag.StringVar(&o.program.rules, "rules", "rules.yaml", "rules file")
	flag.StringVar(&o.program.path, "sendwarden", "", "program to measure (default: built from this checkout)")
	flag.StringVar(&o.data, "data", "bench/data/worlds", "where worlds are kept: 600 MB each")
	flag.BoolVar(&o.keep, "keep", true, "keep the worlds for the next time")
	flag.BoolVar(&o.kind.cold, "cold", false, "thefts from the first hour on, when nothing is usual yet")
	dovecot := flag.Bool("dovecot", true, "with Dovecot's login lines")
	flag.BoolVar(&o.kind.shaken, "shaken", false, "shake every parameter of each world, as its seed has it")
	flag.BoolVar(&o.kind.uncommon, "uncommon", false, "half of the people, and all thefts, of kinds for which no rule was made")
	flag.BoolVar(&o.alone, "alone", false, "without the other tools' rules")
	flag.StringVar(&o.kind.vary, "vary", "", "PARAMETER=FACTOR of the worlds")
	flag.IntVar(&o.kind.users, "users", 0, "accounts of a world (default 1200, with -sensitivity 400)")
	flag.BoolVar(&sensitivity, "sensitivity", false, "halve and double each parameter, one row each")
	flag.BoolVar(&markdown, "markdown", false, "measure everything, or with -sensitivity that alone, and write the tables into docs/detection.md")
	flag.BoolVar(&o.verbose, "v", false, "tell each miss and each wrong block of the shipped rules")
	flag.Parse()
	o.kind.silent = !*dovecot
	if err := run(o, sensitivity, markdown); err != nil {
		fmt.Fprintln(os.Stderr, "detection:", err)
		os.Exit(1)
	}
}

func run(o options, sensitivity, markdown bool) error {
	remove, err := o.program.prepare()
	if err != nil {
		return err
	}
	defer remove()
	switch {
	case markdown && sensitivity:
		return rewriteSensitivity(o, "docs/detection.md")
	case markdown:
		return writeDocument(o, "docs/detection.md")
	case sensitivity:
		return printSensitivity(os.Stdout, o)
	}
	m, err := measure(o)
	if err != nil {
		return err
	}
	if o.verbose {
		m.misses(os.Stdout)
	}
	m.byRule().print(os.Stdout)
	m.byTheft().print(os.Stdout)
	m.byPerson().print(os.Stdout)
	return nil
}

// parseSeeds reads "101-110" or "1,4,9".
func parseSeeds(s string) (list []uint64, err error) {
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.ParseUint(from, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("-seeds %s: want 101-110 or 1,4,9", s)
		}
		last, err := strconv.ParseUint(to, 10, 64)
		if err != nil || last < first {
			return nil, fmt.Errorf("-seeds %s: want 101-110 or 1,4,9", s)
		}
		for ; first <= last; first++ {
			list = append(list, first)
		}
	}
	return list, nil
}
