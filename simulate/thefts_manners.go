package simulate

import (
	"math"
	"strings"
	"time"
)

// manner gives from where and how fast a theft of that manner sends. The
// ranges are wide on purpose: no two thieves are alike.
func (t *thief) manner(name string) (source, tempo) {
	d := t.dice
	if from, pace, ok := t.uncommon(name); ok {
		return from, pace
	}
	switch name {
	case BotnetSlow:
		gap := func() time.Duration { return t.paced(d.span(4*time.Minute, 25*time.Minute)) }
		return t.botnet(d.between(60, 400)), tempo{messages: t.volume(60, 500), gap: gap, session: 1}
	case Drip:
		return t.botnet(100_000), tempo{}
	case TwoCountries:
		return t.twoCountries(), t.hourly(d.between(15, 300), t.volume(100, 1500), d.between(1, 4))
	case ForeignServer:
		return t.foreignServer(), t.hourly(d.between(400, 4000), t.volume(1000, 6000), d.between(1, 50))
	case ForeignHome40:
		return t.foreignHome(), t.hourly(40, t.volume(150, 1500), d.between(1, 3))
	case ForeignHome3:
		return t.foreignHome(), t.hourly(3, t.volume(40, 250), 1)
	case HomeProxies:
		return t.homeProxies(), t.hourly(d.between(8, 80), t.volume(100, 1200), d.between(1, 3))
	case HomeBulk:
		t.bounces = min(0.6, max(t.bounces, 0.25)*(1+d.Float64()))
		return t.homeBulk(), t.hourly(d.between(150, 1500), t.volume(200, 2500), d.between(1, 30))
	case TestThenBurst:
		if d.chance(0.4) {
			return t.foreignServer(), t.hourly(d.between(300, 3000), t.volume(500, 4000), d.between(1, 30))
		}
	case Neighbour:
		return t.neighbourhood(), t.hourly(d.between(5, 60), t.volume(60, 900), d.between(1, 2))
	case MailCloud:
		return t.mailCloud(), t.hourly(d.between(5, 200), t.volume(60, 1500), d.between(1, 3))
	case HomePhone:
		on := t.scene.phone(d, t.scene.world.Home)
		at := t.scene.world.Start
		next := func() host { at = at.Add(d.wait(10 * time.Minute)); return on.at(at) }
		return next, t.hourly(d.between(4, 80), t.volume(60, 1200), d.between(1, 3))
	case MultiAccount:
		return t.botnet(d.between(40, 300)), t.hourly(d.between(40, 500), t.volume(400, 4000), d.between(1, 3))
	}
	return t.botnet(d.between(40, 350)), t.hourly(d.between(120, 1500), t.volume(250, 3000), d.between(1, 5))
}

// hourly is a tempo of so many messages an hour on average, in sessions of up
// to n.
func (t *thief) hourly(rate, messages, n int) tempo {
	mean := time.Duration(float64(time.Hour) * float64(1+n) / 2 / float64(max(1, rate)))
	regular := t.dice.chance(0.3) // some programs keep an even beat
	gap := func() time.Duration {
		if regular {
			return t.paced(t.dice.span(mean*8/10, mean*12/10))
		}
		return t.paced(t.dice.wait(mean))
	}
	return tempo{messages: messages, gap: gap, session: n}
}

func (t *thief) paced(gap time.Duration) time.Duration {
	return time.Duration(float64(gap) / max(0.01, t.scene.world.ThiefPace))
}

// volume draws how many messages, log-uniform: small numbers as often as large.
func (t *thief) volume(lo, hi int) int {
	n := float64(lo) * math.Pow(float64(hi)/float64(lo), t.dice.Float64())
	return max(3, int(n*t.scene.world.ThiefVolume))
}

// botnet draws machines over many countries, a few of them at home.
func (t *thief) botnet(machines int) source {
	d, w := t.dice, t.scene.world
	all := strings.Fields(botCountries)
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	want := max(3, int(w.BotCountries*d.spread(0.4)))
	var countries []string
	seen := map[string]bool{}
	for _, c := range all { // a country named three times comes three times as often
		if seen[c] || len(seen) < want {
			seen[c] = true
			countries = append(countries, c)
		}
	}
	draw := func() host {
		if d.chance(min(0.9, w.ThiefHome)) {
			return t.scene.bot(d, w.Home)
		}
		return t.scene.bot(d, among(d, countries))
	}
	return reuse(d, machines, draw)
}

// reuse makes a pool of a draw's hosts and takes from it.
func reuse(d dice, machines int, draw source) source {
	var known []host
	return func() host {
		if n := d.IntN(machines); n < len(known) {
			return known[n]
		}
		known = append(known, draw())
		return known[len(known)-1]
	}
}

// abroad draws a country that is neither the server's nor the victim's.
func (t *thief) abroad() string {
	owner := ""
	for _, p := range t.scene.people {
		if p.User == t.marks[0].User {
			owner = p.Country
		}
	}
	for {
		c := among(t.dice, strings.Fields(botCountries))
		if c != t.scene.world.Home && c != owner {
			return c
		}
	}
}

// twoCountries draws one or a few machines in each of two countries.
func (t *thief) twoCountries() source {
	a, b := t.abroad(), t.abroad()
	for a == b {
		b = t.abroad()
	}
	var hosts []host
	for range t.dice.between(1, 3) {
		hosts = append(hosts, t.scene.bot(t.dice, a), t.scene.bot(t.dice, b))
	}
	return func() host { return among(t.dice, hosts) }
}

// foreignServer is one rented machine, at a hoster or behind a VPN's exit.
func (t *thief) foreignServer() source {
	sells := hosting
	if t.dice.chance(0.25) {
		sells = vpn
	}
	countries := append(strings.Fields("US US DE NL FR GB RU SG CA"), t.abroad())
	country := among(t.dice, countries)
	for country == t.scene.world.Home {
		country = among(t.dice, countries)
	}
	h := t.address(country, sells)
	return func() host { return h }
}

// foreignHome is one home line abroad.
func (t *thief) foreignHome() source {
	h := t.address(t.abroad(), fixed)
	return func() host { return h }
}

// homeProxies rents addresses of households in the server's own country.
func (t *thief) homeProxies() source {
	draw := func() host {
		if t.dice.chance(0.2) {
			return t.address(t.scene.world.Home, mobile)
		}
		return t.address(t.scene.world.Home, fixed)
	}
	return reuse(t.dice, t.dice.between(15, 400), draw)
}

// homeBulk is one address in the server's own country.
func (t *thief) homeBulk() source {
	h := t.address(t.scene.world.Home, among(t.dice, []service{fixed, fixed, fixed, mobile, hosting}))
	return func() host { return h }
}

// neighbourhood draws machines in one country next door.
func (t *thief) neighbourhood() source {
	country := t.scene.neighbour(t.dice, t.scene.world.Home)
	return reuse(t.dice, t.dice.between(8, 200), func() host { return t.scene.bot(t.dice, country) })
}

func (t *thief) address(country string, sells service) host {
	net := t.scene.plan.pick(t.dice, country, sells)
	return net.named(among(t.dice, net.within(country, -1)).four(t.dice.Uint64()))
}

// mailCloud draws machines of the networks that honest "send as" comes from.
func (t *thief) mailCloud() source {
	machines, _ := t.scene.exitsOf(t.dice, among(t.dice, []uint32{15169, 8075}), "")
	return reuse(t.dice, t.dice.between(20, 400), func() host {
		b := among(t.dice, machines.blocks)
		return b.net.named(b.four(t.dice.Uint64()))
	})
}
