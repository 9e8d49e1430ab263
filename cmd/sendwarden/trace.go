package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/trace"

	"github.com/spf13/cobra"
)

type traceCommand struct {
	setup
	json, lines, all bool
	to               bool
}

func newTrace() *cobra.Command {
	var c traceCommand
	cmd := &cobra.Command{
		Use:   "trace WHAT [FILE…]",
		Short: "Follow a message or a sender through the log",
		Long: `Trace tells what became of a message: who handed it in, from where, to whom it
went, and how that ended; through content filters, aliases and bounces, which
give it other queue ids.

WHAT is a queue id, a message-id, a user name, a sender's address, a client's
address, or uid:33 for a local account; with --to a recipient's address.

FILE may be plain or compressed (gzip, zstd, xz, bzip2); - is standard input.
Without one it is the log that run would follow, with its rotated elders.`,
		Example: "  sendwarden trace A672A9BAA49\n  sendwarden trace info@example.es /var/log/mail.log\n  sendwarden trace --to leo@example.com",
		Args:    atLeast(1, "a queue id, a message-id, a user or an address"),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], args[1:]) },
	}
	c.flags(cmd)
	c.timezoneFlag(cmd)
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object a message instead of text")
	cmd.Flags().BoolVar(&c.lines, "lines", false, "show the lines of the log as well")
	cmd.Flags().BoolVar(&c.all, "all", false, "tell of each message, however many there are")
	cmd.Flags().BoolVar(&c.to, "to", false, "WHAT is a recipient's address")
	return cmd
}

func (c *traceCommand) run(cmd *cobra.Command, what string, files []string) error {
	query, err := trace.NewQuery(what)
	if c.to {
		query, err = trace.To(what)
	}
	if err != nil {
		return usageError{fmt.Errorf("%s: %w", maillog.Mask(what), err)}
	}
	zone, err := c.zone()
	if err != nil {
		return err
	}
	rules, _, err := c.rules()
	if err != nil {
		return err
	}
	places, err := c.places(rules)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		run := runCommand{listSetup: listSetup{setup: c.setup}}
		if files, err = run.sources(rules, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
		files = withElders(files)
	}
	files, forget, err := rereadable(cmd, files)
	defer forget()
	if err != nil {
		return err
	}
	search := trace.New(query, c.lines)
	for search.Pass() {
		if err := c.pass(cmd, search, files, zone); err != nil {
			return err
		}
	}
	stories, more := search.Stories()
	out := bufio.NewWriter(cmd.OutOrStdout())
	if c.json {
		for _, s := range stories {
			writeJSON(out, newStoryOut(s, places))
		}
	} else {
		t := traceText{out: forPeople(out, c.lines), places: places, all: c.all}
		t.write(what, stories, more)
	}
	return errors.Join(err, out.Flush())
}

// pass reads all logs once.
func (c *traceCommand) pass(cmd *cobra.Command, search *trace.Search, files []string, zone *time.Location) error {
	logs, err := past.Open(files, zone, time.Now())
	if err != nil {
		return err
	}
	defer logs.Close()
	finish := showProgress(cmd.ErrOrStderr(), logs)
	defer finish()
	return searchLogs(cmd.Context(), logs, search)
}

// searchLogs reads the logs for one pass of a search, oldest first.
func searchLogs(ctx context.Context, logs *past.Logs, s *trace.Search) error {
	idle := make(chan *trace.Finder, 64)
	var errs []error
	for _, l := range logs.Files {
		var done int64
		errs = append(errs, follow.Blocks(l.Old, func(b *follow.Block[[]trace.Span]) {
			var f *trace.Finder
			select {
			case f = <-idle:
			default:
				f = s.Finder()
			}
			b.Found = f.Find(b.Data, b.Found[:0])
			select {
			case idle <- f:
			default:
			}
		}, func(b *follow.Block[[]trace.Span]) error {
			if ctx.Err() != nil {
				return past.ErrStopped
			}
			for _, span := range b.Found {
				s.Take(b.Data[span.Start:span.End], l.Parser)
			}
			read := l.Done(b.Offset + int64(len(b.Data)))
			logs.Bar(read - done)
			done = read
			return nil
		}))
	}
	return errors.Join(errs...)
}

// withElders adds to logs that are followed what was rotated away of them.
func withElders(logs []string) (files []string) {
	for _, name := range logs {
		if name != follow.Journal && name != follow.Stdin {
			elders, _ := follow.Elders(name) // those that are there
			files = append(files, elders...)
		}
		files = append(files, name)
	}
	return files
}

// journalPast is how much of the journal is looked at.
const journalPast = "7 days ago"

