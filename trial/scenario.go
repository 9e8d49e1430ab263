package trial

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/scoring"
)

// Scenarios is a file of tests, read and checked.
type Scenarios struct {
	File  string
	Cases []Case `yaml:"tests"`
}

// Case is one test.
type Case struct {
	scoring.Position
	Name string `yaml:"name"`
	// Start is when the people's habits begin: 2026-03-02, or 2026-03-02 08:00. The
	// zone is UTC.
	Start  string            `yaml:"start"`
	Home   []string          `yaml:"home"` // countries, instead of the rules'
	Places map[string]Place  `yaml:"places"`
	People map[string]Person `yaml:"people"`
	Events []Event           `yaml:"events"`

	start time.Time
}

// Place says more of a place than its country.
type Place struct {
	scoring.Position
	Country string  `yaml:"country"`
	ASN     int     `yaml:"asn"`
	Org     string  `yaml:"org"`
	IP      string  `yaml:"ip"`
	Lat     float64 `yaml:"lat"`
	Lon     float64 `yaml:"lon"`
	// Changing is what is another one for each message: address, or block, as behind
	// a carrier's NAT or with a botnet.
	Changing string `yaml:"changing"`
}

// Person is what somebody does every day before the events.
type Person struct {
	scoring.Position
	Place      []string `yaml:"place"` // several take turns
	Daily      int      `yaml:"daily"` // messages on an average day
	Days       int      `yaml:"days"`
	Recipients int      `yaml:"recipients"` // of a message; 1
	Weekends   *bool    `yaml:"weekends"`   // true: also on Saturdays and Sundays (the default)
	Method     string   `yaml:"method"`
	// Count makes so many people of one: colleagues1, colleagues2 …, each with a line
	// of their own in the place's network.
	Count int `yaml:"count"`
}

// Event is something that happens after the days of habit.
type Event struct {
	scoring.Position
	After time.Duration `yaml:"after"` // the event before; of the first, the last day's evening
	User  string        `yaml:"user"`
	// Release says that a person lets the user send again, in the place of messages.
	Release    bool          `yaml:"release"`
	Place      string        `yaml:"place"`
	Messages   int           `yaml:"messages"` // 1
	Spacing    time.Duration `yaml:"spacing"`  // between them; 1m
	Recipients int           `yaml:"recipients"`
	Bounces    int           `yaml:"bounces"` // of each message's recipients
	Method     string        `yaml:"method"`
	Expect     *Expect       `yaml:"expect"`
}

// Expect is what should come of an event's messages.
type Expect struct {
	scoring.Position
	// Verdict is the most that came of one of the messages: allow, hold, block, or
	// refuse when the user was blocked before.
	Verdict string   `yaml:"verdict"`
	At      int      `yaml:"at"`      // the message at which it came to that, from 1
	Score   string   `yaml:"score"`   // the highest: "74", "60..80", "..50", "50.."
	Reasons []string `yaml:"reasons"` // rules that fired
	Without []string `yaml:"without"` // rules that did not

	low, high float64
}

// Bounds of what is played: a test is over in a blink.
const (
	maxMessages = 200_000 // of one case
	maxDays     = 400
	maxAfter    = maxDays * 24 * time.Hour
)

// Read reads a file of tests. The error is a scoring.Faults with everything that is
// wrong.
func Read(name string, text []byte) (*Scenarios, error) {
	root, err := scoring.Document(name, text)
	if err != nil {
		return nil, err
	}
	s := Scenarios{File: name}
	if err := scoring.Decode(name, "", root, &s); err != nil {
		return nil, err
	}
	c := checker{file: name}
	c.check(&s)
	if len(c.faults) > 0 {
		slices.SortStableFunc(c.faults, func(a, b scoring.Fault) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Text, b.Text))
		})
		return nil, c.faults
	}
	return &s, nil
}

// checker collects what is wrong with the values.
type checker struct {
	file   string
	faults scoring.Faults
}

func (c *checker) fault(p scoring.Position, format string, args ...any) {
	c.faults = append(c.faults, p.Fault(c.file, format, args...))
}

func (c *checker) check(s *Scenarios) {
	if len(s.Cases) == 0 {
		c.fault(scoring.Position{Line: 1, Column: 1}, "there are no tests: add a list under \"tests:\"")
	}
	for i := range s.Cases {
		c.test(&s.Cases[i])
	}
}

var errStart = errors.New("no date (write 2026-03-02 or 2026-03-02 08:00)")

func (c *checker) test(t *Case) {
	if t.Name == "" {
		c.fault(t.Position, "a test has no name")
	}
	var err error
	if t.start, err = startOf(t.Start); err != nil {
		c.fault(t.Position, "start %q: %v", t.Start, err)
	}
	for name, p := range t.Places {
		c.place(name, p)
	}
	messages := 0
	for name, p := range t.People {
		messages += c.person(t, name, p)
	}
	if len(t.Events) == 0 {
		c.fault(t.Position, "test %q has no events: nothing is tried", t.Name)
	}
	for i := range t.Events {
		messages += c.event(t, &t.Events[i])
	}
	if messages > maxMessages {
		c.fault(t.Position, "test %q has %d messages; more than %d take too long", t.Name, messages, maxMessages)
	}
}

