package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/exim"
	"sendwarden/maillog"

	"github.com/spf13/cobra"
)

// setupExim is `sendwarden setup exim`.
type setupExim struct {
	listSetup
	program, config string
	asJSON          bool
}

func newSetupExim() *cobra.Command {
	var s setupExim
	cmd := &cobra.Command{
		Use:   "exim",
		Short: "Show the lines that Exim needs",
		Long: `Setup looks at how this Exim is configured and prints the lines that it needs so
that it refuses who is on the blocklist, and where they go. It changes nothing;
when they are there and in force, it says that there is nothing to do.

Exim reads a file that stands beside the blocklist (BLOCKLIST.lsearch). The daemon
and all commands keep it, where the rules say table: lsearch, or where there is no
Postfix on this machine.`,
		Example: "  sendwarden setup exim\n  sendwarden setup exim --exim /usr/local/sbin/exim",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&s.program, "exim", "", "Exim's `PROGRAM` (default: exim4 or exim)")
	cmd.Flags().StringVar(&s.config, "exim-config", "", "Exim's configuration `FILE`, if not its own")
	cmd.Flags().BoolVar(&s.asJSON, "json", false, "print the lines as JSON")
	return cmd
}

func (s *setupExim) run(cmd *cobra.Command) error {
	rules, _, err := s.rules()
	if err != nil {
		return err
	}
	list, err := filepath.Abs(s.file(rules))
	if err != nil {
		return err
	}
	table, err := blocklist.NewTable("lsearch", "")
	if err != nil {
		return err
	}
	config, err := exim.Read(cmd.Context(), exim.Exec(s.program, s.config))
	if err != nil {
		return err
	}
	steps, err := config.Plan(table.File(list))
	if err != nil {
		return usageError{err}
	}
	out := cmd.OutOrStdout()
	if s.asJSON {
		if steps == nil {
			steps = []exim.Step{}
		}
		writeJSON(out, steps)
		return nil
	}
	describeExim(out, config, steps)
	if len(steps) > 0 && rules.Table != "lsearch" {
		fmt.Fprintln(out, "\nIn the rules, write `table: lsearch`, unless there is no Postfix on this machine.")
	}
	if note := unreadByExim(table.File(list)); note != "" {
		fmt.Fprintf(out, "\nFirst: %s\n", note)
	}
	return nil
}

func describeExim(out io.Writer, config *exim.Config, steps []exim.Step) {
	fmt.Fprintf(out, "Exim %s, configured by %s, listens at %s.\n", maillog.Mask(config.Version), maillog.Mask(config.File), maillog.Mask(config.Ports))
	if len(steps) == 0 {
		fmt.Fprintln(out, "\nNothing to do: Exim asks already what it shall.")
	}
	for _, step := range steps {
		fmt.Fprintf(out, "\nIn %s, write:\n\n    %s\n\n        It %s.\n", maillog.Mask(step.Place), strings.ReplaceAll(step.Lines, "\n", "\n    "), step.Why)
	}
	if len(steps) > 0 {
		fmt.Fprintf(out, "\nIt is in force after: %s\n", config.Reload())
	}
	if config.Frozen != "" && config.Frozen != "0s" {
		fmt.Fprintf(out, "\nNote: Exim takes away mail that has been frozen for %s (timeout_frozen_after). What is held of a blocked user waits no longer than that.\n", maillog.Mask(config.Frozen))
	}
}

// unreadByExim says why Exim's own user could not read the list. While there is
// none, everybody passes.
func unreadByExim(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return path + " is not there yet. `sendwarden run --watch` makes it; until then everybody passes."
	case info.Mode().Perm()&0o044 == 0:
		return path + " can be read by its owner alone, and Exim would put off all mail (chmod 644)."
	}
	for dir := filepath.Dir(path); dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o011 == 0 {
			return dir + " lets nobody in but its owner, and Exim would put off all mail (chmod 755)."
		}
	}
	return ""
}
