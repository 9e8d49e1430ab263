package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/tally"

	"github.com/spf13/cobra"
)

type statsCommand struct {
	setup
	json bool
	top  int
	html string
}

func newStats() *cobra.Command {
	var c statsCommand
	cmd := &cobra.Command{
		Use:   "stats FILE…",
		Short: "Count what a log says: programs, messages, hours, senders, countries",
		Long: `Stats counts what logs say: the lines of each program and what that program
does, the messages that came in, went out, bounced, waited or were refused, by
hour, user, local account, PHP script, sender, country and recipient domain, and
what was not understood.

FILE may be plain or compressed (gzip, zstd, xz, bzip2); - is standard input.`,
		Example: "  sendwarden stats /var/log/mail.log\n  sendwarden stats --json /var/log/exim4/mainlog",
		Args:    atLeast(1, "log files (- for standard input)"),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.flags(cmd)
	c.timezoneFlag(cmd)
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object with everything instead of tables")
	cmd.Flags().StringVar(&c.html, "html", "", "write a page for people to `FILE`.html, with charts")
	cmd.Flags().IntVar(&c.top, "top", 10, "how many `NAMES` each table shows")
	return cmd
}

func (c *statsCommand) run(cmd *cobra.Command, files []string) error {
	defer stopIdle(cmd)()
	if c.top < 1 {
		return usageError{errors.New("--top must be at least 1")}
	}
	if err := checkHTML(c.html); err != nil {
		return err
	}
	_, places, logs, err := c.openLogs(files)
	if err != nil {
		return err
	}
	defer logs.Close()

	finish := showProgress(cmd.ErrOrStderr(), logs)
	counts, err := countLogs(cmd.Context(), logs, tally.NewCounter(places))
	finish()
	if errors.Is(err, past.ErrStopped) {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	if c.json {
		writeJSON(out, newStatsOut(counts))
	} else if err := writeStats(&narrow{to: out}, counts, c.top); err != nil {
		return err
	}
	err = errors.Join(err, out.Flush())
	if c.html != "" {
		err = errors.Join(err, writeWhole(c.html, newStatsPage(counts).Write))
	}
	return err
}

// countLogs counts all logs, oldest first, with what could be read before an error.
func countLogs(ctx context.Context, logs *past.Logs, counter tally.Counter) (*tally.Counts, error) {
	// Whoever counts a block takes one of these; there are as many as blocks
	// are counted at the same time.
	idle := make(chan *tally.Counts, runtime.GOMAXPROCS(0))
	for range cap(idle) {
		idle <- tally.NewCounts()
	}
	total, order := tally.NewCounts(), tally.NewOrder()
	var errs []error
	for _, l := range logs.Files {
		of := counter.Of(logs.Options(l.Old))
		var done int64
		errs = append(errs, follow.Blocks(l.Old, func(b *follow.Block[[]tally.Note]) {
			counts := <-idle
			b.Found = of.Block(b.Data, counts, b.Found[:0])
			idle <- counts
		}, func(b *follow.Block[[]tally.Note]) error {
			if ctx.Err() != nil {
				return past.ErrStopped
			}
			order.Count(b.Found)
			read := l.Done(b.Offset + int64(len(b.Data)))
			logs.Bar(read - done)
			done = read
			return nil
		}))
	}
	order.AddTo(total)
	for range cap(idle) {
		total.Add(<-idle)
	}
	return total, errors.Join(errs...)
}

// statsOut is what `stats --json` prints, a format that others build on.
type statsOut struct {
	Lines      int             `json:"lines"`
	From       *time.Time      `json:"from,omitempty"`
	To         *time.Time      `json:"to,omitempty"`
	Programs   []programOut    `json:"programs"`
	Messages   outcomesOut     `json:"messages"`
	Bytes      int64           `json:"bytes"`
	Hours      [24]outcomesOut `json:"hours"`
	Reinjected int             `json:"reinjected"`
	Waiting    int             `json:"messages_deferred"`
	Users      []countOut      `json:"users"`
	Accounts   []countOut      `json:"accounts"`
	Scripts    []countOut      `json:"scripts"`
	Senders    []countOut      `json:"senders"`
	Countries  []countOut      `json:"countries"`
	Domains    []countOut      `json:"recipient_domains"`
	Unframed   int             `json:"lines_of_unknown_shape"`
	Odd        int             `json:"lines_not_understood"`
	Samples    []string        `json:"samples"`
}

type programOut struct {
	Name  string `json:"name"`
	Lines int    `json:"lines"`
	What  string `json:"what,omitempty"`
}

type countOut struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

type outcomesOut struct {
	Accepted  int `json:"accepted"`
	Sent      int `json:"sent"`
	Forwarded int `json:"forwarded"`
	Bounced   int `json:"bounced"`
	Deferred  int `json:"deferred"`
	Rejected  int `json:"rejected"`
	Held      int `json:"held"`
	Failed    int `json:"failed_logins"`
}

func newStatsOut(c *tally.Counts) statsOut {
	out := statsOut{
		Lines: c.Lines, Messages: newOutcomesOut(c.Total), Bytes: c.Bytes, Reinjected: c.Reinjected, Waiting: c.Waiting,
		Users: ranked(c.Users), Accounts: ranked(c.Accounts), Scripts: ranked(c.Scripts), Senders: ranked(c.Senders),
		Countries: ranked(c.Countries), Domains: ranked(c.Domains), Unframed: c.Unframed, Odd: c.Odd, Samples: c.Samples,
	}
	if !c.From.IsZero() {
		out.From, out.To = &c.From, &c.To
	}
	for _, p := range ranked(c.Programs) {
		out.Programs = append(out.Programs, programOut{p.Name, p.Count, whatIs(p.Name)})
	}
	for i, hour := range c.Hours {
		out.Hours[i] = newOutcomesOut(hour)
	}
	return out
}

func newOutcomesOut(n [tally.Outcomes]int) outcomesOut {
	return outcomesOut{
		n[tally.Accepted], n[tally.Sent], n[tally.Forwarded], n[tally.Bounced],
		n[tally.Deferred], n[tally.Rejected], n[tally.Held], n[tally.Failed],
	}
}

// ranked is a table from the largest count to the least.
func ranked(t tally.Table) []countOut {
	out := make([]countOut, 0, len(t))
	for name, n := range t {
		out = append(out, countOut{maillog.Mask(name), n})
	}
	slices.SortFunc(out, func(a, b countOut) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return out
}
