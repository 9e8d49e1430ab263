package simulate

import (
	"cmp"
	"slices"
	"time"
)

// thief is the one who has the password, at work on one account or, with a
// botnet, on several.
type thief struct {
	scene      *scene
	dice       dice
	marks      []*Theft // the stolen accounts; more than one for MultiAccount
	method     string
	service    string
	sender     string    // a forged sender; "": the victim's own address
	bounces    float64   // of this thief's address list
	recipients float64   // mean of a message
	now        time.Time // of the next connection, in a spree
}

// source says from where a thief's next connection comes.
type source func() host

// tempo is how fast and how much a thief sends.
type tempo struct {
	messages int
	gap      func() time.Duration      // between connections
	session  int                       // at most so many messages in one
	works    func(time.Time) time.Time // the next moment at which the thief works; nil: any
}

// rob plans all thefts of the world.
func (s *scene) rob() {
	d := newDice(s.world.Seed, hashOf("thefts"))
	robbed := map[string]bool{}
	group := 0
	kinds := apportion(d, s.world.Thieves, s.world.Thefts)
	slices.SortFunc(kinds, func(a, b string) int { // the choosy kinds first, before others rob their victims
		return cmp.Or(cmp.Compare(choice(a), choice(b)), cmp.Compare(a, b))
	})
	for i := 0; i < len(kinds); {
		accounts := 1
		if kinds[i] == MultiAccount {
			accounts = groupSize(d, kinds[i:])
			group++
		}
		t := &thief{scene: s, dice: newDice(s.world.Seed, hashOf("thief"), uint64(i))}
		for range accounts {
			theft := &Theft{User: s.victim(d, kinds[i], robbed).User, Kind: kinds[i], Manner: kinds[i]}
			if kinds[i] == MultiAccount {
				theft.Group = group
			}
			robbed[theft.User] = true
			t.marks = append(t.marks, theft)
			s.thefts = append(s.thefts, theft)
		}
		t.equip()
		t.act()
		i += accounts
	}
}

// groupSize draws how many of the MultiAccount thefts at the head of a list are
// one botnet's, so that none is left alone.
func groupSize(d dice, kinds []string) int {
	left := 1
	for left < len(kinds) && kinds[left] == MultiAccount {
		left++
	}
	n := min(left, d.between(3, 6))
	if left-n < 2 {
		return left
	}
	return n
}

// choice is 0 for a kind of theft that needs a kind of victim, else 1.
func choice(kind string) int {
	switch kind {
	case OfTraveller, OfRelay, OfRole, AfterHoliday, SameVPN:
		return 0
	}
	return 1
}

// victim draws whose account is stolen.
func (s *scene) victim(d dice, kind string, robbed map[string]bool) *person {
	wanted := map[string]string{OfTraveller: Traveller, OfRelay: Relay, OfRole: Role, AfterHoliday: Traveller, SameVPN: VPN}[kind]
	var free, fit []*person
	for _, p := range s.people {
		if robbed[p.User] {
			continue
		}
		free = append(free, p)
		if p.Kind == wanted || kind == OwnLine && p.line != nil {
			fit = append(fit, p)
		}
	}
	switch {
	case len(fit) > 0:
		return among(d, fit)
	case len(free) > 0:
		return among(d, free)
	}
	return among(d, s.people)
}

// equip gives a thief its program and its address list.
func (t *thief) equip() {
	d, w := t.dice, t.scene.world
	t.method, t.service = "PLAIN", among(d, []string{"submission", "smtps"})
	if d.chance(w.ThiefLogin) {
		t.method = "LOGIN"
	}
	if d.chance(0.25) {
		t.sender = t.scene.noise.claim()
	}
	t.bounces = min(0.95, w.ThiefBounces*(0.4+1.2*d.Float64()))
	t.recipients = max(1, w.ThiefRecipients*d.spread(0.9))
	if d.chance(0.35) { // one message a recipient, as programs with templates send
		t.recipients = 1
	}
}

// act carries the theft out in its manner.
func (t *thief) act() {
	kind := t.marks[0].Kind
	manner := kind
	switch kind {
	case Early, OfTraveller, OfRelay, OfRole:
		manner = among(t.dice, []string{
			BotnetBurst, BotnetSlow, Drip, TwoCountries, ForeignServer, ForeignHome40, ForeignHome3, HomeProxies,
		})
	}
	for _, m := range t.marks {
		m.Manner = manner
	}
	from, pace := t.manner(manner)
	at := t.start(manner)
	if manner == LookAround {
		t.looksAround(at, from)
	}
	t.announce(at, from)
	if manner == TestThenBurst {
		t.test(at, from())
		at = at.Add(min(t.dice.span(20*time.Hour, 6*24*time.Hour), t.scene.world.end().Sub(at)/2))
	}
	if manner == Drip {
		t.drip(at, from)
		return
	}
	t.spree(at, from, pace)
}

// start draws when it begins: after the warm-up, and early enough that most of
// it falls into the log.
func (t *thief) start(manner string) time.Time {
	first, last := t.span(manner)
	if at, ok := t.underWay(first, last); ok {
		return at
	}
	if x, ok := t.lastTrip(first, last); ok && manner == AfterHoliday {
		return x.back.Add(t.dice.span(time.Hour, 36*time.Hour))
	}
	return first.Add(t.dice.span(0, last.Sub(first)))
}

