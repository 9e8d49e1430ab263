package simulate

import (
	"slices"
	"strings"
	"time"
)

// Kinds of honest people, as Truth names them.
const (
	Office     = "office"     // office, home with a changing address, phone
	Traveller  = "traveller"  // airport, hotel, local SIM, roaming at the same time
	VPN        = "vpn"        // a VPN switched on and off, exits in several countries
	Role       = "role"       // one mailbox used in three countries at once
	Relay      = "relay"      // a company's server behind a dynamic line, with newsletters
	Newsletter = "newsletter" // a person who also mails a list
	SendAs     = "send-as"    // Gmail "send as": a new Google address nearly each time
	CloudApp   = "cloud-app"  // a client that signs in from Microsoft's cloud
	Private    = "private"    // private relay
	Commuter   = "commuter"   // lives on the other side of a border
	Mover      = "mover"      // moves to another country
	Newcomer   = "newcomer"   // an account made during the log
	IPv6       = "ipv6"       // a new host part each day, sometimes a new prefix
	Absent     = "absent"     // away for weeks, back from a new address
	Wanderer   = "wanderer"   // works from guest networks, a new one nearly each day
	TwoLines   = "two-lines"  // behind two providers at once, as a load balancer deals
)

// Kinds of theft, as Truth names them.
const (
	BotnetBurst   = "botnet-burst"    // many countries at once, fast
	BotnetSlow    = "botnet-slow"     // the same, one message each 4-25 minutes
	Drip          = "drip"            // a new address a message, at most five an hour, six days
	TwoCountries  = "two-countries"   // two addresses in two countries
	ForeignServer = "foreign-server"  // one server, thousands of messages
	ForeignHome40 = "foreign-home-40" // one foreign home line, 40 messages an hour
	ForeignHome3  = "foreign-home-3"  // the same, 3 an hour
	HomeProxies   = "home-proxies"    // residential proxies inside the home country
	HomeBulk      = "home-bulk"       // one address at home, bulk and many bounces
	TestThenBurst = "test-then-burst" // one login, days of silence, then the burst
	Neighbour     = "neighbour"       // new addresses, all in one neighbouring country
	MultiAccount  = "multi-account"   // one botnet on several accounts
	Early         = "early"           // in the log's first days
	OfTraveller   = "of-traveller"    // of someone who is under way
	OfRelay       = "of-relay"        // of a server's account
	OfRole        = "of-role"         // of a shared mailbox
	MailCloud     = "mail-cloud"      // out of a mail cloud's network, a new address nearly each time
	HomePhone     = "home-phone"      // behind the carrier NAT of the home country
)

// Share is how much of a mix one kind has. Shares need not add up to one.
type Share struct {
	Kind   string
	Weight float64
}

