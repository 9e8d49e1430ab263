package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/words"
)

// table tells people what the rules would have done.
func (d *diary) table(w io.Writer, logs *past.Logs) {
	fmt.Fprintf(w, "Read %s with %s by authenticated users", words.Count(int(logs.Lines), "line"), words.Count(d.submissions, "submission"))
	if d.others > 0 {
		fmt.Fprintf(w, "\nand %s of other senders", words.Count(d.others, "message"))
	}
	if d.submissions+d.others > 0 {
		fmt.Fprintf(w, ",\nfrom %s to %s", d.from.Format(words.Stamp), d.to.Format(words.Stamp))
	}
	fmt.Fprint(w, ".\n\n")
	d.alarmed(w)
	if d.submissions == 0 && d.others > 0 {
		return
	}
	if d.submissions == 0 {
		switch {
		case !d.cut.IsZero():
			fmt.Fprintf(w, "No authenticated submission stands before %s, where --until ends the reading.\n", d.cut.Format(words.Stamp))
		case logs.Err == nil:
			fmt.Fprint(w, noSubmission)
		}
		return
	}
	d.blocks(w)
	if d.held > 0 {
		fmt.Fprintf(w, "Held: %s from unfamiliar places, of which %s.\n", words.Count(d.held, "message"), letGo(d.letGo))
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
	fmt.Fprintf(w, "Alarms about local accounts, scripts and hosts: %s.\n\n", words.Thousands(len(d.alarms)))
	rows := [][]string{}
	for _, v := range d.alarms[:min(len(d.alarms), shownAlarms)] {
		rule := ""
		if len(v.Reasons) > 0 {
			rule = v.Reasons[len(v.Reasons)-1].Rule
		}
		sent := words.Thousands(v.Messages) + " a day"
		rows = append(rows, []string{"  " + v.Time.Format("01-02 15:04:05"), maillog.Mask(v.User), maillog.Mask(rule), sent})
	}
	_ = words.Table(w, rows) // a failed write shows when the buffer is flushed
	if more := len(d.alarms) - shownAlarms; more > 0 {
		fmt.Fprintf(w, "  and %s more\n", words.Thousands(more))
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
	return words.Thousands(n) + " were let go by themselves"
}

func (d *diary) blocks(w io.Writer) {
	if len(d.blocked) == 0 {
		fmt.Fprint(w, "Nobody would have been blocked.\n\n")
		return
	}
	fmt.Fprintf(w, "Blocked: %s.\n\n", words.Count(len(d.blocked), "user"))
	for _, f := range d.blocked {
		v := f.verdict
		fmt.Fprintf(w, "%s  blocked %s, score %s of %s\n", maillog.Mask(v.User), v.Time.Format(words.Stamp), words.Points(v.Score), words.Points(v.Limit))
		for _, line := range words.Reasons(v, reasonsWidth) {
			fmt.Fprintf(w, "    %s\n", line)
		}
		fmt.Fprintf(w, "    before the block: %s let through, %s held; after it: %s refused\n\n",
			words.Count(f.before(), "message"), words.Thousands(f.held), words.Thousands(f.refused))
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

// brakedUsers tells of blocks that were too many at once to be thefts.
func (d *diary) brakedUsers(w io.Writer) {
	if len(d.braked) == 0 {
		return
	}
	fmt.Fprintf(w, "Not blocked, because more users than thefts account for crossed the threshold within an hour: %s.\n"+
		"Look at the rules and at the age of the geolocation data; max_blocks in the rules sets the limit.\n", words.Count(len(d.braked), "user"))
}

func (d *diary) oddNames(w io.Writer) {
	if len(d.odd) == 0 {
		return
	}
	fmt.Fprintf(w, "Not judged, because a log cannot be trusted with such names:\n")
	for _, name := range slices.Sorted(maps.Keys(d.odd)) {
		fmt.Fprintf(w, "    %s (%s)\n", maillog.Mask(name), words.Count(d.odd[name], "submission"))
	}
}
