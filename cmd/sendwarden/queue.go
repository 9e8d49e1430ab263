package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/queue"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// mailQueue is the mail server's queue. Root works on it by itself (queue.Local,
// queue.Exim), others through queue-helper (queue.Remote).
type mailQueue = queue.Worker

// queueSetup says which queue, and how to get at it.
type queueSetup struct {
	eximSetup
	confined  bool // it is queue-helper, which is shut off from the net
	configDir string
	socket    string
}

// eximSetup says which Exim; none where it is Postfix's queue.
type eximSetup struct {
	exim       string
	eximConfig string
	is         bool // it is Exim's queue, wherever its program is
}

func (s *eximSetup) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.exim, "exim", "", "the queue is Exim's, by its `PROGRAM` (default: where there is an Exim and no Postfix)")
	cmd.Flags().StringVar(&s.eximConfig, "exim-config", "", "Exim's configuration `FILE`, if not its own")
}

// local is the queue for who may work on it.
func (s *queueSetup) local() mailQueue {
	if s.is || s.exim != "" || s.eximConfig != "" || s.configDir == "" && queue.EximHere() {
		return queue.Exim{Program: s.exim, Config: s.eximConfig, Fold: blocklist.Fold, Deliver: !s.confined}
	}
	return queue.Local{ConfigDir: s.configDir, Fold: blocklist.Fold}
}

func (s *queueSetup) open() mailQueue {
	if s.socket == "" && os.Geteuid() == 0 {
		return s.local()
	}
	if s.socket == "" {
		return queue.Remote{Socket: queue.DefaultSocket}
	}
	return queue.Remote{Socket: s.socket}
}

// queueCommand is how `sendwarden queue` was called.
type queueCommand struct {
	queueSetup
	daemon        reach
	all, asJSON   bool
	hold, release bool
	whoever       bool
}

func newQueue() *cobra.Command {
	var c queueCommand
	cmd := &cobra.Command{
		Use:   "queue USER [ID…]",
		Short: "Show, hold or release a user's mail in the queue",
		Long: `Queue shows which mail of a user has not been delivered yet, and what of it is
on hold. --hold keeps it from being delivered. --release lets go what the daemon
holds of the user; what somebody else put on hold goes when its queue id is named,
or with --whoever. Ids behind the user's name are for --hold, too. A message is the user's when
Postfix or Exim recorded that this user logged in to send it, whatever its sender
address says. In Exim's words, it is frozen and thawed; local:ACCOUNT is what an
account handed in that called exim. Nothing is ever deleted.

Run it as root, or as the user that queue-helper serves.`,
		Example: `  sendwarden queue info@example.es
  sendwarden queue info@example.es --release A672A9BAA49`,
		Args: atLeast(1, "a user name"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], args[1:]) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&c.all, "all", false, "show each message, not only the oldest ten")
	flags.BoolVar(&c.asJSON, "json", false, "print one JSON object a line")
	flags.BoolVar(&c.hold, "hold", false, "hold the mail")
	flags.BoolVar(&c.release, "release", false, "release the mail that the daemon holds")
	flags.BoolVar(&c.whoever, "whoever", false, "with --release: whoever put it on hold")
	flags.StringVar(&c.configDir, "postfix-config", "", "Postfix's configuration `DIR`, if not its default")
	c.eximSetup.flags(cmd)
	c.daemon.flags(cmd)
	flags.StringVar(&c.socket, "socket", "", "ask the queue-helper at this `SOCKET` (default for others than root: "+queue.DefaultSocket+")")
	return cmd
}

func (c *queueCommand) run(cmd *cobra.Command, user string, ids []string) error {
	if c.hold && c.release {
		return usageError{errors.New("either --hold or --release")}
	}
	if c.whoever && (!c.release || len(ids) > 0) {
		return usageError{errors.New("--whoever goes with --release, and without queue ids")}
	}
	if len(ids) == 0 {
		ids = nil // all
	}
	q := c.open()
	out := bufio.NewWriter(cmd.OutOrStdout())
	var err error
	switch {
	case c.hold:
		var result queue.Result
		result, err = q.Hold(cmd.Context(), user, ids)
		err = c.printResult(out, result, err, func() { printHeld(out, user, result) })
	case c.release:
		err = c.letGo(cmd.Context(), q, out, user, ids)
	default:
		err = c.list(cmd.Context(), q, out, user, ids)
	}
	return errors.Join(err, out.Flush())
}

