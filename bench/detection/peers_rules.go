package main

import (
	"time"

	"sendwarden/geo"
)

// geoipPolicyd is croessner/geoip-policyd with its defaults: no home countries,
// more than 3 countries, or more than 10 addresses, each forgotten an hour
// after it was last seen.
type geoipPolicyd struct {
	ear
	byUser users[sightings]
}

func (g geoipPolicyd) submission(m *message) fate {
	if m.place.Kind != geo.Placed {
		return passed
	}
	seen := g.byUser.of(m.user)
	seen.forget(m.at.Add(-time.Hour))
	seen.see(m)
	return refuse(seen.countries("") > 3 || len(*seen) > 10)
}

// postfwd is Vnet-as/postfwd-anti-geoip-spam-plugin 2.0.0: more than 5
// countries or more than 20 addresses. Rows of over a day are purged at most
// once a day, so that they count for one to two.
type postfwd struct {
	ear
	byUser users[sightings]
	purged time.Time
}

func (p *postfwd) submission(m *message) fate {
	const day = 24 * time.Hour
	if m.place.Kind != geo.Placed {
		return passed
	}
	if m.at.Sub(p.purged) >= day {
		for _, seen := range p.byUser {
			seen.forget(m.at.Add(-day))
		}
		p.purged = m.at
	}
	seen := p.byUser.of(m.user)
	seen.see(m)
	return refuse(seen.countries("") > 5 || len(*seen) > 20)
}

// pcc is nkovacne/pcc 1.5.1 with its sample configuration: 3 countries within
// two days, the ignored ones aside (here: the server's own), counted before the
// message at hand.
type pcc struct {
	ear
	home   string
	byUser users[sightings]
}

func (p pcc) submission(m *message) fate {
	seen := p.byUser.of(m.user)
	seen.forget(m.at.Add(-48 * time.Hour))
	defer seen.see(m)
	return refuse(seen.countries(p.home) >= 3)
}

// saslpolicyd refuses more than 10 addresses or 100 requests in an hour;
// refused requests count, too. A request is taken to be a message.
type saslpolicyd struct {
	ear
	places users[sightings]
	sent   users[stamps]
}

func (s saslpolicyd) submission(m *message) fate {
	seen := s.places.of(m.user)
	seen.forget(m.at.Add(-time.Hour))
	seen.see(m)
	return refuse(s.sent.of(m.user).add(m.at, time.Hour) > 100 || len(*seen) > 10)
}

// policyd is a quota of policyd 2 with 30 messages in 3,600 seconds. Its
// counter leaks: after a time t of the period P, (1 - t/P) of it are left.
type policyd struct {
	ear
	byUser users[counter]
}

type counter struct {
	n    float64
	last time.Time
}

func (p policyd) submission(m *message) fate {
	c := p.byUser.of(m.user)
	c.n *= max(0, 1-m.at.Sub(c.last).Hours())
	c.last = m.at
	if c.n+1 > 30 {
		return refused
	}
	c.n++
	return passed
}

// blockCracking is DirectAdmin's: 100 invalid recipients in an hour block the
// account.
type blockCracking struct {
	bad users[stamps]
}

func (blockCracking) submission(*message) fate { return passed }

func (b blockCracking) bounced(user string, at time.Time) bool {
	return b.bad.of(user).add(at, time.Hour) >= 100
}

// travel blocks whoever covers more than 100 km between two submissions at more
// than 1,000 km/h, by the coordinates alone, as Detective and the impossible
// travel rules of others do with other figures.
type travel struct {
	ear
	byUser users[message]
}

func (t travel) submission(m *message) fate {
	if !m.place.HasCoordinates {
		return passed
	}
	last := t.byUser.of(m.user)
	here, there := m.place, last.place
	here.Radius, there.Radius = pointRadius, pointRadius
	km, known := geo.Distance(here, there)
	hours := m.at.Sub(last.at).Hours()
	*last = *m
	return refuse(known && km > 100 && km > 1000*hours)
}

// pointRadius makes geo.Distance take the coordinates for the place itself:
// these rules know no accuracy.
const pointRadius = 1e-6 // km

// fiveSteps is the founding thread's scheme as read here, over half an hour:
// a known address is nothing, another one 10 points (5 at home), a second
// country 40, a third 60 more, and 100 block.
type fiveSteps struct {
	ear
	home   string
	byUser users[steps]
}

type steps struct {
	seen  sightings
	taken []step
}

type step struct {
	at     time.Time
	points int
}

func (f fiveSteps) submission(m *message) fate {
	u := f.byUser.of(m.user)
	since := m.at.Add(-30 * time.Minute)
	u.seen.forget(since)
	for len(u.taken) > 0 && u.taken[0].at.Before(since) {
		u.taken = u.taken[1:]
	}
	addresses, before := len(u.seen), u.seen.countries("")
	u.seen.see(m)
	if addresses == 0 || len(u.seen) == addresses {
		return refuse(u.score() >= 100)
	}
	points := 10
	if m.place.Country == f.home {
		points = 5
	}
	switch {
	case u.seen.countries("") == before:
	case before >= 2:
		points += 60
	default:
		points += 40
	}
	u.taken = append(u.taken, step{m.at, points})
	return refuse(u.score() >= 100)
}

func (u *steps) score() (sum int) {
	for _, s := range u.taken {
		sum += s.points
	}
	return sum
}