// World is a mail server to invent: its size, its mix of people and thefts, and
// the rates they live by. Shares and probabilities are fractions of one.
//
// Few of the figures have been published for mail submission. Where one has,
// the field names its source; the others are assumptions, and Vary is there to
// see what hangs on them.
type World struct {
	Seed  uint64
	Start time.Time // local midnight of the first day; its zone is the server's
	Days  int       // length of the log
	Users int
	Home  string // ISO 3166 code of the server's country

	Thefts      int  // stolen accounts; each account of a MultiAccount attack counts
	WarmUp      int  // days before the first theft, those of kind Early excepted
	Cold        bool // no warm-up: thefts from the first hour on
	WithDovecot bool // write Dovecot's login lines, too

	People  []Share
	Thieves []Share

	MailPerDay  float64 // median of messages that a person sends on a working day
	MailSpread  float64 // log-normal sigma of that among people: volumes are heavy-tailed
	Weekend     float64 // mail on a Saturday or Sunday, as part of a working day's
	LoginsPer   float64 // Dovecot logins per person and day; each device polls
	Abroad      float64 // share of people who live in some other country than Home
	PhoneShare  float64 // share of an office person's mail that a phone sends
	Renumbered  float64 // share of home lines renumbered every 24 h (Padmanabhan 2016: 20 ISPs do)
	OtherPrefix float64 // renumberings that land in another BGP prefix: about half (Padmanabhan 2016)
	NATHours    float64 // hours until a phone leaves by another of the carrier's addresses
	Recipients  float64 // mean recipients of an honest message
	Bounces     float64 // share of an honest person's recipients that bounce
	ListBounces float64 // the same of a newsletter
	TripDays    float64 // mean length of a trip
	Strays      float64 // share of stretches of hours spent on some guest network of the own country
	Holidays    float64 // office people who go abroad once
	NewDevices  float64 // people who change their mail program, and how it logs in, during the log
	Webmail     float64 // people who also use the server's own webmail, which submits from 127.0.0.1
	TypoPerDay  float64 // failed logins of a person's own per day

	Inbound     float64 // messages from outside per person and day
	BruteForced float64 // failed logins by botnets per person and day

	ThiefBounces    float64 // share of a thief's recipients that bounce; single thefts vary 0.4-1.6 times
	ThiefRecipients float64 // mean recipients of a thief's message
	ThiefPace       float64 // factor on every thief's rate
	ThiefVolume     float64 // factor on how much a thief sends
	ThiefLogin      float64 // thieves who use LOGIN (wazuh#35544: all but the first line of one attack)
	ThiefHome       float64 // botnet addresses in the home country (10 of 141 in Wiefling 2022)
	BotCountries    float64 // median countries of a botnet (41 in Vasko; more than 30 "after few minutes")
	Guessed         float64 // thefts announced by failed logins with the victim's name
	ThiefReads      float64 // thieves who look into the mailbox first (Bursztein 2014)
}

// Default is a server of 1,200 people over three weeks with 88 thefts. The
// seed chooses its country, too.
func Default(seed uint64) World {
	homes := strings.Fields(homeCountries)
	home := homes[mix(seed, hashOf("home"))%uint64(len(homes))]
	w := World{
		Seed: seed, Days: 21, Users: 1200, Home: home, Thefts: 88, WarmUp: 7, WithDovecot: true,
		MailPerDay: 3, MailSpread: 1.0, Weekend: 0.2, LoginsPer: 8, Abroad: 0.06, PhoneShare: 0.25,
		Renumbered: 0.4, OtherPrefix: 0.5, NATHours: 3, Recipients: 1.6, Bounces: 0.015, ListBounces: 0.04,
		TripDays: 4, Strays: 0.03, Holidays: 0.05, NewDevices: 0.12, Webmail: 0.1, TypoPerDay: 0.02, Inbound: 2, BruteForced: 2,
		ThiefBounces: 0.22, ThiefRecipients: 8, ThiefPace: 1, ThiefVolume: 1, ThiefLogin: 0.6,
		ThiefHome: 0.07, BotCountries: 20, Guessed: 0.3, ThiefReads: 0.15,
		People: []Share{
			{Office, 0.56}, {Traveller, 0.08}, {VPN, 0.05}, {Role, 0.02}, {Relay, 0.012}, {Newsletter, 0.015},
			{SendAs, 0.04}, {CloudApp, 0.03}, {Private, 0.03}, {Commuter, 0.03}, {Mover, 0.013}, {Newcomer, 0.05},
			{IPv6, 0.05}, {Absent, 0.02}, {Wanderer, 0.015}, {TwoLines, 0.015},
		},
		Thieves: []Share{
			{BotnetBurst, 1}, {BotnetSlow, 1}, {Drip, 1}, {TwoCountries, 1}, {ForeignServer, 1}, {ForeignHome40, 1},
			{ForeignHome3, 1}, {HomeProxies, 1}, {HomeBulk, 1}, {TestThenBurst, 1}, {Neighbour, 1}, {MultiAccount, 1},
			{Early, 1}, {OfTraveller, 1}, {OfRelay, 0.5}, {OfRole, 0.5}, {MailCloud, 0.5}, {HomePhone, 0.5},
		},
	}
	return w.In(home)
}

// In moves the world's server to another country and its time zone. The
// calendar keeps to winter time, so that a day has 24 hours.
func (w World) In(home string) World {
	w.Home = home
	zone := time.FixedZone("", 3600)
	for _, c := range countries() {
		if c.code == home {
			zone = time.FixedZone("", c.offset*3600)
		}
	}
	w.Start = time.Date(2026, 11, 2, 0, 0, 0, 0, zone) // a Monday
	return w
}

