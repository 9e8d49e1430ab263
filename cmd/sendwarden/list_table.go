package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/words"
)

// print writes the sections for people; of what nobody is in, it says so.
func (c *listCommand) print(out io.Writer, all control.Accounts, from teller) error {
	if len(all.Listed)+len(all.Held)+len(all.Close) == 0 {
		fmt.Fprintln(out, c.nobody(all, from))
		return nil
	}
	sections := []string{}
	for _, section := range []struct {
		title string
		rows  [][]string
		list  []control.Account
		row   func(control.Account, *time.Location) []string
		last  int // a column that is cut before the names are
	}{
		{"", [][]string{{"USER", "SINCE", "SCORE", "FROM", "POSTFIX"}}, all.Listed, listedRow, 4},
		{heldTitle(all.Holds), [][]string{{"USER", "SINCE", "SCORE", "WAITS", "GOES AT", "FROM"}}, all.Held, heldRow, 5},
		{"Close to it:", [][]string{{"USER", "SINCE", "SCORE", "FROM", "WHY"}}, all.Close, closeRow, 4},
	} {
		if len(section.list) == 0 {
			continue
		}
		for _, a := range section.list {
			section.rows = append(section.rows, section.row(a, c.zone))
		}
		var text strings.Builder
		if section.title != "" {
			fmt.Fprintln(&text, section.title)
		}
		words.Fit(section.rows, words.Width, section.last, 0)
		_ = words.Table(&text, section.rows) // a builder takes everything
		sections = append(sections, text.String())
	}
	_, err := io.WriteString(out, strings.Join(sections, "\n"))
	return err
}

func heldTitle(holds bool) string {
	if holds {
		return "Mail that waits:"
	}
	return "Doubtful mail, which is not held here (that takes the door and the queue):"
}

// nobody says that there is nobody, and how much that means.
func (c *listCommand) nobody(all control.Accounts, from teller) string {
	var words []string
	for _, section := range []struct {
		wanted bool
		word   string
	}{{c.blocked, "blocked"}, {c.held && from != byFile, "held"}, {c.near && from != byFile, "close to it"}} {
		if section.wanted {
			words = append(words, section.word)
		}
	}
	text := "Nobody is " + strings.Join(words, ", ")
	if i := strings.LastIndex(text, ", "); i > 0 {
		text = text[:i] + " or " + text[i+2:]
	}
	if c.user != "" {
		text = strings.Replace(text, "Nobody", "Nobody of "+maillog.Mask(c.user), 1)
	}
	switch {
	case from != byDaemon:
		return text + "."
	case all.Submissions == 0:
		return text + ".\nNobody has sent anything since the daemon was started."
	}
	return text + ". Last submission " + ago(all.Last, time.Now()) + "."
}

func listedRow(a control.Account, zone *time.Location) []string {
	at, score := "by hand", ""
	if !a.Since.IsZero() {
		at = a.Since.In(zone).Format(words.Stamp)
	}
	if a.At > 0 {
		score = words.Points(a.At)
	}
	verb, _, _ := strings.Cut(strings.TrimSpace(a.Action), " ")
	return []string{maillog.Mask(a.User), at, score, shorten(strings.Join(countries(a), " "), 8), shorten(maillog.Mask(verb), 8)}
}

// shortLayout is a moment in a table, with its zone said.
const shortLayout = "01-02 15:04 -0700"

func heldRow(a control.Account, zone *time.Location) []string {
	goes := "by a person"
	if until := a.Held[0].Until; !until.IsZero() {
		goes = until.In(zone).Format("15:04")
		if time.Until(until) > 20*time.Hour {
			goes = until.In(zone).Format("01-02 15:04")
		}
	}
	at := ""
	if s := since(a); !s.IsZero() {
		at = s.In(zone).Format(shortLayout)
	}
	return []string{maillog.Mask(a.User), at, words.Points(a.Score), words.Thousands(len(a.Held)), goes, shorten(strings.Join(countries(a), " "), 8)}
}

func closeRow(a control.Account, zone *time.Location) []string {
	at, why := "", ""
	if s := since(a); !s.IsZero() {
		at = s.In(zone).Format(shortLayout)
	}
	if n := len(a.Reasons); n > 0 {
		why = a.Reasons[n-1].Rule
	}
	return []string{maillog.Mask(a.User), at, words.Points(a.Score), shorten(strings.Join(countries(a), " "), 8), maillog.Mask(why)}
}
