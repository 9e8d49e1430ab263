package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"sendwarden/backtest"
	"sendwarden/report"
	"sendwarden/words"

	"golang.org/x/term"
)

// sweepOut is one line of `replay --sweep --json`, a format that others build on.
type sweepOut struct {
	Type  string `json:"type"`
	Key   string `json:"key"`
	Value string `json:"value"`
	Now   bool   `json:"now"` // what the rules say already
	totalsOut
}

func (c *replayCommand) tellSweep(out io.Writer, b *backtesting, sweep backtest.Sweep) error {
	rows := make([]sweepOut, len(sweep.Values))
	for i, v := range sweep.Values {
		rows[i] = sweepOut{"sweep", sweep.Key, v.Text, v.Now, c.totals(b, b.lanes[i])}
		if c.json {
			writeJSON(out, rows[i])
		}
	}
	if !c.json && b.submissions > 0 {
		writeCurve(out, rows, colours())
	}
	if c.html == "" {
		return nil
	}
	page := c.sweepPage(b, sweep.Key, rows, time.Now())
	if err := writeWhole(c.html, page.Write); err != nil {
		return err
	}
	if !c.json {
		fmt.Fprintf(out, "\n%s\n", writtenTo(c.html))
	}
	return nil
}

// sweepPage is the curve as a page.
func (c *replayCommand) sweepPage(b *backtesting, key string, rows []sweepOut, now time.Time) report.Sweep {
	page := report.Sweep{
		Made: now, Version: version, Files: b.files, Zone: c.zoneText(now), From: b.from, To: b.to, Lines: int(b.logs.Lines), Messages: b.submissions,
		Key: key, Known: c.knownThefts != "",
	}
	_, page.Rules, _ = c.rules() // they were read before
	if zone, _ := loadZone("zone", c.reader); c.reader != "" && !b.from.IsZero() {
		page.From, page.To, page.Made = b.from.In(zone), b.to.In(zone), now.In(zone)
	}
	for _, r := range rows {
		v := report.SweepValue{Text: r.Value, Now: r.Now, Blocked: r.Blocked, Held: r.Held, LetGo: r.LetGo, Sent: r.Delivered, SentKnown: true}
		if k := r.KnownThefts; k != nil {
			v.Hits, v.Missed, v.False = k.Hits, len(k.Misses), len(k.FalseAlarms)
			if v.SentKnown = k.Delivered != nil; v.SentKnown {
				v.Sent = *k.Delivered
			}
		}
		page.Values = append(page.Values, v)
	}
	return page
}

// colours tells whether what is printed may have any.
func colours() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(os.Stdout.Fd()))
}

// writeCurve writes a row for each value, with a bar of the users that are
// blocked: # are thefts (or not known to be none), ! are false alarms.
func writeCurve(w io.Writer, rows []sweepOut, colour bool) {
	known := rows[0].KnownThefts != nil
	head := []string{rows[0].Key, "blocked", "held", "let go", "sent before"}
	if known {
		head = []string{rows[0].Key, "hits", "missed", "false", "held", "let go", "sent"}
	}
	lines := [][]string{head}
	for _, r := range rows {
		value := r.Value
		if r.Now {
			value = "now " + value
		}
		line := []string{value, words.Thousands(r.Blocked), words.Thousands(r.Held), words.Thousands(r.LetGo), words.Thousands(r.Delivered)}
		if k := r.KnownThefts; k != nil {
			line = []string{value, words.Thousands(k.Hits), words.Thousands(len(k.Misses)), words.Thousands(len(k.FalseAlarms)), words.Thousands(r.Held), words.Thousands(r.LetGo), orDash(k.Delivered)}
		}
		lines = append(lines, line)
	}
	var text strings.Builder
	alignRight(&text, lines, 0)
	drawn := strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
	fmt.Fprintln(w, drawn[0])
	room := max(80-2-utf8.RuneCountInString(drawn[1]), 10)
	most := 1
	for _, r := range rows {
		most = max(most, r.Blocked)
	}
	for i, r := range rows {
		fmt.Fprintln(w, strings.TrimRight(drawn[i+1]+"  "+bar(r, most, room, colour), " "))
	}
	fmt.Fprint(w, "\n", legend(known))
	if most > room {
		fmt.Fprintf(w, "The longest bar stands for %s.\n", words.Count(most, "user"))
	}
}

// bar draws the blocked users of a row; the longest bar stands for most of them.
func bar(r sweepOut, most, room int, colour bool) string {
	length := func(n int) int {
		if n == 0 {
			return 0
		}
		if most <= room {
			return n
		}
		return max(1, n*room/most)
	}
	good, bad := r.Blocked, 0
	if k := r.KnownThefts; k != nil {
		good, bad = k.Hits, len(k.FalseAlarms)
	}
	hits, alarms := strings.Repeat("#", length(good)), strings.Repeat("!", length(bad))
	if colour && alarms != "" {
		alarms = "\x1b[31m" + alarms + "\x1b[0m"
	}
	return hits + alarms
}

func legend(known bool) string {
	if known {
		return "# hits: robbed accounts that are blocked; ! false alarms. missed: not blocked.\nsent: messages of the thefts that got through. now: as the rules have it.\n"
	}
	return "# users blocked. held, let go: messages. sent before: their messages before the\nblock, with points on the account. now: as the rules have it.\n"
}

func orDash(n *int) string {
	if n == nil {
		return "-"
	}
	return words.Thousands(*n)
}

// alignRight writes rows like table, with the columns from one on to the right,
// as numbers are read.
func alignRight(w io.Writer, rows [][]string, from int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i >= from {
				cell = pad + cell
			} else {
				cell += pad
			}
			line += cell + "  "
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}
