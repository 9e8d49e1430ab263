package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/daemon"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/state"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

type stateCommand struct{ path, rulesFile string }

func newState() *cobra.Command {
	var c stateCommand
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Show, carry over or delete what is remembered of people",
		Long: `State works on what the daemon remembers of the users of this server. Only one
process can have the file: stop the daemon first. What several hosts share (a state:
redis://… in the rules, or --state) can be worked on while they run.`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&c.path, "state", "", "state `FILE`, or the URL of a shared one (default: as the rules say, else "+settings.DefaultState+")")
	cmd.PersistentFlags().StringVar(&c.rulesFile, "rules", "", "rules `FILE` (default "+settings.DefaultRules+", else the shipped rules)")
	cmd.AddCommand(
		&cobra.Command{
			Use:   "export [USER]",
			Short: "Print what is remembered, of one user or of all",
			Long: `Export prints one JSON object a line: the key of a record, what it says (is), and
the record itself, for import. With USER it is all that is kept of one person; of
records that tell of others, too, it is the part, without the record. Addresses and
senders are kept as hashes, except in reasons and held messages.`,
			Args: atMost(1, "one user name"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.export(cmd, args) },
		},
		&cobra.Command{
			Use:   "import FILE",
			Short: "Take over what another state remembers",
			Long: `Import reads what export printed (- is standard input). A record that is there
already is replaced. What is read is the record; what stands under "is" is for
people. What a shared state knows of a user already stays, and so do the messages
that wait on this host.`,
			Args: exactly(1, "one file"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.importFrom(cmd, args[0]) },
		},
		&cobra.Command{
			Use:   "forget USER",
			Short: "Delete all that is remembered of a user",
			Long: `Forget removes a user from the state and rewrites the file, so that nothing is
left in it. A user who sends again is new. The blocklist is not touched. On a shared
state it is for all hosts, while they run.`,
			Args: exactly(1, "one user name"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.forget(cmd, args[0]) },
		},
	)
	return cmd
}

func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError{fmt.Errorf("%s takes %s", cmd.Name(), what)}
		}
		return nil
	}
}

// openState opens a state that is there.
func openState(path string) (*state.Store, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no state yet; `sendwarden run` makes it (--state names another file)", path)
	}
	return daemon.OpenState(path)
}

// recordOut is one line of `state export`.
type recordOut struct {
	Key    string `json:"key"`
	Is     any    `json:"is,omitempty"`
	Record []byte `json:"record,omitempty"` // none: a part of one that tells of others, too
}

