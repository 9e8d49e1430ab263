package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/words"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// watchCommand is how `sendwarden watch` was called.
type watchCommand struct {
	reach
	user     string
	country  []string
	minScore float64
	asJSON   bool
}

func newWatch() *cobra.Command {
	var c watchCommand
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Show each submission as it is judged, live",
		Long: `Watch shows each submission with its place, the user's score, and what the rules
found, as the running daemon judges it. Ctrl-C ends it. What is odd is in
colour on a terminal, unless NO_COLOR is set.`,
		Example: "  sendwarden watch --min-score 20\n  sendwarden watch --user '*@example.es' --country FR --country IT",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.flags(cmd)
	cmd.Flags().StringVar(&c.user, "user", "", "only users that fit a `PATTERN` such as '*@example.es'")
	cmd.Flags().StringSliceVar(&c.country, "country", nil, "only from a country, by its `CODE` of two letters (repeat it for several)")
	cmd.Flags().Float64Var(&c.minScore, "min-score", 0, "only users with a score of at least `POINTS`")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print one JSON object a line")
	return cmd
}

func (c *watchCommand) run(cmd *cobra.Command) error {
	if _, err := filepath.Match(c.user, ""); err != nil {
		return usageError{fmt.Errorf("--user %q: a bracket is not closed", c.user)}
	}
	for i, code := range c.country {
		code, err := control.CountryCode(code)
		if err != nil {
			return usageError{fmt.Errorf("--country: %w", err)}
		}
		c.country[i] = code
	}
	rules, origin, err := c.rules()
	if err != nil {
		return err
	}
	client, status, err := c.client(cmd.Context(), origin, rules)
	if absent(err) {
		return fmt.Errorf("%w: nothing is judged (`sendwarden replay` shows old logs)", err)
	}
	if err != nil {
		return err
	}
	defer client.Close()
	out := cmd.OutOrStdout()
	paint := painter(out)
	if !c.asJSON && isTerminal(out) {
		fmt.Fprintf(out, "Watching %s; times are by %s. Ctrl-C ends it. Last submission %s.\n", status.Host, status.Now.Local().Format("-0700"), ago(status.Last, status.Now))
	}
	return client.Watch(cmd.Context(), func(j control.Judged) error {
		if j.Missed > 0 && !c.asJSON {
			fmt.Fprintf(out, "(%s not shown: they came faster than they could be printed)\n", words.Count(j.Missed, "submission"))
		}
		if !c.wants(j) {
			return nil
		}
		if c.asJSON {
			writeJSON(out, j)
			return nil
		}
		_, err := io.WriteString(out, judgedLines(j, paint))
		return err
	})
}

func (c *watchCommand) wants(j control.Judged) bool {
	if !blocklist.Matches(c.user, j.User) || j.Score < c.minScore {
		return false
	}
	for _, code := range c.country {
		if code == j.Country {
			return true
		}
	}
	return len(c.country) == 0
}

// judgedLines writes a submission in one line, and what the rules found below it.
//
//	21:15:02  block   142    info@example.es         RU  5.6.7.8    AS12389 Rostelecom
//	          +60 third country, +2 new address
func judgedLines(j control.Judged, paint func(color, text string) string) string {
	place := geo.Place{Country: j.Country, ASN: j.ASN, Org: j.Org}
	line := fmt.Sprintf("%s  %-6s  %5s  %-22s  %s  %s", words.Clock(j.Time.Local()), j.Action, words.Points(j.Score),
		shorten(maillog.Mask(j.User), 22), words.Country(place), j.IP)
	network := words.Network(place)
	switch room := words.Width - 2 - utf8.RuneCountInString(line); {
	case network != "" && room >= leastNetwork:
		line += "  " + shorten(network, room)
	case network != "" || room < -2: // behind IPv6 there is no room
		line = strings.TrimSuffix(line, "  "+j.IP) + "\n          " + j.IP + "  " + shorten(network, words.Width-12-len(j.IP))
	}
	line = strings.TrimRight(line, " ")
	color := ""
	switch {
	case j.Action == "block" || j.Action == "refuse":
		color = red
	case j.Action == "hold":
		color = yellow
	case len(j.Reasons) > 0:
		color = cyan
	}
	text := paint(color, line) + "\n"
	if len(j.Reasons) > 0 {
		var reasons []string
		for _, r := range j.Reasons {
			reasons = append(reasons, fmt.Sprintf("%+g %s", r.Points, maillog.Mask(r.Rule)))
		}
		var below strings.Builder
		paragraph(&below, "          ", strings.Join(reasons, ", "), 10)
		text += below.String()
	}
	return text
}

// leastNetwork is how much of a network says something: AS28573.
const leastNetwork = 8

// Colours of a terminal (ECMA-48, SGR).
const (
	red    = "31"
	yellow = "33"
	cyan   = "36"
)

// painter colours text where a person sees it.
func painter(out io.Writer) func(color, text string) string {
	if !isTerminal(out) || os.Getenv("NO_COLOR") != "" {
		return func(_, text string) string { return text }
	}
	return func(color, text string) string {
		if color == "" {
			return text
		}
		return "\x1b[" + color + "m" + text + "\x1b[0m"
	}
}

func isTerminal(out io.Writer) bool {
	f, isFile := out.(*os.File)
	return isFile && term.IsTerminal(int(f.Fd()))
}
