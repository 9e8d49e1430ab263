package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/trace"
	"sendwarden/words"
)

// traceText writes stories for people.
type traceText struct {
	out    io.Writer
	places *geo.DB
	all    bool
}

const (
	// fewStories are told one by one; of more there is a summary and a line each.
	fewStories = 5
	// shownStories is how many lines.
	shownStories = 40
	// shownRecipients is how many recipients of one message are shown.
	shownRecipients = 10
)

func (t *traceText) write(what string, stories []*trace.Story, more int) {
	if len(stories) == 0 {
		fmt.Fprintf(t.out, "Nothing about %s in these logs.\n", maillog.Mask(what))
		fmt.Fprintln(t.out, "Queue ids are written as in the log; a user name is what Postfix logs as sasl_username.")
		return
	}
	if t.all || len(stories) <= fewStories {
		for i, s := range stories {
			if i > 0 {
				fmt.Fprintln(t.out)
			}
			t.story(s)
		}
	} else {
		t.summary(stories)
	}
	if more > 0 {
		fmt.Fprintf(t.out, "\nThere are %s more, which are not shown: name fewer logs.\n", words.Thousands(more))
	}
}

// story tells one.
func (t *traceText) story(s *trace.Story) {
	host := ""
	if s.Host != "" {
		host = " at " + maillog.Mask(s.Host)
	}
	fmt.Fprintf(t.out, "%s%s, %s\n", s.ID, host, s.Began.Format(words.Stamp))
	t.field("from", envelope(s))
	t.field("user", who(s))
	t.field("client", t.client(s))
	if s.MessageID != "" {
		t.field("message-id", "<"+s.MessageID+">")
	}
	for _, l := range s.Links {
		t.field(linkWords(l), l.ID)
	}
	day := s.Began
	t.happenings(s, day)
	if n := len(s.Deliveries); n > t.most(shownRecipients) {
		fmt.Fprintf(t.out, "  and %s more (--all): in all %s\n", words.Count(n-shownRecipients, "recipient"), outcomes(s.Outcomes))
	}
	if s.Left > 0 {
		fmt.Fprintf(t.out, "  and %s about it that are not kept: in all %s\n", words.Count(s.Left, "more line"), outcomes(s.Outcomes))
	}
	fmt.Fprintf(t.out, "  %s  %s\n", moment(s.Ended, day), ending(s))
	for _, line := range s.Lines {
		fmt.Fprintf(t.out, "    %s\n", line)
	}
}

// happenings writes remarks and deliveries in order of time.
func (t *traceText) happenings(s *trace.Story, day time.Time) {
	remarks := s.Remarks
	for _, d := range s.Deliveries[:min(len(s.Deliveries), t.most(shownRecipients))] {
		for len(remarks) > 0 && remarks[0].Time.Before(d.Last) {
			t.remark(remarks[0], day)
			remarks = remarks[1:]
		}
		t.delivery(&d, day)
	}
	for _, r := range remarks {
		t.remark(r, day)
	}
}

func (t *traceText) remark(r trace.Remark, day time.Time) {
	fmt.Fprintf(t.out, "  %s  %s\n", moment(r.Time, day), maillog.Mask(r.Text))
}

func (t *traceText) most(n int) int {
	if t.all {
		return 1 << 30
	}
	return n
}

func (t *traceText) field(name, value string) {
	if value != "" {
		fmt.Fprintf(t.out, "  %-13s  %s\n", name, maillog.Mask(value))
	}
}

func envelope(s *trace.Story) string {
	if !s.Known && s.From == "" {
		return ""
	}
	text := s.From
	if text == "" {
		text = "<> (a bounce or notice)"
	}
	if s.Size > 0 {
		text += ", " + words.Size(s.Size)
	}
	if s.Recipients > 0 {
		text += ", to " + words.Count(s.Recipients, "recipient")
	}
	return text
}

// who handed it in, as far as the server knows.
func who(s *trace.Story) string {
	switch {
	case s.UID != maillog.NoUID:
		return localAccount(s.UID)
	case s.User != "" && !s.Addr.IsValid() && s.Method == "":
		return s.User + ", a local account"
	case s.User != "":
		return fmt.Sprintf("%s, logged in by %s (%s)", s.User, s.Service, s.Method)
	case s.Addr.IsValid() && !isFiltered(s):
		return "nobody logged in"
	}
	return ""
}

// isFiltered tells whether the message comes from a content filter, which is then
// its client.
func isFiltered(s *trace.Story) bool {
	return slices.ContainsFunc(s.Links, func(l trace.Link) bool { return l.Kind == trace.Filtered && l.Before })
}

// localAccount names a local account, with its name if this machine knows one.
func localAccount(uid int) string {
	text := fmt.Sprintf("uid %d, a local account", uid)
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		text += " (here " + u.Username + ")"
	}
	return text
}

func (t *traceText) client(s *trace.Story) string {
	if !s.Addr.IsValid() {
		return ""
	}
	place := t.places.Place(s.Addr)
	where := place.Kind.String()
	if place.Kind == geo.Placed {
		where = strings.TrimSpace(words.Country(place) + "  " + words.Network(place))
	}
	return fmt.Sprintf("%s[%s]  %s", cmp.Or(s.ClientName, "unknown"), s.Addr, where)
}

