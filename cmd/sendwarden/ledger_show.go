package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

func newHistory() *cobra.Command {
	var s actSetup
	var from string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history [USER]",
		Short: "Show what was done about who may send: when, by whom and why",
		Long: `History shows the ledger, the oldest first: who was blocked, by the rules or by a
person, who was released or trusted, whose message was let go, and what edits of
the blocklist file did. USER may be a pattern such as '*@example.es'. It is kept
for a year.`,
		Example: "  sendwarden history info@example.es\n  sendwarden history --since 7d",
		Args:    atMost(1, "one user name"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			span := control.Span{}
			if len(args) > 0 {
				span.User = args[0]
			}
			if span.Since, err = when("since", from, time.Now(), true); err != nil {
				return err
			}
			d, end, err := s.doer(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, end()) }()
			records, err := d.History(cmd.Context(), span)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			if asJSON {
				for _, r := range records {
					writeJSON(out, r)
				}
			} else {
				printHistory(&narrow{to: out}, records, span, time.Local)
			}
			return out.Flush()
		},
	}
	s.reach.flags(cmd)
	s.stateFlag(cmd)
	cmd.Flags().StringVar(&from, "since", "", "only since a `TIME`, such as 2026-04-01, '2026-04-01 18:00' or 7d")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

func printHistory(out io.Writer, records []control.Record, span control.Span, zone *time.Location) {
	if len(records) == 0 {
		of, since := "", ""
		if span.User != "" {
			of = " about " + maillog.Mask(span.User)
		}
		if !span.Since.IsZero() {
			since = " since " + span.Since.In(zone).Format(words.Stamp)
		}
		fmt.Fprintf(out, "Nothing was done%s%s.\n", of, since)
		return
	}
	if len(records) == control.MaxRecords {
		fmt.Fprintf(out, "(the newest %s; --since shows others)\n", words.Thousands(control.MaxRecords))
	}
	for _, r := range records {
		done, by := r.Time.In(zone).Format(words.Stamp)+"  "+what(r), "by "+maillog.Mask(r.Who)
		if utf8.RuneCountInString(done+by)+2 > words.Width {
			by = "\n    " + by
		} else {
			by = "  " + by
		}
		fmt.Fprintf(out, "%s%s\n", done, by)
		if r.Why != "" {
			fmt.Fprintf(out, "    %s\n", maillog.Mask(r.Why))
		}
	}
}

// what is done, in words.
func what(r control.Record) string {
	user := maillog.Mask(r.User)
	switch r.Act {
	case control.Block:
		if r.Score > 0 {
			return fmt.Sprintf("%s blocked, score %s", user, words.Points(r.Score))
		}
		return user + " blocked"
	case control.Release:
		text := user + " released"
		if r.Messages > 0 {
			text += fmt.Sprintf(" with %s", words.Count(r.Messages, "message"))
		}
		if r.NoLearn {
			text += ", nothing learnt"
		}
		return text
	case control.Send:
		return fmt.Sprintf("message %s of %s let go", maillog.Mask(r.QueueID), user)
	case control.Keep:
		if r.QueueID == "" {
			return fmt.Sprintf("%s of %s kept", words.Count(r.Messages, "message"), user)
		}
		return fmt.Sprintf("message %s of %s kept", maillog.Mask(r.QueueID), user)
	case control.Exempt:
		return user + " exempt"
	}
	return trustWords(user, r)
}

func trustWords(user string, r control.Record) string {
	switch {
	case r.Trust == nil:
		return user + " trusted nowhere any more"
	case r.Act == control.Untrust:
		return fmt.Sprintf("%s not trusted in %s any more", user, maillog.Mask(r.Trust.Place()))
	case r.Trust.Until.IsZero():
		return fmt.Sprintf("%s trusted in %s", user, maillog.Mask(r.Trust.Place()))
	}
	return fmt.Sprintf("%s trusted in %s until %s", user, maillog.Mask(r.Trust.Place()), untilText(r.Trust.Until))
}
