package scoring

import (
	"math"
	"slices"
)

// The descriptions of the records that are kept of what is remembered. The order
// of the values is the format: a change of it is a new recordVersion.

// maxSteps is more than a volume ever has: steps of five minutes in the last
// hours, of an hour in the last day, of a day in the last week.
const maxSteps = 200

// user describes all that is remembered of one user. Times are told from the
// last one on.
func (c *coder) user(u *user) {
	number(c, &u.last)
	number(c, &u.firstDay)
	c.flags(&u.blocked)
	day := int32(u.last / dayStep)
	for _, hs := range []*habits{&u.countries, &u.networks} {
		list(c, hs, maxHabits, func(c *coder, h *habit) { number(c, &h.key); c.habit(h, day) })
	}
	for _, hs := range []*habits{&u.blocks, &u.addresses} {
		list(c, hs, maxHabits, func(c *coder, h *habit) { c.hash(&h.key); c.habit(h, day) })
	}
	near := u.last
	list(c, &u.visits, maxVisits, func(c *coder, v *visit) { c.visit(v, u) })
	list(c, &u.volume, maxSteps, func(c *coder, s *step) {
		c.stamp(&s.start, near)
		c.tally(&s.tally)
		near = s.start
	})
	c.usual(&u.usual)
	c.rhythm(&u.rhythm)
	c.real32(&u.sentTo)
	c.real32(&u.cameBack)
	c.hash(&u.method)
	number(c, &u.methodUses)
	c.whereabouts(u)
	list(c, &u.senders, maxSenders, func(c *coder, s *sender) { c.hash(&s.name); c.stamp(&s.last, u.last) })
	c.real(&u.score)
	c.stamp(&u.scoreAt, u.last)
	list(c, &u.reasons, maxReasons, (*coder).reason)
	list(c, &u.fired, maxFired, func(c *coder, f *firing) { c.hash(&f.rule); c.stamp(&f.at, u.last) })
	list(c, &u.held, maxHeld, func(c *coder, h *heldMessage) {
		if c.reading {
			h.message = new(message)
		}
		c.message(h.message)
		c.place(&h.place)
	})
	if c.version >= 3 && len(u.held) > 0 {
		number(c, &u.portion)
		c.stamp(&u.pausedTo, u.last)
	}
}

func (c *coder) habit(h *habit, day int32) {
	ago := day - h.day
	number(c, &ago)
	h.day = day - ago
	c.full32(&h.weight)
}

// visit names what is among the user's habits by its place there: most of it is.
func (c *coder) visit(v *visit, u *user) {
	high, low, country := uint32(v.address>>32), uint32(v.address), uint32(v.country)
	c.hash(&high)
	c.habitual(&low, u.addresses)
	v.address = uint64(high)<<32 | uint64(low)
	c.habitual(&v.block, u.blocks)
	c.habitual(&v.network, u.networks)
	c.habitual(&country, u.countries)
	if v.country = uint16(country); uint32(v.country) != country {
		c.fail(errDamaged)
	}
	c.stamp(&v.last, u.last)
	c.stamp(&v.first, v.last)
	if c.version >= 4 {
		c.flags(&v.strange, &v.shared, &v.beside)
	} else {
		c.flags(&v.strange, &v.shared)
	}
	if c.version >= 2 {
		number(c, &v.uses)
	}
}

// habitual is a key that is mostly one of some habits.
func (c *coder) habitual(key *uint32, known habits) {
	which := uint64(1 + slices.IndexFunc(known, func(h habit) bool { return h.key == *key }))
	c.word(&which)
	switch {
	case which == 0:
		c.hash(key)
	case which > uint64(len(known)):
		c.fail(errDamaged)
	default:
		*key = known[which-1].key
	}
}

