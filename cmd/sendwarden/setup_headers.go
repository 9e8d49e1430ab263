package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"sendwarden/blocklist"
	"sendwarden/daemon"
	"sendwarden/postfix"

	"github.com/spf13/cobra"
)

// setupHeaders is `sendwarden setup header-checks`.
type setupHeaders struct {
	listSetup
	host, out string
}

func newSetupHeaders() *cobra.Command {
	var s setupHeaders
	cmd := &cobra.Command{
		Use:   "header-checks",
		Short: "Print the blocklist as header_checks(5), for a Postfix before 2.11",
		Long: `Header-checks prints the blocklist as a table for header_checks, by which a
Postfix that has no check_sasl_access (before 2.11) stops what the blocked send.
With header_checks: in the rules, the daemon keeps such a file up to date.
Newer Postfixes have a better way: see ` + "`sendwarden setup postfix`" + `.`,
		Example: "  sendwarden setup header-checks\n  sendwarden setup header-checks --host mail.example.es --out /etc/sendwarden/lists/header_checks",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&s.configDir, "postfix-config", "", "Postfix's configuration `DIR`, if not its default")
	cmd.Flags().StringVar(&s.host, "host", "", "`NAME` by which Postfix calls itself (default: its myhostname)")
	cmd.Flags().StringVar(&s.out, "out", "", "write this `FILE`, whole or not at all, instead of printing")
	return cmd
}

func (s *setupHeaders) run(cmd *cobra.Command) error {
	rules, _, err := s.rules()
	if err != nil {
		return err
	}
	entries, err := blocklist.Read(s.file(rules))
	if errors.Is(err, os.ErrNotExist) {
		return blocklist.Absent(s.file(rules))
	}
	if err != nil {
		return err
	}
	if s.host == "" {
		if s.host, err = daemon.HostOf(cmd.Context(), postfix.Exec, s.configDir); err != nil {
			return err
		}
	}
	var table []byte
	var faults []error
	if s.out == "" {
		table, faults = blocklist.HeaderChecks(entries, s.host, time.Now())
		_, err = cmd.OutOrStdout().Write(table)
	} else {
		var changed bool
		if changed, faults, err = blocklist.WriteHeaderChecks(s.out, entries, s.host, time.Now()); changed {
			fmt.Fprintln(cmd.OutOrStdout(), "Written. Postfix goes by it after: postfix reload")
		}
	}
	for _, f := range faults {
		fmt.Fprintf(cmd.ErrOrStderr(), "sendwarden: not stopped by header checks: %v\n", f)
	}
	return err
}