// letGo releases the messages named, else those that the daemon holds: a person may
// have put others on hold for a reason of their own.
func (c *queueCommand) letGo(ctx context.Context, q mailQueue, out io.Writer, user string, ids []string) (err error) {
	ours := ids == nil && !c.whoever
	if ours {
		if ids, err = c.heldByDaemon(ctx, user); err != nil {
			return err
		}
	}
	result, err := q.Release(ctx, user, ids)
	if ours { // what it held and has gone otherwise is nobody's business
		result = slices.DeleteFunc(result, func(d queue.Done) bool { return d.Outcome == queue.Gone || d.Outcome == queue.NotHeld })
	}
	err = c.printResult(out, result, err, func() { printReleased(out, user, result) })
	if err != nil || !ours || c.asJSON {
		return err
	}
	mail, err := q.List(ctx, user)
	others := 0
	for _, m := range mail {
		if m.Held() {
			others++
		}
	}
	if others > 0 {
		fmt.Fprintf(out, "%s on hold by somebody else than the daemon: `sendwarden queue %s --release --whoever` lets that go, too.\n", words.Count(others, "message"), maillog.Mask(user))
	}
	return err
}

// heldByDaemon are the messages that the daemon holds of a user.
func (c *queueCommand) heldByDaemon(ctx context.Context, user string) (ids []string, err error) {
	rules, origin, err := c.daemon.rules()
	if err != nil {
		return nil, err
	}
	client, _, err := c.daemon.client(ctx, origin, rules)
	if absent(err) {
		return nil, fmt.Errorf("no daemon can be asked what it holds of %s (name queue ids, or --whoever for all that is on hold)", maillog.Mask(user))
	}
	if err != nil {
		return nil, err
	}
	defer client.Close()
	account, err := client.Account(ctx, user)
	var unknown *control.Error
	if errors.As(err, &unknown) && unknown.Status == 404 {
		err = nil // then it holds nothing
	}
	ids = []string{}
	for _, m := range account.Held {
		if queue.IsID(m.QueueID) {
			ids = append(ids, m.QueueID)
		}
	}
	return ids, err
}

// printResult prints what was done, also when not all of it could be.
func (c *queueCommand) printResult(out io.Writer, result queue.Result, err error, text func()) error {
	switch {
	case c.asJSON:
		for _, done := range result {
			writeJSON(out, done)
		}
	case err == nil || len(result) > 0:
		text()
		printLeft(out, result)
	}
	if failed := result.IDs(queue.Failed, queue.Unreadable); err == nil && len(failed) > 0 {
		return fmt.Errorf("%s could not be moved: %s", words.Count(len(failed), "message"), shorten(strings.Join(failed, " "), 200))
	}
	return err
}

func printHeld(out io.Writer, user string, result queue.Result) {
	name := maillog.Mask(user)
	n := len(result.IDs(queue.Held))
	if n == 0 {
		fmt.Fprintf(out, "There is no mail of %s to hold.\n", name)
		return
	}
	fmt.Fprintf(out, "%s of %s on hold now. `sendwarden queue %s --release --whoever` lets it go.\n", words.Count(n, "message"), name, name)
}

func printReleased(out io.Writer, user string, result queue.Result) {
	name := maillog.Mask(user)
	n := len(result.IDs(queue.Released, queue.Requeued))
	if n == 0 {
		fmt.Fprintf(out, "There is no mail of %s to let go.\n", name)
		return
	}
	fmt.Fprintf(out, "%s of %s released. `sendwarden queue %s --hold` holds again what has not gone yet.\n", words.Count(n, "message"), name, name)
	if old := len(result.IDs(queue.Requeued)); old > 0 {
		fmt.Fprintf(out, "%s had waited so long that Postfix takes them in anew, under other queue ids.\n", words.Count(old, "message"))
	}
}

