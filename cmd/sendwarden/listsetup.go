package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sendwarden/blocklist"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/settings"

	"github.com/spf13/cobra"
)

// listSetup is where the blocklist is and what Postfix reads it as.
type listSetup struct {
	setup
	path      string
	table     string
	configDir string
}

func (s *listSetup) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.rulesFile, "rules", "", "rules `FILE` (default "+settings.DefaultRules+", else the shipped rules)")
	cmd.Flags().StringVar(&s.path, "blocklist", "", "blocklist `FILE` (default "+settings.DefaultBlocklist+")")
}

func (s *listSetup) tableFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.table, "table", "", "`TYPE` of the table that Postfix reads: lmdb, cdb, hash or texthash; lsearch for Exim (default: the best that postconf reports)")
	cmd.Flags().StringVar(&s.configDir, "postfix-config", "", "Postfix's configuration `DIR`, if not its default")
}

func (s *listSetup) file(rules *scoring.Rules) string {
	switch {
	case s.path != "":
		return s.path
	case rules.Blocklist != "":
		return rules.Blocklist
	}
	return settings.DefaultBlocklist
}

// open opens the blocklist for changes. The folder of the usual one is made.
func (s *listSetup) open(ctx context.Context, rules *scoring.Rules) (*blocklist.List, error) {
	table, err := s.detect(ctx, rules)
	if err != nil {
		return nil, err
	}
	path := s.file(rules)
	if path == settings.DefaultBlocklist {
		if err := makeRoom(path); err != nil {
			return nil, err
		}
	}
	return blocklist.Open(path, table)
}

// makeRoom makes the folder of the usual blocklist. One that stands beside the rules,
// where it once stood, is named: to begin anew would be to release everybody.
func makeRoom(path string) error {
	dir := filepath.Dir(path)
	former := filepath.Join(filepath.Dir(dir), filepath.Base(path))
	_, missing := os.Stat(path)
	if info, err := os.Lstat(former); err == nil && info.Mode().IsRegular() && missing != nil {
		return fmt.Errorf("%s: the blocklist has a folder of its own now (move it and its table to %s, and name that in main.cf)", former, dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("%w (name another place with --blocklist, or under blocklist: in the rules)", err)
	}
	return nil
}

func (s *listSetup) detect(ctx context.Context, rules *scoring.Rules) (blocklist.Table, error) {
	name := s.table
	if name == "" {
		name = rules.Table
	}
	if name != "" {
		table, err := blocklist.NewTable(name, s.configDir)
		if err != nil && s.table != "" {
			return table, usageError{fmt.Errorf("--table %s: no type of table that Sendwarden makes (lmdb, cdb, hash, btree or texthash; lsearch for Exim)", maillog.Mask(name))}
		}
		return table, err
	}
	table, err := blocklist.Detect(ctx, s.configDir)
	if err != nil {
		return table, fmt.Errorf("%w (name the type with --table, or Postfix's configuration with --postfix-config)", err)
	}
	return table, nil
}
