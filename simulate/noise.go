package simulate

import (
	"strings"
	"time"
)

// noise is what a mail server hears all day besides its own people.
type noise struct {
	scene *scene
	dice  dice
}

// day makes a day's inbound mail, refused mail and guessed passwords.
func (n noise) day(midnight time.Time) []session {
	w, d := n.scene.world, n.dice
	users := float64(w.Users)
	var out []session
	for range d.count(users * w.Inbound) {
		at := midnight.Add(time.Duration(officeHours(d) * float64(time.Hour)))
		from := n.machine(among(d, n.scene.plan.codes), hosting)
		m := mail{to: 1, inside: 1, size: 2000 + int(9000*d.spread(1.3))}
		if d.chance(0.12) {
			out = append(out, session{at: at, does: refused, from: n.bot()})
			continue
		}
		out = append(out, session{at: at, does: delivers, from: from, mails: []mail{m}})
	}
	for range d.count(users * w.BruteForced) {
		out = append(out, session{
			at: midnight.Add(d.span(0, 24*time.Hour)), does: fails, from: n.bot(), user: n.claim(), method: "LOGIN",
			service: among(d, []string{"", "submission", "smtps"}),
		})
	}
	return out
}

// machine is some machine of a country.
func (n noise) machine(country string, sells service) host {
	net := n.scene.plan.pick(n.dice, country, sells)
	return net.named(among(n.dice, net.within(country, -1)).four(n.dice.Uint64()))
}

// bot is a botnet's machine.
func (n noise) bot() host {
	return n.scene.bot(n.dice, among(n.dice, strings.Fields(botCountries)))
}

// claim is the name that a guesser gives: often one of ours, from an address
// list, else a name that many servers have.
func (n noise) claim() string {
	if n.dice.chance(0.6) {
		return among(n.dice, n.scene.people).User
	}
	return among(n.dice, []string{"admin", "test", "info", "scan", "postmaster"}) + "@" + n.scene.world.domain()
}

// bot is a machine that someone else commands: mostly on a home line, some
// phones, some servers.
func (s *scene) bot(d dice, country string) host {
	sells := fixed
	switch x := d.Float64(); {
	case x < 0.15:
		sells = mobile
	case x < 0.3:
		sells = hosting
	}
	net := s.plan.pick(d, country, sells)
	b := among(d, net.within(country, -1))
	if b.v6.IsValid() && d.chance(0.03) {
		return net.named(b.six(d.Uint64(), d.Uint64()))
	}
	return net.named(b.four(d.Uint64()))
}
