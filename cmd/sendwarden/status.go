package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"sendwarden/control"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

func newStatus() *cobra.Command {
	var r reach
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show in one screen whether the daemon does its work",
		Long: `Status asks the running daemon how it does: what it reads and how far it is, who
waits or is blocked, and what is wrong. Without a daemon it exits with status 1.
"sendwarden doctor" looks at the whole installation.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules, origin, err := r.rules()
			if err != nil {
				return err
			}
			client, status, err := r.client(cmd.Context(), origin, rules)
			if absent(err) {
				return fmt.Errorf("%w: nobody new is blocked (start it with systemctl start sendwarden, or sendwarden run; sendwarden doctor finds what is wrong)", err)
			}
			if err != nil {
				return err
			}
			defer client.Close()
			out := bufio.NewWriter(cmd.OutOrStdout())
			if asJSON {
				writeJSON(out, status)
			} else if err := printStatus(&narrow{to: out}, status); err != nil {
				return err
			}
			return out.Flush()
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func printStatus(out io.Writer, s control.Status) error {
	watching := ""
	if s.Mode == "watch" {
		watching = " (only says what it would do)"
	}
	rows := [][]string{
		{"sendwarden", fmt.Sprintf("%s on %s, running for %s", s.Version, s.Host, span(s.Now.Sub(s.Since)))},
		{"mode", s.Mode + watching},
		{"rules", s.Rules},
		{"blocklist", s.Blocklist},
		{"", "Postfix reads " + s.PostfixReads},
	}
	for i, l := range s.Logs {
		rows = append(rows, []string{firstly(i, "log"), logLine(l, s.Now)})
	}
	rows = append(rows,
		[]string{"door", doorLine(s.Door)},
		[]string{"queue", queueLine(s.Queue)},
		[]string{"state", words.Size(s.State.Bytes) + freeOf(s.State)},
	)
	if e := s.State.Shared; e != nil {
		rows = append(rows, []string{"", sharedLine(e, s.Now)})
	}
	for i, g := range s.Geo {
		rows = append(rows, []string{firstly(i, "geolocation"), geoLine(g, s.Now)})
	}
	rows = append(rows,
		[]string{"submissions", fmt.Sprintf("%s since the start, the last %s", words.Thousands(int(s.Submissions)), ago(s.Last, s.Now))},
		[]string{"users", fmt.Sprintf("%s blocked, %s close to it; %s held", words.Thousands(s.Blocked), words.Thousands(s.Close), words.Count(s.Held, "message"))},
		[]string{"alerts", alertLine(s.Alerts)},
	)
	for i, fault := range s.Faults {
		rows = append(rows, []string{firstly(i, "faults"), fault})
	}
	if len(s.Faults) == 0 {
		rows = append(rows, []string{"faults", "none"})
	}
	return words.Table(out, rows)
}

// firstly is a word in the first line of several.
func firstly(i int, word string) string {
	if i == 0 {
		return word
	}
	return ""
}

func logLine(l control.Log, now time.Time) string {
	if l.Last.IsZero() {
		return l.Source + ", no line since the start"
	}
	line := fmt.Sprintf("%s, %s, the last %s", l.Source, words.Count(int(l.Lines), "line"), ago(l.Last, now))
	if l.Delay >= slowLog {
		line += fmt.Sprintf(", %s after it was written", span(l.Delay))
	}
	return line
}

// slowLog is a delay that a log's stamps, of whole seconds, do not explain.
const slowLog = 2 * time.Second

func doorLine(d *control.Door) string {
	if d == nil {
		return "none: Postfix does not ask (door: in the rules)"
	}
	return fmt.Sprintf("%s, %s, %s now", strings.Join(d.Sockets, " "), words.Count(int(d.Questions), "question"), words.Count(int(d.Open), "connection"))
}

func queueLine(q control.Queue) string {
	line := "out of reach: no mail is held"
	if q.Reached {
		line = "can be reached"
	}
	if q.Errands > 0 {
		line += fmt.Sprintf(", %s to do", words.Count(q.Errands, "errand"))
	}
	return line
}

func sharedLine(e *control.Shared, now time.Time) string {
	line := "shared in " + e.Engine
	if e.Lost != "" {
		line += fmt.Sprintf(", out of reach for %s: %s", span(now.Sub(e.Since)), e.Lost)
	} else {
		line += fmt.Sprintf(", %s, answered in %v", words.Count(int(e.Swaps), "exchange"), e.Took.Round(10*time.Microsecond))
	}
	if n := e.Heeded[control.Block] + e.Heeded[control.Release]; n > 0 {
		line += fmt.Sprintf(", %s and %s from other hosts", words.Count(int(e.Heeded[control.Block]), "block"), words.Count(int(e.Heeded[control.Release]), "release"))
	}
	if e.Waits > 0 {
		line += fmt.Sprintf(", %d to be told of %s", e.Waits, words.Count(e.Behind, "user"))
	}
	if e.Dropped > 0 {
		line += fmt.Sprintf(", %d dropped", e.Dropped)
	}
	return line
}

func freeOf(s control.State) string {
	if s.Free*2 < s.Bytes {
		return ""
	}
	return ", of which " + words.Size(s.Free) + " free"
}

func geoLine(g control.Geo, now time.Time) string {
	line := fmt.Sprintf("%s, %s, of %s", g.Source, g.Type, g.Built.Format(time.DateOnly))
	if g.Old {
		line += fmt.Sprintf(": %d days old, addresses move", int(now.Sub(g.Built).Hours()/24))
	}
	return line
}

func alertLine(waiting int) string {
	if waiting == 0 {
		return "none waits"
	}
	return fmt.Sprintf("%s to be sent", words.Count(waiting, "alert"))
}

// ago is how long something is past.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(now.Sub(t)) + " ago"
}

// span writes a length of time with its largest unit or two: 3 s, 12 min, 5 h 20 min.
func span(d time.Duration) string {
	d = max(0, d)
	minutes := int(d.Minutes())
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", minutes)
	case d < 10*time.Hour:
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d days", minutes/60/24)
}