// rereadable copies what can be read only once, standard input and the journal, to
// files that vanish with the program.
func rereadable(cmd *cobra.Command, files []string) (names []string, forget func(), err error) {
	var open []*os.File
	forget = func() {
		for _, f := range open {
			f.Close()
		}
	}
	for _, name := range files {
		var copied *os.File
		switch name {
		case follow.Stdin:
			copied, err = spool(func(to io.Writer) error { _, err := io.Copy(to, cmd.InOrStdin()); return err })
		case follow.Journal:
			copied, err = spool(func(to io.Writer) error { return readJournal(cmd.Context(), to) })
		default:
			names = append(names, name)
			continue
		}
		if err != nil {
			return nil, forget, fmt.Errorf("%s: %w", name, err)
		}
		open = append(open, copied)
		names = append(names, fmt.Sprintf("/proc/self/fd/%d", copied.Fd()))
	}
	return names, forget, nil
}

// spool fills a file that has no name any more.
func spool(fill func(io.Writer) error) (*os.File, error) {
	f, err := os.CreateTemp("", "sendwarden-trace")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Remove(f.Name()), fill(f)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func readJournal(ctx context.Context, to io.Writer) error {
	journal := exec.CommandContext(ctx, "journalctl", "--quiet", "--all", "--output=json", "--since="+journalPast, "SYSLOG_FACILITY=2")
	journal.Stdout = to
	return journal.Run()
}

// storyOut is one line of `trace --json`, a format that others build on.
type storyOut struct {
	Type       string         `json:"type"`
	ID         string         `json:"queue_id"`
	Host       string         `json:"host,omitempty"`
	Queue      string         `json:"queue,omitempty"`
	Began      *time.Time     `json:"began,omitempty"`
	Ended      *time.Time     `json:"ended,omitempty"`
	Gone       bool           `json:"removed"`
	User       string         `json:"user,omitempty"`
	Method     string         `json:"method,omitempty"`
	UID        *int           `json:"uid,omitempty"`
	IP         string         `json:"ip,omitempty"`
	ClientName string         `json:"client_name,omitempty"`
	Country    string         `json:"country,omitempty"`
	ASN        uint32         `json:"asn,omitempty"`
	Service    string         `json:"service,omitempty"`
	From       *string        `json:"from,omitempty"`
	Size       int64          `json:"size,omitempty"`
	Recipients int            `json:"nrcpt,omitempty"`
	MessageID  string         `json:"message_id,omitempty"`
	Outcomes   map[string]int `json:"outcomes"`
	Deliveries []deliveryOut  `json:"deliveries"`
	Remarks    []remarkOut    `json:"remarks"`
	Links      []linkOut      `json:"links"`
	Lines      []string       `json:"lines,omitempty"`
	Left       int            `json:"left_out,omitempty"`
}

type deliveryOut struct {
	To     string    `json:"to"`
	OrigTo string    `json:"orig_to,omitempty"`
	Status string    `json:"status"`
	Relay  string    `json:"relay,omitempty"`
	DSN    string    `json:"dsn,omitempty"`
	Reason string    `json:"reason,omitempty"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Times  int       `json:"attempts"`
}

type remarkOut struct {
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

type linkOut struct {
	Kind   trace.Kind `json:"kind"`
	ID     string     `json:"queue_id"`
	Before bool       `json:"before"`
}

func newStoryOut(s *trace.Story, places *geo.DB) storyOut {
	out := storyOut{
		Type: "message", ID: s.ID, Host: s.Host, Queue: s.Queue, Gone: s.Gone, User: s.User, Method: s.Method,
		ClientName: s.ClientName, Service: s.Service, Size: s.Size, Recipients: s.Recipients, MessageID: s.MessageID,
		Outcomes: s.Outcomes, Lines: s.Lines, Left: s.Left,
		Deliveries: []deliveryOut{}, Remarks: []remarkOut{}, Links: []linkOut{},
	}
	if !s.Began.IsZero() {
		out.Began, out.Ended = &s.Began, &s.Ended
	}
	if s.UID != maillog.NoUID {
		out.UID = &s.UID
	}
	if s.Addr.IsValid() {
		place := places.Place(s.Addr)
		out.IP, out.Country, out.ASN = s.Addr.String(), place.Country, place.ASN
	}
	if s.Known || s.From != "" {
		out.From = &s.From
	}
	for _, d := range s.Deliveries {
		out.Deliveries = append(out.Deliveries, deliveryOut(d))
	}
	for _, r := range s.Remarks {
		out.Remarks = append(out.Remarks, remarkOut(r))
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, linkOut{l.Kind, l.ID, l.Before})
	}
	return out
}
