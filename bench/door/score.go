package main

import (
	"math/rand/v2"
	"sync"
	"time"

	"sendwarden"
	"sendwarden/blocklist"
	"sendwarden/geo"
	"sendwarden/policy"
	"sendwarden/scoring"
)

// scorer is what the daemon does with a question: place the address, judge the
// submission, say what becomes of it.
type scorer struct {
	places *geo.DB

	mu     sync.Mutex // the order of events is part of the result
	scorer *scoring.Scorer
	now    time.Time
	inside [1000]scoring.MessageID // those that are in Postfix's queue
	asked  int
}

const (
	known = 28 * 24 * time.Hour // how long the users are known
	past  = 12                  // messages in which they became it
	// pace is the time between two questions by the scorer's clock. So 100,000
	// users send a message every half hour, as people do, however fast they ask here.
	pace = 18 * time.Millisecond
)

// newScorer makes a scorer with the shipped rules that knows so many users.
func newScorer(users int) *scorer {
	rules, err := scoring.Parse("rules.yaml", sendwarden.Rules)
	if err != nil {
		panic(err) // they are tested
	}
	w := newWorld()
	s := &scorer{places: w.places, scorer: scoring.New(rules), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	s.places.Prepare()
	r := rand.New(rand.NewPCG(5, 6))
	step := known / time.Duration(past*users)
	for i := range each * users {
		s.now = s.now.Add(step)
		user := i % users
		s.scorer.Due(s.now)
		s.scorer.Submission(scoring.Submission{
			User: userName(user), Time: s.now, Place: s.places.Place(w.home[(user*7919+r.IntN(2))%pool]), Method: "PLAIN",
		})
	}
	return s
}

func (s *scorer) answer(r *policy.Request) policy.Action {
	sub := scoring.Submission{
		User:      blocklist.Fold(r.User),
		Place:     s.places.Place(r.Addr),
		Method:    r.Method,
		NoReverse: r.ClientName == "unknown",
		Message:   scoring.MessageID{ID: r.QueueID},
		Asked:     true,
	}
	switch v := s.judge(sub); v.Action {
	case scoring.Hold:
		return policy.Hold("unusual logins")
	case scoring.Block, scoring.Refuse:
		return policy.Reject("5.7.1 Sending is suspended for this account: unusual logins. Please contact your administrator.")
	}
	return policy.Dunno()
}

func (s *scorer) judge(sub scoring.Submission) scoring.Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(pace)
	sub.Time = s.now
	s.scorer.Due(s.now)
	oldest := &s.inside[s.asked%len(s.inside)]
	s.scorer.Removed(*oldest) // as the log would tell
	*oldest = sub.Message
	s.asked++
	return s.scorer.Submission(sub)
}
