package scoring

import (
	"math"
	"time"
)

// Signal is a name that conditions can use.
type Signal struct {
	Name string
	Doc  string
	// value computes it; a function signal answers a func.
	value func(*look) any
}

// Signals lists every name that a condition can use, with its meaning.
func Signals() []Signal {
	return []Signal{
		{"user", "the SASL user name, folded", func(l *look) any { return l.sub.User }},
		{"ip", "the client's address", func(l *look) any { return l.place.Addr.String() }},
		{"country", "country of the client (ISO 3166-1 alpha-2), \"\" when unknown", func(l *look) any { return l.place.Country }},
		{"asn", "autonomous system number of the client's network, 0 when unknown", func(l *look) any { return int(l.place.ASN) }},
		{"org", "the organisation that the network belongs to", func(l *look) any { return l.place.Org }},
		{"method", "SASL mechanism in the client's spelling", func(l *look) any { return l.sub.Method }},
		{"home", "the country is one of the user's or the server's home countries, or usual for this user", func(l *look) any { return l.home() }},
		{"new_address", "the user has not come from this address in the last days", func(l *look) any { return l.newAddress }},
		{"new_block", "nor from its /24 (IPv6: /64)", func(l *look) any { return l.newBlock }},
		{"new_network", "nor from its network (all networks of a country that no database knows count as one)", func(l *look) any { return l.newNetwork && !l.vouched }},
		{"new_country", "nor from its country", func(l *look) any { return l.newCountry && !l.vouched }},
		{"unfamiliar", "the user has not used this network for long; of a new user: few others use it either", func(l *look) any { return l.strange && !l.vouched }},
		{"rarity", "how surprising the network is for this user, in bits (familiar: below 3, another line at home: about 6, a far country: 12 and more)", func(l *look) any { return l.surpriseOf(l.netRarity) }},
		{"country_rarity", "how surprising the country is for this user, in bits", func(l *look) any { return l.surpriseOf(l.countryRarity) }},
		{"no_reverse", "the client's address has no verified reverse name", func(l *look) any { return l.sub.NoReverse }},
		{"method_changed", "the user has always used another SASL mechanism", func(l *look) any { return l.methodChanged() }},
		{"thief_address", "the address took part in an earlier theft", func(l *look) any { return l.thiefAddress() }},
		{"users_here", "users, this one among them, for whom this address was strange in the last two weeks", func(l *look) any { return l.usersHere() }},
		{"failures_here", "failed log-ins from this address in the last day", func(l *look) any { return l.failuresHere() }},
		{"silence", "hours since the user was last seen", func(l *look) any { return l.silence() }},
		{"known_days", "days since the user was first seen", func(l *look) any { return int(l.day - l.user.firstDay) }},
		{"speed", "how fast the user must have travelled since the submission before, in km/h, the databases' inaccuracy in the user's favour; 0 when unknown", func(l *look) any { return l.speed() }},
		{"switches", "switches(\"6h\"): how often the user changed between a line of their own and a strange place abroad, faster than one can travel (over a border nearby: by car)", func(l *look) any { return l.switches }},
		{"addresses", "addresses(\"1h\"): different addresses in that time, this one included", func(l *look) any { return l.count(false, byAddress) }},
		{"blocks", "blocks(\"1h\"): different /24 (IPv6: /64)", func(l *look) any { return l.count(false, byBlock) }},
		{"networks", "networks(\"1h\"): different networks", func(l *look) any { return l.count(false, byNetwork) }},
		{"countries", "countries(\"1h\"): different countries", func(l *look) any { return l.countCountries(false) }},
		{"strange_addresses", "strange_addresses(\"1d\"): different addresses in unfamiliar places", func(l *look) any { return l.count(true, byAddress) }},
		{"strange_blocks", "strange_blocks(\"1d\"): different /24 (IPv6: /64) in unfamiliar places", func(l *look) any { return l.count(true, byBlock) }},
		{"strange_networks", "strange_networks(\"1d\"): different unfamiliar networks", func(l *look) any { return l.count(true, byNetwork) }},
		{"strange_countries", "strange_countries(\"1d\"): different countries of unfamiliar places, without those that the user has been in on more than a single day or came to over a border nearby", func(l *look) any { return l.countCountries(true) }},
		{"messages", "messages(\"1h\"): submissions in that time, this one included", func(l *look) any { return l.volume(func(t tally) uint32 { return t.messages }) }},
		{"recipients", "recipients(\"1h\"): recipients of what was sent in that time", func(l *look) any { return l.volume(func(t tally) uint32 { return t.recipients }) }},
		{"bounces", "bounces(\"1h\"): recipients whose mail came back", func(l *look) any { return l.volume(func(t tally) uint32 { return t.bounces }) }},
		{"bounce_excess", "bounce_excess(\"1h\", 0.1): how many standard deviations the bounces are above that share of the recipients (more on a server where much comes back), or above this user's usual share if that is more", func(l *look) any { return l.bounceExcess }},
		{"rejects", "rejects(\"1h\"): commands that Postfix refused", func(l *look) any { return l.volume(func(t tally) uint32 { return t.rejects }) }},
		{"strange_messages", "strange_messages(\"1h\"): submissions from unfamiliar places", func(l *look) any { return l.volume(func(t tally) uint32 { return t.strangeMessages }) }},
		{"strange_recipients", "strange_recipients(\"1h\"): recipients of what came from unfamiliar places", func(l *look) any { return l.volume(func(t tally) uint32 { return t.strangeRecipients }) }},
		{"strange_bounces", "strange_bounces(\"1h\"): bounces of what came from unfamiliar places", func(l *look) any { return l.volume(func(t tally) uint32 { return t.strangeBounces }) }},
		{"senders", "senders(\"1h\"): different envelope senders of what was sent in that time", func(l *look) any { return l.senders }},
		{"message_excess", "message_excess(\"1h\"): how many standard deviations the messages of that time are above this user's usual ones, on a scale of orders of magnitude; up to an hour, the user's busiest hours are the measure, beyond that whole days", func(l *look) any { return l.messageExcess }},
		{"strange_excess", "strange_excess(\"1h\"): the same of messages from unfamiliar places", func(l *look) any { return l.strangeExcess }},
		{"recipient_excess", "recipient_excess(\"1h\"): the same of recipients, by the user's busiest hours", func(l *look) any { return l.recipientExcess }},
		{"hour_rarity", "how surprising the time of the week is for this user, in bits: 0 for a usual time, 4 and more for nights and free days of most", func(l *look) any { return l.hourRarity() }},
		{"usual_hour", "messages in the user's busiest hour of a usual day", func(l *look) any { return l.usualHour().amount() }},
		{"usual_recipients", "recipients in the user's busiest hour of a usual day", func(l *look) any { return l.usualRecipients().amount() }},
		{"usual_day", "messages on a usual day of the user", func(l *look) any { return l.usualDay().amount() }},
		{"usual_bounces", "the share of the user's recipients whose mail usually comes back, 0 to 1", func(l *look) any { return l.user.bounceRate(l.user.lately(l.now)) }},
		{"usual_countries", "countries that the user has been in on more than a single day, a strange one at hand left out", func(l *look) any { return l.usualCountries() }},
		{"known_networks", "networks in which the user was ever seen, as far as is remembered", func(l *look) any { return len(l.user.networks) }},
		{"country_days", "days that the user has spent in this country before, fading", func(l *look) any { return l.countryDays }},
		{"known_countries", "countries in which the user was ever seen, as far as is remembered", func(l *look) any { return len(l.user.countries) }},
		{"country_silence", "hours since the user was last seen in this country; 0 when never", func(l *look) any { return l.countrySilence() }},
		{"machine", "the user sends as no person does: much, and from one network only", func(l *look) any { return l.machine() }},
		{"unfamiliar_block", "the user has not used this /24 (IPv6: /64) for long", func(l *look) any { return l.blockDays < familiarDays }},
		{"network_is", "network_is(\"hosting\"): the network is in that list under networks:", func(l *look) any { return l.networkIs }},
	}
}

