package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/maillog"
	"sendwarden/scoring"

	"github.com/spf13/cobra"
)

// installedBlocklist is the blocklist where nothing else is configured.
const installedBlocklist = "/etc/sendwarden/blocklist"

// listSetup is where the blocklist is and what Postfix reads it as.
type listSetup struct {
	setup
	path      string
	table     string
	configDir string
}

func (s *listSetup) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.rulesFile, "rules", "", "rules `FILE` (default "+installedRules+", else the shipped rules)")
	cmd.Flags().StringVar(&s.path, "blocklist", "", "blocklist `FILE` (default "+installedBlocklist+")")
}

func (s *listSetup) tableFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.table, "table", "", "`TYPE` of the table that Postfix reads: lmdb, cdb, hash or texthash (default: the best that postconf reports)")
	cmd.Flags().StringVar(&s.configDir, "postfix-config", "", "Postfix's configuration `DIR`, if not its default")
}

func (s *listSetup) file(rules *scoring.Rules) string {
	switch {
	case s.path != "":
		return s.path
	case rules.Blocklist != "":
		return rules.Blocklist
	}
	return installedBlocklist
}

// open opens the blocklist for changes.
func (s *listSetup) open(ctx context.Context, rules *scoring.Rules) (*blocklist.List, error) {
	table, err := s.detect(ctx, rules)
	if err != nil {
		return nil, err
	}
	return blocklist.Open(s.file(rules), table)
}

func (s *listSetup) detect(ctx context.Context, rules *scoring.Rules) (blocklist.Table, error) {
	name := s.table
	if name == "" {
		name = rules.Table
	}
	if name != "" {
		table, err := blocklist.NewTable(name, s.configDir)
		if err != nil && s.table != "" {
			return table, usageError{fmt.Errorf("--table %s: no type of table that Sendwarden makes (lmdb, cdb, hash, btree or texthash)", maillog.Mask(name))}
		}
		return table, err
	}
	table, err := blocklist.Detect(ctx, s.configDir)
	if err != nil {
		return table, fmt.Errorf("%w (name the type with --table, or Postfix's configuration with --postfix-config)", err)
	}
	return table, nil
}

func newList() *cobra.Command {
	var s listSetup
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show who is on the blocklist",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules, _, err := s.rules()
			if err != nil {
				return err
			}
			entries, err := blocklist.Read(s.file(rules))
			if errors.Is(err, os.ErrNotExist) {
				return noList(s.file(rules))
			}
			if err != nil {
				return err
			}
			for _, problem := range blocklist.Check(s.file(rules)) {
				fmt.Fprintf(cmd.ErrOrStderr(), "sendwarden: %v\n", problem)
			}
			return printList(cmd, entries, asJSON)
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// noList says what a blocklist that is not there is waiting for.
func noList(name string) error {
	dir := filepath.Dir(name)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no such directory (mkdir -p %s; then `sendwarden run` makes the blocklist)", dir, dir)
	}
	return fmt.Errorf("%s: there is no blocklist yet; `sendwarden run` makes it", name)
}

// listOut is one line of `list --json`.
type listOut struct {
	User   string     `json:"user"`
	Action string     `json:"action"`
	Since  *time.Time `json:"since,omitempty"`
	Score  float64    `json:"score,omitempty"`
	Notes  []string   `json:"notes,omitempty"`
	Line   int        `json:"line"`
}

func printList(cmd *cobra.Command, entries []blocklist.Entry, asJSON bool) error {
	out := bufio.NewWriter(cmd.OutOrStdout())
	if asJSON {
		for _, e := range entries {
			o := listOut{User: e.User, Action: e.Action, Score: e.Score, Notes: e.Notes, Line: e.Line}
			if !e.Since.IsZero() {
				o.Since = &e.Since
			}
			writeJSON(out, o)
		}
		return out.Flush()
	}
	if len(entries) == 0 {
		fmt.Fprintln(out, "Nobody is blocked.")
		return out.Flush()
	}
	rows := [][]string{{"USER", "SINCE", "SCORE", "POSTFIX ANSWERS"}}
	for _, e := range entries {
		since, score := "by hand", ""
		if !e.Since.IsZero() {
			since = e.Since.Local().Format(stampLayout)
		}
		if e.Score > 0 {
			score = points(e.Score)
		}
		rows = append(rows, []string{maillog.Mask(e.User), since, score, shorten(maillog.Mask(e.Action), 40)})
	}
	if err := table(out, rows); err != nil {
		return err
	}
	return out.Flush()
}

func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func newBlock() *cobra.Command {
	var s listSetup
	var reason string
	cmd := &cobra.Command{
		Use:     "block USER",
		Short:   "Stop a user from sending",
		Example: "  sendwarden block info@example.es --reason 'phished, called in by phone'",
		Args:    exactly(1, "one user name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasPrefix(args[0], "@") {
				return usageError{fmt.Errorf("%s: Postfix looks up whole log-in names, no domains", maillog.Mask(args[0]))}
			}
			rules, _, err := s.rules()
			if err != nil {
				return err
			}
			list, err := s.open(cmd.Context(), rules)
			if err != nil {
				return err
			}
			now := time.Now()
			header := fmt.Sprintf("%s: blocked %s, by %s", maillog.Mask(args[0]), now.Format(stampLayout), whoami())
			if reason != "" {
				header += ": " + maillog.Mask(reason)
			}
			err = list.Block(blocklist.Entry{User: args[0], Action: rules.Reply, Since: now, Notes: []string{header}})
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s may not send any more. `sendwarden release %s` undoes it.\n", maillog.Mask(args[0]), maillog.Mask(args[0]))
			return nil
		},
	}
	s.flags(cmd)
	s.tableFlags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "`WHY`, for whoever reads the list")
	return cmd
}

func whoami() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return maillog.Mask(name)
	}
	if u, err := user.Current(); err == nil {
		return maillog.Mask(u.Username)
	}
	return "hand"
}

func newRelease() *cobra.Command {
	var s listSetup
	cmd := &cobra.Command{
		Use:   "release USER…",
		Short: "Let a blocked user send again",
		Long: `Release takes a user off the blocklist. A running daemon notices it within a
second, learns the places that led to the block as the user's own, and does not
block again for the same evidence.`,
		Args: atLeast(1, "user names"),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, _, err := s.rules()
			if err != nil {
				return err
			}
			list, err := s.open(cmd.Context(), rules)
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				_, was, err := list.Release(name)
				switch {
				case err != nil:
					errs = append(errs, err)
				case !was:
					errs = append(errs, fmt.Errorf("%s is not on the blocklist (`sendwarden list` shows who is)", maillog.Mask(name)))
				default:
					fmt.Fprintf(cmd.OutOrStdout(), "%s may send again.\n", maillog.Mask(name))
				}
			}
			return errors.Join(errs...)
		},
	}
	s.flags(cmd)
	s.tableFlags(cmd)
	return cmd
}
