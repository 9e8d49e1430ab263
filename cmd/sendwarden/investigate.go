package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"sendwarden/geo"
	"sendwarden/investigate"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/queue"
	"sendwarden/trace"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

type investigateCommand struct {
	setup
	eximSetup
	configDir string
	json      bool
	ids       string
	queue     string
}

func newInvestigate() *cobra.Command {
	var c investigateCommand
	cmd := &cobra.Command{
		Use:   "investigate [LOG…]",
		Short: "Find out who fills the mail queue, and what to do about it",
		Long: `Investigate looks at Postfix's or Exim's queue and at the log, and tells who fills
the queue: which account, local account or script, which client; with forged senders
or not; whether it is bounces to people who never wrote, or an alias that makes
many messages of one. For each it says what to do, command by command. It changes
nothing itself and deletes nothing.

Run it as root: who handed a message in stands in the queue's files, which only
root may read. Others get what postqueue (exim -bp) and the log tell. LOG is the log that
run would follow if none is named.

--ids prints the queue ids of one origin, as the commands that it proposes want
them: user:NAME, uid:NUMBER, host:ADDRESS, bounces or unknown. With --queue they are
those in one of Exim's named queues, and without it those in its own.`,
		Example: "  sendwarden investigate\n  sendwarden investigate --ids uid:33 | postsuper -h -\n  sendwarden investigate --ids local:www-data | xargs -r exim4 -Mf",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.setup.flags(cmd)
	c.eximSetup.flags(cmd)
	c.timezoneFlag(cmd)
	cmd.Flags().StringVar(&c.configDir, "postfix-config", "", "Postfix's configuration `DIR`, if not its default")
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object with everything instead of text")
	cmd.Flags().StringVar(&c.ids, "ids", "", "only print the queue ids of one `ORIGIN`")
	cmd.Flags().StringVar(&c.queue, "queue", "", "with --ids: in Exim's queue of that `NAME`")
	return cmd
}

func (c *investigateCommand) run(cmd *cobra.Command, files []string) error {
	rules, _, err := c.rules()
	if err != nil {
		return err
	}
	places, err := c.places(rules)
	if err != nil {
		return err
	}
	server, mail := c.server(rules.Table == "lsearch")
	inquiry := investigate.New(server)
	if err := lookAtQueue(cmd.Context(), mail, inquiry); err != nil {
		return err
	}
	var notes []string
	if len(files) == 0 {
		run := runCommand{listSetup: listSetup{setup: c.setup}}
		if files, err = run.sources(rules, slog.New(slog.DiscardHandler)); err != nil {
			notes, files = append(notes, err.Error()), nil
		}
	}
	if err := c.readLogs(cmd, inquiry, files); err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	switch {
	case c.ids != "":
		err = printIDs(out, inquiry, c.ids, c.queue)
	case c.json:
		writeJSON(out, newInquiryOut(inquiry, places))
	default:
		writeInquiry(out, inquiry, places)
		for _, note := range notes {
			fmt.Fprintf(out, "\nWithout a log: %s\n", note)
		}
	}
	return errors.Join(err, out.Flush())
}

// surveyed is a queue that is looked at as a whole: queue.Local's or queue.Exim's.
type surveyed interface {
	Waiting(ctx context.Context, visit func(queue.Waiting)) error
	Survey(ctx context.Context, visit func(queue.Item) error) error
}

// server is whose queue it is. Rules that make a table for Exim speak of Exim's.
func (c *investigateCommand) server(forExim bool) (investigate.Server, surveyed) {
	if c.configDir == "" {
		c.is = forExim
	}
	mail, is := (&queueSetup{configDir: c.configDir, eximSetup: c.eximSetup}).local().(queue.Exim)
	if !is {
		return investigate.Postfix(), queue.Local{ConfigDir: c.configDir}
	}
	return investigate.Exim(mail.Command()), mail
}

// lookAtQueue lists the queue, and with root's rights who handed each message in.
func lookAtQueue(ctx context.Context, mail surveyed, inquiry *investigate.Inquiry) error {
	if err := mail.Waiting(ctx, inquiry.Wait); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return mail.Survey(ctx, func(m queue.Item) error { inquiry.Add(m); return nil })
}

// readLogs tells the inquiry what has gone already, and why bounces were written.
func (c *investigateCommand) readLogs(cmd *cobra.Command, inquiry *investigate.Inquiry, files []string) error {
	if len(files) == 0 {
		return nil
	}
	zone, err := c.zone()
	if err != nil {
		return err
	}
	files, forget, err := rereadable(cmd, files)
	defer forget()
	if err != nil {
		return err
	}
	logs, err := past.Open(files, zone, time.Now())
	if err != nil {
		return err
	}
	logs.Skimmed = !inquiry.Server().ByLog
	finish := showProgress(cmd.ErrOrStderr(), logs)
	for _, ev := range logs.All(cmd.Context()) {
		inquiry.Hear(ev)
	}
	finish()
	if err := errors.Join(logs.Err, logs.Close()); err != nil {
		return err
	}
	for _, o := range inquiry.Origins() {
		if o.Kind == investigate.Bounces && o.Messages > 0 {
			return c.causes(cmd, o, files, zone)
		}
	}
	return nil
}

// sampledBounces is how many are followed back to what they answer.
const sampledBounces = 50

// causes follows some bounces back to the messages that they answer.
func (c *investigateCommand) causes(cmd *cobra.Command, bounces *investigate.Origin, files []string, zone *time.Location) error {
	search := trace.New(trace.Messages(bounces.Some(sampledBounces)), false)
	t := traceCommand{setup: c.setup}
	for search.Pass() {
		if err := t.pass(cmd, search, files, zone); err != nil {
			return err
		}
	}
	stories, _ := search.Stories()
	for _, s := range stories {
		for _, l := range s.Links {
			if l.Kind == trace.Bounce && !l.Before {
				bounces.Causes[cause(s)]++
			}
		}
	}
	return nil
}

// cause says what a bounce answers.
func cause(s *trace.Story) string {
	who := "mail of clients where nobody logged in"
	switch {
	case s.UID != maillog.NoUID:
		who = fmt.Sprintf("mail of uid %d", s.UID)
	case s.User != "":
		who = "mail of " + s.User
	}
	for _, d := range s.Deliveries {
		if d.Status == "bounced" {
			return fmt.Sprintf("they answer %s to %s: %s", who, d.To, d.Reason)
		}
	}
	return "they answer " + who
}

func printIDs(out io.Writer, inquiry *investigate.Inquiry, key, queue string) error {
	var known []string
	for _, o := range inquiry.Origins() {
		if o.Key() != key {
			known = append(known, o.Key())
			continue
		}
		ids := o.IDs
		if queue != "" {
			ids = o.Named[queue]
		}
		for _, id := range ids {
			fmt.Fprintln(out, id)
		}
		if named := slices.Sorted(maps.Keys(o.Named)); len(ids) == 0 && len(named) > 0 {
			return fmt.Errorf("--ids %s: nothing of it in this queue (name another: --queue %s)", maillog.Mask(key), strings.Join(named, ", or --queue "))
		}
		return nil
	}
	return fmt.Errorf("--ids %s: nothing of it in the queue (there is %s)", maillog.Mask(key), cmp.Or(maillog.Mask(strings.Join(known, ", ")), "nothing"))
}

// spread writes the countries that an origin's clients are in: " in 3 countries (BR
// 4, RU 2, VN 1)".
func spread(places *geo.DB) func(*investigate.Origin) string {
	return func(o *investigate.Origin) string {
		countries := investigate.Table{}
		for _, clients := range []map[netip.Addr]int{o.Clients, o.Past.Clients} {
			for addr := range clients {
				p := places.Place(addr)
				countries[cmp.Or(p.Country, p.Kind.String())]++
			}
			if len(countries) > 0 {
				break
			}
		}
		if len(countries) == 0 {
			return ""
		}
		return " in " + strings.Join(countries.Top(8), ", ")
	}
}

func writeInquiry(out io.Writer, inquiry *investigate.Inquiry, places *geo.DB) {
	server := inquiry.Server()
	if inquiry.Messages == 0 {
		fmt.Fprintf(out, "%s's queue is empty.\n", server.Name)
		return
	}
	fmt.Fprintf(out, "In %s's queue: %s to %s, %s %s.\n", server.Name, words.Count(inquiry.Messages, "message"), words.Count(inquiry.Recipients, "recipient"), words.Thousands(inquiry.Held), server.Held)
	rows := [][]string{{"MESSAGES", "RECIPIENTS", "FROM"}}
	for _, o := range inquiry.Origins() {
		if len(rows) <= 10 {
			rows = append(rows, []string{words.Thousands(o.Messages), words.Thousands(o.Recipients), maillog.Mask(o.Key())})
		}
	}
	fmt.Fprintln(out)
	words.Fit(rows, words.Width, 2)
	_ = words.Table(out, rows) // a failed write shows when the buffer is flushed
	findings := inquiry.Findings(spread(places))
	if len(findings) == 0 {
		fmt.Fprintln(out, "\nNobody in particular fills it.")
	}
	for i, f := range findings {
		fmt.Fprintln(out)
		paragraph(out, fmt.Sprintf("%d. ", i+1), f.Title, 3)
		for _, fact := range f.Facts {
			paragraph(out, "   - ", fact, 5)
		}
		for _, step := range f.Steps {
			paragraph(out, "   ", upperFirst(step.Why)+":", 3)
			if step.Command != "" {
				fmt.Fprintf(out, "       %s\n", step.Command)
			}
		}
	}
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// inquiryOut is what `investigate --json` prints, a format that others build on.
type inquiryOut struct {
	Messages   int                   `json:"messages"`
	Recipients int                   `json:"recipients"`
	Held       int                   `json:"held"`
	Origins    []originOut           `json:"origins"`
	Findings   []investigate.Finding `json:"findings"`
}

type originOut struct {
	Origin     string             `json:"origin"`
	Messages   int                `json:"messages"`
	Recipients int                `json:"recipients"`
	Held       int                `json:"held"`
	Bytes      int64              `json:"bytes"`
	Oldest     time.Time          `json:"oldest"`
	Newest     time.Time          `json:"newest"`
	Senders    investigate.Table  `json:"senders,omitempty"`
	Scripts    investigate.Table  `json:"scripts,omitempty"`
	Clients    map[netip.Addr]int `json:"clients,omitempty"`
	IDs        []string           `json:"queue_ids"`
	// Named are those in Exim's named queues.
	Named map[string][]string `json:"named_queues,omitempty"`
}

func newInquiryOut(inquiry *investigate.Inquiry, places *geo.DB) inquiryOut {
	out := inquiryOut{
		Messages: inquiry.Messages, Recipients: inquiry.Recipients, Held: inquiry.Held,
		Origins: []originOut{}, Findings: inquiry.Findings(spread(places)),
	}
	for _, o := range inquiry.Origins() {
		out.Origins = append(out.Origins, originOut{
			o.Key(), o.Messages, o.Recipients, o.Held, o.Bytes, o.Oldest, o.Newest, o.Senders, o.Scripts, o.Clients, o.IDs, o.Named,
		})
	}
	return out
}