// windowed tells which signals are functions of a window.
func windowed(name string) bool {
	switch name {
	case "switches", "senders", "bounce_excess", "message_excess", "strange_excess", "recipient_excess", "addresses", "blocks", "networks", "countries",
		"strange_addresses", "strange_blocks", "strange_networks", "strange_countries",
		"messages", "recipients", "bounces", "rejects",
		"strange_messages", "strange_recipients", "strange_bounces":
		return true
	}
	return false
}

// maxWindow is the longest time that windows look back.
const maxWindow = 8 * 24 * time.Hour

// begin is the start of a window, in Unix seconds. The text was checked when
// the rules were read.
func (l *look) begin(window string) int64 {
	d, _ := ParseDuration(window)
	return l.now - int64(d/time.Second)
}

func (l *look) count(strangeOnly bool, property func(*visit) uint64) func(string) int {
	return func(window string) int {
		return l.user.visits.distinct(l.begin(window), strangeOnly, property)
	}
}

func (l *look) countCountries(strangeOnly bool) func(string) int {
	return func(window string) int {
		return l.user.visits.countries(l.begin(window), strangeOnly, l.ownCountry)
	}
}

// ownCountry tells whether the user has been in a country for more than a single
// day: a café there is a strange place, and the country is none.
func (l *look) ownCountry(country uint16) bool {
	return l.user.countries.weight(uint32(country), l.day, l.fade) >= frequentDays
}

func (l *look) volume(part func(tally) uint32) func(string) int {
	return func(window string) int {
		return int(part(l.user.volume.since(l.begin(window))))
	}
}

// bounceTolerance is how much worse than usual a mailing may do without being
// odd.
const bounceTolerance = 1.2