// printLeft says what was left alone, and why.
func printLeft(out io.Writer, result queue.Result) {
	for _, why := range []struct {
		outcome queue.Outcome
		text    string
	}{
		{queue.AlreadyHeld, "on hold already"},
		{queue.NotHeld, "not on hold"},
		{queue.Foreign, "not this user's, and left alone"},
		{queue.Gone, "not in the queue (any more)"},
		{queue.Unfinished, "still being received"},
	} {
		if n := len(result.IDs(why.outcome)); n > 0 {
			fmt.Fprintf(out, "%s: %s.\n", words.Count(n, "message"), why.text)
		}
	}
}

// shownMail is how many messages are shown without --all.
const shownMail = 10

func (c *queueCommand) list(ctx context.Context, q mailQueue, out io.Writer, user string, ids []string) error {
	mail, err := q.List(ctx, user)
	if err != nil {
		return err
	}
	if ids != nil {
		mail = slices.DeleteFunc(mail, func(m queue.Mail) bool { return !slices.Contains(ids, m.ID) })
	}
	if c.asJSON {
		for _, m := range mail {
			writeJSON(out, m)
		}
		return nil
	}
	return printMail(out, user, mail, c.all)
}

func printMail(out io.Writer, user string, mail []queue.Mail, all bool) error {
	name := maillog.Mask(user)
	if len(mail) == 0 {
		fmt.Fprintf(out, "No mail of %s is in the queue.\nThe name has to be the one that Postfix logs as sasl_username, or Exim behind A=.\n", name)
		return nil
	}
	held, recipients, size := 0, 0, int64(0)
	for _, m := range mail {
		recipients += m.Recipients
		size += m.Size
		if m.Held() {
			held++
		}
	}
	fmt.Fprintf(out, "%s of %s in the queue, %s on hold;\n", words.Count(len(mail), "message"), name, words.Thousands(held))
	fmt.Fprintf(out, "%s, %s, the oldest since %s.\n\n", words.Count(recipients, "recipient"), words.Size(size), mail[0].Arrived.Local().Format(words.Stamp))
	shown := mail
	if !all && len(mail) > shownMail {
		shown = mail[:shownMail]
	}
	if err := mailTable(out, shown); err != nil {
		return err
	}
	if more := len(mail) - len(shown); more > 0 {
		fmt.Fprintf(out, "\nand %s more (--all shows each)\n", words.Thousands(more))
	}
	fmt.Fprintln(out)
	if held > 0 {
		fmt.Fprintf(out, "`sendwarden queue %s --release` lets go what the daemon holds.\n", name)
	}
	if held < len(mail) {
		fmt.Fprintf(out, "`sendwarden queue %s --hold` holds what is not.\n", name)
	}
	return nil
}

// mailTable writes a line for each message, and its subject below, within 80
// columns.
func mailTable(out io.Writer, mail []queue.Mail) error {
	rows := [][]string{{"ID", "QUEUE", "SINCE", "SIZE", "TO"}}
	for _, m := range mail {
		to := strings.Join(m.To[:min(len(m.To), 1)], "")
		if m.Recipients > 1 {
			to += fmt.Sprintf(" and %s more", words.Thousands(m.Recipients-1))
		}
		rows = append(rows, []string{m.ID, m.Queue, m.Arrived.Local().Format("01-02 15:04"), words.Size(m.Size), to})
	}
	var lines strings.Builder
	if err := words.Table(&lines, rows); err != nil {
		return err
	}
	for i, line := range strings.Split(strings.TrimSuffix(lines.String(), "\n"), "\n") {
		fmt.Fprintln(out, shorten(line, 80))
		if i > 0 && mail[i-1].Subject != "" {
			fmt.Fprintln(out, shorten("    "+mail[i-1].Subject, 80))
		}
	}
	return nil
}
