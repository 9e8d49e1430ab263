package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sendwarden/backtest"
	"sendwarden/blocklist"
	"sendwarden/geo"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/scoring"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

func (c *replayCommand) backtestFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.against, "against", "", "show what is different from what the rules in `FILE` do")
	cmd.Flags().StringVar(&c.sweep, "sweep", "", "show what a value of the rules does when it is another, such as `threshold.block=60..200`")
	cmd.Flags().StringVar(&c.knownThefts, "known-thefts", "", "`FILE` with who was robbed: a line a user, with the times since and until (or the truth.json of simulate)")
}

// known reads --known-thefts.
func (c *replayCommand) known(zone *time.Location) (backtest.Known, error) {
	if c.knownThefts == "" {
		return nil, nil
	}
	f, err := os.Open(c.knownThefts)
	if err != nil {
		return nil, fmt.Errorf("--known-thefts: %w", placed(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, backtest.MaxKnownSize+1))
	if err != nil {
		return nil, err
	}
	if c.timezone == "" {
		zone = nil // by the log's clock, as --until
	}
	return backtest.ParseKnown(c.knownThefts, text, zone, blocklist.Fold)
}

// lane is one of the sets of rules that a reading of the logs is played to.
type lane struct {
	name   string
	path   *judge.Path
	record *backtest.Record
	nth    map[string]int // submissions of each user so far; lanes side by side share it
	first  bool           // of them, which counts
}

func newLane(name string, rules *scoring.Rules, places *geo.DB, known backtest.Known) *lane {
	l := &lane{name: name, record: backtest.NewRecord(known), nth: make(map[string]int), first: true}
	l.path = &judge.Path{
		Places: places, Scorer: scoring.New(rules),
		Judged: l.judged, Released: l.record.Released, Doubtful: func(*maillog.Event) {},
	}
	return l
}

// beside makes a lane one of several that an event goes along.
func (l *lane) beside(other *lane) { l.nth, l.first = other.nth, false }

func (l *lane) follow(ev *maillog.Event) {
	if l.first && ev.Type == maillog.Submission && !maillog.Doubtful(ev.User) {
		l.nth[blocklist.Fold(ev.User)]++
	}
	l.path.Follow(ev)
}

func (l *lane) judged(ev *maillog.Event, v scoring.Verdict) {
	l.record.Judged(v, ev.QueueID, l.nth[v.User])
}

// backtesting is one reading of logs with several sets of rules.
type backtesting struct {
	rules  *scoring.Rules
	places *geo.DB
	logs   *past.Logs
	known  backtest.Known
	until  end
	files  []string

	lanes       []*lane
	submissions int
	from, to    time.Time
	cut         time.Time
}

func (b *backtesting) add(name string, rules *scoring.Rules) *lane {
	l := newLane(name, rules, b.places, b.known)
	if len(b.lanes) > 0 {
		l.beside(b.lanes[0])
	}
	b.lanes = append(b.lanes, l)
	return l
}

// read plays the logs to all lanes.
func (b *backtesting) read(cmd *cobra.Command) {
	b.cut = readUntil(cmd, b.logs, b.until, func(ev *maillog.Event) {
		if b.from.IsZero() {
			b.from = ev.Time
		}
		b.to = ev.Time
		if ev.Type == maillog.Submission {
			b.submissions++
		}
		for _, l := range b.lanes {
			l.follow(ev)
		}
	})
	for _, l := range b.lanes {
		if !b.cut.IsZero() {
			l.path.LetGo(b.cut)
		}
	}
}

// backtest is replay with several sets of rules.
func (c *replayCommand) backtest(cmd *cobra.Command, b *backtesting) error {
	if c.against != "" && c.sweep != "" {
		return usageError{errors.New("--against and --sweep are two questions: ask one at a time")}
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	tell, err := c.lanes(b)
	if err != nil {
		return err
	}
	b.read(cmd)
	if errors.Is(b.logs.Err, past.ErrStopped) {
		return past.ErrStopped
	}
	if !c.json {
		b.header(&narrow{to: out})
	}
	if b.submissions > 0 || c.html != "" {
		err = tell(forPeople(out, c.json))
	}
	return errors.Join(err, b.logs.Err, out.Flush())
}

// lanes sets up the lanes that the flags ask for, and answers what tells of them
// in the end.
func (c *replayCommand) lanes(b *backtesting) (tell func(io.Writer) error, err error) {
	if c.sweep != "" {
		sweep, err := backtest.ParseSweep(c.sweep, b.rules)
		if err != nil {
			return nil, usageError{fmt.Errorf("--sweep: %w", err)}
		}
		for _, v := range sweep.Values {
			b.add(v.Text, v.Rules)
		}
		return func(out io.Writer) error { return c.tellSweep(out, b, sweep) }, nil
	}
	_, name, err := c.rules()
	if err != nil {
		return nil, err
	}
	old := setup{rulesFile: c.against}
	oldRules, oldName, err := old.rules()
	if err != nil {
		return nil, err
	}
	b.add(name, b.rules)
	b.add(oldName, oldRules)
	return func(out io.Writer) error {
		c.tellDifferences(out, b)
		return nil
	}, nil
}

// header says what was read.
func (b *backtesting) header(w io.Writer) {
	fmt.Fprintf(w, "Read %s with %s by authenticated users", words.Count(int(b.logs.Lines), "line"), words.Count(b.submissions, "submission"))
	if b.submissions > 0 {
		fmt.Fprintf(w, ",\nfrom %s to %s", b.from.Format(words.Stamp), b.to.Format(words.Stamp))
	}
	fmt.Fprint(w, ".\n\n")
	if b.submissions == 0 && b.logs.Err == nil && b.cut.IsZero() {
		fmt.Fprint(w, noSubmission)
	}
}

// scoreOut is how blocks stand against known thefts, in JSON.
type scoreOut struct {
	Type        string   `json:"type,omitempty"`
	Hits        int      `json:"hits"`
	Misses      []string `json:"misses"`
	FalseAlarms []string `json:"false_alarms"`
	Delivered   *int     `json:"delivered,omitempty"` // of the thefts; left out where it is not known when they began
}

func newScoreOut(s backtest.Score) scoreOut {
	out := scoreOut{Type: "known_thefts", Hits: len(s.Hits), Misses: s.Misses, FalseAlarms: []string{}}
	if out.Misses == nil {
		out.Misses = []string{}
	}
	for _, f := range s.FalseAlarms {
		out.FalseAlarms = append(out.FalseAlarms, f.User)
	}
	if s.Counted {
		out.Delivered = &s.Delivered
	}
	return out
}

// writeScore tells people the same.
func writeScore(w io.Writer, s backtest.Score) {
	fmt.Fprintf(w, "\nOf %s: %s blocked, %s missed; %s.\n", words.Count(len(s.Hits)+len(s.Misses), "known theft"),
		words.Thousands(len(s.Hits)), words.Thousands(len(s.Misses)), words.Count(len(s.FalseAlarms), "false alarm"))
	if s.Counted {
		fmt.Fprintf(w, "%s of the thefts got through.\n", words.Count(s.Delivered, "message"))
	} else {
		fmt.Fprint(w, "How many messages of the thefts got through is not known: not all have a time since when.\n")
	}
	for _, user := range shown(s.Misses) {
		fmt.Fprintf(w, "    missed       %s\n", maillog.Mask(user))
	}
	for _, f := range shown(s.FalseAlarms) {
		fmt.Fprintf(w, "    false alarm  %s  %s\n", maillog.Mask(f.User), f.Block.Time.Format(words.Stamp))
	}
	if n := max(len(s.Misses)-mostShown, 0) + max(len(s.FalseAlarms)-mostShown, 0); n > 0 {
		fmt.Fprintf(w, "    … and %s more (--json names all)\n", words.Thousands(n))
	}
}

// mostShown bounds what people are shown of one kind; --json has all.
const mostShown = 50

func shown[T any](list []T) []T { return list[:min(len(list), mostShown)] }
