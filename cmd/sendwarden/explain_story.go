package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sendwarden/geo"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// story replays logs and tells what one user did in them.
func (c *explainCommand) story(cmd *cobra.Command, user string, files []string) error {
	defer stopIdle(cmd)()
	rules, places, logs, err := c.openLogs(files)
	if err != nil {
		return err
	}
	defer logs.Close()
	out := bufio.NewWriter(cmd.OutOrStdout())
	tell := &timeline{w: forPeople(out, c.json), rules: rules, json: c.json, zone: time.Local}
	others := make(map[string]bool)
	p := judge.Quiet(places, scoring.New(rules))
	p.Witness = func(ev *maillog.Event, sub scoring.Submission) scoring.Verdict {
		if sub.User != user {
			others[sub.User] = true
			return p.Scorer.Submission(sub)
		}
		e := p.Scorer.Explain(sub)
		if !e.Verdict.Again {
			tell.step(newStep(sub, e))
		}
		return e.Verdict
	}
	p.Released = func(r scoring.Release) {
		if r.User == user {
			tell.released(r)
		}
	}
	var end time.Time
	zone := time.Local
	finish := showProgress(cmd.ErrOrStderr(), logs)
	for _, ev := range logs.All(cmd.Context()) {
		if end.IsZero() {
			zone = zoneOf(ev.Time)
			tell.zone = zone
		}
		p.Follow(ev)
		if !ev.Time.IsZero() {
			end = ev.Time
		}
	}
	finish()
	switch {
	case logs.Err != nil:
		return errors.Join(out.Flush(), logs.Err)
	case tell.steps == 0:
		names := slices.Collect(maps.Keys(others))
		return fmt.Errorf("%s hands in no message in these logs%s", maillog.Mask(user), maillog.Mask(scoring.Suggestion(user, names)))
	}
	account, _ := p.Scorer.Account(user, end.In(zone))
	tell.end(account)
	return out.Flush()
}

// zoneOf is the zone in which a story is told, from its first row to the table at its
// end: this machine's where the log's clock goes with it, as that knows of summer
// time, and else the log's own.
func zoneOf(first time.Time) *time.Location {
	if offsetOf(first) == offsetOf(first.In(time.Local)) {
		return time.Local
	}
	return first.Location()
}

func offsetOf(t time.Time) int {
	_, offset := t.Zone()
	return offset
}

// step is one submission of a user's story; as JSON a line of `explain USER FILE…`.
type step struct {
	Type     string     `json:"type"` // submission
	Time     time.Time  `json:"time"`
	IP       string     `json:"ip"`
	Country  string     `json:"country,omitempty"`
	ASN      uint32     `json:"asn,omitempty"`
	Org      string     `json:"org,omitempty"`
	QueueID  string     `json:"queue_id,omitempty"`
	Familiar string     `json:"familiar"` // how familiar the place was
	Rules    []stepRule `json:"rules,omitempty"`
	Score    float64    `json:"score"`
	Verdict  string     `json:"verdict"`

	place   geo.Place
	strange bool
	verdict scoring.Verdict
}

// stepRule is a rule that fired.
type stepRule struct {
	Rule   string  `json:"rule"`
	Points float64 `json:"points"`
}

func newStep(sub scoring.Submission, e scoring.Explanation) step {
	v := e.Verdict
	s := step{
		Type: "submission", Time: sub.Time, IP: sub.Place.Addr.String(), Country: sub.Place.Country, ASN: sub.Place.ASN, Org: sub.Place.Org,
		QueueID: sub.Message.ID, Familiar: familiarity(e), Score: float64(int64(v.Score*10+0.5)) / 10, Verdict: v.Action.String(),
		place: sub.Place, strange: e.Sight.Unfamiliar, verdict: v,
	}
	for _, r := range v.Reasons[len(v.Reasons)-v.Fired:] {
		s.Rules = append(s.Rules, stepRule{r.Rule, r.Points})
	}
	return s
}

// familiarity says in two words how familiar a place was.
func familiarity(e scoring.Explanation) string {
	s := e.Sight
	switch {
	case !e.Looked:
		return "not looked at"
	case !s.Counts:
		return "no place"
	case s.First:
		return "first seen"
	case s.NewCountry:
		return "new country"
	case s.NewNetwork:
		return "new network"
	case s.Shared:
		return "cloud"
	case s.Unfamiliar:
		return "seen lately"
	case s.NewAddress:
		return "new address"
	}
	return "usual"
}

