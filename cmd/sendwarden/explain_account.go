package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// dayLayout and minuteLayout are for rows of a table whose head has said the zone.
const (
	minuteLayout = "2006-01-02 15:04"
	secondLayout = "2006-01-02 15:04:05"
)

// writeAccount tells people how a user stands.
func writeAccount(w io.Writer, a scoring.Account) {
	fmt.Fprintf(w, "%s, %s\n", maillog.Mask(a.User), a.Time.Format(words.Stamp))
	fmt.Fprintf(w, "Score %s; mail from strange places waits from %s on, %s blocks.\n",
		words.Points(a.Score), words.Points(a.Hold), words.Points(a.Block))
	if s := verdictOn(a); s != "" {
		fmt.Fprintln(w, s)
	}
	fmt.Fprintf(w, "First seen %s", a.FirstSeen)
	if !a.LastSeen.IsZero() {
		fmt.Fprintf(w, ", last %s", a.LastSeen.Format(words.Stamp))
	}
	fmt.Fprint(w, ".\n\n")
	accountReasons(w, a)
	accountHeld(w, a)
	accountUsual(w, a)
	accountVisits(w, a)
}

// verdictOn says what else decides about the user.
func verdictOn(a scoring.Account) string {
	switch {
	case a.Ignore:
		return "Not looked at: the rules say to ignore the user."
	case a.Blocked:
		return "BLOCKED, until a person releases the user."
	case a.NeverBlock:
		return "Never held or blocked: the rules say never_block."
	}
	return ""
}

func accountReasons(w io.Writer, a scoring.Account) {
	if len(a.Reasons) == 0 {
		fmt.Fprint(w, "Nothing speaks against this user.\n\n")
		return
	}
	layout, zone := secondLayout, "times "+a.Time.Format("-0700")
	for _, r := range a.Reasons {
		if offsetOf(r.Time) != offsetOf(a.Time) { // over a change to summer time each says its own
			layout, zone = secondLayout+" -0700", "each time with its zone"
		}
	}
	fmt.Fprintf(w, "How the score came to be (%s; points then, and what is left):\n", zone)
	var rows [][]string
	for _, r := range a.Reasons {
		rows = append(rows, []string{"  " + r.Time.Format(layout), fmt.Sprintf("%+g", r.Points), words.Points(max(0, r.Left)), maillog.Mask(r.Rule), whereCountry(r.Where), whereText(r.Where)})
	}
	words.Fit(rows, words.Width, 5, 3)
	_ = words.Table(w, rows) // w keeps its error
	fmt.Fprintln(w)
}

func accountHeld(w io.Writer, a scoring.Account) {
	if len(a.Held) == 0 {
		return
	}
	fmt.Fprintf(w, "%s %s:\n", words.Count(len(a.Held), "message"), map[bool]string{true: "waits", false: "wait"}[len(a.Held) == 1])
	var rows [][]string
	for _, m := range a.Held {
		until := "until a person releases it"
		if !m.Until.IsZero() {
			until = "goes " + m.Until.Format(minuteLayout)
		}
		rows = append(rows, []string{"  " + m.QueueID, m.Since.Format(minuteLayout), until, whereCountry(m.Where), m.IP})
	}
	words.Fit(rows, words.Width, 4, 2)
	_ = words.Table(w, rows)
	fmt.Fprintln(w)
}

// accountUsual says what the next message is measured against.
func accountUsual(w io.Writer, a scoring.Account) {
	fmt.Fprintln(w, "Usual for this user:")
	line := func(what string, items []string) {
		if len(items) == 0 {
			items = []string{"nothing yet"}
		}
		paragraph(w, fmt.Sprintf("  %-10s ", what), strings.Join(items, ", "), 13)
	}
	line("countries", habitTexts(a.Countries))
	line("networks", habitTexts(a.Networks))
	v := a.Volume
	days := words.Count(v.DaysWithMail, "day") + " with mail"
	line("sends", []string{fmt.Sprintf("%s a day", about(v.UsualDay, "message")), fmt.Sprintf("%s in the busiest hour", about(v.UsualHour, "message")),
		fmt.Sprintf("to %s", about(v.UsualRecipients, "recipient")), fmt.Sprintf("%.0f %% come back", 100*v.UsualBounces), "known from " + days})
	line("at", hourTexts(a.Hours))
	line("lately", []string{sentText(v.Hour) + " in the last hour", sentText(v.Day) + " in the day", sentText(v.Week) + " in the week"})
	fmt.Fprintln(w)
}

