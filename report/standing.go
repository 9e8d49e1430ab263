package report

import (
	"io"
	"time"

	"sendwarden/geo"
	"sendwarden/scoring"
	"sendwarden/words"
)

// Standing is how things stand by what a daemon remembers. That is less than a log
// tells: what became of each message, and what would be without a rule, is not kept,
// and the page says so.
type Standing struct {
	Made    time.Time
	Version string
	Source  string // who tells: the daemon of a host, or its state
	Rules   string // the rules file
	Geo     []string
	Zone    string // whose clock the times are of

	// Started is when the daemon was, with what it has seen since then; zero: none
	// runs, and this is as one left it.
	Started     time.Time
	Submissions int
	Last        time.Time // submission
	Watching    bool      // the daemon only says what it would do
	Holds       bool      // doubtful mail waits, and is not only reported

	HoldFrom  float64
	BlockFrom float64
	HalfLife  time.Duration

	Blocked []Person
	Exempt  []Person // and others whom a line of the blocklist is about
	Held    []Person
	Close   []Person
	Trusted []Trusted

	Since    time.Time // of what was done
	Done     []Deed    // the newest first
	DoneMore int

	Volume []Step // what became of all messages, by the hour

	Countries     []Habit
	Networks      []Habit
	MoreCountries int
	MoreNetworks  int
	Days          float64 // of use, in all countries

	Rows    []FiredRule
	Credits []string
}

// Person is a user who stands out.
type Person struct {
	User  string
	Score float64 // now
	Hold  float64
	Block float64

	Since  time.Time // of the block; zero: a line that was written by hand
	At     float64   // the score that led to it
	Action string    // what Postfix answers
	Notes  []string  // above the line on the blocklist

	Usual   string   // in words
	Home    []string // countries, the most used first
	Reasons []scoring.Reason
	Waits   []Waiting
	Places  []Stay
	Sent    []Sent
	Done    []Deed
	Fate    string // what became of messages since the first reason, in words
}

// Waiting is a message that waits.
type Waiting struct {
	QueueID string
	Since   time.Time // zero: unknown
	Until   time.Time // zero: until a person says so
	Place   geo.Place
}

// Stay is the use of one address, or of a network where addresses mean nothing.
type Stay struct {
	Place       geo.Place
	First, Last time.Time
	Uses        int // 0: not counted
	Strange     bool
}

// Sent is what somebody sent from one time to another.
type Sent struct {
	From, Until          time.Time
	Messages, Recipients int
	Bounces              int
}

// Trusted is a place that a person vouched for.
type Trusted struct {
	User, Country string
	Place         string // where it is no country
	Until         string // in words
}

// Deed is something that was done about who may send.
type Deed struct {
	Time           time.Time
	User           string
	What, Who, Why string
}

// Habit is a country or network with the days that users spent there.
type Habit struct {
	Code, Name string // one of them
	Days       float64
}

// FiredRule is a rule with how often it added points since the daemon's start, and
// how many of the users on the page have points of it.
type FiredRule struct {
	Name   string
	Points float64
	Fired  int
	Last   time.Time
	Here   int
}

// Write writes the page as one HTML file.
func (s Standing) Write(w io.Writer) error {
	d := drawnStanding{Standing: s, atlas: newAtlas()}
	p := Page{Title: "Sendwarden report", Subtitle: "How things stand on " + s.Made.Format(words.Stamp), Foot: render("standing foot", d)}
	add := func(name, title, body string) { p.Parts = append(p.Parts, Part{name, title, render(body, d)}) }
	add("summary", "Summary", "standing summary")
	add("blocked", "Blocked users", "standing blocked")
	add("held", "Held, and close to it", "standing held")
	if len(s.Countries) > 0 {
		add("where", "Where from", "standing where")
	}
	if len(s.Volume) > 0 {
		add("volume", "Messages over time", "standing volume")
	}
	add("done", "What was done", "standing done")
	if len(s.Countries) > 0 {
		add("places", "Countries and networks", "standing places")
	}
	add("rules", "Rules", "standing rules")
	return p.Write(w)
}
