package scoring

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unsafe" // for Sizeof

	"sendwarden/geo"
)

// user is all that is remembered of one user.
type user struct {
	name string
	keeping

	firstDay int32
	last     int64 // Unix seconds of the last submission or log-in

	countries, networks, blocks habits
	addresses                   habits // by hash; a line of the user's own has the same for days
	visits                      visits
	volume                      volume
	usual                       usual
	rhythm                      rhythm
	sentTo, cameBack            float32 // recipients, and bounces, of all time
	method                      uint32  // hash of the SASL mechanism that is always used
	methodUses                  uint16

	// Going to and fro between a line of the user's own and a strange place
	// faster than one can travel is what a theft looks like: a traveller moves,
	// a thief is added.
	whereabouts toAndFro
	here        spot // where the user was last

	senders senders

	score   float64 // as of scoreAt
	scoreAt int64
	reasons []Reason
	fired   []firing
	blocked bool

	held     []heldMessage
	portion  uint32 // how many of them went last; 0: none yet
	pausedTo int64  // no more go before, Unix seconds

	share *share // with other hosts; nil: not known, or nothing is shared
}

// keeping is how the memory of a user is kept (see users), and no part of it.
type keeping struct {
	place     int  // in the circle of those who are awake
	weight    int  // bytes, when the user was heard of last
	heard     bool // since the hand came by
	changed   bool // since the last Changes
	forgotten bool
}

// size is about how many bytes a user takes in memory, with the name in tables.
func (u *user) size() int {
	const (
		tables = 96  // entries in the tables of users
		texts  = 100 // that a reason or a held message names
	)
	return int(unsafe.Sizeof(*u)) + len(u.name) + tables +
		room(u.countries) + room(u.networks) + room(u.blocks) + room(u.addresses) + room(u.visits) + room(u.volume) +
		room(u.senders) + room(u.fired) + room(u.reasons) + room(u.held) + texts*(len(u.reasons)+len(u.held))
}

// room is how many bytes a list takes.
func room[S ~[]E, E any](list S) int {
	var one E
	return cap(list) * int(unsafe.Sizeof(one))
}

// firing is when a rule last added points.
type firing struct {
	rule uint32 // hash of its name
	at   int64
}

// maxFired bounds how many rules' firings are remembered of one user; a changed
// rules file leaves those of rules that are no more.
const maxFired = 200

// heldMessage waits in the hold queue.
type heldMessage struct {
	*message
	place geo.Place
}

// maxReasons bounds the reasons kept for one user; the oldest go first.
const maxReasons = 40

// scoreNow is the score faded to a time.
func (u *user) scoreNow(now int64, halfLife time.Duration) float64 {
	if now <= u.scoreAt {
		return u.score
	}
	return u.score * math.Exp2(-float64(now-u.scoreAt)/halfLife.Seconds())
}

func (u *user) addPoints(r Reason, now int64, halfLife time.Duration) {
	u.score = max(0, u.scoreNow(now, halfLife)+r.Points)
	u.scoreAt = max(u.scoreAt, now)
	u.reasons = append(roomy(u.reasons), r)
	if len(u.reasons) > maxReasons {
		u.reasons = append(u.reasons[:0], u.reasons[1:]...)
	}
}

// roomy answers a list with room for one more. There is one such list for each
// of a million users: it grows by little, where append would double it.
func roomy[S ~[]E, E any](list S) S {
	if len(list) < cap(list) {
		return list
	}
	return append(make(S, 0, len(list)+1+len(list)/8), list...)
}

// forgetReasons drops those that have faded to less than a point.
func (u *user) forgetReasons(now int64, halfLife time.Duration) {
	kept := u.reasons[:0]
	for _, r := range u.reasons {
		if math.Abs(r.Points)*math.Exp2(-float64(now-r.Time.Unix())/halfLife.Seconds()) >= 1 {
			kept = append(kept, r)
		}
	}
	u.reasons = kept
}

// mayFire tells whether a rule's pause is over, and notes that it fires.
func (u *user) mayFire(rule uint32, every time.Duration, now int64) bool {
	if every == 0 {
		return true
	}
	for i := range u.fired {
		if f := &u.fired[i]; f.rule == rule {
			if now < f.at+int64(every/time.Second) {
				return false
			}
			f.at = now
			return true
		}
	}
	if len(u.fired) >= maxFired {
		u.fired = slices.Delete(u.fired, 0, 1)
	}
	u.fired = append(u.fired, firing{rule, now})
	return true
}

// spot is where and when a user was.
type spot struct {
	at       int64 // Unix seconds; 0: never
	country  uint16
	located  bool
	lat, lon float32
	radius   float32
}