// span is between when and when a theft of that manner may begin.
func (t *thief) span(manner string) (first, last time.Time) {
	w := t.scene.world
	const day = 24 * time.Hour
	first, last = w.Start.Add(time.Hour), w.end().Add(-day)
	if !w.Cold {
		first = w.Start.AddDate(0, 0, min(w.WarmUp, w.Days/2))
	}
	switch manner {
	case Drip:
		last = last.Add(-3 * day)
	case TestThenBurst, BotnetSlow, ForeignHome3, OfficeHours, BEC, BECNear, AfterHoliday:
		last = last.Add(-2 * day)
	}
	if t.marks[0].Kind == Early {
		first, last = w.Start.Add(2*time.Hour), w.Start.Add(min(3*day, w.end().Sub(w.Start)/4))
	}
	if last.Before(first) {
		last = first.Add(w.end().Sub(first) / 3)
	}
	return first, last
}

// underWay draws a moment of one of the victim's trips, if that is whom the
// thief robs.
func (t *thief) underWay(first, last time.Time) (time.Time, bool) {
	if t.marks[0].Kind != OfTraveller {
		return time.Time{}, false
	}
	for _, p := range t.scene.people {
		if p.User != t.marks[0].User {
			continue
		}
		for _, x := range p.trips {
			if at := x.leaves.Add(t.dice.span(0, x.back.Sub(x.leaves))); at.After(first) && at.Before(last) {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

// announce plots what a theft may show before its first message: guesses with
// the victim's name, and a look into the mailbox.
func (t *thief) announce(at time.Time, from source) {
	d, w := t.dice, t.scene.world
	for _, m := range t.marks {
		if d.chance(w.Guessed) {
			for range d.between(3, 40) {
				h := t.scene.noise.bot()
				if d.chance(0.2) {
					h = from()
				}
				before := at.Add(-d.span(time.Minute, 5*24*time.Hour))
				if before.After(w.Start) {
					t.scene.plot(session{at: before, does: fails, from: h, user: m.User, method: t.method, service: t.service})
				}
			}
		}
		if look := at.Add(-d.span(2*time.Minute, 3*time.Hour)); w.WithDovecot && d.chance(w.ThiefReads) && look.After(w.Start) {
			t.scene.plot(session{at: look, does: reads, from: from(), user: m.User, method: t.method, theft: m})
		}
	}
}

// send plots one connection with n messages.
func (t *thief) send(at time.Time, from host, n int, mark *Theft) time.Time {
	d := t.dice
	s := session{at: at, does: submits, from: from, user: mark.User, method: t.method, service: t.service, theft: mark}
	length := time.Duration(0)
	for range n {
		gap := d.span(100*time.Millisecond, 3*time.Second)
		to := 1 + min(99, int(d.ExpFloat64()*(t.recipients-1)))
		sender := t.sender
		if sender == "" {
			sender = mark.User
		}
		s.mails = append(s.mails, mail{gap: gap, sender: sender, to: to, bounces: t.bounces, size: 1500 + int(4000*d.spread(0.7))})
		length += gap + 300*time.Millisecond
	}
	if at.Before(t.scene.world.end()) {
		t.scene.plot(s)
	}
	return at.Add(length)
}

// test sends one message to the thief's own address, to see that it arrives.
func (t *thief) test(at time.Time, from host) {
	recipients, bounces := t.recipients, t.bounces
	t.recipients, t.bounces = 1, 0
	t.send(at, from, 1, t.marks[0])
	t.recipients, t.bounces = recipients, bounces
}

// spree sends until all is sent or the log ends.
func (t *thief) spree(at time.Time, from source, pace tempo) {
	end := t.scene.world.end()
	for left := pace.messages; left > 0 && at.Before(end); {
		if pace.works != nil {
			at = pace.works(at)
		}
		t.now = at
		n := min(left, t.dice.between(1, max(1, pace.session)))
		at = t.send(at, from(), n, among(t.dice, t.marks)).Add(pace.gap())
		left -= n
	}
}

// drip sends from a new address each time, never more than five messages in an
// hour, for six days: the tempo of the case in wazuh#35544, whose gaps were
// minutes within a bout and hours between.
func (t *thief) drip(at time.Time, from source) {
	d := t.dice
	end := at.Add(6 * 24 * time.Hour)
	var sent []time.Time
	for at.Before(end) && at.Before(t.scene.world.end()) {
		if n := len(sent); n >= 5 && at.Sub(sent[n-5]) < time.Hour {
			at = sent[n-5].Add(time.Hour + d.span(time.Second, 10*time.Minute))
		}
		t.send(at, from(), 1, t.marks[0])
		sent = append(sent, at)
		switch x := d.Float64(); {
		case x < 0.3:
			at = at.Add(d.span(40*time.Second, 70*time.Second))
		case x < 0.87:
			at = at.Add(d.span(8*time.Minute, 55*time.Minute))
		default:
			at = at.Add(d.span(time.Hour, 8*time.Hour))
		}
	}
}
