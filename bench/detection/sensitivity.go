package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"sendwarden/simulate"
)

// The sensitivity of the result is measured in smaller worlds: there are over
// a hundred variations, and what is looked for is far off, not a little worse.
const (
	sensitivityUsers = 400
	sensitivitySeeds = "101-102"
)

// variation is one parameter, multiplied.
type variation struct {
	parameter string // "": none
	factor    string
}

func (v variation) vary() string {
	if v.parameter == "" {
		return ""
	}
	return v.parameter + "=" + v.factor
}

func printSensitivity(w io.Writer, o options) error {
	t, err := sensitivity(o)
	if err != nil {
		return err
	}
	t.print(w)
	return nil
}

// sensitivity measures the program with each parameter halved and doubled.
func sensitivity(o options) (*table, error) {
	o.kind.users = cmp.Or(o.kind.users, sensitivityUsers)
	seeds, err := parseSeeds(cmp.Or(o.seeds, sensitivitySeeds))
	if err != nil {
		return nil, err
	}
	o.data, o.keep = filepath.Join(o.data, "sensitivity"), false
	defer os.RemoveAll(o.data)
	all := []variation{{}}
	for _, name := range simulate.Parameters() {
		all = append(all, variation{name, "0.5"}, variation{name, "2"})
	}
	parts := make([]*measurement, len(all)*len(seeds))
	began := time.Now()
	err = parallel(len(parts), func(i int) (err error) {
		x := o
		x.kind.vary = all[i/len(seeds)].vary()
		parts[i], err = judge(x, seeds[i%len(seeds)])
		if i%20 == 19 {
			fmt.Fprintf(os.Stderr, "%d of %d small worlds judged in %s\n", i+1, len(parts), time.Since(began).Round(time.Second))
		}
		if err != nil {
			return err
		}
		return x.tidy(seeds[i%len(seeds)])
	})
	if err != nil {
		return nil, err
	}
	results := make(map[variation]*measurement)
	for i, part := range parts {
		v := all[i/len(seeds)]
		if results[v] == nil {
			results[v] = &measurement{people: make(map[string]*people)}
		}
		results[v].add(part)
	}
	return sensitivityTable(results), nil
}

// sensitivityTable has a row for each parameter, and one for the figures as
// they are.
func sensitivityTable(results map[variation]*measurement) *table {
	t := &table{head: []string{"parameter", "halved: caught", "blocked", "median, p90", "held", "doubled: caught", "blocked", "median, p90", "held"}}
	usual := results[variation{}].brief()
	t.row(append(append([]string{"(as it is)"}, usual...), usual...)...)
	for _, name := range simulate.Parameters() {
		row := append([]string{name}, results[variation{name, "0.5"}].brief()...)
		t.row(append(row, results[variation{name, "2"}].brief()...)...)
	}
	return t
}

// brief is a measurement of the program in four cells.
func (m *measurement) brief() []string {
	s, all, delivered := m.rules[0], m.everybody(), m.rules[0].delivered()
	return []string{
		fmt.Sprintf("%d/%d", s.caught(), len(s.thefts)),
		fmt.Sprint(len(s.wrong)),
		fmt.Sprintf("%d, %d", quantile(delivered, 0.5), quantile(delivered, 0.9)),
		fmt.Sprintf("%.2f %%", 100*float64(all.held)/float64(max(all.messages, 1))),
	}
}
