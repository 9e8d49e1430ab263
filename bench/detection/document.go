package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
)

// The tables of the document stand between these lines.
const (
	tablesBegin = "<!-- tables: written by go run ./bench/detection -markdown -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

// uncommonSeeds are the worlds of uncommon people in the document; 401 to 405 were
// measured before any rule had seen one of them.
const uncommonSeeds = "416-420"

// circumstance is one way to start and to log.
type circumstance struct {
	title  string
	kind   kind
	keep   bool
	byKind bool   // with tables by kind of theft and of person
	seeds  string // "": those of the command line
}

func circumstances() []circumstance {
	return []circumstance{
		{title: "Warm start: a week without thefts first, Dovecot's lines in the log", kind: kind{}, keep: true, byKind: true},
		{title: "Cold start: thefts from the first hour on", kind: kind{cold: true}},
		{title: "Warm start, without Dovecot's lines", kind: kind{silent: true}},
		{title: "Shaken: each parameter multiplied by a factor of its own (log-normal, σ = 0.7)", kind: kind{shaken: true}},
		{title: "Uncommon kinds: half of the people, and all thefts (worlds " + uncommonSeeds + ")", kind: kind{uncommon: true}, byKind: true, seeds: uncommonSeeds},
	}
}

// writeDocument measures everything and replaces the document's tables. Each table
// is printed, too, as soon as it is there.
func writeDocument(o options, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(text, []byte(tablesBegin))
	_, after, ended := bytes.Cut(rest, []byte(tablesEnd))
	if !found || !ended {
		return fmt.Errorf("%s: lacks the lines between which the tables stand", name)
	}
	tables, err := allTables(o)
	if err != nil {
		return err
	}
	return os.WriteFile(name, slices.Concat(before, []byte(tablesBegin), tables, []byte(tablesEnd), after), 0o644)
}

// rewriteSensitivity measures the sensitivity alone and replaces its table, the last
// one of the document.
func rewriteSensitivity(o options, name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(text, []byte(sensitivityTitle))
	_, after, ended := bytes.Cut(rest, []byte(tablesEnd))
	if !found || !ended {
		return fmt.Errorf("%s: lacks the table of the sensitivity, or the line after it", name)
	}
	var out bytes.Buffer
	if err := printSensitivitySection(io.MultiWriter(&out, os.Stdout), o); err != nil {
		return err
	}
	return os.WriteFile(name, slices.Concat(before, out.Bytes(), []byte(tablesEnd), after), 0o644)
}

const sensitivityTitle = "### Sensitivity: each parameter halved and doubled\n"

func printSensitivitySection(w io.Writer, o options) error {
	rules, err := fingerprint(o.program.rules)
	if err != nil {
		return err
	}
	t, err := sensitivity(o)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\nWorlds %s, %d people and 21 days each; rules.yaml %s. With so few thefts only a large change says anything: the interval of 57/58 is 91–100 %%.\n\n",
		sensitivityTitle, cmp.Or(o.seeds, sensitivitySeeds), cmp.Or(o.kind.users, sensitivityUsers), rules)
	t.print(w)
	return nil
}

func allTables(o options) ([]byte, error) {
	var all bytes.Buffer
	out := io.MultiWriter(&all, os.Stdout)
	rules, err := fingerprint(o.program.rules)
	if err != nil {
		return nil, err
	}
	simulator, err := fingerprint("simulate/*.go")
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "\nWorlds %s, 1,200 people and 21 days each; rules.yaml %s, simulator %s (SHA-256, first digits); measured on 2 vCPU, Debian 12, Go 1.26.\n\n",
		cmp.Or(o.seeds, reportingSeeds), rules, simulator)
	for _, c := range circumstances() {
		x := o
		x.seeds = cmp.Or(c.seeds, o.seeds)
		x.kind, x.keep = c.kind, o.keep && c.keep
		fmt.Fprintln(os.Stderr, c.title)
		m, err := measure(x)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(out, "### %s\n\n", c.title)
		m.byRule().print(out)
		if !c.byKind {
			continue
		}
		fmt.Fprintf(out, "#### By kind of theft\n\n")
		m.byTheft().print(out)
		fmt.Fprintf(out, "#### By kind of person\n\n")
		m.byPerson().print(out)
	}
	o.seeds = ""
	fmt.Fprintln(os.Stderr, "Sensitivity")
	if err := printSensitivitySection(out, o); err != nil {
		return nil, err
	}
	return all.Bytes(), nil
}
