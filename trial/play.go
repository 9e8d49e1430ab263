package trial

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/geo"
	"sendwarden/scoring"
)

// Outcome is what came of a case.
type Outcome struct {
	Faults scoring.Faults // expectations that were not met
	Told   []Told         // what happened to the users of the events from then on, in order
	Users  []string       // those users
}

// Told is one submission with its verdict, or a release.
type Told struct {
	User       string
	Submission scoring.Submission
	scoring.Explanation
	Release *scoring.Release // of a held message that went by itself
}

// Play tries a case on rules. It answers what was not as expected, with its place
// in the file.
func (s *Scenarios) Play(c *Case, rules *scoring.Rules) Outcome {
	if len(c.Home) > 0 {
		changed := *rules
		changed.Home = c.Home
		rules = &changed
	}
	p := player{file: s.File, test: c, scorer: scoring.New(rules), watched: make(map[string]bool)}
	for _, e := range c.Events {
		p.watched[fold(e.User)] = true
	}
	p.habits()
	p.telling = true
	for i := range c.Events {
		p.event(&c.Events[i])
	}
	p.outcome.Users = slices.Sorted(maps.Keys(p.watched))
	return p.outcome
}

func fold(user string) string { return strings.ToLower(user) }

// player plays one case.
type player struct {
	file    string
	test    *Case
	scorer  *scoring.Scorer
	watched map[string]bool // users of events
	telling bool            // the days of habit are over
	now     time.Time
	sent    int
	outcome Outcome
}

// habit is one person's, or one of many's.
type habit struct {
	Person
	user string
	line string // tells the lines of several people apart
}

// messages is how many there are on a day: from half of what is usual to one and a
// half of it.
func (h *habit) messages(day int) int {
	return max(1, h.Daily/2+int(number(fmt.Sprint(h.user, "\n", day))%uint32(h.Daily+1)))
}

// habits plays the days before the events. People send between eight and six, one
// day more and another less, and not at even intervals: in the same way each time
// that the case is played.
func (p *player) habits() {
	var habits []habit
	for _, name := range slices.Sorted(maps.Keys(p.test.People)) {
		person := p.test.People[name]
		for n := range max(1, person.Count) {
			h := habit{Person: person, user: fold(name)}
			if person.Count > 0 {
				h.user, h.line = fold(name)+strconv.Itoa(n+1), strconv.Itoa(n+1)
			}
			habits = append(habits, h)
		}
	}
	last := 0
	for _, h := range habits {
		last = max(last, h.Days)
	}
	for day := range last {
		p.day(habits, last, p.test.start.AddDate(0, 0, day), day)
	}
	p.now = p.test.start
	if last > 0 {
		p.now = p.test.start.Truncate(24*time.Hour).AddDate(0, 0, last-1).Add(evening)
	}
}

const (
	morning = 8 * time.Hour
	evening = 18 * time.Hour
)

// day plays one day, in order of time. Who has fewer days than others begins later.
func (p *player) day(habits []habit, last int, date time.Time, day int) {
	type message struct {
		at time.Time
		h  *habit
		n  int
	}
	var messages []message
	for i := range habits {
		h := &habits[i]
		weekend := date.Weekday() == time.Saturday || date.Weekday() == time.Sunday
		if day < last-h.Days || weekend && h.Weekends != nil && !*h.Weekends {
			continue
		}
		for n := range h.messages(day) {
			second := number(fmt.Sprint(h.user, "\n", day, "\n", n)) % uint32((evening-morning)/time.Second)
			messages = append(messages, message{date.Truncate(24 * time.Hour).Add(morning + time.Duration(second)*time.Second), h, n})
		}
	}
	slices.SortStableFunc(messages, func(a, b message) int { return a.at.Compare(b.at) })
	for _, m := range messages {
		p.now = m.at
		place := p.place(m.h.Place[(day+m.n)%len(m.h.Place)], m.h.line)
		told := p.send(m.h.user, place, letter{method: m.h.Method, recipients: m.h.Recipients})
		if told.Verdict.Action != scoring.Allow {
			p.fault(m.h.Position, "%s: the days of habit are not let through: %s of message %d on %s (%s)",
				m.h.user, told.Verdict.Action, m.n+1, m.at.Format(time.DateOnly), strings.Join(fired(told.Verdict), ", "))
		}
	}
}

// maxFaults of one case are enough to see what is wrong.
const maxFaults = 10

func (p *player) fault(at scoring.Position, format string, args ...any) {
	if len(p.outcome.Faults) < maxFaults {
		p.outcome.Faults = append(p.outcome.Faults, at.Fault(p.file, "%s", p.test.Name+": "+fmt.Sprintf(format, args...)))
	}
}

// event plays one event and compares what came of it.
func (p *player) event(e *Event) {
	p.now = p.now.Add(e.After)
	user := fold(e.User)
	if e.Release {
		p.due()
		p.scorer.Released(user, p.now, true)
		return
	}
	got := result{at: 1}
	for n := range e.Messages {
		if n > 0 {
			p.now = p.now.Add(e.Spacing)
		}
		told := p.send(user, p.place(e.Place, ""), letter{e.Method, e.Recipients, e.Bounces})
		got.add(told.Verdict, n+1)
	}
	if e.Expect != nil {
		p.compare(e.Expect, got)
	}
}

