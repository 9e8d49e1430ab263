package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/daemon"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/state"

	"github.com/spf13/cobra"
)

// explainCommand shows people why: of a user, or of a line of a log.
type explainCommand struct {
	reach
	state string
	line  string
	logs  []string
	all   bool
	json  bool
}

func newExplain() *cobra.Command {
	var c explainCommand
	cmd := &cobra.Command{
		Use:   "explain USER [FILE…]",
		Short: "Show how a user's score came to be, or what a line of a log means",
		Long: `Explain USER tells how a user stands: the score and its reasons, what is left of
them, what is usual for the user, and what waits. It asks what the daemon
remembers. With log FILEs it replays them instead, and tells the user's story:
each submission with its place, how familiar that was, the rules that fired, and
what became of it. Nothing is changed.

Explain --line LINE (or - for lines on standard input) tells what a line of a log
is understood as, where it is placed, and what each rule made of it. The user's
memory comes from the daemon's state, or with --log from logs that are read
before; without either the user is new.`,
		Example: `  sendwarden explain info@example.es
  sendwarden explain info@example.es /var/log/mail.log*
  grep A672A9BAA49 /var/log/mail.log | sendwarden explain --line -`,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.setup.flags(cmd)
	c.timezoneFlag(cmd)
	cmd.Flags().StringVar(&c.socket, "control", "", "`SOCKET` of the daemon (default "+control.DefaultSocket+"; none: read the state file)")
	cmd.Flags().StringVar(&c.state, "state", "", "state `FILE` (default "+settings.DefaultState+")")
	cmd.Flags().StringVar(&c.line, "line", "", "explain this `LINE` of a log; - reads lines from standard input")
	cmd.Flags().StringArrayVar(&c.logs, "log", nil, "log `FILE` to read before the line (repeat it for several)")
	cmd.Flags().BoolVar(&c.all, "all", false, "show the parts of every rule's condition, not only of those that held")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON, one object a line")
	return cmd
}

func (c *explainCommand) run(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && args[0] == "-" && !cmd.Flags().Changed("line") {
		c.line, args = "-", nil
	}
	isLine := c.line != "" || cmd.Flags().Changed("line")
	switch {
	case isLine && len(args) > 0:
		return usageError{errors.New("explain takes either USER or --line (logs to read before it are named with --log)")}
	case isLine:
		return c.explainLines(cmd)
	case len(c.logs) > 0:
		return usageError{errors.New("--log is for --line (explain USER FILE… replays logs)")}
	case len(args) == 0:
		return usageError{errors.New("explain needs a user name, or a line with --line")}
	case len(args) > 1:
		return c.story(cmd, blocklist.Fold(args[0]), args[1:])
	}
	return c.account(cmd, blocklist.Fold(args[0]))
}

// account tells how a user stands by what the daemon remembers: the one that runs,
// or the last one as it left its state.
func (c *explainCommand) account(cmd *cobra.Command, user string) error {
	rules, origin, err := c.rules()
	if err != nil {
		return err
	}
	account, err := c.asked(cmd.Context(), user, origin, rules)
	if absent(err) {
		account, err = c.read(user, rules)
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	if c.json {
		writeJSON(out, account)
	} else {
		writeAccount(&narrow{to: out}, account)
	}
	return out.Flush()
}

// asked is a user's account as the running daemon has it.
func (c *explainCommand) asked(ctx context.Context, user, origin string, rules *scoring.Rules) (account scoring.Account, err error) {
	if c.state != "" {
		return account, control.ErrAbsent
	}
	client, _, err := c.client(ctx, origin, rules)
	if err != nil {
		return account, err
	}
	defer client.Close()
	a, err := client.Account(ctx, user)
	switch {
	case err != nil:
		return account, err
	case a.Memory == nil:
		return account, nothingRemembered(user)
	}
	err = json.Unmarshal(a.Memory, &account)
	account.Blocked = account.Blocked || a.Blocked
	return account, err
}

// read is a user's account from the state.
func (c *explainCommand) read(user string, rules *scoring.Rules) (account scoring.Account, err error) {
	scorer, release, err := c.remembered(rules)
	if err != nil {
		return account, err
	}
	account, known := scorer.Account(user, time.Now())
	if err := release(); err != nil {
		return account, err
	}
	if !known {
		return account, nothingRemembered(user)
	}
	return account, nil
}

func nothingRemembered(user string) error {
	return fmt.Errorf("nothing is remembered of %s (`sendwarden explain USER FILE…` replays logs)", maillog.Mask(user))
}

// stateFile is where the daemon's memory is.
func (c *explainCommand) stateFile(rules *scoring.Rules) string {
	switch {
	case c.state != "":
		return c.state
	case rules.State != "":
		return rules.State
	}
	return settings.DefaultState
}

// errNoState says that there is no memory of a daemon's.
var errNoState = errors.New("there is no state")

// remembered is a scorer that knows what the state knows. Users are fetched from it
// when they are asked for, until it is released. What it learns is its own.
func (c *explainCommand) remembered(rules *scoring.Rules) (*scoring.Scorer, func() error, error) {
	path := daemon.StateFile(c.stateFile(rules))
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s: %w: no daemon has run yet (--state names another file; with log FILEs, the logs are replayed)", path, errNoState)
	}
	store, err := state.OpenToRead(path)
	if err != nil {
		return nil, nil, err
	}
	scorer := scoring.New(rules)
	var odd error
	scorer.Remember(func(key string) []byte {
		record, err := store.Load(key)
		odd = errors.Join(odd, err)
		return record
	}, func(key string, err error) {
		odd = errors.Join(odd, fmt.Errorf("%s: %s: %w", path, maillog.Mask(key), err))
	})
	for _, prefix := range []string{"message/", "trust/", "server/"} {
		odd = errors.Join(odd, store.Each(prefix, scorer.Restore))
	}
	return scorer, func() error { return errors.Join(odd, store.Close()) }, nil
}