func (c *stateCommand) export(cmd *cobra.Command, args []string) error {
	path, isShared, err := c.memory()
	if err != nil {
		return err
	}
	user := ""
	if len(args) > 0 {
		user = blocklist.Fold(args[0])
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	export := exportFile
	if isShared {
		export = exportShared
	}
	found, err := export(cmd.Context(), path, user, out)
	if err == nil && found == 0 && user != "" {
		err = fmt.Errorf("nothing is remembered of %s", maillog.Mask(args[0]))
	}
	return errors.Join(err, out.Flush())
}

// exportFile prints what a host's state has.
func exportFile(ctx context.Context, path, user string, out *bufio.Writer) (found int, err error) {
	store, err := openState(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	err = store.Each("", func(key string, record []byte) error {
		if ctx.Err() != nil {
			return past.ErrStopped
		}
		of := recordOut{key, readable(key, record), record}
		if user != "" && !concerns(key, record, user) {
			if of.Is, of.Record = daemon.Part(key, record, user), nil; of.Is == nil {
				return nil
			}
		}
		found++
		writeJSON(out, of)
		return nil
	})
	return found, err
}

// concerns tells whether a record is of a user's: of the scorer's memory, or of
// the ledger.
func concerns(key string, record []byte, user string) bool {
	if strings.HasPrefix(key, control.LedgerKey) {
		r, err := control.ReadRecord(record)
		return err == nil && r.User == user
	}
	return scoring.Concerns(key, record, user)
}

// readable is what a record says, nil where only a program understands it.
func readable(key string, record []byte) any {
	if is, err := scoring.Readable(key, record); err == nil {
		return is
	}
	if json.Valid(record) {
		return json.RawMessage(record)
	}
	return nil
}

const (
	// maxRecordLine is more than any line of an export has.
	maxRecordLine = 16 << 20
	// importedAtOnce is how many records go into one transaction.
	importedAtOnce = 10_000
)

func (c *stateCommand) importFrom(cmd *cobra.Command, name string) (err error) {
	in := cmd.InOrStdin()
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	path, isShared, err := c.memory()
	if err != nil {
		return err
	}
	if isShared {
		return importShared(cmd.Context(), cmd.OutOrStdout(), path, name, in)
	}
	store, err := daemon.OpenState(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	n, err := importRecords(store, name, in)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s taken over.\n", words.Count(n, "record"))
	return nil
}

// importRecords has a host's state take records over.
func importRecords(store *state.Store, name string, in io.Reader) (n int, err error) {
	var batch state.Batch
	n, err = eachRecord(name, in, func(key string, record []byte) (err error) {
		if daemon.IsShared(key) {
			return nil // each host has it in its blocklist
		}
		if user, is := scoring.UserOf(key); is {
			was, err := store.Load(key)
			if err != nil {
				return err
			}
			if record, err = scoring.WithHeld(user, record, was); err != nil {
				return err
			}
		}
		batch.Put(key, record)
		if batch.Len() >= importedAtOnce {
			err = store.Commit(&batch)
			batch = state.Batch{}
		}
		return err
	})
	if err != nil {
		return n, err
	}
	return n, store.Commit(&batch)
}

// eachRecord reads an export, and looks whether its records can be read.
func eachRecord(name string, in io.Reader, each func(key string, record []byte) error) (n int, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRecordLine)
	for lines.Scan() {
		n++
		var r recordOut
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return n, fmt.Errorf("%s:%d: %w (a line of `sendwarden state export` is expected)", name, n, err)
		}
		if len(r.Record) == 0 {
			continue // for people only
		}
		err := scoring.Check(r.Key, r.Record)
		if err == nil {
			err = each(r.Key, r.Record)
		}
		if err != nil {
			return n, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return n, fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return n, nil
}

// forget has a scorer forget the user, so that all records that tell of the user
// change.
func (c *stateCommand) forget(cmd *cobra.Command, name string) (err error) {
	path, isShared, err := c.memory()
	if err != nil {
		return err
	}
	if isShared {
		return forgetShared(cmd, path, name)
	}
	store, err := openState(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var fault error
	scorer := scoring.New(new(scoring.Rules))
	scorer.Remember(func(key string) []byte {
		record, err := store.Load(key)
		fault = errors.Join(fault, err)
		return record
	}, func(string, error) {}) // a damaged record is dropped like any other
	for _, prefix := range []string{"message/", "trust/", "server/"} {
		if err := store.Each(prefix, scorer.Restore); err != nil {
			return err
		}
	}
	user := blocklist.Fold(name)
	record, err := store.Load(scoring.UserKey(user))
	ledger, ledgerErr := daemon.LedgerOf(store, user)
	if err = errors.Join(err, ledgerErr, fault); err != nil {
		return err
	}
	if record == nil && len(ledger) == 0 {
		return fmt.Errorf("nothing is remembered of %s", maillog.Mask(name))
	}
	scorer.Forget(user)
	var batch state.Batch
	scorer.Changes(batch.Put)
	for _, key := range ledger {
		batch.Put(key, nil)
	}
	batch.Put(scoring.UserKey(user), nil)
	if err := daemon.Forget(store, user, &batch); err != nil {
		return err
	}
	if err := store.Commit(&batch); err != nil {
		return err
	}
	if err := store.Compact(); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is forgotten.%s\n", maillog.Mask(name), stillHeld(store, user))
	return nil
}

// stillHeld says that mail of the user waits in Postfix's queue.
func stillHeld(store *state.Store, user string) string {
	if !daemon.Awaits(store, user) {
		return ""
	}
	return fmt.Sprintf(" Mail of theirs is held in the queue, and its queue ids are kept as long (sendwarden queue %s).", maillog.Mask(user))
}