// quiet tells whether nothing happened that people need to see.
func (s *step) quiet() bool {
	return s.verdict.Action == scoring.Refuse ||
		s.verdict.Action == scoring.Allow && s.verdict.Fired == 0 && !s.verdict.Braked && !s.verdict.Spared
}

// timeline writes a user's story, one row a submission, those in a row in which
// nothing happens folded into one.
type timeline struct {
	w     io.Writer
	rules *scoring.Rules
	json  bool
	zone  *time.Location // nil: that of each time

	steps  int
	day    time.Time // of the last row
	folded []step
}

func (t *timeline) step(s step) {
	t.steps++
	switch {
	case t.json:
		writeJSON(t.w, s)
		return
	}
	s.Time = t.in(s.Time)
	switch {
	case s.quiet():
		if len(t.folded) > 0 && (t.folded[0].verdict.Action != s.verdict.Action || t.folded[0].strange != s.strange) {
			t.unfold()
		}
		t.folded = append(t.folded, s)
	default:
		t.unfold()
		t.row(s)
	}
}

func (t *timeline) in(at time.Time) time.Time {
	if t.zone == nil {
		return at
	}
	return at.In(t.zone)
}

// released tells of a held message that goes by itself.
func (t *timeline) released(r scoring.Release) {
	if t.json {
		writeJSON(t.w, entry{Type: "release", Time: r.Time, User: r.User, QueueID: r.Message.ID})
		return
	}
	r.Time = t.in(r.Time)
	t.unfold()
	t.date(r.Time)
	fmt.Fprintf(t.w, "%s  %s goes by itself: the score has faded\n", words.Clock(r.Time), maillog.Mask(r.Message.ID))
}

// unfold writes the row for those in which nothing happened.
func (t *timeline) unfold() {
	folded := t.folded
	t.folded = nil
	switch n := len(folded); {
	case n == 0:
	case n <= 2:
		for _, s := range folded {
			t.row(s)
		}
	default:
		t.row(folded[0])
		last := folded[n-1].Time
		until := words.Clock(last)
		if !sameDay(last, folded[0].Time) {
			until = last.Format("01-02 15:04")
		}
		from := "from usual places"
		if folded[0].verdict.Action == scoring.Refuse {
			from = "refused"
		} else if folded[0].strange {
			from = "from places seen lately"
		}
		fmt.Fprintf(t.w, "          … %s more %s, until %s\n", words.Thousands(n-1), from, until)
		t.day = last
	}
}

// date writes the day once, above its rows.
func (t *timeline) date(now time.Time) {
	if !sameDay(t.day, now) {
		fmt.Fprintf(t.w, "%s\n", now.Format("Monday 2006-01-02 (-0700)"))
		t.day = now
	}
}

// The columns of a row make 80: time, country, place, familiarity, score, verdict.
const placeWidth = 38

func (t *timeline) row(s step) {
	t.date(s.Time)
	place := clip(s.IP+" "+words.Network(s.place), placeWidth)
	line := fmt.Sprintf("%s  %-2s  %-*s  %-11s  %5s  %s", words.Clock(s.Time), words.Country(s.place), placeWidth, place, s.Familiar, words.Points(s.Score), s.word())
	fmt.Fprintln(t.w, strings.TrimRight(line, " "))
	var fired []string
	for _, r := range s.Rules {
		fired = append(fired, fmt.Sprintf("%+g %s", r.Points, maillog.Mask(r.Rule)))
	}
	if len(fired) > 0 {
		paragraph(t.w, strings.Repeat(" ", 14), strings.Join(fired, ", "), 14)
	}
}

// word is the verdict, as far as it says something.
func (s *step) word() string {
	switch {
	case s.verdict.Braked:
		return "BRAKE"
	case s.verdict.Spared:
		return "spared"
	case s.verdict.Action == scoring.Allow:
		return ""
	case s.verdict.Action == scoring.Block:
		return "BLOCK"
	}
	return s.Verdict
}

// end closes the story with how the user stands then.
func (t *timeline) end(a scoring.Account) {
	if t.json {
		writeJSON(t.w, struct {
			Type string `json:"type"`
			scoring.Account
		}{"account", a})
		return
	}
	t.unfold()
	fmt.Fprintf(t.w, "\nAt the end of the logs, after %s:\n\n", words.Count(t.steps, "submission"))
	writeAccount(t.w, a)
}