// result is what came of one event's messages.
type result struct {
	verdict string
	at      int
	score   float64
	fired   []string
}

func (r *result) add(v scoring.Verdict, n int) {
	said := v.Action.String()
	if n == 1 || slices.Index(verdicts[:], said) > slices.Index(verdicts[:], r.verdict) {
		r.verdict, r.at = said, n
	}
	r.score = max(r.score, v.Score)
	for _, rule := range fired(v) {
		if !slices.Contains(r.fired, rule) {
			r.fired = append(r.fired, rule)
		}
	}
}

func fired(v scoring.Verdict) (rules []string) {
	for _, r := range v.Reasons[len(v.Reasons)-v.Fired:] {
		rules = append(rules, r.Rule)
	}
	return rules
}

func (p *player) compare(want *Expect, got result) {
	switch {
	case want.Verdict != "" && want.Verdict != got.verdict:
		p.fault(want.Position, "verdict is %s, not %s", got.verdict, want.Verdict)
	case want.At > 0 && want.At != got.at:
		p.fault(want.Position, "the %s comes at message %d, not %d", got.verdict, got.at, want.At)
	}
	if want.Score != "" && (got.score < want.low || got.score > want.high) {
		p.fault(want.Position, "the score is %.1f, not %s", got.score, want.Score)
	}
	for _, rule := range want.Reasons {
		if !slices.Contains(got.fired, rule) {
			p.fault(want.Position, "rule %q did not fire%s", rule, alsoFired(got.fired))
		}
	}
	for _, rule := range want.Without {
		if slices.Contains(got.fired, rule) {
			p.fault(want.Position, "rule %q fired", rule)
		}
	}
}

func alsoFired(rules []string) string {
	if len(rules) == 0 {
		return "; none did"
	}
	return "; what did: " + strings.Join(rules, ", ")
}

// letter is what is sent.
type letter struct {
	method              string
	recipients, bounces int
}

// send sends one message and tells what the log would tell of it.
func (p *player) send(user string, place geo.Place, m letter) Told {
	p.due()
	p.sent++
	id := scoring.MessageID{Host: "trial", Queue: "postfix", ID: fmt.Sprintf("T%d", p.sent)}
	if m.method == "" {
		m.method = "PLAIN"
	}
	told := Told{User: user, Submission: scoring.Submission{User: user, Time: p.now, Place: place, Method: m.method, Message: id}}
	if p.telling && p.watched[user] {
		told.Explanation = p.scorer.Explain(told.Submission)
		p.outcome.Told = append(p.outcome.Told, told)
	} else {
		told.Verdict = p.scorer.Submission(told.Submission)
	}
	p.scorer.Queued(id, p.now, max(1, m.recipients), user)
	for range m.bounces {
		p.scorer.Bounced(id, p.now)
	}
	p.scorer.Removed(id)
	return told
}

func (p *player) due() {
	for _, r := range p.scorer.Due(p.now) {
		r.Time = r.Time.UTC()
		if p.telling && p.watched[r.User] {
			p.outcome.Told = append(p.outcome.Told, Told{User: r.User, Release: &r})
		}
	}
}

// place invents the place of a name: of a country, or one that the case describes.
// A line tells people of one network apart.
func (p *player) place(name, line string) geo.Place {
	country, _, _ := strings.Cut(name, "/")
	given, known := p.test.Places[name]
	if !known {
		given = Place{Country: country}
	}
	place := geo.Place{
		Kind: geo.Placed, Country: given.Country, ASN: uint32(given.ASN), Org: given.Org,
		HasCoordinates: given.Lat != 0 || given.Lon != 0, Lat: given.Lat, Lon: given.Lon, Radius: 50,
	}
	if place.ASN == 0 { // of those for private use, RFC 6996
		place.ASN = 4_200_000_000 + number(name)%90_000_000
	}
	if place.Org == "" {
		place.Org = "Network " + name
	}
	place.Addr = p.address(given, name, line)
	return place
}

// address is one of those for documentation: IPv6 has room for a block of its own
// for each place and line (RFC 3849).
func (p *player) address(given Place, name, line string) netip.Addr {
	if given.IP != "" {
		addr, _ := parseIP(given.IP) // which was checked when the file was read
		return addr
	}
	bytes := [16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1}
	block := name + "\n" + line
	if given.Changing == "block" {
		block += "\n" + strconv.Itoa(p.sent)
	}
	binary.BigEndian.PutUint32(bytes[4:], number(block))
	if given.Changing == "address" {
		binary.BigEndian.PutUint32(bytes[12:], uint32(p.sent)+2)
	}
	return netip.AddrFrom16(bytes)
}

func parseIP(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	return addr.Unmap().WithZone(""), err
}

func number(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name)) // which never fails
	return h.Sum32()
}
