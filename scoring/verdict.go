package scoring

import (
	"net/netip"
	"time"

	"sendwarden/geo"
)

// Submission is one message that an authenticated user begins to hand in, or another
// kind of sender (see Kind).
type Submission struct {
	User      string // folded as Postfix folds look-up keys; "uid:33" and the like for other kinds
	Time      time.Time
	Place     geo.Place
	Method    string
	NoReverse bool
	Message   MessageID
	// Asked says that Postfix asks what to do with the message. Else its log tells
	// of it. Both tell of the same messages, and each counts once.
	Asked bool
	// Recipients and From are what it asks for, where that is known with it; else
	// Queued tells it later. 0 is not known.
	Recipients int
	From       string
}

// Action is what becomes of a submission.
type Action uint8

const (
	// Allow lets it pass.
	Allow Action = iota
	// Hold lets it wait until the score has faded, or for a person's review.
	Hold
	// Block refuses it and all that its user sends from now on.
	Block
	// Refuse refuses it because its user is blocked already.
	Refuse
	// Alarm lets it pass and tells people: its sender is no user, whom Postfix could
	// refuse by log-in name.
	Alarm
)

func (a Action) String() string {
	return [...]string{"allow", "hold", "block", "refuse", "alarm"}[a]
}

// Reason is why points were added.
type Reason struct {
	Time    time.Time
	Rule    string
	Points  float64
	Place   geo.Place
	Message MessageID
}

// Verdict is what was decided about a submission, and why.
type Verdict struct {
	Action Action
	User   string
	Time   time.Time
	Score  float64
	Limit  float64 // the threshold for Block that was in force for this user
	// Reasons made the score, oldest first; the last Fired of them are new.
	Reasons []Reason
	Fired   int
	// Messages and Recipients count what the user sent since the first reason,
	// this submission included; Usual is where the user is at home. Both are
	// set for Hold and Block. With an Alarm the count is of the last day.
	Messages, Recipients int
	Usual                Usual
	// Strangers are the addresses among the reasons for a Block where the user had
	// never been before. Others may be behind the same address, as with a
	// carrier's NAT.
	Strangers []netip.Addr
	// Spared says that the user would have been held or blocked, but for
	// never_block.
	Spared bool
	// Braked says that the user would have been blocked, but that there have been
	// more blocks within the hour than thieves account for: something is wrong
	// with the rules or the databases, and a person must look.
	Braked bool
	// Elsewhere says that another host decided so, and does all that follows.
	Elsewhere bool
	// Again says that this very submission was judged before, and that nothing
	// was done now. Action is what becomes of it: what was decided then; Allow when
	// it has been released since.
	Again bool
}

// Release is a held message that is let go by itself.
type Release struct {
	Time    time.Time
	User    string
	Message MessageID
}

// since is when the first reason was found.
func (v *Verdict) since() time.Time {
	if len(v.Reasons) == 0 {
		return v.Time
	}
	return v.Reasons[0].Time
}
