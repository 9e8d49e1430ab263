package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// stampLayout is how a moment is written to people: with its zone said.
const stampLayout = "2006-01-02 15:04:05 -0700"

const (
	maxReasons   = 30  // shown of one notice
	maxFull      = 20  // notices told in full in one digest
	maxHeadlines = 100 // notices named in one digest
)

// who is the user as it can be shown.
func (n *Notice) who() string { return Clean(n.User, maxName) }

// of is the score, "score 162.5 of 100".
func (n *Notice) of() string {
	if n.Score == 0 {
		return ""
	}
	text := ", score " + points(n.Score)
	if n.Limit > 0 {
		text += " of " + points(n.Limit)
	}
	return text
}

// Headline is the notice in one line.
func (n *Notice) Headline() string {
	switch n.Kind {
	case Block:
		return n.who() + " is blocked" + n.of()
	case Hold:
		return "mail of " + n.who() + " is held" + n.of()
	case Release:
		return n.who() + " is released"
	case Brake:
		return n.who() + " is NOT blocked" + n.of() + ": too many blocks in this hour"
	case Alarm:
		return n.who() + " sends too much: " + n.Sent.String() + " in a day" + n.of()
	case Queue:
		return n.Held.String() + " of " + n.who() + " held in the queue"
	}
	if n.User != "" {
		return "fault: " + n.who() + ": " + Clean(n.Detail, maxShort)
	}
	return "fault: " + Clean(n.Detail, 2*maxShort)
}

// Command is the one command that undoes what was done (or, at the brake, does
// what was not), ready for a shell. A name that cannot be shown as it is cannot
// be pasted either, nor one that a chat would have to change (see [chat]); then
// it is the command that shows the list.
func (n *Notice) Command() string {
	verb := "release"
	switch {
	case n.User == "" || n.Kind == Release || n.Kind == Fault:
		return ""
	case n.Kind == Alarm:
		return "sendwarden investigate"
	case n.Kind == Brake:
		verb = "block"
	}
	switch {
	case n.who() != n.User || strings.ContainsAny(n.User, unchatty):
		return "sendwarden list"
	case n.User[0] == '-':
		return "sendwarden " + verb + " -- " + quote(n.User)
	}
	return "sendwarden " + verb + " " + quote(n.User)
}

// why is the rules' names and where it was last, in one line.
func (n *Notice) why() string {
	var names []string
	for _, r := range n.Reasons {
		if name := Clean(r.Rule, maxShort); !slices.Contains(names, name) && len(names) < maxReasons {
			names = append(names, name)
		}
	}
	text := strings.Join(names, ", ")
	if len(n.Reasons) > 0 {
		if last := n.Reasons[len(n.Reasons)-1].from(); len(last) > 0 {
			text += " (" + strings.Join(last, " ") + ")"
		}
	}
	return text
}

// from is where a reason was found: country, address, network.
func (r *Reason) from() []string {
	var cells []string
	if r.Addr.IsValid() {
		country := "--"
		if r.Country != "" {
			country = Clean(r.Country, 8)
		}
		cells = append(cells, country, r.Addr.WithZone("").String())
	}
	if r.ASN != 0 {
		cells = append(cells, strings.TrimRight(fmt.Sprintf("AS%d %s", r.ASN, Clean(r.Org, maxShort)), " "))
	}
	return cells
}

// Text is the whole notice, as mail and chat show it: paragraphs with blank
// lines between.
func (n *Notice) Text() string {
	title := n.Headline() + "\n" + n.Time.Format(stampLayout)
	if n.Host != "" {
		title += " on " + Clean(n.Host, maxName)
	}
	var facts strings.Builder
	n.reasons(&facts)
	if n.Usual != "" {
		fmt.Fprintf(&facts, "usual: %s\n", Clean(n.Usual, maxName))
	}
	if n.Sent.Messages > 0 || n.Kind == Block {
		fmt.Fprintf(&facts, "sent since the first sign: %s\n", n.Sent)
	}
	if n.Held.Messages > 0 && n.Kind != Queue {
		fmt.Fprintf(&facts, "held in the queue: %s\n", n.Held)
	}
	if detail := Clean(n.Detail, maxDetail); !strings.Contains(title, detail) {
		facts.WriteString(detail + "\n")
	}
	paragraphs := []string{title + "\n"}
	for _, p := range []string{facts.String(), n.advice(), n.indented()} {
		if p != "" {
			paragraphs = append(paragraphs, p)
		}
	}
	return strings.Join(paragraphs, "\n")
}