func spotOf(p geo.Place, at int64) spot {
	return spot{at, countryKey(p.Country), p.HasCoordinates, float32(p.Lat), float32(p.Lon), float32(p.Radius)}
}

// Travelling: nobody is faster than an airliner, nor aboard one within half an
// hour of the last mail. Over a border nearby one drives, and a phone may take the
// neighbours' mast without leaving the house. Where only countries are known, going
// to another one takes some hours.
const (
	airlinerSpeed = 800.0 // km/h, from door to door
	boarding      = 0.5   // hours
	roadSpeed     = 120.0 // km/h
	otherCountry  = 2.0   // hours
)

// Borders: a place that is known to within exact km is beside another when not more
// than besideKm are left between the two. Databases that know a phone's country and
// no more say so by a radius of hundreds of km, which would put half of Europe beside
// each other.
const (
	exact    = 100.0 // km
	besideKm = 25.0
)

// speed is how fast one must have travelled from a to b, in km/h; 0 where a
// database does not say where they are, or not well enough.
func (a spot) speed(b spot) float64 {
	km, ok := geo.Distance(a.asPlace(), b.asPlace())
	if !ok || a.at == 0 {
		return 0
	}
	const leastHours = 1.0 / 60 // logs are not exact to the second
	return km / max(math.Abs(float64(b.at-a.at))/3600, leastHours)
}

// unreachable tells whether b is too far from a to have travelled there in the
// time between the two.
func (a spot) unreachable(b spot) bool {
	if a.at == 0 || b.at == 0 || a.country == b.country {
		return false
	}
	needed := otherCountry
	if km, ok := geo.Distance(a.asPlace(), b.asPlace()); ok {
		needed = boarding + km/airlinerSpeed
		if a.radius <= exact && b.radius <= exact {
			needed = min(needed, km/roadSpeed)
		}
	}
	return math.Abs(float64(b.at-a.at))/3600 < needed
}

// beside tells whether b lies across a border from a, and that near that somebody
// who is at one is soon, or by a phone's radio already, at the other.
func (a spot) beside(b spot) bool {
	if a.at == 0 || a.country == 0 || b.country == 0 || a.country == b.country || a.radius > exact || b.radius > exact {
		return false
	}
	km, ok := geo.Distance(a.asPlace(), b.asPlace())
	return ok && km <= besideKm
}

func (a spot) asPlace() geo.Place {
	return geo.Place{HasCoordinates: a.located, Lat: float64(a.lat), Lon: float64(a.lon), Radius: float64(a.radius)}
}

// toAndFro is where a user was seen last in familiar and in strange places, and
// when the latest impossible changes between the two were.
type toAndFro struct {
	familiar, strange spot
	changes           [4]int64 // Unix seconds, a ring
	next              uint8
}

// seen takes note of one sighting. A sighting counts against the latest of the other
// kind, once: a café around the corner in between does not make Brazil nearer.
func (t *toAndFro) seen(now spot, familiar bool) {
	here, other := &t.strange, &t.familiar
	if familiar {
		here, other = other, here
	}
	if (other.at > here.at || other.at > t.last()) && other.unreachable(now) {
		t.changes[t.next%uint8(len(t.changes))] = now.at
		t.next++
	}
	*here = now
}

// last is when the latest impossible change was; 0: never.
func (t *toAndFro) last() int64 { return slices.Max(t.changes[:]) }

// since counts the impossible changes after a time.
func (t *toAndFro) since(begin int64) (n int) {
	for _, at := range t.changes {
		if at != 0 && at >= begin {
			n++
		}
	}
	return n
}

// Usual is what is usual for a user, in words for people.
type Usual struct {
	Countries []string // the most used first
	Networks  []string // "AS3352 Telefonica", the most used first
	Since     time.Time
}

// usualShown is how many countries and networks tell people enough.
const usualShown = 3

// usual sums up what is remembered of a user.
func (s *Scorer) usual(u *user, now time.Time) Usual {
	day, fade := int32(now.Unix()/dayStep), s.look.fade
	out := Usual{Since: time.Unix(int64(u.firstDay)*dayStep, 0).In(now.Location())}
	for _, h := range u.countries.mostUsed(day, fade, usualShown) {
		out.Countries = append(out.Countries, string([]byte{byte(h.key >> 8), byte(h.key)}))
	}
	for _, h := range u.networks.mostUsed(day, fade, usualShown) {
		if h.key >= unknownNetworks {
			continue // has no name
		}
		out.Networks = append(out.Networks, strings.TrimSpace(fmt.Sprintf("AS%d %s", h.key, s.server.orgs[h.key])))
	}
	return out
}