// parameter is one of a world's figures by name.
type parameter struct {
	name string
	of   func(*World) *float64
}

func parameters() []parameter {
	return []parameter{
		{"mail-per-day", func(w *World) *float64 { return &w.MailPerDay }},
		{"mail-spread", func(w *World) *float64 { return &w.MailSpread }},
		{"weekend", func(w *World) *float64 { return &w.Weekend }},
		{"logins", func(w *World) *float64 { return &w.LoginsPer }},
		{"abroad", func(w *World) *float64 { return &w.Abroad }},
		{"phone-share", func(w *World) *float64 { return &w.PhoneShare }},
		{"renumbered", func(w *World) *float64 { return &w.Renumbered }},
		{"other-prefix", func(w *World) *float64 { return &w.OtherPrefix }},
		{"nat-hours", func(w *World) *float64 { return &w.NATHours }},
		{"recipients", func(w *World) *float64 { return &w.Recipients }},
		{"bounces", func(w *World) *float64 { return &w.Bounces }},
		{"list-bounces", func(w *World) *float64 { return &w.ListBounces }},
		{"trip-days", func(w *World) *float64 { return &w.TripDays }},
		{"strays", func(w *World) *float64 { return &w.Strays }},
		{"holidays", func(w *World) *float64 { return &w.Holidays }},
		{"new-devices", func(w *World) *float64 { return &w.NewDevices }},
		{"webmail", func(w *World) *float64 { return &w.Webmail }},
		{"typos", func(w *World) *float64 { return &w.TypoPerDay }},
		{"inbound", func(w *World) *float64 { return &w.Inbound }},
		{"brute-forced", func(w *World) *float64 { return &w.BruteForced }},
		{"thief-bounces", func(w *World) *float64 { return &w.ThiefBounces }},
		{"thief-recipients", func(w *World) *float64 { return &w.ThiefRecipients }},
		{"thief-pace", func(w *World) *float64 { return &w.ThiefPace }},
		{"thief-volume", func(w *World) *float64 { return &w.ThiefVolume }},
		{"thief-login", func(w *World) *float64 { return &w.ThiefLogin }},
		{"thief-home", func(w *World) *float64 { return &w.ThiefHome }},
		{"bot-countries", func(w *World) *float64 { return &w.BotCountries }},
		{"guessed", func(w *World) *float64 { return &w.Guessed }},
		{"thief-reads", func(w *World) *float64 { return &w.ThiefReads }},
	}
}

// Parameters names what Vary can change: the figures, and the share of each
// kind as people.KIND and thefts.KIND.
func Parameters() []string {
	var names []string
	for _, p := range parameters() {
		names = append(names, p.name)
	}
	w := Default(0)
	for _, s := range w.People {
		names = append(names, "people."+s.Kind)
	}
	for _, s := range w.Thieves {
		names = append(names, "thefts."+s.Kind)
	}
	return names
}

// Vary returns the world with one figure multiplied, and whether there is a
// parameter of that name.
func (w World) Vary(name string, factor float64) (World, bool) {
	w.People, w.Thieves = slices.Clone(w.People), slices.Clone(w.Thieves)
	for _, p := range parameters() {
		if p.name == name {
			*p.of(&w) *= factor
			return w, true
		}
	}
	for i := range w.People {
		if "people."+w.People[i].Kind == name {
			w.People[i].Weight *= factor
			return w, true
		}
	}
	for i := range w.Thieves {
		if "thefts."+w.Thieves[i].Kind == name {
			w.Thieves[i].Weight *= factor
			return w, true
		}
	}
	return w, false
}

// Shaken returns the world with every figure multiplied by a factor of its
// own, log-normal with the given sigma: another server of the same make.
func (w World) Shaken(sigma float64) World {
	d := newDice(w.Seed, hashOf("shaken"))
	for _, name := range Parameters() {
		w, _ = w.Vary(name, d.spread(sigma))
	}
	return w
}
