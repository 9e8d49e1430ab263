package scoring

import (
	"math"
	"slices"
	"time"
)

// server is what is usual among all users: which countries and networks they
// use, and which addresses turned up where they should not.
type server struct {
	countries map[uint16]float64 // days of use, of all users
	networks  map[uint32]float64
	orgs      map[uint32]string // who the networks belong to, to tell people
	days      float64           // sum over countries
	firstDay  int32             // the first that is remembered, in days since 1970; 0: none yet

	sentTo, cameBack float64 // recipients and bounces of all users; old ones weigh less

	usual  usual                // the averages of all users' days
	rhythm [partsOfWeek]float64 // when they send

	strangers map[uint64]*stranger // by hash of the address
	swept     int64                // when old strangers were last dropped

	changed parts // since the last Changes
}

// stranger is an address that is not familiar to somebody who used it, or that
// failed to log in.
type stranger struct {
	last     int64 // Unix seconds
	users    [4]uint32
	nusers   uint8
	failures uint16
	failed   int64  // when the last log-in failed
	thief    int64  // until when it counts as a thief's; 0: not
	victim   uint32 // whose; hash of the user
}

const (
	// strangerLife is how long an address is remembered after its last use.
	strangerLife = int64(14 * 24 * time.Hour / time.Second)
	// thiefLife is how long an address that took part in a theft is held
	// against the next user who shows up from it.
	thiefLife = int64(30 * 24 * time.Hour / time.Second)
	// maxStrangers bounds the memory that a storm of failed log-ins can claim.
	maxStrangers = 200_000
)

func newServer() server {
	return server{
		countries: make(map[uint16]float64),
		networks:  make(map[uint32]float64),
		orgs:      make(map[uint32]string),
		strangers: make(map[uint64]*stranger),
		usual:     mostPeople(),
	}
}

// useCountry counts one user's day in a country, useNetwork in a network.
func (s *server) useCountry(country uint16) { s.addCountry(country, 1) }

func (s *server) useNetwork(asn uint32, org string) { s.addNetwork(asn, 1, org) }

func (s *server) addCountry(country uint16, days float64) {
	s.countries[country] += days
	s.changed.add(countryKeys, uint64(country))
	s.days += days
	if s.days > 1<<20 {
		s.halve()
	}
}

func (s *server) addNetwork(asn uint32, days float64, org string) {
	s.networks[asn] += days
	s.changed.add(networkKey, uint64(asn))
	if org != "" {
		s.orgs[asn] = org
	}
}

// halve lets old days weigh less than new ones, and forgets what is rare.
func (s *server) halve() {
	s.days = 0
	for c, n := range s.countries {
		s.changed.add(countryKeys, uint64(c))
		if s.countries[c] = n / 2; n < 1 {
			delete(s.countries, c)
			continue
		}
		s.days += n / 2
	}
	for a, n := range s.networks {
		s.changed.add(networkKey, uint64(a))
		if s.networks[a] = n / 2; n < 1 {
			delete(s.networks, a)
			delete(s.orgs, a)
		}
	}
}

// Never seen is not impossible: an unseen country or network counts as half a
// day of one user, and on an empty server as one in twenty.
const (
	unseenDays  = 0.5
	emptyServer = 10
)

// bounceFactor is how much more of this server's mail comes back than of most
// servers'. Where old lists are mailed every week, bounces mean less. What the user
// at hand sent in the last day is left out: on a small server, a thief's thousand
// recipients would make bounces usual.
func (s *server) bounceFactor(lately tally) float64 {
	const (
		common = 0.045 // newsletters included
		prior  = 2000  // recipients
		most   = 3
	)
	if s.sentTo > 1e6 {
		s.sentTo, s.cameBack = s.sentTo/2, s.cameBack/2
	}
	cameBack, sentTo := max(0, s.cameBack-float64(lately.bounces)), max(0, s.sentTo-float64(lately.delivered))
	rate := (cameBack + common*prior) / (sentTo + prior)
	return min(max(rate/common, 1), most)
}

// While little is known of a server, no country is called foreign. Later, one
// is home when a tenth of all use comes from it.
const (
	newServerDays = 20
	homeShare     = 0.1
)

func (s *server) isHome(country uint16) bool {
	return s.days < newServerDays || s.countryShare(country) >= homeShare
}

func (s *server) countryShare(country uint16) float64 {
	return (s.countries[country] + unseenDays) / (s.days + emptyServer)
}

// networkShare is at most 1: networks that stand in no country for us, such as
// a mail provider's cloud, have days that are not among all days.
func (s *server) networkShare(asn uint32) float64 {
	return min(1, (s.networks[asn]+unseenDays/4)/(s.days+emptyServer))
}

// priorDays is how many days of a user's own history weigh as much as what is
// usual on the server.
const priorDays = 2

// rarity is the surprise, in bits, at seeing a user where own days of the
// user's total have been spent and share of all users' days. 1 bit is a coin's
// toss; a network at home that a user has not had before makes about 6, a
// country that nobody on the server uses 15.
func rarity(own, total, share float64) float64 {
	return -math.Log2((own + priorDays*share) / (total + priorDays))
}

func (s *server) stranger(address uint64, now int64) *stranger {
	x := s.strangers[address]
	if x == nil {
		if len(s.strangers) >= maxStrangers {
			s.sweep(now)
		}
		if len(s.strangers) >= maxStrangers {
			return &stranger{} // full of fresh ones: this one goes unremembered
		}
		x = &stranger{}
		s.strangers[address] = x
	}
	x.last = max(x.last, now)
	s.changed.add(strangerKey, address)
	return x
}

// sweep drops strangers who have not been seen for long.
func (s *server) sweep(now int64) {
	if now-s.swept < hourStep {
		return
	}
	s.swept = now
	for a, x := range s.strangers {
		if now-x.last > strangerLife && x.thief < now {
			delete(s.strangers, a)
			s.changed.add(strangerKey, a)
		}
	}
}

// accuse holds an address against the users who come from it later.
func (x *stranger) accuse(victim uint32, now int64) {
	x.thief, x.victim = now+thiefLife, victim
}

// acquit clears the addresses that were held to be thieves' of one user.
func (s *server) acquit(victim uint32) {
	for a, x := range s.strangers {
		if x.victim == victim && x.thief != 0 {
			x.thief = 0
			s.changed.add(strangerKey, a)
		}
	}
}

// forget leaves no trace of a user at the addresses.
func (s *server) forget(user uint32) {
	for a, x := range s.strangers {
		if gone := x.unsee(user); x.victim == user {
			x.victim = 0
		} else if !gone {
			continue
		}
		s.changed.add(strangerKey, a)
	}
}

// seenWith notes that a user came from an address that is strange for them, and
// tells whether that is new.
func (x *stranger) seenWith(user uint32) bool {
	if slices.Contains(x.users[:x.nusers], user) || int(x.nusers) == len(x.users) {
		return false
	}
	x.users[x.nusers] = user
	x.nusers++
	return true
}

// unsee takes that back.
func (x *stranger) unsee(user uint32) (gone bool) {
	i := slices.Index(x.users[:x.nusers], user)
	if i >= 0 {
		x.nusers--
		x.users[i], x.users[x.nusers] = x.users[x.nusers], 0
	}
	return i >= 0
}
