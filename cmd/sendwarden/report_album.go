package main

import (
	"slices"
	"time"

	"sendwarden/geo"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/report"
	"sendwarden/scoring"
	"sendwarden/words"
)

// album collects what a report shows while logs are read.
type album struct {
	places    *geo.DB
	messages  report.Counts
	users     map[string]*pictured
	held      []report.Held
	heldMore  int
	waiting   map[scoring.MessageID]int // their index in held
	hours     map[int64]*report.Step
	countries map[string]*report.Counts
	networks  map[string]*report.Counts
	fired     map[string]*firings
}

// pictured is a user with points on the account.
type pictured struct {
	points  []report.Point
	more    int
	last    time.Time // message
	blocked bool
	until   time.Time // after a block, points are kept so long
}

type firings struct {
	times int
	users map[string]struct{}
}

// Bounds of what is kept: of one user before and after the block, and of what
// was held.
const (
	mostBefore  = 300
	mostAfter   = 200
	mostWaiting = 2000
)

func newAlbum(places *geo.DB) *album {
	return &album{
		places: places, users: make(map[string]*pictured), waiting: make(map[scoring.MessageID]int),
		hours: make(map[int64]*report.Step), countries: make(map[string]*report.Counts), networks: make(map[string]*report.Counts),
		fired: make(map[string]*firings),
	}
}

func (a *album) judged(ev *maillog.Event, v scoring.Verdict) {
	place := a.places.Place(ev.Addr)
	fresh := v.Reasons[len(v.Reasons)-v.Fired:]
	var rules []string
	for _, r := range fresh {
		rules = append(rules, r.Rule)
		f := a.fired[r.Rule]
		if f == nil {
			f = &firings{users: make(map[string]struct{})}
			a.fired[r.Rule] = f
		}
		f.times++
		f.users[v.User] = struct{}{}
	}
	if scoring.KindOf(v.User) != scoring.Users {
		return
	}
	a.count(v, place)
	if v.Action == scoring.Hold {
		a.wait(ev, v, place)
	}
	a.picture(v, report.Point{Time: v.Time, Score: v.Score, Place: place, Action: v.Action, Rules: rules})
}

// count counts a message by time, country and network.
func (a *album) count(v scoring.Verdict, p geo.Place) {
	_, offset := v.Time.Zone()
	shift := time.Duration(offset) * time.Second
	start := v.Time.Add(shift).Truncate(time.Hour).Add(-shift)
	step := a.hours[start.Unix()]
	if step == nil {
		step = &report.Step{Start: start}
		a.hours[start.Unix()] = step
	}
	name := p.Kind.String() + " addresses" // private, loopback …
	switch {
	case p.ASN != 0:
		name = words.Network(p)
	case p.Kind == geo.Placed, p.Kind == geo.Unplaced:
		name = "unknown"
	}
	for _, c := range []*report.Counts{&a.messages, &step.Counts, countsOf(a.countries, p.Country), countsOf(a.networks, name)} {
		c.Add(v.Action)
	}
}

func countsOf(of map[string]*report.Counts, key string) *report.Counts {
	c := of[key]
	if c == nil {
		c = &report.Counts{}
		of[key] = c
	}
	return c
}

func (a *album) wait(ev *maillog.Event, v scoring.Verdict, p geo.Place) {
	if len(a.held) == mostWaiting {
		a.heldMore++
		return
	}
	var rules []string
	for _, r := range v.Reasons {
		if !slices.Contains(rules, r.Rule) {
			rules = append(rules, r.Rule)
		}
	}
	a.waiting[judge.MessageID(ev)] = len(a.held)
	a.held = append(a.held, report.Held{Time: v.Time, User: v.User, Place: p, Score: v.Score, Rules: rules})
}

func (a *album) released(r scoring.Release) {
	if i, known := a.waiting[r.Message]; known {
		a.held[i].Released = r.Time
		delete(a.waiting, r.Message)
	}
}

// picture keeps what a timeline shows: all from the first points on, and after a
// block as long again.
func (a *album) picture(v scoring.Verdict, p report.Point) {
	u := a.users[v.User]
	switch {
	case u == nil && len(p.Rules) == 0:
		return
	case u == nil:
		u = &pictured{}
		a.users[v.User] = u
	case v.Score < 1 && v.Fired == 0 && !u.blocked: // all has faded
		delete(a.users, v.User)
		return
	}
	u.last = v.Time
	switch {
	case v.Action == scoring.Block && len(v.Reasons) > 0:
		u.blocked = true
		u.until = v.Time.Add(max(v.Time.Sub(v.Reasons[0].Time), 10*time.Minute))
	case u.blocked && (v.Time.After(u.until) || len(u.points) >= mostBefore+mostAfter):
		u.more++
		return
	case len(u.points) >= mostBefore:
		if !u.blocked {
			u.points = append(u.points[:0], u.points[mostBefore/2:]...)
		}
	}
	u.points = append(u.points, p)
}
