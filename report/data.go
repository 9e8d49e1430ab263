package report

import (
	"time"

	"sendwarden/geo"
	"sendwarden/scoring"
)

// Report is all that a report tells.
type Report struct {
	Made     time.Time
	Version  string
	Files    []string // that were read
	Rules    string   // the rules file
	Geo      []string // the geolocation data, with its age
	Zone     string   // whose clock the times are of: "as the log's clock showed them"
	From, To time.Time
	Lines    int

	Messages  Counts
	Users     int // who sent anything
	HoldFrom  float64
	BlockFrom float64
	HalfLife  time.Duration

	Blocked []Case // in order of their blocks
	// Braked are users who would have been blocked, but for max_blocks.
	Braked []string
	// Alarms are about senders who are no users: local accounts, scripts, hosts; Others
	// is how many messages these sent.
	Alarms []scoring.Verdict
	Others int
	// Held are messages that waited, in order of time; HeldMore were left out.
	Held     []Held
	HeldMore int

	Volume    []Step // in order of time, an hour or a day each
	Countries []Row  // from the most messages to the fewest
	Networks  []Row
	Rows      []Rule
	// Tried says that Rows know what happens without each rule.
	Tried bool
	Known *Known // against known thefts, if any are
	// Credits are the sources of data that ask to be named.
	Credits []string
}

// Counts are messages by what became of them.
type Counts struct {
	Allowed, Held, LetGo, Refused int // what was let go is among the held
}

// All counts all messages.
func (c Counts) All() int { return c.Allowed + c.Held + c.Refused }

// Case is one blocked user.
type Case struct {
	Verdict   scoring.Verdict
	Delivered int // got through before the block since the first reason
	Held      int // and wait
	Refused   int // after the block
	Last      time.Time
	Points    []Point // around the block, in order of time
	More      int     // later points that were left out
	Before    int     // and earlier ones
}

// Point is one message of a user: where it came from, the score after it, and
// what became of it.
type Point struct {
	Time   time.Time
	Score  float64
	Place  geo.Place
	Action scoring.Action
	Rules  []string // that fired
	// Untold says that what became of it is not known, only that it gave points.
	Untold bool
}

// Held is one message that waited.
type Held struct {
	Time     time.Time
	User     string
	Place    geo.Place
	Score    float64
	Rules    []string
	Released time.Time // zero: it waits for a person
	Blocked  bool      // its user was blocked after it
}

// Step is the messages of one hour or day.
type Step struct {
	Start time.Time
	Counts
}

// Row is a country or network with its messages.
type Row struct {
	Code string // of a country
	Name string
	Counts
}

// Rule is how often a rule fired, and what would be without it.
type Rule struct {
	Name    string
	Points  float64
	Fired   int
	Users   int
	Without Without
}

// Without is what a set of rules does that lacks one.
type Without struct {
	Blocked, Held int
	Lost          []string // users who would be blocked no longer
	Gained        []string // and those who would be blocked then: a rule may take points off
	Later         int      // users blocked at a later message
}

// Known compares the blocks with what is known to have happened.
type Known struct {
	Hits        int
	Misses      []string
	FalseAlarms []string
	Delivered   int
	Counted     bool
}

// Thefts counts those that are known.
func (k Known) Thefts() int { return k.Hits + len(k.Misses) }
