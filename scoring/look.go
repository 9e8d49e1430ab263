package scoring

import (
	"math"

	"sendwarden/geo"
)

// look is one submission being looked at: what signals are computed from.
type look struct {
	rules  *Rules
	server *server
	trusts *trusts

	sub   Submission
	kind  Kind
	user  *user
	place geo.Place
	now   int64 // Unix seconds
	day   int32 // days since 1970
	fade  *fading

	previous spot // where the user was before

	placed  bool // the place counts: it is public, and not trusted
	shared  bool // its network gives a client a new address each time
	address uint64
	block   uint32
	network uint32
	country uint16

	first                                        bool // the user was never seen anywhere
	newAddress, newBlock, newNetwork, newCountry bool
	seenInCountry                                int64   // last visit to the country, Unix seconds; 0: not in the last days
	countryDays, networkDays, blockDays          float64 // of the user's own use
	countryRarity, netRarity                     float64 // bits
	strange                                      bool
	trusted                                      bool // a person vouched for the place
	vouched                                      bool // and the rule at hand is to take that into account
}

// aim points the look at a submission, and works out how familiar its place
// is from what is remembered before it.
func (l *look) aim(sub *Submission, u *user) {
	rules := l.rules
	*l = look{rules: rules, server: l.server, trusts: l.trusts, fade: l.fade, sub: *sub, user: u, place: sub.Place, now: sub.Time.Unix()}
	l.day = int32(l.now / dayStep)
	l.placed = rules.counts(sub.Place)
	if !l.placed {
		return
	}
	l.shared = rules.shared(sub.Place)
	l.address, l.block = addressOf(sub.Place, l.shared)
	l.network = networkOf(sub.Place)
	if !l.shared { // a cloud's address stands in some country, not its user
		l.country = countryKey(sub.Place.Country)
	}
	l.recall()
	l.surprise()
	l.trusted = l.trusts.covers(sub.User, sub.Place, l.now)
}

// counts tells whether a place says anything about where a user is.
func (r *Rules) counts(p geo.Place) bool {
	return (p.Kind == geo.Placed || p.Kind == geo.Unplaced) && !r.Trusted.contains(p.Addr, p.ASN)
}

// sharedNetworks is the list under networks: whose members give a client a new
// address each time, such as a mail provider's cloud or a private relay. All
// of such a network counts as one address.
const sharedNetworks = "shared"

func (r *Rules) shared(p geo.Place) bool {
	return r.Networks[sharedNetworks].contains(p.Addr, p.ASN)
}

func (r *Rules) addressOf(p geo.Place) (address uint64, block uint32) {
	return addressOf(p, r.shared(p))
}

func addressOf(p geo.Place, shared bool) (address uint64, block uint32) {
	if shared {
		h := hashNetwork(p.ASN)
		return h, uint32(h)
	}
	return hashAddr(p.Addr), hashBlock(p.Block())
}

func (l *look) recall() {
	u := l.user
	l.first = len(u.visits) == 0 && len(u.blocks) == 0
	l.newAddress, l.newBlock = true, true
	l.newNetwork, l.newCountry = true, l.country != 0
	for i := range u.visits {
		v := &u.visits[i]
		l.newAddress = l.newAddress && v.address != l.address
		l.newBlock = l.newBlock && v.block != l.block
		l.newNetwork = l.newNetwork && v.network != l.network
		if v.country == l.country {
			l.newCountry = false
			l.seenInCountry = max(l.seenInCountry, v.last)
		}
	}
	l.countryDays = u.countries.weight(uint32(l.country), l.day, l.fade)
	l.networkDays = u.networks.weight(l.network, l.day, l.fade)
	l.blockDays = u.blocks.weight(l.block, l.day, l.fade)
	l.newBlock = l.newBlock && l.blockDays < faintDays
	l.newNetwork = l.newNetwork && l.networkDays < faintDays
	l.newCountry = l.newCountry && l.countryDays < faintDays
}

// A place is familiar after some days of use. Of a user who has not been known
// for long, only that is strange which is rare among all users.
const (
	faintDays    = 0.1 // so little is left of it that a place is new again
	familiarDays = 2.5
	learntDays   = 5
	rareBits     = 5.5
)

func (l *look) surprise() {
	u := l.user
	if l.country != 0 {
		own, all := u.countries.before(uint32(l.country), l.day, l.fade)
		l.countryRarity = rarity(own, all, l.server.countryShare(l.country))
	}
	own, all := u.networks.before(l.network, l.day, l.fade)
	l.netRarity = rarity(own, all, l.server.networkShare(l.network))
	familiar := l.networkDays >= familiarDays || l.blockDays >= familiarDays
	l.strange = !familiar && (l.learnt() || l.rareHere(l.newcomer()))
}

// newcomer tells whether the account is younger than what is known of the
// server. When the log begins everybody is new, and is taken to be at home.
func (l *look) newcomer() bool { return l.user.firstDay > l.server.firstDay+learntDays }

// rareHere tells whether the place is a surprise for a user of whom little is
// known. Among people who are usually elsewhere, a newcomer's first day in a far
// country does not make it home.
func (l *look) rareHere(newcomer bool) bool {
	if !newcomer {
		return max(l.netRarity, l.countryRarity) >= rareBits
	}
	return l.country != 0 && -math.Log2(l.server.countryShare(l.country)) >= rareBits
}

// learnt tells whether enough is known of where the user is. Days of sending
// through a cloud tell nothing of that.
func (l *look) learnt() bool {
	days, clouds := 0.0, l.rules.Networks[sharedNetworks].ASNs
	for i := range l.user.networks {
		if h := &l.user.networks[i]; !clouds[h.key] {
			days += h.faded(l.day, l.fade)
		}
	}
	return days >= learntDays
}

// steady tells whether the place is a line of the user's own: the very address
// has been theirs for days. A carrier's NAT gives others each day, and goes
// wherever its user goes, as clouds and relays do. A line that is renumbered every
// night keeps its address through the day, at least; and a machine, which is in one
// network only, has no phone.
func (l *look) steady() bool {
	if l.shared {
		return false
	}
	if l.user.addresses.weight(uint32(l.address), l.day, l.fade) >= familiarDays {
		return true
	}
	if l.networkDays < familiarDays {
		return false
	}
	v := l.user.visits.find(l.address)
	return v != nil && v.uses >= steadyUses && l.now-v.first >= steadyStay || l.machine()
}

// beside tells whether the user came to the country of a place over a border nearby:
// from home, or from wherever they were last. Once come so, they may move about there.
func (l *look) beside(here spot) bool {
	u := l.user
	for i := range u.visits {
		if v := &u.visits[i]; v.country == here.country {
			return v.beside
		}
	}
	return u.here.beside(here) || u.whereabouts.familiar.beside(here) || u.whereabouts.strange.beside(here)
}

// A carrier's NAT seldom gives a phone the same address for half a day.
const (
	steadyUses = 3
	steadyStay = 12 * hourStep
)

// machineMessages on a usual day are more than a person writes.
const machineMessages = 15

// machine tells whether the user is none of flesh and blood: much is sent, and
// from one network only.
func (l *look) machine() bool {
	if l.usualDay().amount() <= machineMessages {
		return false
	}
	var most, total float64
	for i := range l.user.networks {
		days := l.user.networks[i].faded(l.day, l.fade)
		most, total = max(most, days), total+days
	}
	return most >= familiarDays && most >= 0.9*total
}
