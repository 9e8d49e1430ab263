package simulate

import (
	"slices"
	"time"
)

// Kinds of people that Default has none of. What they live through is known from
// the field, and no rule was made for them: how rules do with them tells how they
// do with what nobody thought of.
const (
	Seafarer     = "seafarer"      // aboard for weeks, by satellite: teleports of several countries, SIM cards in port
	Exchange     = "exchange"      // abroad for a semester, while the computer at home goes on reading
	NewProvider  = "new-provider"  // the whole company changes its provider on one day
	CloudClient  = "cloud-client"  // moves to a mail program whose maker's servers, at Amazon, send for it
	SecureAccess = "secure-access" // the company's traffic leaves by a security service, in changing countries
	ESIM         = "esim"          // travels with a card whose data comes out in a third country
	Family       = "family"        // one account in two households, in two countries
	Scanner      = "scanner"       // the office's scanner sends with the account of one who is at times abroad
	Helpdesk     = "helpdesk"      // a ticket system, moved from the office into a cloud
	Conference   = "conference"    // colleagues at one place abroad, behind one address, for three days
	SixMobile    = "six-mobile"    // a phone with IPv6 only, and the carrier's NAT64 for the rest
	Satellite    = "satellite"     // a home line by satellite, which lands next door on some days
	Misplaced    = "misplaced"     // the line's new block stands in the database with a wrong country
	Flyer        = "flyer"         // mails from aboard airliners, with changes, for a day or two
	MailMerge    = "mail-merge"    // once in a while a letter to each of hundreds
	CloudDesktop = "cloud-desktop" // the company moves its desktops to a hoster, mostly abroad
)

// Kinds of theft that Default has none of.
const (
	AfterHoliday = "after-holiday" // from where the victim has just been on holiday
	OfficeHours  = "office-hours"  // through a VPN in the home country, when the victim works
	HomeCloud    = "home-cloud"    // out of clouds in the home country, a new address a message
	LookAround   = "look-around"   // days of reading the mail before the first is sent
	BEC          = "bec"           // a few letters written by hand, over days, from one place abroad
	BECNear      = "bec-near"      // the same from a rented server in the home country
	Wide         = "wide"          // few messages, each to a hundred recipients
	SameVPN      = "same-vpn"      // out of the VPN that the victim uses, too
	Tunnel       = "tunnel"        // by an IPv6 tunnel, with a new address each time
	OwnLine      = "own-line"      // from the victim's own line: malware in the house
	Contacts     = "contacts"      // to the victim's own address book: hardly anything comes back
	Warp         = "warp"          // out of a private relay
)

func uncommonPeople() []string {
	return []string{
		Seafarer, Exchange, NewProvider, CloudClient, SecureAccess, ESIM, Family, Scanner, Helpdesk, Conference,
		SixMobile, Satellite, Misplaced, Flyer, MailMerge, CloudDesktop,
	}
}

func uncommonThefts() []string {
	return []string{
		AfterHoliday, OfficeHours, HomeCloud, LookAround, BEC, BECNear, Wide, SameVPN, Tunnel, OwnLine, Contacts, Warp,
	}
}

// Uncommon returns the world with half of its people, and all of its thefts, of
// the uncommon kinds.
func (w World) Uncommon() World {
	total := 0.0
	for _, s := range w.People {
		total += s.Weight
	}
	w.People, w.Thieves = slices.Clone(w.People), nil
	for _, kind := range uncommonPeople() {
		w.People = append(w.People, Share{kind, total / float64(len(uncommonPeople()))})
	}
	for _, kind := range uncommonThefts() {
		w.Thieves = append(w.Thieves, Share{kind, 1})
	}
	return w
}

// uncommon tells whether the world has any of those kinds.
func (w World) uncommon() bool {
	has := func(shares []Share, kinds []string) bool {
		return slices.ContainsFunc(shares, func(s Share) bool { return slices.Contains(kinds, s.Kind) })
	}
	return has(w.People, uncommonPeople()) || has(w.Thieves, uncommonThefts())
}

// uncommonNetworks are what only uncommon people and thieves come from.
func uncommonNetworks() []spanning {
	return []spanning{
		{carrier{"US", 14593, "SpaceX Starlink", orbit}, "*"},
		{carrier{"NO", 5377, "Marlink", orbit}, "NO DE US SG AE GB"},
		{carrier{"IT", 29286, "Skylogic", orbit}, "IT DE GB ES US"},
		{carrier{"US", 64294, "Panasonic Avionics", orbit}, "US CH DE GB SG"},
		{carrier{"CH", 62044, "Zscaler", orbit}, "DE NL GB FR ES IT US CH SE PL AT ZA BR SG IN AU CA MX AE JP"},
		{carrier{"US", 6939, "Hurricane Electric", tunnel}, "US DE GB NL FR SE CZ CH HK SG"},
	}
}

// misplace gives some operators of a country one more block each, which stands in
// the databases with another country.
func (d *dealer) misplace(home string) {
	for _, n := range d.plan.in[home][fixed] {
		elsewhere := home
		for elsewhere == home {
			elsewhere = among(d.dice, d.plan.codes)
		}
		b := d.block(n, elsewhere)
		n.blocks = append(n.blocks, b)
		d.plan.misplaced = append(d.plan.misplaced, b)
	}
}

// until is one line up to a moment and another one from then on.
type until struct {
	before, after access
	moment        time.Time
}

func (u *until) at(t time.Time) host {
	if t.Before(u.moment) {
		return u.before.at(t)
	}
	return u.after.at(t)
}

// someDay is a moment between two shares of the log.
func (s *scene) someDay(d dice, from, to float64) time.Time {
	length := s.world.end().Sub(s.world.Start)
	at := func(share float64) time.Duration { return time.Duration(share * float64(length)) }
	return s.world.Start.Add(d.span(at(from), at(to)))
}

// company is a dice that rolls alike for all people of one company, so that what
// happens to the company happens to each of them. All of them are in the server's
// country.
func (p *person) company() dice {
	p.Country = p.scene.world.Home
	companies := max(1, p.scene.world.Users/400)
	return newDice(p.scene.world.Seed, hashOf("company"), hashOf(p.Kind), uint64(p.dice.IntN(companies)))
}

// of is the device on another line.
func (v device) of(on access) device {
	v.on = on
	return v
}
