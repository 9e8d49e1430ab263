package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"sendwarden/maillog"
	"sendwarden/tally"
	"sendwarden/words"
)

// writeStats writes counts for people, in tables of at most 80 columns.
func writeStats(w io.Writer, c *tally.Counts, top int) error {
	fmt.Fprintf(w, "Read %s", words.Count(c.Lines, "line"))
	if !c.From.IsZero() {
		fmt.Fprintf(w, ", from %s\nto %s", c.From.Format(words.Stamp), c.To.Format(words.Stamp))
	}
	fmt.Fprintln(w, ".")
	programs := [][]string{}
	for _, p := range ranked(c.Programs) {
		programs = append(programs, []string{words.Thousands(p.Count), clip(p.Name, 26), whatIs(p.Name)})
	}
	if err := titled(w, "Lines by program", programs, top); err != nil {
		return err
	}
	if err := writeMessages(w, c); err != nil {
		return err
	}
	if err := writeHours(w, c); err != nil {
		return err
	}
	for _, t := range [...]struct {
		title string
		of    tally.Table
	}{
		{"Messages of authenticated users", c.Users},
		{"Messages of local accounts", c.Accounts},
		{"Messages by PHP script", c.Scripts},
		{"Messages by envelope sender", c.Senders},
		{"Messages by the client's country", c.Countries},
		{"Sent, by recipient domain", c.Domains},
	} {
		rows := [][]string{}
		for _, n := range ranked(t.of) {
			name := n.Name
			if name == "" {
				name = "<> (bounces and other notices)"
			}
			rows = append(rows, []string{words.Thousands(n.Count), clip(name, 64)})
		}
		if err := titled(w, t.title, rows, top); err != nil {
			return err
		}
	}
	writeNotUnderstood(w, c)
	return nil
}

// titled writes a titled table with its numbers to the right; an empty one is
// left out.
func titled(w io.Writer, title string, rows [][]string, top int) error {
	if len(rows) == 0 {
		return nil
	}
	more := len(rows) - top
	rows = rows[:min(len(rows), top)]
	width := len(rows[0][0])
	for i, row := range rows {
		rows[i] = append([]string{fmt.Sprintf("  %*s", width, row[0])}, row[1:]...)
	}
	words.Fit(rows, words.Width, len(rows[0])-1, 1)
	fmt.Fprintf(w, "\n%s:\n", title)
	if err := words.Table(w, rows); err != nil {
		return err
	}
	if more > 0 {
		fmt.Fprintf(w, "  and %s more (--top)\n", words.Thousands(more))
	}
	return nil
}

func writeMessages(w io.Writer, c *tally.Counts) error {
	rows := [][]string{}
	for _, r := range [...]struct {
		n    int
		what string
	}{
		{c.Total[tally.Accepted], "messages accepted" + megabytes(c.Bytes)},
		{sum(c.Users), "of these from authenticated users"},
		{sum(c.Accounts), "of these from local accounts"},
		{c.Reinjected, "of these back from a content filter"},
		{c.Total[tally.Sent], "sent (each recipient counts)"},
		{c.Total[tally.Forwarded], "forwarded to another address"},
		{c.Total[tally.Bounced], "bounced"},
		{c.Total[tally.Deferred], "deferrals, of " + words.Count(c.Waiting, "message")},
		{c.Total[tally.Rejected], "rejected"},
		{c.Total[tally.Held], "held"},
		{c.Total[tally.Failed], "log-ins failed"},
	} {
		rows = append(rows, []string{words.Thousands(r.n), r.what})
	}
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	for i, row := range rows {
		rows[i][0] = fmt.Sprintf("  %*s", width, row[0])
	}
	fmt.Fprintln(w, "\nMessages:")
	return words.Table(w, rows)
}

func megabytes(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %s kB", words.Thousands(int((n+512)/1024)))
}

func sum(t tally.Table) (n int) {
	for _, count := range t {
		n += count
	}
	return n
}

func writeHours(w io.Writer, c *tally.Counts) error {
	shown := [...]tally.Outcome{tally.Accepted, tally.Sent, tally.Bounced, tally.Deferred, tally.Rejected, tally.Failed}
	fmt.Fprintf(w, "\nBy hour:\n  %-5s", "")
	for _, name := range [...]string{"accepted", "sent", "bounced", "deferred", "rejected", "failed"} {
		fmt.Fprintf(w, "  %10s", name)
	}
	fmt.Fprintln(w)
	for hour, n := range c.Hours {
		line := fmt.Sprintf("  %02d:00", hour)
		for _, o := range shown {
			line += fmt.Sprintf("  %10s", zeroless(n[o]))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}

// zeroless leaves a nought out, so that the eye finds the rest.
func zeroless(n int) string {
	if n == 0 {
		return "."
	}
	return strconv.Itoa(n)
}

func writeNotUnderstood(w io.Writer, c *tally.Counts) {
	if c.Odd+c.Unframed == 0 {
		return
	}
	fmt.Fprintf(w, "\nNot understood: %s in no known shape, %s not as the program writes them\n",
		words.Count(c.Unframed, "line"), words.Thousands(c.Odd))
	for _, s := range c.Samples {
		fmt.Fprintf(w, "    %s\n", clip(s, 74))
	}
}

// clip cuts a text at some columns.
func clip(s string, columns int) string {
	s = maillog.Mask(s)
	if utf8.RuneCountInString(s) <= columns {
		return s
	}
	return string([]rune(s)[:columns-1]) + "…"
}

// whatIs says what a program does, by the last part of its tag.
func whatIs(tag string) string {
	switch name := tag[strings.LastIndexByte(tag, '/')+1:]; name {
	case "smtpd":
		return "takes mail from clients and other servers"
	case "postscreen":
		return "keeps robots away from smtpd"
	case "pickup":
		return "takes mail of local accounts (sendmail)"
	case "cleanup":
		return "puts headers right, queues the message"
	case "qmgr", "oqmgr", "nqmgr":
		return "manages the queue"
	case "smtp":
		return "delivers to other servers"
	case "lmtp":
		return "delivers to a mailbox server"
	case "local":
		return "delivers to local accounts, aliases"
	case "virtual":
		return "delivers to virtual mailboxes"
	case "pipe":
		return "delivers to programs"
	case "bounce":
		return "writes bounces and delay notices"
	case "error", "discard":
		return "refuses or drops by configuration"
	case "anvil":
		return "counts connections and rates"
	case "trivial-rewrite":
		return "resolves addresses to routes"
	case "verify":
		return "asks whether an address exists"
	case "tlsproxy", "tlsmgr":
		return "encrypts connections"
	case "dnsblog":
		return "asks blocklists in the DNS"
	case "master", "postfix-script", "postfix":
		return "starts and stops Postfix"
	case "postsuper", "postqueue", "postdrop", "postlog", "postlogd", "scache", "proxymap", "showq", "flush", "sendmail":
		return "a helper of Postfix"
	case "dovecot":
		return "mailboxes, and log-ins to them"
	case "auth", "auth-worker", "imap-login", "pop3-login", "managesieve-login", "submission-login":
		return "Dovecot's log-ins"
	case "exim", "exim4":
		return "the mail server Exim"
	case "php", "php-fpm":
		return "PHP's mail()"
	case "opendkim", "opendmarc", "rspamd", "spamd", "amavis", "clamd", "milter-greylist", "postgrey", "policyd-spf":
		return "looks messages over"
	}
	return ""
}