// tally leaves out what is nothing: most tallies are of a few messages of which
// nothing came back.
func (c *coder) tally(t *tally) {
	parts := [...]*uint32{&t.messages, &t.recipients, &t.delivered, &t.bounces, &t.rejects,
		&t.strangeMessages, &t.strangeRecipients, &t.strangeBounces}
	var present uint64
	for i, p := range parts {
		if *p != 0 {
			present |= 1 << i
		}
	}
	c.word(&present)
	for i, p := range parts {
		if present>>i&1 == 1 {
			n := uint64(*p)
			c.word(&n)
			if *p = uint32(n); uint64(*p) != n {
				c.fail(errDamaged)
			}
		}
	}
	if present>>len(parts) != 0 {
		c.fail(errDamaged)
	}
}

func (c *coder) usual(u *usual) {
	number(c, &u.day)
	number(c, &u.messages)
	number(c, &u.hour)
	number(c, &u.recipients)
	number(c, &u.days)
	for _, s := range []*spread{&u.perDay, &u.perHour, &u.toHour} {
		c.real32(&s.mean)
		c.real32(&s.variance)
		c.real32(&s.most)
	}
}

func (c *coder) rhythm(r *rhythm) {
	number(c, &r.last)
	for i := range r.parts {
		number(c, &r.parts[i])
	}
}

func (c *coder) whereabouts(u *user) {
	w := &u.whereabouts
	c.spot(&u.here, u.last)
	c.spot(&w.familiar, u.last)
	c.spot(&w.strange, u.last)
	number(c, &w.next)
	changed := w.changes != [len(w.changes)]int64{}
	c.flags(&changed)
	if changed {
		for i := range w.changes {
			number(c, &w.changes[i])
		}
	}
}

func (c *coder) spot(s *spot, near int64) {
	ever := s.at != 0
	c.flags(&ever, &s.located)
	if !ever {
		return
	}
	c.stamp(&s.at, near)
	number(c, &s.country)
	if s.located {
		c.real32(&s.lat)
		c.real32(&s.lon)
		c.real32(&s.radius)
	}
}

func (c *coder) reason(r *Reason) {
	c.moment(&r.Time)
	c.text(&r.Rule)
	c.real(&r.Points)
	c.place(&r.Place)
	c.messageID(&r.Message)
}

func (c *coder) messageID(id *MessageID) {
	c.text(&id.Host)
	c.text(&id.Queue)
	c.text(&id.ID)
}

func (c *coder) message(m *message) {
	c.messageID(&m.id)
	c.text(&m.user)
	number(c, &m.at)
	c.stamp(&m.logged, m.at)
	number(c, &m.action)
	if m.action > Refuse {
		c.fail(errDamaged)
	}
	c.flags(&m.asked, &m.strange, &m.queued, &m.removed)
	number(c, &m.recipients)
	number(c, &m.bounces)
}

func (c *coder) stranger(x *stranger) {
	number(c, &x.last)
	users := x.users[:x.nusers]
	list(c, &users, len(x.users), (*coder).hash)
	if c.reading {
		x.nusers = uint8(copy(x.users[:], users))
	}
	number(c, &x.failures)
	c.stamp(&x.failed, x.last)
	c.stamp(&x.thief, x.last)
	c.hash(&x.victim)
}

// queue is who has held messages, in the order in which they began to wait. Their
// times are worked out anew when it is read.
func (c *coder) queue(q *queue) {
	names := q.names()
	list(c, &names, maxMessages, (*coder).text)
	if c.reading && c.err == nil {
		*q = newQueue()
		for _, name := range names {
			q.add(name, math.MinInt64)
		}
	}
}

// network is what is usual on the server of one network.
func (c *coder) network(days *float64, org *string) {
	c.real(days)
	c.text(org)
}

// sums are what stands alone in a scorer.
func (c *coder) sums(s *Scorer) {
	v := &s.server
	c.real(&v.days)
	number(c, &v.firstDay)
	c.real(&v.sentTo)
	c.real(&v.cameBack)
	c.usual(&v.usual)
	for i := range v.rhythm {
		c.real(&v.rhythm[i])
	}
	number(c, &v.swept)
	number(c, &s.messages.swept)
	list(c, &s.brake.blocks, maxBraked, number[int64])
	number(c, &s.brake.day)
	number(c, &s.brake.today)
	number(c, &s.brake.yesterday)
}
