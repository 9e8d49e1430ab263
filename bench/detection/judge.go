package main

import (
	"time"

	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/simulate"
)

// shipped names the rules that the program is measured with.
const shipped = "Sendwarden"

// judge makes a world and measures all rules on it.
func judge(o options, seed uint64) (*measurement, error) {
	world, err := makeWorld(o, seed)
	if err != nil {
		return nil, err
	}
	all, err := o.program.replay(world)
	if err != nil {
		return nil, err
	}
	var others []peer
	if !o.alone {
		others = peers(world.Home)
	}
	c, err := tryWorld(world, all, others)
	if err != nil {
		return nil, err
	}
	return c.measurement(), nil
}

// tryWorld plays a world's log to a new court.
func tryWorld(world *made, all *verdicts, others []peer) (*court, error) {
	places, err := geo.Open(world.file("city.mmdb"), world.file("asn.mmdb"))
	if err != nil {
		return nil, err
	}
	c := newCourt(world, all, others)
	return c, c.read(world.file("mail.log"), places)
}

// court holds what each rule does against the truth.
type court struct {
	world    *made
	all      *verdicts
	records  []*record
	kinds    map[string]string          // of people, by user
	thefts   map[string]*simulate.Theft // by user
	stolen   map[string]bool            // the thieves' messages, by queue id
	senders  map[string]string          // users of the messages under way, by queue id
	messages map[string]int             // honest ones, by kind of person
}

// record is what one rule did in one world.
type record struct {
	name      string
	rule      rule
	final     bool // a block stands to the end of the log
	caught    map[string]time.Time
	wrong     map[string]time.Time
	delivered map[string]int // thieves' messages before the block
}

func newCourt(world *made, all *verdicts, others []peer) *court {
	c := &court{
		world: world, all: all,
		kinds: make(map[string]string), thefts: make(map[string]*simulate.Theft),
		stolen: make(map[string]bool), senders: make(map[string]string), messages: make(map[string]int),
	}
	for _, p := range world.truth.People {
		c.kinds[p.User] = p.Kind
	}
	for i := range world.truth.Thefts {
		t := &world.truth.Thefts[i]
		t.Start = t.Start.Truncate(time.Microsecond) // as the log's stamps: a block may come with the first message
		c.thefts[t.User] = t
		for _, id := range t.Messages {
			c.stolen[id] = true
		}
	}
	c.enter(shipped, all).final = true
	for _, p := range others {
		c.enter(p.name, p.rule)
	}
	return c
}

func (c *court) enter(name string, r rule) *record {
	rec := &record{
		name: name, rule: r,
		caught: make(map[string]time.Time), wrong: make(map[string]time.Time), delivered: make(map[string]int),
	}
	c.records = append(c.records, rec)
	return rec
}

// read plays a log to all rules at once.
func (c *court) read(name string, places *geo.DB) error {
	old, err := follow.Open(name)
	if err != nil {
		return err
	}
	defer old.Close()
	parser, known := maillog.NewParser(maillog.Options{}), maillog.NewKnown()
	skim := func(b *follow.Block[[]maillog.Mark]) { b.Found, _ = maillog.Skim(b.Data, b.Found[:0]) }
	var ev maillog.Event
	return follow.Blocks(old, skim, func(b *follow.Block[[]maillog.Mark]) error {
		for _, mark := range b.Found {
			if !known.Wants(mark) || !parser.Parse(b.Data[mark.Start:mark.End], &ev) {
				continue
			}
			if ev.Type == maillog.Submission {
				known.Add(&ev)
			}
			c.hear(&ev, places)
		}
		return nil
	})
}

func (c *court) hear(ev *maillog.Event, places *geo.DB) {
	switch ev.Type {
	case maillog.Submission:
		c.senders[ev.QueueID] = ev.User
		c.submission(&message{ev.QueueID, ev.User, ev.Time, places.Place(ev.Addr)})
	case maillog.Delivery:
		if user := c.senders[ev.QueueID]; user != "" && ev.Status == "bounced" {
			c.bounced(user, ev.Time)
		}
	case maillog.Removed:
		delete(c.senders, ev.QueueID)
	}
}

func (c *court) submission(m *message) {
	stolen := c.stolen[m.id]
	if !stolen {
		c.messages[c.kinds[m.user]]++
	}
	for _, r := range c.records {
		_, caught := r.caught[m.user]
		switch r.rule.submission(m) {
		case refused:
			r.blocks(m.user, m.at, c.thefts[m.user])
		case passed:
			if stolen && !caught {
				r.delivered[m.user]++
			}
		}
	}
}

func (c *court) bounced(user string, at time.Time) {
	for _, r := range c.records {
		if r.rule.bounced(user, at) {
			r.blocks(user, at, c.thefts[user])
		}
	}
}

// blocks notes a refusal. The first one of a thief's time catches the theft,
// and everything after it counts as refused, even if the rule would forget. A
// refusal at another time is a wrong block; it is taken to be lifted at once,
// unless blocks are final.
func (r *record) blocks(user string, at time.Time, theft *simulate.Theft) {
	if _, caught := r.caught[user]; caught {
		return
	}
	_, wrong := r.wrong[user]
	if theft != nil && !at.Before(theft.Start) && !at.After(theft.End.Add(time.Minute)) {
		if !wrong || !r.final {
			r.caught[user] = at
		}
		return
	}
	if !wrong {
		r.wrong[user] = at
	}
}

// quick is how soon a held honest message is to be let go.
const quick = 30 * time.Minute

// measurement sums up.
func (c *court) measurement() *measurement {
	w := c.world
	m := &measurement{userDays: w.Users * w.Days, people: make(map[string]*people)}
	for _, p := range w.truth.People {
		m.kind(p.Kind).userDays += w.Days
	}
	for kind, n := range c.messages {
		m.kind(kind).messages = n
	}
	for id, v := range c.all.held {
		if c.stolen[id] {
			continue
		}
		p := m.kind(c.kinds[v.User])
		p.held++
		if at, released := c.all.released[id]; released && at.Sub(v.Time) <= quick {
			p.letGo++
		}
	}
	for _, r := range c.records {
		m.rules = append(m.rules, c.score(r))
	}
	return m
}

func (c *court) score(r *record) *score {
	s := &score{name: r.name}
	for _, t := range c.world.truth.Thefts {
		at, caught := r.caught[t.User]
		o := outcome{seed: c.world.Seed, kind: t.Kind, manner: t.Manner, user: t.User, start: t.Start, end: t.End,
			sent: len(t.Messages), caught: caught, delivered: r.delivered[t.User]}
		if caught {
			o.after = at.Sub(t.Start)
		}
		s.thefts = append(s.thefts, o)
	}
	for user, at := range r.wrong {
		s.wrong = append(s.wrong, mistake{c.world.Seed, c.kinds[user], user, at, c.all.blocks[user]})
	}
	return s
}