func linkWords(l trace.Link) string {
	switch {
	case l.Kind == trace.Filtered && l.Before:
		return "filtered, was"
	case l.Kind == trace.Filtered:
		return "filtered, is"
	case l.Kind == trace.Bounce && l.Before:
		return "bounce of"
	case l.Kind == trace.Bounce:
		return "bounced by"
	case l.Kind == trace.Notice && l.Before:
		return "notice on"
	case l.Kind == trace.Notice:
		return "noticed by"
	case l.Kind == trace.Forwarded && l.Before:
		return "forward of"
	case l.Kind == trace.Forwarded:
		return "forwarded as"
	case l.Kind == trace.Requeued && l.Before:
		return "requeued, was"
	case l.Kind == trace.Requeued:
		return "requeued as"
	}
	return "same id as"
}

func (t *traceText) delivery(d *trace.Delivery, day time.Time) {
	times := ""
	if d.Times > 1 {
		times = fmt.Sprintf(", %d attempts since %s", d.Times, moment(d.First, day))
	}
	relay := ""
	if d.Relay != "" && d.Relay != "none" {
		relay = " by " + d.Relay
	}
	made := ""
	if d.OrigTo != "" && d.OrigTo != d.To {
		made = " (" + d.OrigTo + ")"
	}
	fmt.Fprintf(t.out, "  %s  to %s%s: %s%s%s\n", moment(d.Last, day), maillog.Mask(d.To), maillog.Mask(made), maillog.Mask(d.Status), maillog.Mask(relay), times)
	if d.Reason != "" {
		fmt.Fprintf(t.out, "            %s\n", maillog.Mask(d.Reason))
	}
}

// moment is a time of a story: with its date if that is another than the day's.
func moment(at, day time.Time) string {
	if at.YearDay() != day.YearDay() || at.Year() != day.Year() {
		return at.Format("01-02 15:04:05")
	}
	return words.Clock(at)
}

// ending is where the message is now, as far as the log goes.
func ending(s *trace.Story) string {
	held := false
	for _, r := range s.Remarks {
		switch {
		case strings.HasPrefix(r.Text, "placed on hold"), strings.HasPrefix(r.Text, "hold "), strings.HasPrefix(r.Text, "Frozen"):
			held = true
		case strings.HasPrefix(r.Text, "released from hold"), strings.HasPrefix(r.Text, "Unfrozen"):
			held = false
		}
	}
	isRequeued := slices.ContainsFunc(s.Links, func(l trace.Link) bool { return l.Kind == trace.Requeued && !l.Before })
	switch {
	case isRequeued:
		return "in the queue under its new id from then on"
	case s.Gone && len(s.Deliveries) == 0 && len(s.Links) == 0:
		return "removed from the queue, delivered to nobody"
	case s.Gone:
		return "done, and removed from the queue"
	case held:
		return "the log's last word: it is on hold"
	case !s.Known && len(s.Deliveries) == 0:
		return "the log's last word: not taken in (the client went away, or it was refused)"
	}
	return "the log's last word: it is still in the queue"
}

// outcomes writes "3 sent, 1 bounced".
func outcomes(n map[string]int) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, words.Thousands(n[status])+" "+maillog.Mask(status))
	}
	return strings.Join(parts, ", ")
}

// summary tells of many messages at once.
func (t *traceText) summary(stories []*trace.Story) {
	recipients, waiting := 0, 0
	sum := make(map[string]int)
	from := make(map[string]int)
	clients := make(map[string]int)
	for _, s := range stories {
		recipients += s.Recipients
		if !s.Gone && (s.Known || len(s.Deliveries) > 0) {
			waiting++
		}
		for status, n := range s.Outcomes {
			sum[status] += n
		}
		if s.Known || s.From != "" {
			from[cmp.Or(s.From, "<>")]++
		}
		if c := t.client(s); c != "" {
			clients[c]++
		}
	}
	fmt.Fprintf(t.out, "%s to %s, from %s\nto %s", words.Count(len(stories), "message"), words.Count(recipients, "recipient"),
		stories[0].Began.Format(words.Stamp), stories[len(stories)-1].Began.Format(words.Stamp))
	if text := outcomes(sum); text != "" {
		fmt.Fprintf(t.out, ": %s", text)
	}
	fmt.Fprintf(t.out, ".\n%s not left the queue by the end of the log.\n", hasHave(waiting, "message"))
	t.top("Clients", clients)
	t.top("Envelope senders", from)
	fmt.Fprintln(t.out, "\nMessages (--all tells of each):")
	rows := [][]string{}
	shown := stories[max(len(stories)-shownStories, 0):]
	for _, s := range shown {
		to := ""
		if len(s.Deliveries) > 0 {
			to = s.Deliveries[0].To
		}
		if s.Recipients > 1 {
			to += fmt.Sprintf(" and %s more", words.Thousands(s.Recipients-1))
		}
		rows = append(rows, []string{"  " + s.Began.Format("01-02 15:04:05"), s.ID, maillog.Mask(to), outcomes(s.Outcomes)})
	}
	if before := len(stories) - len(shown); before > 0 {
		fmt.Fprintf(t.out, "  %s before these\n", words.Thousands(before))
	}
	words.Fit(rows, words.Width, 2, 3)
	_ = words.Table(t.out, rows) // a failed write shows when the buffer is flushed
}

func hasHave(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " has"
	}
	return words.Count(n, noun) + " have"
}

// top writes the most frequent names.
func (t *traceText) top(title string, names map[string]int) {
	rows := [][]string{}
	for _, n := range ranked(names) {
		rows = append(rows, []string{words.Thousands(n.Count), clip(n.Name, 70)})
	}
	_ = titled(t.out, title, rows, 10) // as above
}