func startOf(text string) (time.Time, error) {
	if text == "" {
		return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), nil // a Monday
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, text); err == nil && at.Year() >= 2000 && at.Year() < 2200 {
			return at, nil
		}
	}
	return time.Time{}, errStart
}

func (c *checker) place(name string, p Place) {
	switch {
	case p.Country != "" && !isCountry(p.Country):
		c.fault(p.Position, "place %q: %q is no country code of two capitals, such as ES", name, p.Country)
	case p.Changing != "" && p.Changing != "address" && p.Changing != "block":
		c.fault(p.Position, "place %q: changing is address or block, not %q", name, p.Changing)
	case p.ASN < 0 || int64(p.ASN) > 1<<32-1:
		c.fault(p.Position, "place %q: asn %d is no number of a network", name, p.ASN)
	case p.IP != "" && p.Changing != "":
		c.fault(p.Position, "place %q: an address that changes is not given", name)
	}
	if p.IP != "" {
		if _, err := parseIP(p.IP); err != nil {
			c.fault(p.Position, "place %q: %q is no address, such as 198.51.100.7", name, p.IP)
		}
	}
}

func (c *checker) person(t *Case, name string, p Person) (messages int) {
	within(c, p.Position, name+": daily", p.Daily, 1, 10_000)
	within(c, p.Position, name+": days", p.Days, 1, maxDays)
	within(c, p.Position, name+": recipients", p.Recipients, 0, 100_000)
	within(c, p.Position, name+": count", p.Count, 0, 1000)
	if len(p.Place) == 0 {
		c.fault(p.Position, "%s has no place", name)
	}
	for _, place := range p.Place {
		c.known(t, p.Position, place)
	}
	days, daily, count := min(p.Days, maxDays), min(p.Daily, 10_000), max(1, min(p.Count, 1000))
	return max(0, days) * max(1, daily*3/2) * count
}

func (c *checker) event(t *Case, e *Event) (messages int) {
	if e.User == "" {
		c.fault(e.Position, "an event has no user")
	}
	if e.Messages == 0 {
		e.Messages = 1
	}
	if e.Spacing == 0 {
		e.Spacing = time.Minute
	}
	within(c, e.Position, "messages", e.Messages, 1, maxMessages)
	within(c, e.Position, "recipients", e.Recipients, 0, 100_000)
	within(c, e.Position, "bounces", e.Bounces, 0, max(1, e.Recipients))
	if e.After > maxAfter || e.Spacing > maxAfter {
		c.fault(e.Position, "after and spacing are at most %dd", maxDays)
	}
	if !e.Release {
		c.known(t, e.Position, e.Place)
	}
	if e.Expect != nil {
		c.expect(e)
	}
	return min(e.Messages, maxMessages+1)
}

// verdicts are from the least to the most.
var verdicts = [...]string{"allow", "refuse", "hold", "block"}

func (c *checker) expect(e *Event) {
	x := e.Expect
	if x.Verdict != "" && !slices.Contains(verdicts[:], x.Verdict) {
		c.fault(x.Position, "verdict is allow, hold, block or refuse, not %q%s", x.Verdict, scoring.Suggestion(x.Verdict, verdicts[:]))
	}
	within(c, x.Position, "at", x.At, 0, e.Messages)
	if x.At > 0 && x.Verdict == "" {
		c.fault(x.Position, "at says when the verdict came, and there is no verdict")
	}
	var err error
	if x.low, x.high, err = rangeOf(x.Score); err != nil {
		c.fault(x.Position, "score %q: %v", x.Score, err)
	}
	if x.Verdict == "" && x.Score == "" && len(x.Reasons)+len(x.Without) == 0 {
		c.fault(x.Position, "nothing is expected: say verdict, score, reasons or without")
	}
}

// known tells a place that is nowhere.
func (c *checker) known(t *Case, at scoring.Position, name string) {
	if _, given := t.Places[name]; given {
		return
	}
	if country, _, _ := strings.Cut(name, "/"); !isCountry(country) {
		var names []string
		for known := range t.Places {
			names = append(names, known)
		}
		c.fault(at, "no place %q: write a country, as in ES or ES/office, or put it under places%s", name, scoring.Suggestion(name, names))
	}
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

func within(c *checker, at scoring.Position, what string, n, low, high int) {
	if n < low || n > high {
		c.fault(at, "%s must be from %d to %d, not %d", what, low, high, n)
	}
}

var errRange = errors.New("no number or range (write 74, 60..80, ..50 or 50..)")

// rangeOf reads a score, or a range of them.
func rangeOf(text string) (low, high float64, err error) {
	const most = 1e9
	from, to, isRange := strings.Cut(text, "..")
	low, high = 0, most
	for _, side := range []struct {
		text string
		into *float64
	}{{from, &low}, {to, &high}} {
		if side.text == "" {
			continue
		}
		if *side.into, err = strconv.ParseFloat(strings.TrimSpace(side.text), 64); err != nil || !(*side.into >= 0 && *side.into <= most) {
			return 0, 0, errRange
		}
	}
	switch {
	case text == "":
	case text == ".." || low > high:
		return 0, 0, errRange
	case !isRange: // people round
		low, high = low-0.5, low+0.5
	}
	return low, high, nil
}
