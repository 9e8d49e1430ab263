package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// table is written in Markdown, in columns that also read well as plain text.
type table struct {
	head []string
	rows [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(w io.Writer) {
	widths := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	line := func(row []string) {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				fmt.Fprintf(w, "| %s%s |", cell, pad)
			} else {
				fmt.Fprintf(w, " %s%s |", pad, cell)
			}
		}
		fmt.Fprintln(w)
	}
	line(t.head)
	for i, width := range widths {
		if i == 0 {
			fmt.Fprintf(w, "| %s |", strings.Repeat("-", width))
		} else {
			fmt.Fprintf(w, " %s: |", strings.Repeat("-", width-1))
		}
	}
	fmt.Fprintln(w)
	for _, row := range t.rows {
		line(row)
	}
	fmt.Fprintln(w)
}

// byRule compares Sendwarden with the other tools' rules.
func (m *measurement) byRule() *table {
	t := &table{head: []string{"rule", "thefts caught", "honest users blocked per 20,000 user-days",
		"messages delivered before the block: median", "90th percentile", "honest messages held", "let go within 30 min"}}
	for i, s := range m.rules {
		held, letGo := "–", "–"
		if i == 0 {
			all := m.everybody()
			held, letGo = percentage(all.held, all.messages, 3), percentage(all.letGo, all.held, 1)
		}
		delivered := s.delivered()
		t.row(s.name, fmt.Sprintf("%d/%d, %s", s.caught(), len(s.thefts), percentage(s.caught(), len(s.thefts), 1)),
			perDays(len(s.wrong), m.userDays), rank(delivered, 0.5), rank(delivered, 0.9), held, letGo)
	}
	return t
}

// byTheft tells how Sendwarden did with each kind of theft.
func (m *measurement) byTheft() *table {
	t := &table{head: []string{"theft", "caught", "delivered: median", "90th percentile", "median time to the block"}}
	kinds := make(map[string]*score)
	for _, o := range m.rules[0].thefts {
		s := kinds[o.kind]
		if s == nil {
			s = &score{}
			kinds[o.kind] = s
		}
		s.thefts = append(s.thefts, o)
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		s := kinds[name]
		var after []time.Duration
		for _, o := range s.thefts {
			if o.caught {
				after = append(after, o.after)
			}
		}
		slices.Sort(after)
		delivered := s.delivered()
		t.row(name, fmt.Sprintf("%d/%d, %s", s.caught(), len(s.thefts), percentage(s.caught(), len(s.thefts), 1)),
			rank(delivered, 0.5), rank(delivered, 0.9), span(quantile(after, 0.5)))
	}
	return t
}

// span writes a time as people say it.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// byPerson tells how Sendwarden did with each kind of honest person.
func (m *measurement) byPerson() *table {
	t := &table{head: []string{"person", "user-days", "blocked", "per 20,000 user-days", "messages", "held", "let go within 30 min"}}
	wrong := make(map[string]int)
	for _, x := range m.rules[0].wrong {
		wrong[x.kind]++
	}
	row := func(name string, p people, blocked int) {
		t.row(name, thousands(p.userDays), fmt.Sprint(blocked), perDays(blocked, p.userDays), thousands(p.messages),
			percentage(p.held, p.messages, 2), percentage(p.letGo, p.held, 0))
	}
	for _, name := range slices.Sorted(maps.Keys(m.people)) {
		row(name, *m.people[name], wrong[name])
	}
	row("all", m.everybody(), len(m.rules[0].wrong))
	return t
}
