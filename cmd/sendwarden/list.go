package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/settings"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// listCommand is how `sendwarden list` was called.
type listCommand struct {
	reach
	state               string
	blocked, held, near bool
	user, sort          string
	asJSON, asCSV       bool
	zone                *time.Location // in which times are shown
}

func newList() *cobra.Command {
	c := listCommand{zone: time.Local}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show who is blocked, held, or close to it",
		Long: `List shows who stands on the blocklist, whose mail waits, and who has half of the
score from which mail would wait, or more. Without a daemon it shows them as the
last one left them. "sendwarden explain USER" shows how a score came to be.`,
		Example: "  sendwarden list --user '*@example.es' --sort since\n  sendwarden list --blocked --csv >blocked.csv",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.state, "state", "", "state `FILE` to read where no daemon runs (default "+settings.DefaultState+")")
	flags.BoolVar(&c.blocked, "blocked", false, "only who stands on the blocklist")
	flags.BoolVar(&c.held, "held", false, "only whose mail waits")
	flags.BoolVar(&c.near, "close", false, "only who is close to it")
	flags.StringVar(&c.user, "user", "", "only users that fit a `PATTERN` such as '*@example.es'")
	flags.StringVar(&c.sort, "sort", "", "sort by `WHAT`: user, score or since (default: the blocklist's order, and the score)")
	flags.BoolVar(&c.asJSON, "json", false, "print one JSON object a line")
	flags.BoolVar(&c.asCSV, "csv", false, "print comma-separated values")
	return cmd
}

func (c *listCommand) run(cmd *cobra.Command) error {
	if _, err := filepath.Match(c.user, ""); err != nil {
		return usageError{fmt.Errorf("--user %q: a bracket is not closed", c.user)}
	}
	if !slices.Contains([]string{"", "user", "score", "since"}, c.sort) {
		return usageError{fmt.Errorf("--sort %q: write user, score or since", c.sort)}
	}
	if !c.blocked && !c.held && !c.near {
		c.blocked, c.held, c.near = true, true, true
	}
	all, from, err := c.accounts(cmd)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	switch {
	case c.asJSON:
		for _, l := range lines(all) {
			writeJSON(out, l)
		}
	case c.asCSV:
		err = writeCSV(out, lines(all))
	default:
		err = c.print(&narrow{to: out}, all, from)
	}
	return errors.Join(err, out.Flush())
}

// accounts are those that are asked for, and who tells of them.
func (c *listCommand) accounts(cmd *cobra.Command) (all control.Accounts, from teller, err error) {
	rules, origin, err := c.rules()
	if err != nil {
		return all, from, err
	}
	client, _, err := c.client(cmd.Context(), origin, rules)
	if err == nil {
		defer client.Close()
		from = byDaemon
		all, err = client.Accounts(cmd.Context())
	} else {
		all, from, err = c.left(cmd, rules, err)
	}
	if err != nil {
		return all, from, err
	}
	for _, problem := range blocklist.Check(c.file(rules)) {
		fmt.Fprintf(cmd.ErrOrStderr(), "sendwarden: %v\n", problem)
	}
	all.Listed = c.chosen(all.Listed, c.blocked)
	all.Held = c.chosen(all.Held, c.held)
	all.Close = c.chosen(all.Close, c.near)
	return all, from, nil
}

// chosen are the accounts that the flags ask for, in their order.
func (c *listCommand) chosen(list []control.Account, wanted bool) []control.Account {
	list = slices.DeleteFunc(list, func(a control.Account) bool { return !wanted || !blocklist.Matches(c.user, a.User) })
	slices.SortStableFunc(list, func(a, b control.Account) int {
		switch c.sort {
		case "user":
			return cmp.Compare(blocklist.Fold(a.User), blocklist.Fold(b.User))
		case "score":
			return cmp.Compare(max(b.Score, b.At), max(a.Score, a.At))
		case "since":
			return since(b).Compare(since(a))
		}
		return 0
	})
	return list
}

// since is when it began: the block, or the waiting, or the points.
func since(a control.Account) time.Time {
	switch {
	case a.Line > 0:
		return a.Since
	case len(a.Held) > 0:
		return a.Held[0].Since
	case len(a.Reasons) > 0:
		return a.Reasons[0].Time
	}
	return time.Time{}
}

// listOut is one line of `list --json`.
type listOut struct {
	User     string     `json:"user"`
	State    string     `json:"state"` // blocked, exempt, other, held or close
	Action   string     `json:"action,omitempty"`
	Since    *time.Time `json:"since,omitempty"`
	Score    float64    `json:"score,omitempty"`     // of who is blocked: when it happened
	ScoreNow float64    `json:"score_now,omitempty"` // of who is blocked
	Places   []string   `json:"places,omitempty"`
	Messages int        `json:"messages_held,omitempty"`
	Notes    []string   `json:"notes,omitempty"`
	Line     int        `json:"line,omitempty"`
}

// lines are accounts for programs.
func lines(all control.Accounts) (out []listOut) {
	for _, section := range []struct {
		state string
		list  []control.Account
	}{{"", all.Listed}, {"held", all.Held}, {"close", all.Close}} {
		for _, a := range section.list {
			l := listOut{User: a.User, State: section.state, Score: a.Score, Places: countries(a), Messages: len(a.Held)}
			if section.state == "" {
				l.State, l.Action, l.Score, l.ScoreNow, l.Notes, l.Line = stateOf(a), a.Action, a.At, a.Score, a.Notes, a.Line
			}
			if at := since(a); !at.IsZero() {
				l.Since = &at
			}
			out = append(out, l)
		}
	}
	return out
}

// stateOf is what a line of the blocklist makes of its user.
func stateOf(a control.Account) string {
	switch {
	case a.Exempt:
		return "exempt"
	case a.Blocked:
		return "blocked"
	}
	return "other"
}

// countries are those of the reasons, each once.
func countries(a control.Account) (codes []string) {
	for _, r := range a.Reasons {
		if r.Country != "" && !slices.Contains(codes, r.Country) {
			codes = append(codes, r.Country)
		}
	}
	return codes
}

func writeCSV(out io.Writer, list []listOut) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"user", "state", "since", "score", "places", "messages held", "postfix answers"}}
	for _, l := range list {
		at := ""
		if l.Since != nil {
			at = l.Since.Format(time.RFC3339)
		}
		score := "" // of a line written by hand
		if l.Score != 0 {
			score = words.Points(l.Score)
		}
		rows = append(rows, []string{cell(l.User), l.State, at, score, strings.Join(l.Places, " "), strconv.Itoa(l.Messages), cell(l.Action)})
	}
	return w.WriteAll(rows)
}

// cell keeps a spreadsheet from taking a name for a formula.
func cell(s string) string {
	if s != "" && strings.Contains("=+-@", s[:1]) {
		s = "'" + s
	}
	return maillog.Mask(s)
}

func shorten(s string, most int) string {
	return words.Short(s, most)
}
