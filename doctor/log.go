package doctor

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"sendwarden/follow"
	"sendwarden/maillog"
	"sendwarden/words"
)

// lastOfLog is how much of the log's end is read, in bytes: some tens of
// thousands of lines.
const lastOfLog = 8 << 20

// journalTime bounds the reading of the journal's end.
const journalTime = 20 * time.Second

// quiet is how long no event may be seen before it is a doubt: a weekend.
const quiet = 72 * time.Hour

func checkLog(ctx context.Context, in *Installation) []Finding {
	if in.NoLogs != nil {
		return []Finding{wrong("", "%v", in.NoLogs)}
	}
	who, err := in.daemonAccount()
	if err != nil {
		return []Finding{wrong("name an account that is there with --user", "%v", err)}
	}
	var found []Finding
	for _, name := range in.Logs {
		switch name {
		case follow.Stdin:
		case follow.Journal:
			found = append(found, in.judgeJournal(ctx)...)
		default:
			found = append(found, in.judgeFile(name, who)...)
		}
	}
	return found
}

func (in *Installation) judgeFile(name string, who account) []Finding {
	if _, err := os.Stat(name); err != nil {
		return []Finding{wrong("name the log with --log, or log: in the rules", "%v", err)}
	}
	if why, ok := mayOpen(name, who, 4); !ok {
		return []Finding{wrong("put the account into the group of the log, such as adm, or run the daemon as root", "%s: the account %s can't read it: %s", name, who.name, why)}
	}
	text, written, err := lastPart(name)
	if err != nil {
		return []Finding{unknown("run doctor as root", "%v", err)}
	}
	return in.judgeLog(name, readLog(text, in.Now), written)
}

// judgeJournal reads the end of the journal, whose stamps are the system's own.
func (in *Installation) judgeJournal(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, journalTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "journalctl", "--quiet", "--all", "--output=json", "--lines=10000", "SYSLOG_FACILITY=2")
	text, err := cmd.Output()
	if err != nil {
		return []Finding{wrong("run doctor as root; the daemon's account has to be in the group systemd-journal", "journalctl: %v", err)}
	}
	return in.judgeLog("the journal", readLog(text, in.Now), time.Time{})
}

// lastPart is the end of a log, from the beginning of a line on.
func lastPart(name string) (text []byte, written time.Time, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	from := max(info.Size()-lastOfLog, 0)
	text, err = io.ReadAll(io.NewSectionReader(f, from, lastOfLog))
	if from > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, info.ModTime(), err
}

// logSeen is what the end of a log holds.
type logSeen struct {
	lines      int
	odd        int       // lines of the mail server's that were not understood
	sample     string    // one of them
	last       time.Time // the last event's
	submission time.Time // the last one's
	bare, full string    // a user name without a domain, and one with
}

func readLog(text []byte, now time.Time) logSeen {
	p := maillog.NewParser(maillog.Options{Location: now.Location(), Reference: now})
	var seen logSeen
	var ev maillog.Event
	for line := range bytes.Lines(text) {
		if !p.Parse(line, &ev) {
			continue
		}
		seen.last = ev.Time
		if ev.Type != maillog.Submission || ev.Source != maillog.Postfix && ev.Source != maillog.Exim {
			continue
		}
		seen.submission = ev.Time
		if strings.Contains(ev.User, "@") {
			seen.full = ev.User
		} else {
			seen.bare = ev.User
		}
	}
	stats := p.Stats()
	seen.lines = stats.Lines
	for _, source := range []maillog.Source{maillog.Postfix, maillog.Exim} {
		seen.odd += stats.Odd[source]
		if samples := stats.Sample[source]; len(samples) > 0 {
			seen.sample = samples[0]
		}
	}
	return seen
}

func (in *Installation) judgeLog(name string, seen logSeen, written time.Time) []Finding {
	if seen.last.IsZero() {
		return []Finding{wrong("see that the mail server logs there (maillog_file, rsyslog; log_file_path of Exim), and that the log was not just rotated", "%s: nothing of a mail server's in its last %s", name, words.Count(seen.lines, "line"))}
	}
	found := []Finding{in.judgeClock(name, seen, written)}
	if seen.submission.IsZero() {
		found = append(found, doubt("see that users log in at this server, and that it logs there", "no submission by a user who logged in among the last %s", words.Count(seen.lines, "line")))
	} else {
		found = append(found, fine("last submission by a user who logged in: %s", seen.submission.Format(words.Stamp)))
	}
	if seen.bare != "" && seen.full != "" {
		found = append(found, doubt("with Dovecot, set auth_default_realm or auth_username_format; with Cyrus, smtpd_sasl_local_domain; with Exim, server_set_id: one person may have two names, and go on under the other",
			"user names come with a domain (%s) and without (%s)", shorten(seen.full, 60), shorten(seen.bare, 60)))
	}
	if seen.odd > 0 {
		found = append(found, doubt("`sendwarden parse` shows more; if they are genuine, tell the authors", "%s of the mail server's not understood, such as: %s", words.Count(seen.odd, "line"), shorten(seen.sample, 120)))
	}
	return found
}

// judgeClock compares the last event's stamp to this clock and to when the file
// was written.
func (in *Installation) judgeClock(name string, seen logSeen, written time.Time) Finding {
	const zoneRemedy = "start the daemon with the zone of the log, such as --timezone Europe/Madrid, or repair the clock"
	stamp := seen.last.Format(words.Stamp)
	behind := written.Sub(seen.last)
	switch {
	case seen.last.Sub(in.Now) > 2*time.Minute:
		return wrong(zoneRemedy, "%s: the last event is of %s, which is yet to come", name, stamp)
	case in.Now.Sub(seen.last) > quiet:
		return doubt("see that the mail server still logs there", "%s: the last event is of %s, %d days ago", name, stamp, int(in.Now.Sub(seen.last).Hours()/24))
	case !written.IsZero() && behind > 45*time.Minute && (behind+90*time.Second)%(30*time.Minute) < 3*time.Minute:
		return doubt(zoneRemedy, "%s: the last event is of %s, and the file was written %s later to the minute: is it of another zone?", name, stamp, behind.Round(30*time.Minute))
	}
	return fine("%s: the last event is of %s", name, stamp)
}
