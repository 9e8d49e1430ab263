package backtest

import (
	"slices"
	"time"

	"sendwarden/scoring"
)

// Record is what one set of rules made of a log.
type Record struct {
	Blocked     []*Fate // in order of their blocks
	Held, LetGo int     // messages
	Braked      int     // verdicts that max_blocks kept from becoming blocks
	// Stolen are the messages of known thefts that got through before a block, by
	// user. Without known thefts it is empty.
	Stolen map[string]int

	known Known
	fates map[string]*Fate
}

// Fate is what became of one user who was held or blocked.
type Fate struct {
	User  string
	Block scoring.Verdict // its Action is Block if there was one
	Hold  scoring.Verdict // the first, if any
	// Nth is which of the user's submissions the block came with, from 1.
	Nth int
	// Held were made to wait, LetGo of them went by themselves, and Refused came
	// after the block.
	Held, LetGo, Refused int
	// Delivered got through before the block, since the user's score was last
	// nothing. It reaches further back than the reasons of a verdict, of which those
	// that have faded are forgotten: so that two sets of rules count from the same
	// moment.
	Delivered int
}

// nothing is a score that no points are left of.
const nothing = 1

// NewRecord begins a record. Known thefts are those of Known, which may be nil.
func NewRecord(known Known) *Record {
	return &Record{Stolen: make(map[string]int), known: known, fates: make(map[string]*Fate)}
}

// Of answers what became of a user; nil if nothing did.
func (r *Record) Of(user string) *Fate {
	if f := r.fates[user]; f != nil && (f.Held > 0 || f.blocked()) {
		return f
	}
	return nil
}

func (f *Fate) blocked() bool { return f != nil && f.Block.Action == scoring.Block }

// Judged takes note of a verdict about a message, which is the user's nth. Those
// about other senders, who are never blocked, it passes over.
func (r *Record) Judged(v scoring.Verdict, id string, nth int) {
	if scoring.KindOf(v.User) != scoring.Users {
		return
	}
	if v.Braked {
		r.Braked++
	}
	switch v.Action {
	case scoring.Allow:
		r.passed(v, id)
	case scoring.Hold:
		r.Held++
		f := r.fate(v.User)
		if f.Held == 0 {
			f.Hold = v
		}
		f.Held++
	case scoring.Block:
		f := r.fate(v.User)
		f.Block, f.Nth = v, nth
		r.Blocked = append(r.Blocked, f)
	case scoring.Refuse:
		r.fate(v.User).Refused++
	}
}

// passed counts what got through while points were on the account.
func (r *Record) passed(v scoring.Verdict, id string) {
	if t, ok := r.known[v.User]; ok && t.took(id, v.Time) {
		r.Stolen[v.User]++
	}
	switch f := r.fates[v.User]; {
	case v.Fired > 0:
		r.fate(v.User).Delivered++
	case f != nil && v.Score < nothing:
		f.Delivered = 0
	case f != nil:
		f.Delivered++
	}
}

// Released takes note of a held message that was let go.
func (r *Record) Released(release scoring.Release) {
	r.LetGo++
	f := r.fate(release.User)
	f.LetGo++
	f.Delivered++
	if t, ok := r.known[release.User]; ok && t.took(release.Message.ID, release.Time) {
		r.Stolen[release.User]++
	}
}

func (r *Record) fate(user string) *Fate {
	f := r.fates[user]
	if f == nil {
		f = &Fate{User: user}
		r.fates[user] = f
	}
	return f
}

// Delivered counts what got through of the blocked users before their blocks.
func (r *Record) Delivered() (n int) {
	for _, f := range r.Blocked {
		n += f.Delivered
	}
	return n
}

// Score is how a record stands against what is known to have happened.
type Score struct {
	Hits        []*Fate // blocked, and robbed before the block
	Misses      []string
	FalseAlarms []*Fate
	Delivered   int // messages of the thefts that got through before the block, or at all
	// Counted says that Delivered is of all thefts: of each it is known since when
	// the account was misused.
	Counted bool
}

// Score compares the record with the known thefts between two times, those of
// the log's first and last submission.
func (r *Record) Score(from, to time.Time) Score {
	s := Score{Counted: true}
	for _, f := range r.Blocked {
		if t, ok := r.known[f.User]; ok && !t.Since.after(f.Block.Time) {
			s.Hits = append(s.Hits, f)
		} else {
			s.FalseAlarms = append(s.FalseAlarms, f)
		}
	}
	for _, user := range r.known.users() {
		t := r.known[user]
		if t.Since.after(to) || !t.Until.IsZero() && t.Until.before(from) {
			continue // the log is of another time
		}
		s.Delivered += r.Stolen[user]
		s.Counted = s.Counted && t.dated()
		if !slices.ContainsFunc(s.Hits, func(f *Fate) bool { return f.User == user }) {
			s.Misses = append(s.Misses, user)
		}
	}
	return s
}
