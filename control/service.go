package control

import (
	"context"
	"encoding/json"
	"time"
)

// Service is what a daemon shows and does for people. Its errors are for them; one
// that is not the daemon's own fault is an [*Error]. The methods may be called by
// many at once.
type Service interface {
	// Status is the daemon's health, in one screen.
	Status(context.Context) (Status, error)
	// Accounts are those that stand out.
	Accounts(context.Context) (Accounts, error)
	// Account is all that is known of one user.
	Account(ctx context.Context, user string) (Account, error)
	// Crowd is where all users together are at home.
	Crowd(context.Context) (Crowd, error)
	// Trusts are the places that people vouched for, as far as that is in force.
	Trusts(context.Context) ([]Trust, error)
	// History is the ledger, the oldest first.
	History(context.Context, Span) ([]Record, error)
	// Rules are those in force.
	Rules(context.Context) ([]Rule, error)
	// Watch hands over each submission as it is judged, until the context ends or
	// each fails.
	Watch(ctx context.Context, each func(Judged) error) error
	// ReviewLink is an address that opens the review page in one browser, once.
	ReviewLink(context.Context) (string, error)
	// Do does what a person asks for, and puts it into the ledger.
	Do(context.Context, Who, Act) (Done, error)
}

// Status is the daemon's health.
type Status struct {
	Version string    `json:"version"`
	Since   time.Time `json:"since"` // when it was started
	Now     time.Time `json:"now"`
	Host    string    `json:"host"`
	Mode    string    `json:"mode"` // enforce or watch
	Rules   string    `json:"rules"`
	// Blocklist is the file that is reviewed, PostfixReads the table made of it.
	Blocklist    string `json:"blocklist"`
	PostfixReads string `json:"postfix_reads"`

	Logs        []Log     `json:"logs"`
	Lines       int64     `json:"lines"` // read since the start
	Submissions int64     `json:"submissions"`
	Last        time.Time `json:"last_submission,omitzero"`

	Blocked int `json:"blocked"`
	Held    int `json:"held"`  // messages that wait
	Close   int `json:"close"` // users near a threshold

	Door   *Door    `json:"door,omitempty"` // nil: Postfix does not ask
	Queue  Queue    `json:"queue"`
	State  State    `json:"state"`
	Geo    []Geo    `json:"geolocation"`
	Alerts int      `json:"alerts_waiting"`
	Faults []string `json:"faults,omitempty"` // that have not gone away
}

// Log is one log that is followed.
type Log struct {
	Source string        `json:"source"`
	Lines  int64         `json:"lines"`
	Last   time.Time     `json:"last_line,omitzero"` // when it was read
	Delay  time.Duration `json:"delay_ns"`           // from its stamp until then, of the last event
	Offset int64         `json:"offset"`             // in the newest file; 0 for the journal
}

// Door is where Postfix asks.
type Door struct {
	Sockets   []string `json:"sockets"`
	Open      int64    `json:"connections"`
	Questions int64    `json:"questions"`
}

// Queue is Postfix's queue, as the daemon reaches it.
type Queue struct {
	Reached bool `json:"reached"`
	Errands int  `json:"errands"` // to hold or release mail, not done yet
}

// State is what is remembered across restarts.
type State struct {
	Bytes int64 `json:"bytes"`
	Free  int64 `json:"free_bytes"`

	Shared *Shared `json:"shared,omitempty"` // nil: it is this host's alone
}

// Shared is the engine in which several hosts remember together.
type Shared struct {
	Engine    string        `json:"engine"`
	Lost      string        `json:"lost,omitempty"` // why it is out of reach
	Since     time.Time     `json:"since"`          // when it was found, or lost
	Took      time.Duration `json:"took_ns"`        // to answer last
	Swaps     int64         `json:"exchanges"`
	Conflicts int64         `json:"conflicts"`
	Failures  int64         `json:"failures"`

	ByKind  map[string]int64 `json:"failures_by_kind"`
	Behind  int              `json:"users_behind"`      // of whom the others do not know all
	Waits   int              `json:"to_be_told"`        // what they do not know yet
	Dropped int              `json:"dropped,omitempty"` // and never will
	Heeded  map[Kind]int64   `json:"heeded"`            // what other hosts decided and this one did
	Heard   string           `json:"news_heard"`        // the engine's number of the last news that were taken in
	News    bool             `json:"news_to_be_told"`   // some are, which is done once a second
	Soon    bool             `json:"news_are_urgent"`   // which is done at once
}

// Geo is one geolocation database.
type Geo struct {
	Source string    `json:"source"`
	Type   string    `json:"type"`
	Built  time.Time `json:"built"`
	Old    bool      `json:"old,omitempty"` // too old to rely on
}

