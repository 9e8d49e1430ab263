package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/scoring"
)

// table tells people what the rules would have done.
func (d *diary) table(w io.Writer, logs *oldLogs) {
	fmt.Fprintf(w, "Read %s with %s by authenticated users", count(int(logs.lines), "line"), count(d.submissions, "submission"))
	if d.others > 0 {
		fmt.Fprintf(w, "\nand %s of other senders", count(d.others, "message"))
	}
	if d.submissions+d.others > 0 {
		fmt.Fprintf(w, ",\nfrom %s to %s", d.from.Format(stampLayout), d.to.Format(stampLayout))
	}
	fmt.Fprint(w, ".\n\n")
	d.alarmed(w)
	if d.submissions == 0 && d.others > 0 {
		return
	}
	if d.submissions == 0 {
		switch {
		case !d.cut.IsZero():
			fmt.Fprintf(w, "No authenticated submission stands before %s, where --until ends the reading.\n", d.cut.Format(stampLayout))
		case logs.err == nil:
			fmt.Fprint(w, noSubmission)
		}
		return
	}
	d.blocks(w)
	if d.held > 0 {
		fmt.Fprintf(w, "Held: %s from unfamiliar places, of which %s.\n", count(d.held, "message"), letGo(d.letGo))
	}
	d.brakedUsers(w)
	d.oddNames(w)
}

// shownAlarms is how many alarms are shown.
const shownAlarms = 40

// alarmed tells of senders who are no users.
func (d *diary) alarmed(w io.Writer) {
	if d.others == 0 {
		return
	}
	if len(d.alarms) == 0 {
		fmt.Fprint(w, "No alarm about local accounts, scripts or hosts.\n\n")
		return
	}
	fmt.Fprintf(w, "Alarms about local accounts, scripts and hosts: %s.\n\n", thousands(len(d.alarms)))
	rows := [][]string{}
	for _, v := range d.alarms[:min(len(d.alarms), shownAlarms)] {
		rule := ""
		if len(v.Reasons) > 0 {
			rule = v.Reasons[len(v.Reasons)-1].Rule
		}
		sent := count(v.Messages, "message") + " in a day"
		rows = append(rows, []string{"  " + v.Time.Format("01-02 15:04:05"), maillog.Mask(v.User), maillog.Mask(rule), sent})
	}
	_ = table(w, rows) // a failed write shows when the buffer is flushed
	if more := len(d.alarms) - shownAlarms; more > 0 {
		fmt.Fprintf(w, "  and %s more\n", thousands(more))
	}
	fmt.Fprintln(w)
}

const noSubmission = `No line tells of an authenticated submission ("client=…, sasl_username=…").
Is this the mail log of a host where users log in to send?
"sendwarden parse FILE" shows what its lines are understood as.
`

func letGo(n int) string {
	if n == 1 {
		return "1 was let go by itself"
	}
	return thousands(n) + " were let go by themselves"
}

func (d *diary) blocks(w io.Writer) {
	if len(d.blocked) == 0 {
		fmt.Fprint(w, "Nobody would have been blocked.\n\n")
		return
	}
	fmt.Fprintf(w, "Blocked: %s.\n\n", count(len(d.blocked), "user"))
	for _, f := range d.blocked {
		v := f.verdict
		fmt.Fprintf(w, "%s  blocked %s, score %s of %s\n", maillog.Mask(v.User), v.Time.Format(stampLayout), points(v.Score), points(v.Limit))
		for _, line := range reasonLines(v) {
			fmt.Fprintf(w, "    %s\n", line)
		}
		fmt.Fprintf(w, "    before the block: %s let through, %s held; after it: %s refused\n\n",
			count(f.before(), "message"), thousands(f.held), thousands(f.refused))
	}
}

// before counts the messages that got through since the first reason for the
// block.
func (f *fate) before() (n int) {
	for _, t := range f.since {
		if len(f.verdict.Reasons) > 0 && !t.Before(f.verdict.Reasons[0].Time) {
			n++
		}
	}
	return n
}

// maxReasonLines keeps the block of one user readable; the newest say most.
const maxReasonLines = 12

// reasonLines writes the reasons of a verdict one below the other, for the
// blocklist and for replay:
//
//	+2   new address     21:02:11  BR  200.1.2.3  AS26599 Telefonica Brasil
//	+40  second country  21:02:11  BR  200.1.2.3  AS26599 Telefonica Brasil
//	usual: ES, AS3352 Telefonica, since 2025-11
func reasonLines(v scoring.Verdict) []string {
	reasons := v.Reasons[max(0, len(v.Reasons)-maxReasonLines):]
	var text strings.Builder
	if left := len(v.Reasons) - len(reasons); left > 0 {
		fmt.Fprintf(&text, "… and %s before\n", count(left, "reason"))
	}
	var rows [][]string
	for _, r := range reasons {
		when := clockTime(r.Time)
		if r.Time.Format(time.DateOnly) != v.Time.Format(time.DateOnly) {
			when = r.Time.Format("01-02 15:04")
		}
		rows = append(rows, []string{fmt.Sprintf("%+g", r.Points), maillog.Mask(r.Rule), when, country(r.Place), r.Place.Addr.String(), network(r.Place)})
	}
	_ = table(&text, rows) // a builder takes everything
	text.WriteString(usualLine(v.Usual))
	return strings.Split(text.String(), "\n")
}

// usualLine tells where the user is at home.
func usualLine(u scoring.Usual) string {
	if len(u.Countries) == 0 {
		return "usual: nothing yet, seen first " + u.Since.Format("2006-01-02")
	}
	line := "usual: "
	for _, c := range u.Countries {
		line += c + ", "
	}
	for _, n := range u.Networks {
		line += n + ", "
	}
	return line + "since " + u.Since.Format("2006-01")
}

// brakedUsers tells of blocks that were too many at once to be thefts.
func (d *diary) brakedUsers(w io.Writer) {
	if len(d.braked) == 0 {
		return
	}
	fmt.Fprintf(w, "Not blocked, because more users than thefts account for crossed the threshold within an hour: %s.\n"+
		"Look at the rules and at the age of the geolocation data; max_blocks in the rules sets the limit.\n", count(len(d.braked), "user"))
}

func (d *diary) oddNames(w io.Writer) {
	if len(d.odd) == 0 {
		return
	}
	fmt.Fprintf(w, "Not judged, because a log cannot be trusted with such names:\n")
	for _, name := range slices.Sorted(maps.Keys(d.odd)) {
		fmt.Fprintf(w, "    %s (%s)\n", maillog.Mask(name), count(d.odd[name], "submission"))
	}
}