func habitTexts(habits []scoring.AccountHabit) (texts []string) {
	const most = 5
	for _, h := range habits[:min(most, len(habits))] {
		texts = append(texts, fmt.Sprintf("%s (%s)", clip(strings.TrimSpace(h.What+" "+h.Org), 30), about(h.Days, "day")))
	}
	if more := len(habits) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return texts
}

// about writes an amount that is an average.
func about(f float64, noun string) string {
	switch {
	case f < 0.05:
		return "0 " + noun + "s"
	case f >= 10:
		return words.Count(int(f+0.5), noun)
	case fmt.Sprintf("%.1f", f) == "1.0":
		return "1 " + noun
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + " " + noun + "s"
}

func sentText(s scoring.AccountSent) string {
	text := words.Count(s.Messages, "message")
	if s.Recipients > 0 {
		text += " to " + words.Count(s.Recipients, "recipient")
	}
	if s.Bounces > 0 {
		text += fmt.Sprintf(", of which %s came back", words.Thousands(s.Bounces))
	}
	return text
}

// hourTexts are the parts of the week with at least a twentieth of the use, those
// that follow one another joined.
func hourTexts(h scoring.AccountHours) (texts []string) {
	for _, days := range []struct {
		name   string
		shares []float64
	}{{"working days", h.WorkingDays[:]}, {"weekends", h.Weekend[:]}} {
		each := 24 / len(days.shares)
		for from := 0; from < len(days.shares); from++ {
			to, sum := from, 0.0
			for to < len(days.shares) && days.shares[to] >= 0.05 {
				sum += days.shares[to]
				to++
			}
			if to > from {
				texts = append(texts, fmt.Sprintf("%s %02d-%02d h (%.0f %%)", days.name, from*each, to*each, 100*sum))
				from = to
			}
		}
	}
	return texts
}

func accountVisits(w io.Writer, a scoring.Account) {
	if len(a.Visits) == 0 {
		return
	}
	fmt.Fprintln(w, "Addresses of the last days (kept as hashes unless they gave a reason):")
	rows := [][]string{{"  first", "last", "messages", "", "place"}}
	for _, v := range a.Visits {
		uses := ""
		if v.Uses > 0 {
			uses = words.Thousands(v.Uses)
		}
		place := whereText(v.Where)
		if v.Shared {
			place += " (shared)"
		}
		if v.IP != "" {
			place = v.IP + " " + place
		}
		rows = append(rows, []string{"  " + v.First.Format(minuteLayout), v.Last.Format(minuteLayout), uses, whereCountry(v.Where), place})
	}
	words.Fit(rows, words.Width, 4)
	_ = words.Table(w, rows)
}

func whereText(w scoring.Where) string {
	text := ""
	if w.ASN != 0 {
		text = fmt.Sprintf("AS%d %s", w.ASN, maillog.Mask(w.Org))
	}
	return strings.TrimSpace(text)
}

func whereCountry(w scoring.Where) string {
	if w.Country == "" {
		return "--"
	}
	return w.Country
}

// lineWidth is what tables and texts keep to.
const lineWidth = words.Width

// paragraph writes a text after a head, and goes on at a column where a line is
// full.
func paragraph(w io.Writer, head, text string, column int) {
	line, width := head, utf8.RuneCountInString(head)
	begun := false
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		if begun && width+n+1 > lineWidth {
			fmt.Fprintln(w, line)
			line, width, begun = strings.Repeat(" ", column), column, false
		}
		if begun {
			line, width = line+" ", width+1
		}
		line, width, begun = line+word, width+n, true
	}
	fmt.Fprintln(w, line)
}

// sameDay tells whether two times show the same date.
func sameDay(a, b time.Time) bool { return a.Format(time.DateOnly) == b.Format(time.DateOnly) }
