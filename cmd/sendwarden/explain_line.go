package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sendwarden/follow"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/scoring"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// lineExplainer tells what lines of a log mean, one after the other.
type lineExplainer struct {
	w      io.Writer
	path   *judge.Path
	parser *maillog.Parser
	memory string // where the users' memory is from
	all    bool
	json   bool

	at        past.Log     // where the line stands
	odd       int          // lines that were not understood
	explained *explanation // of the event that is on the path
}

// explanation is a submission with how it was judged.
type explanation struct {
	sub scoring.Submission
	scoring.Explanation
}

func (c *explainCommand) explainLines(cmd *cobra.Command) error {
	defer stopIdle(cmd)()
	rules, _, err := c.rules()
	if err != nil {
		return err
	}
	zone, err := c.zone()
	if err != nil {
		return err
	}
	places, err := c.places(rules)
	if err != nil {
		return err
	}
	scorer, memory, release, err := c.memoryForLines(rules)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	x := &lineExplainer{w: out, path: judge.Quiet(places, scorer), memory: memory, all: c.all, json: c.json, at: past.Log{Old: &follow.Old{Name: "-"}},
		parser: maillog.NewParser(maillog.Options{Location: zone, Reference: time.Now()})}
	if len(c.logs) > 0 {
		if err := c.readBefore(cmd, x); err != nil {
			return err
		}
	}
	x.path.Witness = x.witness
	in := io.Reader(strings.NewReader(c.line))
	if c.line == "-" {
		in = cmd.InOrStdin()
	}
	return errors.Join(x.lines(in), out.Flush(), release())
}

// memoryForLines is what is known of users before the lines, and in words where it
// is from.
func (c *explainCommand) memoryForLines(rules *scoring.Rules) (*scoring.Scorer, string, func() error, error) {
	nothing := func() error { return nil }
	if len(c.logs) > 0 {
		return scoring.New(rules), "the log " + strings.Join(c.logs, ", "), nothing, nil
	}
	scorer, release, err := c.remembered(rules)
	if errors.Is(err, errNoState) && c.state == "" {
		return scoring.New(rules), "none: a new user on a new server (--log FILE reads a log first)", nothing, nil
	}
	return scorer, "the state " + c.stateFile(rules), release, err
}

// readBefore learns from old logs.
func (c *explainCommand) readBefore(cmd *cobra.Command, x *lineExplainer) error {
	zone, err := c.zone()
	if err != nil {
		return err
	}
	logs, err := past.Open(c.logs, zone, time.Now())
	if err != nil {
		return err
	}
	defer logs.Close()
	for _, ev := range logs.All(cmd.Context()) {
		x.path.Follow(ev)
	}
	return logs.Err
}

func (x *lineExplainer) witness(_ *maillog.Event, sub scoring.Submission) scoring.Verdict {
	x.explained = &explanation{sub, x.path.Scorer.Explain(sub)}
	return x.explained.Verdict
}

func (x *lineExplainer) lines(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maillog.MaxLine+1)
	for lines.Scan() {
		if x.at.Line++; x.at.Line > 1 && !x.json {
			fmt.Fprintln(x.w)
		}
		x.line(lines.Bytes())
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line has more than %d bytes: the daemon would pass it over", maillog.MaxLine)
	}
	return lines.Err()
}

// line explains one line, and takes it along the path: what comes later is judged
// with it in mind.
func (x *lineExplainer) line(line []byte) {
	var ev maillog.Event
	if !x.parser.Parse(line, &ev) {
		fact := "nothing that Sendwarden looks for: it is passed over"
		if odd := oddLines(x.parser); odd > x.odd {
			x.odd = odd
			fact = "nothing, though it looks like a line that matters (`sendwarden parse` counts such lines as not understood)"
		}
		x.tell(lineOut{Understood: fact}, nil)
		return
	}
	x.explained = nil
	x.path.Follow(&ev)
	if x.explained == nil {
		event := newEventOut(&x.at, &ev)
		fact := fmt.Sprintf("%s: no submission, so that no rule is asked", ev.Type)
		if event.Doubtful {
			fact = "a submission, under a name that a log cannot be trusted with: it is reported, not judged"
		}
		x.tell(lineOut{Understood: fact, Event: &event}, nil)
		return
	}
	event := newEventOut(&x.at, &ev)
	e := x.explained
	place := newPlaceOut(e.sub.Place)
	x.tell(lineOut{
		Understood: "a submission by " + e.sub.User, Event: &event, Place: &place, Memory: x.memory, Sight: &e.Sight, Familiar: familiarity(e.Explanation),
		Verdict: e.Verdict.Action.String(), Score: e.Verdict.Score, Rules: e.Answers,
	}, e)
}

// oddLines counts what looked like an event and did not read as one.
func oddLines(p *maillog.Parser) (n int) {
	for _, odd := range p.Stats().Odd {
		n += odd
	}
	return n
}