// bounceExcess is how far the bounces of a window are beyond a share of its
// recipients, or beyond this user's usual share if that is more, in standard
// deviations of a count.
func (l *look) bounceExcess(window string, share float64) float64 {
	t := l.user.volume.since(l.begin(window))
	lately := l.user.lately(l.now)
	expected := max(l.user.bounceRate(lately)*bounceTolerance, share*l.server.bounceFactor(lately)) * float64(t.delivered)
	return (float64(t.bounces) - expected) / math.Sqrt(expected+1)
}

func (l *look) usualHour() spread {
	return l.user.usual.expect(l.user.usual.perHour, l.server.usual.perHour)
}

func (l *look) usualDay() spread {
	return l.user.usual.expect(l.user.usual.perDay, l.server.usual.perDay)
}

func (l *look) usualRecipients() spread {
	return l.user.usual.expect(l.user.usual.toHour, l.server.usual.toHour)
}

func (l *look) messageExcess(window string) float64 {
	return l.excess(window, func(t *tally) uint32 { return t.messages })
}

func (l *look) strangeExcess(window string) float64 {
	return l.excess(window, func(t *tally) uint32 { return t.strangeMessages })
}

func (l *look) excess(window string, part func(*tally) uint32) float64 {
	begin := l.begin(window)
	t := l.user.volume.since(begin)
	measure := l.usualHour()
	if l.now-begin > hourStep {
		measure = l.usualDay()
	}
	return l.user.usual.excess(float64(part(&t)), measure)
}

func (l *look) recipientExcess(window string) float64 {
	t := l.user.volume.since(l.begin(window))
	return l.user.usual.excess(float64(t.recipients), l.usualRecipients())
}

func (l *look) hourRarity() float64 { return l.user.rhythm.rarity(l.sub.Time, &l.server.rhythm) }

func (l *look) speed() float64 {
	if !l.placed || l.shared {
		return 0
	}
	return l.previous.speed(spotOf(l.place, l.now))
}

func (l *look) senders(window string) int { return l.user.senders.since(l.begin(window)) }

func (l *look) switches(window string) int {
	return l.user.whereabouts.since(l.begin(window))
}

func (l *look) networkIs(name string) bool {
	return l.rules.Networks[name].contains(l.place.Addr, l.place.ASN)
}

// surpriseOf is nothing where a person said that the user may be there.
func (l *look) surpriseOf(bits float64) float64 {
	if l.vouched {
		return 0
	}
	return bits
}

func (l *look) home() bool {
	if l.vouched {
		return true
	}
	home := l.rules.Home
	if o := l.rules.Users[l.sub.User]; len(o.Home) > 0 {
		home = o.Home
	}
	for _, c := range home {
		if c == l.place.Country {
			return true
		}
	}
	if len(home) > 0 {
		return false
	}
	if l.first && !l.newcomer() {
		return !l.oddStart()
	}
	return l.country != 0 && (l.server.isHome(l.country) || l.countryDays >= settledDays && l.countryRarity < 3)
}

// oddStart tells whether a user who is seen for the first time is where hardly anybody
// else is. When the log begins everybody is new and taken to be at home; after two
// days most have been seen, and it shows where people are.
func (l *look) oddStart() bool {
	return l.country != 0 && l.day >= l.server.firstDay+tellingDays && -math.Log2(l.server.countryShare(l.country)) >= rareBits
}

const tellingDays = 2

// settledDays in a country make it a user's home.
const settledDays = 4

// frequentDays is more than one visit: a mailbox that colleagues in several
// countries share shows it soon.
const frequentDays = 1.5

func (l *look) usualCountries() (n int) {
	for i := range l.user.countries {
		h := &l.user.countries[i]
		if h.faded(l.day, l.fade) >= frequentDays && !(l.strange && h.key == uint32(l.country)) {
			n++
		}
	}
	return n
}

func (l *look) countrySilence() float64 {
	if l.country == 0 {
		return 0 // a cloud is in no country
	}
	if h := l.user.countries.find(uint32(l.country)); h != nil && l.seenInCountry == 0 {
		return float64(l.day-h.day) * 24
	}
	if l.seenInCountry == 0 {
		return 0
	}
	return max(0, float64(l.now-l.seenInCountry)/3600)
}

func (l *look) methodChanged() bool {
	return l.user.method != 0 && l.user.methodUses >= 5 && hashName(l.sub.Method) != l.user.method
}

func (l *look) thiefAddress() bool {
	x := l.server.strangers[l.address]
	return x != nil && x.thief > l.now
}

func (l *look) usersHere() int {
	if x := l.server.strangers[l.address]; x != nil && l.strange {
		return max(int(x.nusers), 1)
	}
	return 1
}

func (l *look) failuresHere() int {
	if x := l.server.strangers[l.address]; x != nil && l.now-x.failed < dayStep {
		return int(x.failures)
	}
	return 0
}

func (l *look) silence() float64 {
	if l.user.last == 0 {
		return math.Inf(1)
	}
	return max(0, float64(l.now-l.user.last)/3600)
}