// Accounts are those that stand out.
type Accounts struct {
	// Listed stand on the blocklist: the blocked, and those whom a line exempts.
	Listed []Account `json:"listed"`
	// Held have mail that waits, and are not blocked.
	Held []Account `json:"held"`
	// Close have half of the score from which their mail would wait, or more.
	Close []Account `json:"close"`
	// Last is when somebody last sent, and Submissions how many there were since
	// the start: that nobody stands out means little where nobody sends.
	Last        time.Time `json:"last_submission,omitzero"`
	Submissions int64     `json:"submissions"`
	// Holds says that doubtful mail is held, and not only reported.
	Holds bool `json:"holds"`
}

// Account is one user of the server.
type Account struct {
	User    string  `json:"user"`
	Blocked bool    `json:"blocked"`
	Exempt  bool    `json:"exempt,omitempty"`
	Score   float64 `json:"score"`
	// Hold and Block are the thresholds in force for this user.
	Hold  float64 `json:"hold"`
	Block float64 `json:"block"`

	// Action, Since, Notes and Line are those of the user's line on the blocklist.
	Action string    `json:"action,omitempty"`
	Since  time.Time `json:"since,omitzero"`
	At     float64   `json:"score_then,omitempty"` // the score that led to the block
	Notes  []string  `json:"notes,omitempty"`
	Line   int       `json:"line,omitempty"`

	Seen    time.Time `json:"seen,omitzero"` // the last sign of the user
	Reasons []Reason  `json:"reasons,omitempty"`
	Usual   string    `json:"usual,omitempty"`
	// Countries are where the user is at home, the most used first.
	Countries []string  `json:"countries,omitempty"`
	Held      []Message `json:"held,omitempty"`
	Trusts    []Trust   `json:"trusts,omitempty"`
	Fate      *Fate     `json:"fate,omitempty"` // of who is blocked; nil: unknown
	// History and Memory are of Service.Account alone. Memory is all that is
	// remembered of the user, a scoring.Account.
	History []Record        `json:"history,omitempty"`
	Memory  json.RawMessage `json:"memory,omitempty"`
}

// Reason is why points were added to a score.
type Reason struct {
	Time   time.Time `json:"time"`
	Rule   string    `json:"rule"`
	Points float64   `json:"points"`
	Place
	QueueID string `json:"queue_id,omitempty"`
}

// Place is where somebody was.
type Place struct {
	IP      string `json:"ip,omitempty"`
	Country string `json:"country,omitempty"`
	ASN     uint32 `json:"asn,omitempty"`
	Org     string `json:"org,omitempty"`
	City    string `json:"city,omitempty"`
}

// Crowd is where all users together are at home, the most used first.
type Crowd struct {
	Countries []Habit `json:"countries"`
	Networks  []Habit `json:"networks"`
	// MoreCountries and MoreNetworks are how many there are beside those.
	MoreCountries int `json:"more_countries,omitempty"`
	MoreNetworks  int `json:"more_networks,omitempty"`
	// Days are those in all countries.
	Days float64 `json:"days"`
	// Hours are what became of their messages in the last weeks, in order; hours without
	// any are left out.
	Hours []Hour `json:"hours,omitempty"`
}

// Hour is what became of the messages of one hour.
type Hour struct {
	Start time.Time `json:"start"`
	Outcomes
}

// Outcomes count messages of users by what was done with them.
type Outcomes struct {
	LetThrough int `json:"let_through,omitempty"`
	Held       int `json:"held,omitempty"`
	Refused    int `json:"refused,omitempty"`
}

// Fate is what became of the messages of a blocked user.
type Fate struct {
	// Since is the first reason for the block; from then to the block there were
	// Messages to Recipients, with those that are held.
	Since      time.Time `json:"since,omitzero"`
	Messages   int       `json:"messages,omitempty"`
	Recipients int       `json:"recipients,omitempty"`
	// Refused were after the block, the last one then.
	Refused int       `json:"refused"`
	Last    time.Time `json:"last_refused,omitzero"`
}

// Habit is a country or network that is used.
type Habit struct {
	What string `json:"what"` // "ES"; "AS3352"
	Org  string `json:"org,omitempty"`
	// Days are those on which one user was there, of all users; old ones weigh less.
	Days float64 `json:"days"`
}

// Message is mail that waits.
type Message struct {
	QueueID string    `json:"queue_id"`
	Since   time.Time `json:"since,omitzero"`
	// Until is when it goes by itself if nothing follows; zero: not without a person.
	Until time.Time `json:"until,omitzero"`
	Place
}

// Rule is one of the rules.
type Rule struct {
	Name   string    `json:"name"`
	Points float64   `json:"points"`
	When   string    `json:"when,omitempty"`
	Fired  int64     `json:"fired"` // since the daemon's start
	Last   time.Time `json:"last,omitzero"`
}

// Judged is a submission with its verdict.
type Judged struct {
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	Action  string    `json:"action"` // allow, hold, block or refuse
	Score   float64   `json:"score"`
	Reasons []Reason  `json:"reasons,omitempty"` // the new ones
	QueueID string    `json:"queue_id,omitempty"`
	Place
	// Missed is how many more there were before it, which a slow reader was spared.
	Missed int `json:"missed,omitempty"`
}