func (n *Notice) reasons(b *strings.Builder) {
	var rows [][]string
	for i, r := range n.Reasons {
		if i == maxReasons {
			break
		}
		rows = append(rows, append([]string{signed(r.Points), Clean(r.Rule, maxShort),
			r.Time.Format(time.TimeOnly)}, r.from()...))
	}
	table(b, "    ", rows)
	if more := len(n.Reasons) - maxReasons; more > 0 {
		fmt.Fprintf(b, "    and %s\n", count(more, "more reason"))
	}
}

// advice is what to do now, before the command for it.
func (n *Notice) advice() string {
	switch n.Kind {
	case Block:
		return "The account may not send; mail to it still arrives. If it was stolen,\n" +
			"change its password first. This lets it send again, frees what is held,\n" +
			"and teaches that these places are its own:\n"
	case Hold:
		return "The message goes by itself when the score has faded. To let it go at once:\n"
	case Alarm:
		return "Nothing was stopped: Postfix has no log-in name to refuse here. This tells what\n" +
			"waits in the queue, and how to stop it:\n"
	case Queue:
		return "Nothing was deleted. This frees the mail and lets the account send again:\n"
	case Brake:
		return "So many blocks in one hour point to a wrong rule or database rather than\n" +
			"to thieves: look at the rules, and at who is blocked (sendwarden list). If\n" +
			"this one is a thief, block them by hand:\n"
	}
	return ""
}

func (n *Notice) indented() string {
	if command := n.Command(); command != "" {
		return "    " + command + "\n"
	}
	return ""
}

// digest is what one message tells: notices, the most urgent first.
type digest struct {
	time    time.Time
	host    string
	notices []Notice
	dropped int  // notices that there was no room for; the log has them
	brief   bool // the cap was reached: name them only
}

// subject is the digest in one line.
func (d *digest) subject() string {
	if len(d.notices) == 1 && d.dropped == 0 {
		return d.notices[0].Headline()
	}
	var parts []string
	for _, kind := range Kinds() {
		if n := d.number(kind); n > 0 {
			parts = append(parts, kind.counted(n))
		}
	}
	if d.dropped > 0 {
		parts = append(parts, fmt.Sprintf("%d more", d.dropped))
	}
	return strings.Join(parts, ", ")
}

func (d *digest) number(kind Kind) int {
	n := 0
	for i := range d.notices {
		if d.notices[i].Kind == kind {
			n++
		}
	}
	return n
}

// counted is so many notices of a kind.
func (k Kind) counted(n int) string {
	switch k {
	case Brake:
		return fmt.Sprintf("%d NOT blocked: too many in one hour", n)
	case Block:
		return fmt.Sprintf("%d blocked", n)
	case Release:
		return fmt.Sprintf("%d released", n)
	case Hold:
		return fmt.Sprintf("%d held", n)
	case Alarm:
		return fmt.Sprintf("%d sending too much", n)
	case Queue:
		return "queued mail of " + count(n, "user") + " held"
	}
	return count(n, "fault")
}

// text is the digest as mail and chat show it: of several notices the
// headlines first, and of the first ones all.
func (d *digest) text() string {
	if len(d.notices) == 1 && !d.brief && d.dropped == 0 {
		return d.notices[0].Text()
	}
	var b strings.Builder
	if d.brief && len(d.notices) > 0 {
		fmt.Fprintf(&b, "%s since %s: the hour's\nlimit of messages (per_hour) was reached. Who is blocked:\n\n    sendwarden list\n\n",
			count(len(d.notices)+d.dropped, "more notice"), earliest(d.notices).Format(stampLayout))
	}
	var rows [][]string
	for i := range d.notices[:min(len(d.notices), maxHeadlines)] {
		n := &d.notices[i]
		rows = append(rows, []string{n.Time.Format(time.DateTime), n.Headline()})
	}
	table(&b, "", rows)
	if more := len(d.notices) - maxHeadlines; more > 0 {
		fmt.Fprintf(&b, "and %d more: sendwarden list\n", more)
	}
	if d.dropped > 0 {
		fmt.Fprintf(&b, "There was no room for %s; the daemon's log has them.\n", count(d.dropped, "older notice"))
	}
	if d.brief {
		return b.String()
	}
	for i := range d.notices[:min(len(d.notices), maxFull)] {
		fmt.Fprintf(&b, "\n%s\n\n%s", strings.Repeat("-", 72), d.notices[i].Text())
	}
	return b.String()
}

func earliest(notices []Notice) time.Time {
	first := notices[0].Time
	for _, n := range notices {
		if n.Time.Before(first) {
			first = n.Time
		}
	}
	return first
}
