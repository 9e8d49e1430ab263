package main

import (
	"net/netip"
	"slices"
	"time"

	"sendwarden/geo"
)

// message is one submission as a rule sees it.
type message struct {
	id, user string
	at       time.Time
	place    geo.Place
}

// fate is what becomes of a message.
type fate uint8

const (
	passed  fate = iota
	waiting      // held, and not let go
	refused
)

// rule judges messages in the order of the log.
type rule interface {
	submission(*message) fate
	// bounced tells of a recipient whose mail came back; true blocks the user.
	bounced(user string, at time.Time) bool
}

// ear is for rules that judge submissions only.
type ear struct{}

func (ear) bounced(string, time.Time) bool { return false }

func refuse(yes bool) fate {
	if yes {
		return refused
	}
	return passed
}

// peer is another tool's published rule.
type peer struct {
	name string
	rule rule
}

// peers makes all of them anew, for a server in the given country. All go by
// the log-in name, also where a tool goes by the sender, which a thief chooses.
func peers(home string) []peer {
	return []peer{
		{"geoip-policyd (>3 countries, >10 addresses, 1 h)", geoipPolicyd{byUser: users[sightings]{}}},
		{"postfwd geo plugin (>5 countries, >20 addresses, 24 h)", &postfwd{byUser: users[sightings]{}}},
		{"pcc (3 foreign countries, 2 days)", pcc{home: home, byUser: users[sightings]{}}},
		{"saslpolicyd (>10 addresses, >100 messages, 1 h)", saslpolicyd{places: users[sightings]{}, sent: users[stamps]{}}},
		{"policyd (30 messages/h)", policyd{byUser: users[counter]{}}},
		{"DirectAdmin (100 bad recipients/h)", blockCracking{bad: users[stamps]{}}},
		{"travel faster than 1,000 km/h", travel{byUser: users[message]{}}},
		{"the founding thread's five steps, 30 min", fiveSteps{home: home, byUser: users[steps]{}}},
	}
}

// users is what a rule keeps of each user.
type users[T any] map[string]*T

func (u users[T]) of(name string) *T {
	x := u[name]
	if x == nil {
		x = new(T)
		u[name] = x
	}
	return x
}

// sighting is an address from which a user was seen.
type sighting struct {
	addr    netip.Addr
	country string
	last    time.Time
}

// sightings are a user's addresses, one each.
type sightings []sighting

func (s *sightings) see(m *message) {
	for i := range *s {
		if (*s)[i].addr == m.place.Addr {
			(*s)[i].last = m.at
			return
		}
	}
	*s = append(*s, sighting{m.place.Addr, m.place.Country, m.at})
}

func (s *sightings) forget(before time.Time) {
	*s = slices.DeleteFunc(*s, func(x sighting) bool { return x.last.Before(before) })
}

// countries counts the countries, but for one.
func (s sightings) countries(except string) int {
	var seen []string
	for _, x := range s {
		if x.country != "" && x.country != except && !slices.Contains(seen, x.country) {
			seen = append(seen, x.country)
		}
	}
	return len(seen)
}

// stamps are moments within a sliding window.
type stamps []time.Time

func (s *stamps) add(at time.Time, window time.Duration) int {
	n := 0
	for n < len(*s) && at.Sub((*s)[n]) >= window {
		n++
	}
	*s = append((*s)[n:], at)
	return len(*s)
}
