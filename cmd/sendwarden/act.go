package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/daemon"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// doer is who does what a person asks for: the running daemon, or, where none
// runs, this process on the daemon's files (see offline).
type doer interface {
	Do(context.Context, control.Who, control.Act) (control.Done, error)
	Accounts(context.Context) (control.Accounts, error)
	Account(context.Context, string) (control.Account, error)
	Crowd(context.Context) (control.Crowd, error)
	Trusts(context.Context) ([]control.Trust, error)
	History(context.Context, control.Span) ([]control.Record, error)
}

// actSetup is how a command was called that acts on who may send.
type actSetup struct {
	reach
	state string
	why   string
	// asJSON is for what is done.
	asJSON bool
}

// doneOut is an act that is done, as --json prints it: a format that others build on.
type doneOut struct {
	control.Act
	control.Done
}

func (s *actSetup) flags(cmd *cobra.Command) {
	s.reach.flags(cmd)
	s.tableFlags(cmd)
	s.stateFlag(cmd)
}

func (s *actSetup) stateFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.state, "state", "", "state `FILE` to work on where no daemon runs (default "+settings.DefaultState+")")
}

func (s *actSetup) whyFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.why, "reason", "", "`WHY`, for whoever reads the list and the history")
	cmd.Flags().BoolVar(&s.asJSON, "json", false, "print what was done as one JSON object a line")
}

// doer finds who does it.
func (s *actSetup) doer(ctx context.Context) (d doer, end func() error, err error) {
	rules, origin, err := s.rules()
	if err != nil {
		return nil, nil, err
	}
	client, _, err := s.client(ctx, origin, rules)
	switch {
	case err == nil:
		return client, func() error { client.Close(); return nil }, nil
	case !absent(err):
		return nil, nil, err
	}
	o := daemon.NewOffline(rules, daemon.Files{
		Blocklist: s.file(rules), State: s.stateFile(rules),
		Open: func(ctx context.Context) (*blocklist.List, error) { return s.open(ctx, rules) },
	})
	return o, o.Close, nil
}

func (s *actSetup) stateFile(rules *scoring.Rules) string {
	return daemon.StateFile((&runCommand{state: s.state}).stateFile(rules))
}

// each does acts one after the other, and says what became of each.
func (s *actSetup) each(cmd *cobra.Command, acts []control.Act, say func(control.Act, control.Done) string) (err error) {
	for i := range acts { // all of them are right, or nothing is done
		acts[i].Why = s.why
		if err := acts[i].Check(); err != nil {
			return usageError{err}
		}
	}
	d, end, err := s.doer(cmd.Context())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	var errs []error
	for _, act := range acts {
		done, err := d.Do(cmd.Context(), me(), act)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if s.asJSON {
			writeJSON(cmd.OutOrStdout(), doneOut{act, done})
			continue
		}
		fmt.Fprintln(cmd.OutOrStdout(), say(act, done)+letGoWords(done.Messages))
		for _, note := range done.Notes {
			fmt.Fprintf(cmd.ErrOrStderr(), "sendwarden: %s\n", note)
		}
	}
	return errors.Join(errs...)
}

func letGoWords(messages int) string {
	switch messages {
	case 0:
		return ""
	case 1:
		return " 1 message that waited is let go."
	}
	return " " + words.Count(messages, "message") + " that waited are let go."
}

// me is who runs the command.
func me() control.Who {
	w := control.Who{UID: os.Getuid(), Name: fmt.Sprint(os.Getuid())}
	if u, err := user.Current(); err == nil {
		w.Name = maillog.Mask(u.Username)
	}
	if w.UID == 0 {
		w.For = maillog.Mask(os.Getenv("SUDO_USER"))
	}
	return w
}

func newBlock() *cobra.Command {
	var s actSetup
	cmd := &cobra.Command{
		Use:     "block USER",
		Short:   "Stop a user from sending",
		Example: "  sendwarden block info@example.es --reason 'phished, called in by phone'",
		Args:    exactly(1, "one user name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasPrefix(args[0], "@") {
				return usageError{fmt.Errorf("%s: Postfix looks up whole log-in names, no domains", maillog.Mask(args[0]))}
			}
			return s.each(cmd, []control.Act{{Kind: control.Block, User: args[0]}}, func(a control.Act, _ control.Done) string {
				return fmt.Sprintf("%s may not send any more. `sendwarden release %[1]s` undoes it.", maillog.Mask(a.User))
			})
		},
	}
	s.flags(cmd)
	s.whyFlag(cmd)
	return cmd
}

func newRelease() *cobra.Command {
	var s actSetup
	var untaught bool
	var message string
	cmd := &cobra.Command{
		Use:   "release USER…",
		Short: "Let a user send again, with the mail that waits",
		Long: `Release takes a user off the blocklist, lets go what was held of the user's mail,
and takes the places that led to it for the user's own from then on, so that the
same evidence does not lead to another block. With --no-learn these places stay
strange. It is for users whose mail is held as well.

Change the password first: a thief who has it is let go, too.`,
		Example: "  sendwarden release info@example.es --reason 'new password'\n  sendwarden release ana@example.es --message 4F1A2B3C4D",
		Args:    atLeast(1, "user names"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var acts []control.Act
			for _, name := range args {
				act := control.Act{Kind: control.Release, User: name, NoLearn: untaught}
				if message != "" {
					act = control.Act{Kind: control.Send, User: name, QueueID: message}
				}
				acts = append(acts, act)
			}
			if message != "" && (len(args) > 1 || untaught) {
				return usageError{errors.New("--message takes one user, and no --no-learn")}
			}
			return s.each(cmd, acts, func(a control.Act, _ control.Done) string {
				if a.Kind == control.Send {
					return fmt.Sprintf("%s of %s:", a.QueueID, maillog.Mask(a.User))
				}
				return maillog.Mask(a.User) + " may send again."
			})
		},
	}
	s.flags(cmd)
	s.whyFlag(cmd)
	cmd.Flags().BoolVar(&untaught, "no-learn", false, "the places that led to it stay strange")
	cmd.Flags().StringVar(&message, "message", "", "let go this one message only, by its queue `ID`")
	return cmd
}

// when reads a time that a person wrote: a date, a date and time, or how long from
// now. A date alone is its beginning, or, where a stretch ends then, its end.
func when(flag, text string, now time.Time, past bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := scoring.ParseDuration(text); err == nil {
		if past {
			d = -d
		}
		return now.Add(d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, now.Location())
	if err != nil {
		return t, usageError{fmt.Errorf("--%s %q: no time (write 2026-05-01, '2026-05-01 18:00' or 10d)", flag, text)}
	}
	if !past {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}
