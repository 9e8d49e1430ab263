package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

type parseCommand struct {
	setup
	json bool
}

func newParse() *cobra.Command {
	var c parseCommand
	cmd := &cobra.Command{
		Use:   "parse FILE…",
		Short: "Show what the lines of a log are understood as",
		Long: `Parse prints the events that the lines of a log mean, one a line, and at the
end what it did not understand.`,
		Args: atLeast(1, "log files (- for standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object a line")
	c.timezoneFlag(cmd)
	return cmd
}

func (c *parseCommand) run(cmd *cobra.Command, files []string) error {
	defer stopIdle(cmd)()
	zone, err := c.zone()
	if err != nil {
		return err
	}
	logs, err := past.Open(files, zone, time.Now())
	if err != nil {
		return err
	}
	defer logs.Close()
	logs.Skimmed = false
	out := bufio.NewWriter(cmd.OutOrStdout())
	events := 0
	for l, ev := range logs.All(cmd.Context()) {
		events++
		if c.json {
			writeJSON(out, newEventOut(l, ev))
		} else {
			writeEvent(out, l, ev)
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if errors.Is(logs.Err, past.ErrStopped) {
		return logs.Err
	}
	notUnderstood(cmd.ErrOrStderr(), logs, events)
	return logs.Err
}

// eventOut is one line of `parse --json`, a format that others build on.
type eventOut struct {
	File       string     `json:"file"`
	Line       int64      `json:"line"`
	Type       string     `json:"type"`
	Source     string     `json:"source"`
	Time       *time.Time `json:"time,omitempty"`
	Host       string     `json:"host,omitempty"`
	Service    string     `json:"service,omitempty"`
	Instance   string     `json:"instance,omitempty"`
	User       string     `json:"user,omitempty"`
	IP         string     `json:"ip,omitempty"`
	Port       uint16     `json:"port,omitempty"`
	ClientName string     `json:"client_name,omitempty"`
	Method     string     `json:"method,omitempty"`
	QueueID    string     `json:"queue_id,omitempty"`
	SASLSender string     `json:"sasl_sender,omitempty"`
	OrigID     string     `json:"orig_queue_id,omitempty"`
	OrigClient string     `json:"orig_client,omitempty"`
	From       *string    `json:"from,omitempty"`
	Size       int64      `json:"size,omitempty"`
	Recipients int        `json:"nrcpt,omitempty"`
	MessageID  string     `json:"message_id,omitempty"`
	To         string     `json:"to,omitempty"`
	OrigTo     string     `json:"orig_to,omitempty"`
	Relay      string     `json:"relay,omitempty"`
	DSN        string     `json:"dsn,omitempty"`
	Status     string     `json:"status,omitempty"`
	UID        *int       `json:"uid,omitempty"`
	Script     string     `json:"script,omitempty"`
	ScriptLine int        `json:"script_line,omitempty"`
	URL        string     `json:"url,omitempty"`
	Action     string     `json:"action,omitempty"`
	Stage      string     `json:"stage,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Repeat     int        `json:"repeat,omitempty"`
	Doubtful   bool       `json:"doubtful,omitempty"` // a name that is not acted on from a log
}

func newEventOut(l *past.Log, ev *maillog.Event) eventOut {
	out := eventOut{
		File: l.Name, Line: l.Line, Type: ev.Type.String(), Source: ev.Source.String(),
		Host: ev.Host, Service: ev.Service, Instance: ev.Instance, User: ev.User, Port: ev.Port,
		ClientName: ev.ClientName, Method: ev.Method, QueueID: ev.QueueID, SASLSender: ev.SASLSender,
		OrigID: ev.OrigID, OrigClient: ev.OrigClient, Size: ev.Size, Recipients: ev.Recipients,
		MessageID: ev.MessageID, To: ev.To, OrigTo: ev.OrigTo, Relay: ev.Relay, DSN: ev.DSN, Status: ev.Status,
		Script: ev.Script, ScriptLine: ev.Line, URL: ev.URL,
		Action: ev.Action, Stage: ev.Stage, Reason: ev.Reason,
		Doubtful: ev.Type == maillog.Submission && maillog.Doubtful(ev.User),
	}
	if !ev.Time.IsZero() {
		out.Time = &ev.Time
	}
	if ev.Addr.IsValid() {
		out.IP = ev.Addr.String()
	}
	if ev.Repeat > 1 {
		out.Repeat = ev.Repeat
	}
	switch ev.Type {
	case maillog.Local, maillog.Queued, maillog.Reject:
		out.From = &ev.From // "" is the null sender
	case maillog.Submission:
		if ev.Source == maillog.Exim {
			out.From = &ev.From
		}
	}
	if hasUID(ev) {
		out.UID = &ev.UID
	}
	return out
}

func hasUID(ev *maillog.Event) bool {
	return (ev.Type == maillog.Local || ev.Type == maillog.Script) && ev.UID != maillog.NoUID
}

// writeEvent writes an event for people: where it stands, when, and what.
func writeEvent(w io.Writer, l *past.Log, ev *maillog.Event) {
	when := ev.Time.Format(words.Stamp)
	if ev.Time.IsZero() {
		when = "(no time)"
	}
	fmt.Fprintf(w, "%s:%d  %s  %s", l.Name, l.Line, when, ev.Type)
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, " %s=%s", name, maillog.Mask(value))
		}
	}
	field("id", ev.QueueID)
	field("user", ev.User)
	if ev.Addr.IsValid() {
		field("ip", ev.Addr.String())
	}
	field("method", ev.Method)
	if hasUID(ev) {
		field("uid", strconv.Itoa(ev.UID))
	}
	field("script", ev.Script)
	field("from", ev.From)
	if ev.Type == maillog.Queued {
		field("nrcpt", strconv.Itoa(ev.Recipients))
	}
	field("to", ev.To)
	field("status", ev.Status)
	field("action", ev.Action)
	field("reason", ev.Reason)
	fmt.Fprintln(w)
}

// notUnderstood tells how much was read, and what looked like an event and did
// not read as one.
func notUnderstood(w io.Writer, logs *past.Logs, events int) {
	var odd, long int
	var samples []string
	for _, l := range logs.Files {
		s := l.Parser.Stats()
		long += s.Long
		for source := range s.Odd {
			odd += s.Odd[source]
			samples = append(samples, s.Sample[source]...)
		}
	}
	fmt.Fprintf(w, "%s read, %s found, %s not understood", words.Count(int(logs.Lines), "line"), words.Count(events, "event"), words.Count(odd, "line"))
	if long > 0 {
		fmt.Fprintf(w, ", %s too long", words.Thousands(long))
	}
	fmt.Fprintln(w, ".")
	for _, s := range samples[:min(len(samples), 5)] {
		fmt.Fprintf(w, "    %s\n", s)
	}
}
