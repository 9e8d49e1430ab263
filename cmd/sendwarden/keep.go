package main

import (
	"context"
	"errors"
	"fmt"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

func newKeep() *cobra.Command {
	var s actSetup
	cmd := &cobra.Command{
		Use:   "keep USER|MESSAGE",
		Short: "Have held mail wait until a person decides about it",
		Long: `Keep takes held mail out of what goes by itself when nothing follows: all that
waits of a user's now, or one message by its queue id. "sendwarden queue USER"
shows what it is; then "sendwarden release USER" lets it go, with --message one
message alone, or "sendwarden block USER" keeps all of it for good.`,
		Example: "  sendwarden keep ana@example.es --reason 'calling her back'\n  sendwarden keep 4F1A2B3C4D",
		Args:    exactly(1, "one user name or queue id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			act, err := s.kept(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.each(cmd, []control.Act{act}, sayKept)
		},
	}
	s.flags(cmd)
	s.whyFlag(cmd)
	return cmd
}

// kept is the act of keeping what somebody named: a message that waits, by its queue
// id, or else a user.
func (s *actSetup) kept(ctx context.Context, name string) (act control.Act, err error) {
	d, end, err := s.doer(ctx)
	if err != nil {
		return act, err
	}
	defer func() { err = errors.Join(err, end()) }()
	all, err := d.Accounts(ctx)
	if err != nil {
		return act, err
	}
	for _, a := range all.Held {
		for _, m := range a.Held {
			if m.QueueID == name {
				return control.Act{Kind: control.Keep, User: a.User, QueueID: name}, nil
			}
		}
	}
	return control.Act{Kind: control.Keep, User: name}, nil
}

func sayKept(a control.Act, done control.Done) string {
	user := maillog.Mask(a.User)
	if a.QueueID != "" {
		return fmt.Sprintf("%s of %s waits until you decide: `sendwarden release %[2]s --message %[1]s` lets it go.", a.QueueID, user)
	}
	waits, it := "waits", "it"
	if done.Kept > 1 {
		waits, it = "wait", "them"
	}
	return fmt.Sprintf("%s of %s %s until you decide: `sendwarden release %[2]s` lets %[4]s go.", words.Count(done.Kept, "message"), user, waits, it)
}
