package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sendwarden/backtest"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// differenceOut is one line of `replay --against --json`, a format that others
// build on.
type differenceOut struct {
	Type string   `json:"type"`
	What string   `json:"what"`
	User string   `json:"user"`
	New  *fateOut `json:"new"`
	Old  *fateOut `json:"old"`
	// Seconds and Messages are how much later the new rules block, where both do;
	// less than 0 is earlier.
	Seconds  *float64 `json:"seconds,omitempty"`
	Messages *int     `json:"messages,omitempty"`
}

type fateOut struct {
	Action    string      `json:"action"` // block or hold
	Time      time.Time   `json:"time"`
	Score     float64     `json:"score"`
	Reasons   []reasonOut `json:"reasons"`
	Held      int         `json:"held"`
	LetGo     int         `json:"let_go"`
	Delivered int         `json:"delivered"`
	Refused   int         `json:"refused"`
}

func newFateOut(f *backtest.Fate) *fateOut {
	if f == nil {
		return nil
	}
	v := decisive(f)
	return &fateOut{
		Action: v.Action.String(), Time: v.Time, Score: float64(int64(v.Score*10+0.5)) / 10, Reasons: reasonsOut(v),
		Held: f.Held, LetGo: f.LetGo, Delivered: f.Delivered, Refused: f.Refused,
	}
}

// decisive is the verdict that tells most of what became of a user.
func decisive(f *backtest.Fate) scoring.Verdict {
	if f.Block.Action == scoring.Block {
		return f.Block
	}
	return f.Hold
}

// totalsOut is what one set of rules did in all.
type totalsOut struct {
	Rules       string    `json:"rules,omitempty"`
	Blocked     int       `json:"blocked"`
	Held        int       `json:"held"`
	LetGo       int       `json:"let_go"`
	Delivered   int       `json:"delivered"`
	KnownThefts *scoreOut `json:"known_thefts,omitempty"`
}

func (c *replayCommand) totals(b *backtesting, l *lane) totalsOut {
	r := l.record
	out := totalsOut{Blocked: len(r.Blocked), Held: r.Held, LetGo: r.LetGo, Delivered: r.Delivered()}
	if c.knownThefts != "" {
		score := newScoreOut(r.Score(b.from, b.to))
		score.Type = ""
		out.KnownThefts = &score
	}
	return out
}

// summaryOut ends `replay --against --json`.
type summaryOut struct {
	Type string    `json:"type"`
	What string    `json:"what"`
	New  totalsOut `json:"new"`
	Old  totalsOut `json:"old"`
}

func (c *replayCommand) tellDifferences(out io.Writer, b *backtesting) {
	newer, older := b.lanes[0], b.lanes[1]
	all := backtest.Differences(newer.record, older.record)
	summary := summaryOut{"difference", "summary", c.totals(b, newer), c.totals(b, older)}
	summary.New.Rules, summary.Old.Rules = newer.name, older.name
	if c.json {
		for _, d := range all {
			writeJSON(out, newDifferenceOut(d))
		}
		writeJSON(out, summary)
		return
	}
	if len(all) == 0 {
		fmt.Fprintf(out, "%s and %s block the same users at the same messages,\nand hold the same mail.\n\n", newer.name, older.name)
	}
	for _, k := range backtest.Kinds() {
		writeKind(out, k, all, older.name)
	}
	writeSummary(out, summary)
}

func newDifferenceOut(d backtest.Difference) differenceOut {
	out := differenceOut{Type: "difference", What: string(d.Kind), User: d.User, New: newFateOut(d.New), Old: newFateOut(d.Old)}
	if d.Kind == backtest.Earlier || d.Kind == backtest.Later {
		seconds, messages := d.New.Block.Time.Sub(d.Old.Block.Time).Seconds(), d.New.Nth-d.Old.Nth
		out.Seconds, out.Messages = &seconds, &messages
	}
	return out
}

