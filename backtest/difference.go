package backtest

import (
	"cmp"
	"maps"
	"slices"
)

// Kind is how two sets of rules differ about one user.
type Kind string

const (
	Newly    Kind = "blocked newly"     // only by the new rules
	NoLonger Kind = "blocked no longer" // only by the old ones
	Earlier  Kind = "blocked earlier"
	Later    Kind = "blocked later"
	Holding  Kind = "held differently" // blocked neither or alike, with other messages held
)

// Kinds are all, in the order in which they are told.
func Kinds() []Kind { return []Kind{Newly, NoLonger, Earlier, Later, Holding} }

// Difference is what differs for one user. Of New and Old, one may be nil: under
// these rules nothing became of the user.
type Difference struct {
	Kind     Kind
	User     string
	New, Old *Fate
}

// Messages counts what the user submitted between the two blocks.
func (d Difference) Messages() int {
	if !d.New.blocked() || !d.Old.blocked() {
		return 0
	}
	return max(d.New.Nth-d.Old.Nth, d.Old.Nth-d.New.Nth)
}

// Differences compares what new rules made of a log with what old ones did, in
// order of kinds and, within one, of time.
func Differences(newer, older *Record) []Difference {
	users := maps.Clone(newer.fates)
	maps.Copy(users, older.fates)
	var all []Difference
	for user := range users {
		d := Difference{User: user, New: newer.Of(user), Old: older.Of(user)}
		if d.Kind = kind(d.New, d.Old); d.Kind != "" {
			all = append(all, d)
		}
	}
	order := Kinds()
	slices.SortFunc(all, func(a, b Difference) int {
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)),
			cmp.Compare(a.when(), b.when()), cmp.Compare(a.User, b.User))
	})
	return all
}

func kind(newer, older *Fate) Kind {
	switch {
	case newer == nil && older == nil:
		return ""
	case newer.blocked() && !older.blocked():
		return Newly
	case !newer.blocked() && older.blocked():
		return NoLonger
	case newer.blocked() && newer.Nth < older.Nth:
		return Earlier
	case newer.blocked() && newer.Nth > older.Nth:
		return Later
	case newer == nil || older == nil || newer.Held != older.Held || newer.LetGo != older.LetGo:
		return Holding
	}
	return ""
}

// when is the earliest moment that one of the two did something.
func (d Difference) when() int64 {
	first := int64(1<<63 - 1)
	for _, f := range []*Fate{d.New, d.Old} {
		if f.blocked() {
			first = min(first, f.Block.Time.Unix())
		} else if f != nil {
			first = min(first, f.Hold.Time.Unix())
		}
	}
	return first
}
