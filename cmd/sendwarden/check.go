package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/shared"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// checkCommand is how `sendwarden check` was called.
type checkCommand struct {
	listSetup
	asJSON bool
}

func newCheck() *cobra.Command {
	var s checkCommand
	cmd := &cobra.Command{
		Use:   "check [FILE…]",
		Short: "Find every mistake in the rules and what they name",
		Long: `Check reads all that run would load - the rules, the geolocation databases, the
blocklist, the log - and prints every fault, each with its place and remedy. It
exits with status 3 when there are any. Of rules that are right, but cannot do what
they were written for, it warns. With FILEs, it checks these rules files
instead of the installed one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{s.rulesFile}
			}
			faults := 0
			for _, file := range args {
				faults += s.check(cmd.OutOrStdout(), file)
			}
			if faults > 0 {
				return errFaults
			}
			return nil
		},
	}
	s.flags(cmd)
	cmd.Flags().StringArrayVar(&s.geoFiles, "geo", nil, "geolocation database `DB` to check as well")
	cmd.Flags().BoolVar(&s.asJSON, "json", false, "print one JSON object a line, for each fault and warning")
	return cmd
}

// findingOut is one line of `check --json`.
type findingOut struct {
	Type   string `json:"type"` // fault, warning or ok
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
}

// say prints what was found.
func (s *checkCommand) say(w io.Writer, kind string, err error) {
	if !s.asJSON {
		if kind == "warning" {
			fmt.Fprint(w, "warning: ")
		}
		fmt.Fprintln(w, err)
		return
	}
	out := findingOut{Type: kind, Text: err.Error()}
	if f := (scoring.Fault{}); errors.As(err, &f) {
		out = findingOut{kind, f.File, f.Line, f.Column, f.Text}
	}
	writeJSON(w, out)
}

// check prints the faults of one rules file and of what it names, and answers
// how many there are.
func (s *checkCommand) check(w io.Writer, file string) (faults int) {
	s.rulesFile = file
	fault := func(err error) {
		s.say(w, "fault", err)
		faults++
	}
	rules, name, err := settings.Examine(s.rulesFile)
	for _, f := range faultsOf(err) { // all at once, whoever reads that part of the file
		fault(f)
	}
	if rules == nil {
		return faults
	}
	places, err := s.places(rules)
	if err != nil && len(s.geoFiles) == 0 {
		err = fmt.Errorf("%s: geo: %w", name, err)
	}
	if err != nil {
		fault(err)
	}
	for _, problem := range blocklist.Check(s.file(rules)) {
		fault(problem)
	}
	for _, log := range rules.Log {
		if log == follow.Journal || log == follow.Stdin {
			continue
		}
		if _, err := os.Stat(log); errors.Is(err, os.ErrNotExist) {
			fault(fmt.Errorf("%s: log: %s: no such file", name, log))
		} else if err != nil {
			fault(fmt.Errorf("%s: log: %w", name, err))
		}
	}
	if c, err := shared.Parse(rules.State); err == nil {
		if err := c.Check(); err != nil {
			fault(rules.StateAt.Fault(name, "state: %v", err))
		}
	}
	if faults == 0 {
		s.say(w, "ok", fmt.Errorf("%s: %s, no faults", name, words.Count(len(rules.Rules), "rule")))
		for _, warning := range rules.Lint(name) {
			s.say(w, "warning", warning)
		}
		s.warnOld(w, places)
	}
	return faults
}

// faultsOf takes errors apart, those with a place in the file in its order and the
// others behind them.
func faultsOf(err error) (list []error) {
	var placed scoring.Faults
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) {
		case scoring.Faults:
			placed = append(placed, e...)
		case scoring.Fault:
			placed = append(placed, e)
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				walk(inner)
			}
		case nil:
		default:
			list = append(list, err)
		}
	}
	walk(err)
	slices.SortStableFunc(placed, func(a, b scoring.Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	all := make([]error, 0, len(placed)+len(list))
	for _, f := range placed {
		all = append(all, f)
	}
	return append(all, list...)
}

func (s *checkCommand) warnOld(w io.Writer, places *geo.DB) {
	for _, source := range places.Sources() {
		if source.Age(time.Now()) > geo.OldAge {
			s.say(w, "warning", fmt.Errorf("geolocation: %s", words.Database(source, time.Now())))
		}
	}
}