// writeKind tells of the users with one kind of difference.
func writeKind(w io.Writer, kind backtest.Kind, all []backtest.Difference, old string) {
	var some []backtest.Difference
	for _, d := range all {
		if d.Kind == kind {
			some = append(some, d)
		}
	}
	if len(some) == 0 {
		return
	}
	title := strings.ToUpper(string(kind[:1])) + string(kind[1:])
	fmt.Fprintf(w, "%s: %s.\n\n", title, words.Count(len(some), "user"))
	for _, d := range shown(some) {
		writeDifference(w, d, old)
	}
	if n := len(some) - mostShown; n > 0 {
		fmt.Fprintf(w, "… and %s more (--json prints all)\n\n", words.Thousands(n))
	}
}

func writeDifference(w io.Writer, d backtest.Difference, old string) {
	of := func(f *backtest.Fate) {
		for _, line := range words.Reasons(decisive(f), reasonsWidth) {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	user := maillog.Mask(d.User)
	switch d.Kind {
	case backtest.Newly:
		fmt.Fprintf(w, "%s  blocked %s, score %s of %s\n", user, d.New.Block.Time.Format(words.Stamp), words.Points(d.New.Block.Score), words.Points(d.New.Block.Limit))
		of(d.New)
		fmt.Fprintf(w, "    before the block: %s let through, %s held; after it: %s refused\n",
			words.Count(d.New.Delivered, "message"), words.Thousands(d.New.Held-d.New.LetGo), words.Thousands(d.New.Refused))
		fmt.Fprintf(w, "    by %s: not blocked, %s\n\n", old, heldWords(d.Old))
	case backtest.NoLonger:
		fmt.Fprintf(w, "%s  was blocked %s, score %s of %s\n", user, d.Old.Block.Time.Format(words.Stamp), words.Points(d.Old.Block.Score), words.Points(d.Old.Block.Limit))
		of(d.Old)
		fmt.Fprintf(w, "    now: %s; %s were refused and would not be\n\n", heldWords(d.New), words.Count(d.Old.Refused, "message"))
	case backtest.Earlier, backtest.Later:
		lag := d.New.Block.Time.Sub(d.Old.Block.Time).Abs()
		fmt.Fprintf(w, "%s  blocked %s, score %s of %s\n", user, d.New.Block.Time.Format(words.Stamp), words.Points(d.New.Block.Score), words.Points(d.New.Block.Limit))
		fmt.Fprintf(w, "    that is %s and %s %s than by %s\n", span(lag), words.Count(d.Messages(), "message"), strings.TrimPrefix(string(d.Kind), "blocked "), old)
		of(d.New)
		fmt.Fprintln(w)
	default:
		fmt.Fprintf(w, "%s  %s; by %s: %s\n", user, heldWords(d.New), old, heldWords(d.Old))
		if d.New != nil && d.New.Held > 0 {
			of(d.New)
		} else {
			of(d.Old)
		}
		fmt.Fprintln(w)
	}
}

// heldWords tells what was held of a user who was not blocked.
func heldWords(f *backtest.Fate) string {
	if f == nil || f.Held == 0 {
		return "nothing held"
	}
	return fmt.Sprintf("%s held, of which %s", words.Count(f.Held, "message"), letGo(f.LetGo))
}

func writeSummary(w io.Writer, s summaryOut) {
	rows := [][]string{{"", "old", "new", "difference"}}
	row := func(what string, older, newer int) {
		difference := "0"
		if newer != older {
			difference = fmt.Sprintf("%+d", newer-older)
		}
		rows = append(rows, []string{what, words.Thousands(older), words.Thousands(newer), difference})
	}
	row("users blocked", s.Old.Blocked, s.New.Blocked)
	row("messages that they sent before", s.Old.Delivered, s.New.Delivered)
	row("messages held", s.Old.Held, s.New.Held)
	row("of these let go by themselves", s.Old.LetGo, s.New.LetGo)
	if older, newer := s.Old.KnownThefts, s.New.KnownThefts; older != nil && newer != nil {
		row("known thefts blocked", older.Hits, newer.Hits)
		row("known thefts missed", len(older.Misses), len(newer.Misses))
		row("false alarms", len(older.FalseAlarms), len(newer.FalseAlarms))
		if older.Delivered != nil && newer.Delivered != nil {
			row("messages of the thefts let through", *older.Delivered, *newer.Delivered)
		}
	}
	fmt.Fprintf(w, "In all, by %s (old) and %s (new):\n\n", s.Old.Rules, s.New.Rules)
	alignRight(w, rows, 1)
}
