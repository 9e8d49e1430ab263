package main

import (
	"bufio"
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

type stateCommand struct{ path string }

func newState() *cobra.Command {
	var c stateCommand
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Show, carry over or delete what is remembered of people",
		Long: `State works on what the daemon remembers of the users of this server. Only one
process can have the file: stop the daemon first.`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&c.path, "state", settings.DefaultState, "state `FILE`")
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
people.`,
			Args: exactly(1, "one file"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.importFrom(cmd, args[0]) },
		},
		&cobra.Command{
			Use:   "forget USER",
			Short: "Delete all that is remembered of a user",
			Long: `Forget removes a user from the state and rewrites the file, so that nothing is
left in it. A user who sends again is new. The blocklist is not touched.`,
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

// open opens a state that is there.
func (c *stateCommand) open() (*state.Store, error) {
	if _, err := os.Stat(c.path); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no state yet; `sendwarden run` makes it (--state names another file)", c.path)
	}
	return daemon.OpenState(c.path)
}

// recordOut is one line of `state export`.
type recordOut struct {
	Key    string `json:"key"`
	Is     any    `json:"is,omitempty"`
	Record []byte `json:"record,omitempty"` // none: a part of one that tells of others, too
}

func (c *stateCommand) export(cmd *cobra.Command, args []string) (err error) {
	store, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	out := bufio.NewWriter(cmd.OutOrStdout())
	found := 0
	err = store.Each("", func(key string, record []byte) error {
		if err := cmd.Context().Err(); err != nil {
			return past.ErrStopped
		}
		of := recordOut{key, readable(key, record), record}
		if len(args) > 0 && !concerns(key, record, blocklist.Fold(args[0])) {
			if of.Is, of.Record = daemon.Part(key, record, blocklist.Fold(args[0])), nil; of.Is == nil {
				return nil
			}
		}
		found++
		writeJSON(out, of)
		return nil
	})
	if err == nil && found == 0 && len(args) > 0 {
		err = fmt.Errorf("nothing is remembered of %s", maillog.Mask(args[0]))
	}
	return errors.Join(err, out.Flush())
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

// ledgerOf are the keys of what the ledger has about a user.
func ledgerOf(store *state.Store, user string) (keys []string, err error) {
	err = store.Each(control.LedgerKey, func(key string, record []byte) error {
		if concerns(key, record, user) {
			keys = append(keys, key)
		}
		return nil
	})
	return keys, err
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
	store, err := daemon.OpenState(c.path)
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

func importRecords(store *state.Store, name string, in io.Reader) (n int, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRecordLine)
	var batch state.Batch
	for lines.Scan() {
		n++
		var r recordOut
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return n, fmt.Errorf("%s:%d: %w (a line of `sendwarden state export` is expected)", name, n, err)
		}
		if len(r.Record) == 0 {
			continue // for people only
		}
		if err := scoring.Check(r.Key, r.Record); err != nil {
			return n, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		batch.Put(r.Key, r.Record)
		if batch.Len() >= importedAtOnce {
			if err := store.Commit(&batch); err != nil {
				return n, err
			}
			batch = state.Batch{}
		}
	}
	if err := lines.Err(); err != nil {
		return n, fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return n, store.Commit(&batch)
}

// forget has a scorer forget the user, so that all records that tell of the user
// change.
func (c *stateCommand) forget(cmd *cobra.Command, name string) (err error) {
	store, err := c.open()
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
	ledger, ledgerErr := ledgerOf(store, user)
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
