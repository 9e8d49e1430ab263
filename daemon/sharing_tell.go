package daemon

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/scoring"
	"sendwarden/shared"
)

// decision is what was decided about a user on one host, for all.
type decision struct {
	Act    control.Kind `json:"act"` // block or release
	User   string       `json:"user"`
	Time   time.Time    `json:"time"`
	Memory string       `json:"memory"` // whose decision it is
	Host   string       `json:"host"`   // for people
	Who    string       `json:"who,omitempty"`
	Why    string       `json:"why,omitempty"`

	Action  string   `json:"action,omitempty"` // access(5)
	Score   float64  `json:"score,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	NoLearn bool     `json:"no_learn,omitempty"`

	// First says that it is only news where nothing was decided: what stands on the
	// list of a host, and an engine does not know.
	First bool `json:"first,omitempty"`
}

func (s *sharing) toTell() []decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.left)
}

// tell has the others told of a decision.
func (s *sharing) tell(d decision) {
	s.mu.Lock()
	s.left = append(s.left, d)
	s.mu.Unlock()
	s.wake()
}

func (s *sharing) wake() {
	select {
	case s.poke <- struct{}{}:
	default: // it knows
	}
}

// decided tells the others who has come onto the blocklist or gone from it, by
// whomever: what a verdict, a command or an edit of the file did on this host holds
// for all.
func (d *Daemon) decided(now time.Time) {
	s := d.sharing
	if s == nil || d.mode() == "watch" {
		return
	}
	listed := make(map[string]bool)
	for _, e := range d.list.Entries() {
		user := blocklist.Fold(e.User)
		if !e.Blocks() || listed[user] {
			continue
		}
		if listed[user] = true; !s.agreed[user] {
			s.agreed[user] = true
			s.tell(d.decision(control.Block, user, e, now))
			d.memory.due = true
		}
	}
	for user := range s.agreed {
		if !listed[user] {
			delete(s.agreed, user)
			s.tell(d.decision(control.Release, user, blocklist.Entry{}, now))
			d.memory.due = true
		}
	}
	clear(s.words)
}

func (d *Daemon) decision(act control.Kind, user string, e blocklist.Entry, now time.Time) decision {
	word := d.sharing.words[user]
	return decision{
		Act: act, User: user, Time: now, Memory: d.sharing.host, Host: d.host, Who: word.Who, Why: word.Why,
		Action: e.Action, Score: e.Score, Notes: e.Notes, NoLearn: word.NoLearn,
	}
}

// knows notes, when it is time, what this host knows of all users together with the
// news that are being saved. The caller has the turn.
func (s *sharing) knows(scorer *scoring.Scorer) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.crowdDue || s.crowd != nil {
		return
	}
	if record := scorer.Snapshot(); record != nil && s.news == nil {
		s.crowd = &shared.Crowd{News: s.heard.News, Record: record}
	}
}

// tellAll tells what is left to be told, in order, as far as the engine takes it.
func (d *Daemon) tellAll(ctx context.Context) {
	s := d.sharing
	for _, next := range s.toTell() {
		data, err := json.Marshal(next)
		if err != nil {
			panic(err) // only of types that JSON has no form for; there are none here
		}
		if _, err := s.engine.Decide(ctx, next.User, data, next.First); err != nil {
			return // once more in a second
		}
		s.mu.Lock()
		s.left = s.left[1:]
		s.mu.Unlock()
	}
	s.mu.Lock()
	news, number, crowd := s.news, s.newsNumber, s.crowd
	s.mu.Unlock()
	if news == nil {
		return
	}
	due, err := s.engine.Tell(ctx, number, news, crowd)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.news, s.crowd, s.crowdDue = nil, nil, due
	s.mu.Unlock()
	d.turn.Lock()
	d.path.Scorer.Told(number)
	d.turn.Unlock()
}
