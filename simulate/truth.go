package simulate

import "time"

// Truth is what really happened on the invented server: what a detector's
// verdicts are measured against.
type Truth struct {
	Seed   uint64    `json:"seed"`
	Home   string    `json:"home"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Cold   bool      `json:"cold"`
	Honest int       `json:"honest_messages"` // submitted by the accounts' owners
	Lines  int       `json:"lines"`

	Thefts []Theft  `json:"thefts"`
	People []Person `json:"people"`
}

// Theft is one stolen account.
type Theft struct {
	User   string    `json:"user"`
	Kind   string    `json:"kind"`
	Manner string    `json:"manner"`          // how it was used; the kind, unless that only says of whom or when
	Group  int       `json:"group,omitempty"` // accounts of one botnet share a number
	Start  time.Time `json:"start"`           // the thief's first message, or first look into the mailbox
	End    time.Time `json:"end"`             // the thief's last message

	First      string   `json:"first"`      // queue id of the thief's first message
	Messages   []string `json:"messages"`   // queue ids of all of them, in order
	Recipients int      `json:"recipients"` // of all of them
}

// Person is one account's rightful owner.
type Person struct {
	User    string `json:"user"`
	Kind    string `json:"kind"`
	Country string `json:"country"` // where they live
}