// lineOut is one object of `explain --line --json`.
type lineOut struct {
	Understood string           `json:"understood"`
	Event      *eventOut        `json:"event,omitempty"`
	Place      *placeOut        `json:"place,omitempty"`
	Memory     string           `json:"memory,omitempty"`
	Familiar   string           `json:"familiar,omitempty"`
	Sight      *scoring.Sight   `json:"sight,omitempty"`
	Verdict    string           `json:"verdict,omitempty"`
	Score      float64          `json:"score"`
	Rules      []scoring.Answer `json:"rules,omitempty"`
}

func (x *lineExplainer) tell(out lineOut, e *explanation) {
	if x.json {
		writeJSON(x.w, out)
		return
	}
	fmt.Fprintf(x.w, "Understood as %s.\n", maillog.Mask(out.Understood))
	if out.Event != nil {
		x.fields(out.Event)
	}
	if e == nil {
		return
	}
	fmt.Fprintf(x.w, "  %-10s %s, %s (%s)\n", "place", words.Country(e.sub.Place), words.Network(e.sub.Place), out.Familiar)
	if c := coordinates(e.sub.Place); c != "" {
		fmt.Fprintf(x.w, "  %-10s %s %s\n", "", maillog.Mask(e.sub.Place.City), c)
	}
	paragraph(x.w, fmt.Sprintf("  %-10s ", "memory"), maillog.Mask(out.Memory), 13)
	fmt.Fprintf(x.w, "  %-10s %s, score %s", "verdict", out.Verdict, words.Points(out.Score))
	if e.Verdict.Limit > 0 {
		fmt.Fprintf(x.w, " of %s", words.Points(e.Verdict.Limit))
	}
	fmt.Fprintln(x.w)
	x.rules(e)
}

// fields shows what was read in the line.
func (x *lineExplainer) fields(ev *eventOut) {
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(x.w, "  %-10s %s\n", name, maillog.Mask(value))
		}
	}
	if ev.Time != nil {
		field("time", ev.Time.Format(words.Stamp))
	}
	field("program", strings.TrimSpace(ev.Source+" "+ev.Service))
	field("queue id", ev.QueueID)
	field("user", ev.User)
	field("method", ev.Method)
	field("address", ev.IP)
	if ev.From != nil {
		field("sender", "<"+*ev.From+">")
	}
	field("to", ev.To)
	field("status", strings.TrimSpace(ev.Status+" "+ev.DSN))
	field("reason", ev.Reason)
}

// rules shows what each rule made of the submission: in full those that held, and
// of the others what kept them.
func (x *lineExplainer) rules(e *explanation) {
	if len(e.Answers) == 0 {
		why := "the user is blocked already"
		switch {
		case e.Verdict.Again:
			why = "this message was judged before"
		case !e.Looked:
			why = "the rules say to ignore the user"
		}
		fmt.Fprintf(x.w, "\nNo rule was asked: %s.\n", why)
		return
	}
	fmt.Fprintln(x.w, "\nRules that hold:")
	none := true
	for _, a := range e.Answers {
		if a.Holds {
			x.tree(a)
			none = false
		}
	}
	if none {
		fmt.Fprintln(x.w, "  none")
	}
	fmt.Fprintln(x.w, "\nRules that do not, and why:")
	for _, a := range e.Answers {
		switch {
		case a.Holds:
		case x.all:
			x.tree(a)
		default:
			paragraph(x.w, "  "+clip(a.Rule, 40)+": ", strings.Join(lacking(a.Part), "; "), 6)
		}
	}
}

// lacking are the parts that kept a condition from holding.
func lacking(p scoring.Part) (texts []string) {
	if p.Joint != "and" {
		return []string{inWords(p)}
	}
	for _, part := range p.Parts {
		if part.Worth != "yes" {
			texts = append(texts, inWords(part))
		}
	}
	return texts
}

// inWords is what a part said, and what went wrong with it if something did.
func inWords(p scoring.Part) string {
	if p.Worth == "yes" || p.Worth == "no" {
		return p.Said
	}
	return p.Said + " (" + p.Worth + ")"
}

func (x *lineExplainer) tree(a scoring.Answer) {
	paused := ""
	if a.Holds && !a.Fired {
		paused = " - but it fired lately (every)"
	}
	fmt.Fprintf(x.w, "  %-4s %s%s\n", fmt.Sprintf("%+g", a.Points), clip(a.Rule, 40), paused)
	x.part(a.Part, "       ")
}

// part shows one part of a condition, and below it what that is made of.
func (x *lineExplainer) part(p scoring.Part, indent string) {
	if p.Joint == "and" && indent == "       " { // the rule's own line has said whether all of it holds
		for _, part := range p.Parts {
			x.part(part, indent)
		}
		return
	}
	mark := map[string]string{"yes": "yes", "no": "no"}[p.Worth]
	if mark == "" {
		mark = "??"
	}
	paragraph(x.w, fmt.Sprintf("%s%-5s", indent, mark), inWords(p), len(indent)+5)
	for _, part := range p.Parts {
		x.part(part, indent+"     ")
	}
}
