package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/daemon"
	"sendwarden/scoring"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// teller is who tells of the accounts.
type teller int

const (
	byFile   teller = iota // the blocklist alone, which knows of nobody who is held
	byState                // the state and the blocklist, as a daemon left them
	byDaemon               // the daemon that runs
)

// left are the accounts as the files have them, where no daemon answers; people are
// told what that is worth. The state is that of the daemon which does not run: while
// another one runs, or one that may not be asked, it is out of reach.
func (c *listCommand) left(cmd *cobra.Command, rules *scoring.Rules, silence error) (all control.Accounts, from teller, err error) {
	if !absent(silence) && !errors.Is(silence, os.ErrPermission) {
		return all, byFile, silence
	}
	if errors.Is(silence, control.ErrAbsent) || c.state != "" {
		state := daemon.StateFile((&runCommand{state: c.state}).stateFile(rules))
		o := daemon.NewOffline(rules, daemon.Files{Blocklist: c.file(rules), State: state})
		all, err = o.Accounts(cmd.Context())
		if err = errors.Join(err, o.Close()); err == nil {
			if c.held || c.near {
				fmt.Fprintf(cmd.ErrOrStderr(), "sendwarden: no daemon runs; whose mail waits and who is close to it is as %s has it, written %s\n", state, written(state, time.Local))
			}
			return all, byState, nil
		}
		silence = err
	}
	if !c.blocked {
		return all, byFile, fmt.Errorf("%w; who is held or close to it stands nowhere else", silence)
	}
	all.Listed, err = fromFile(c.file(rules))
	if err == nil && (c.held || c.near) {
		fmt.Fprintf(cmd.ErrOrStderr(), "sendwarden: %v; this is the blocklist alone\n", silence)
	}
	return all, byFile, err
}

// written is when a file was.
func written(name string, zone *time.Location) string {
	info, err := os.Stat(name)
	if err != nil {
		return "at a time that nobody knows"
	}
	return info.ModTime().In(zone).Format(words.Stamp)
}

// fromFile are those on a blocklist file.
func fromFile(name string) ([]control.Account, error) {
	entries, err := blocklist.Read(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, blocklist.Absent(name)
	}
	var list []control.Account
	for _, e := range entries {
		var a control.Account
		daemon.Listed(&a, e)
		list = append(list, a)
	}
	return list, err
}
