package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// printStanding writes the report for a terminal or a mail.
func printStanding(out io.Writer, s *standing) {
	zone := s.Made.Location()
	fmt.Fprintf(out, "Sendwarden, %s\n", s.Made.Format(words.Stamp))
	if zone != time.Local {
		fmt.Fprintf(out, "Times %s.\n", zoneWords(zone, s.Made))
	}
	paragraph(out, "", "Told by "+s.Source+".", 0)
	fmt.Fprintf(out, "\n%s\n", s.summary())
	for _, a := range s.Blocked {
		printBlocked(out, a, zone)
	}
	c := listCommand{zone: zone}
	if len(s.Held)+len(s.Close) > 0 {
		fmt.Fprintln(out)
		_ = c.print(out, control.Accounts{Held: s.Held, Close: s.Close, Holds: s.Holds}, byDaemon) // the writer keeps its error
	}
	fmt.Fprintln(out)
	s.printVolume(out)
	if len(s.Done) > 0 {
		fmt.Fprintf(out, "Done since %s:\n\n", s.Since.Format(words.Stamp))
	}
	printHistory(out, s.Done, control.Span{Since: s.Since}, zone)
	s.printRules(out)
}

// summary says who stands out, in a sentence or two.
func (s *standing) summary() string {
	waits := 0
	for _, a := range s.Held {
		waits += len(a.Held)
	}
	doubtful := "held"
	if !s.Holds {
		doubtful = "doubtful (and not held here)"
	}
	text := fmt.Sprintf("%s blocked; %s %s; %s close to it.", words.Count(len(s.Blocked), "user"), words.Count(waits, "message"), doubtful, words.Count(len(s.Close), "user"))
	if st := s.Status; st != nil && st.Submissions > 0 {
		text += fmt.Sprintf("\n%s since the daemon's start, the last %s.", words.Count(int(st.Submissions), "submission"), ago(st.Last, st.Now))
	} else if st != nil {
		text += "\nNobody has sent anything since the daemon's start."
	}
	return text
}

func printBlocked(out io.Writer, a control.Account, zone *time.Location) {
	p := personOf(a, zone)
	head := "blocked by a line written by hand"
	if !p.Since.IsZero() {
		head = "blocked " + p.Since.Format(words.Stamp)
	}
	if p.At > 0 {
		head += fmt.Sprintf(", score %s of %s, now %s", words.Points(p.At), words.Points(p.Block), words.Points(p.Score))
	}
	fmt.Fprintf(out, "\n%s  %s\n", maillog.Mask(p.User), head)
	if len(p.Reasons) == 0 {
		for _, note := range a.Notes {
			fmt.Fprintf(out, "    %s\n", maillog.Mask(note))
		}
	} else {
		lines := words.Reasons(scoring.Verdict{Time: p.Since, Reasons: p.Reasons}, reasonsWidth)
		for _, line := range lines[:len(lines)-1] { // without what is usual
			fmt.Fprintf(out, "    %s\n", line)
		}
		if p.Usual != "" {
			fmt.Fprintf(out, "    usual: %s\n", maillog.Mask(p.Usual))
		}
	}
	fmt.Fprint(out, sentWords(p))
	if p.Fate != "" {
		paragraph(out, "    ", p.Fate, 4)
	}
}

// shownDays are the days whose messages a report on paper of 80 columns tells of.
const shownDays = 7

// printVolume tells what became of all messages, by the day.
func (s *standing) printVolume(out io.Writer) {
	zone := s.Made.Location()
	var days []string
	sums := make(map[string]control.Outcomes)
	for _, h := range s.Crowd.Hours {
		day := h.Start.In(zone).Format(time.DateOnly)
		sum, known := sums[day]
		if !known {
			days = append(days, day)
		}
		sum.LetThrough += h.LetThrough
		sum.Held += h.Held
		sum.Refused += h.Refused
		sums[day] = sum
	}
	if len(days) == 0 {
		return
	}
	rows := [][]string{{"DAY", "LET THROUGH", "HELD", "REFUSED"}}
	for _, day := range days[max(0, len(days)-shownDays):] {
		sum := sums[day]
		rows = append(rows, []string{day, fmt.Sprintf("%11s", words.Thousands(sum.LetThrough)), fmt.Sprintf("%4s", words.Thousands(sum.Held)), fmt.Sprintf("%7s", words.Thousands(sum.Refused))})
	}
	fmt.Fprint(out, "Messages by day:\n\n")
	_ = words.Table(out, rows) // the writer keeps its error
	fmt.Fprintln(out)
}

// printRules names the rules that fired, the most often first.
func (s *standing) printRules(out io.Writer) {
	rows := [][]string{{"RULE", "POINTS", "USERS ABOVE"}}
	if s.Running {
		rows[0] = append(rows[0], "FIRED", "LAST")
	}
	for _, r := range s.firedRules(s.Made.Location()) {
		if r.Fired == 0 && r.Here == 0 {
			continue
		}
		row := []string{maillog.Mask(r.Name), fmt.Sprintf("%+g", r.Points), words.Thousands(r.Here)}
		if s.Running {
			last := "-"
			if !r.Last.IsZero() {
				last = r.Last.Format(minuteLayout)
			}
			row = append(row, words.Thousands(r.Fired), last)
		}
		rows = append(rows, row)
	}
	switch {
	case len(rows) > 1 && s.Running:
		fmt.Fprint(out, "\nRules that fired since the daemon's start:\n\n")
	case len(rows) > 1:
		fmt.Fprint(out, "\nRules among these reasons (how often each fired is not kept):\n\n")
	default:
		return
	}
	var text strings.Builder
	words.Fit(rows, words.Width, 0)
	_ = words.Table(&text, rows)
	fmt.Fprint(out, text.String())
}
