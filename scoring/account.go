package scoring

import (
	"math"
	"slices"
	"time"
)

// Account is what is known of one user, for people: how the user stands, why, and
// against what the next message is measured. The names in JSON are promises.
//
// Addresses are remembered as hashes. Those that gave a reason, or from which a
// message waits, are known in clear as well, and only they have an IP here.
type Account struct {
	User string    `json:"user"`
	Time time.Time `json:"time"` // as of when all this is

	Score float64 `json:"score"`
	// Hold and Block are the thresholds in force for this user.
	Hold    float64 `json:"hold"`
	Block   float64 `json:"block"`
	Blocked bool    `json:"blocked,omitempty"`
	// NeverBlock and Ignore are the exceptions that the rules make for the user.
	NeverBlock bool `json:"never_block,omitempty"`
	Ignore     bool `json:"ignore,omitempty"`

	FirstSeen string    `json:"first_seen"` // the day
	LastSeen  time.Time `json:"last_seen,omitzero"`

	Reasons   []AccountReason  `json:"reasons,omitempty"` // the oldest first
	Held      []AccountMessage `json:"held,omitempty"`    // messages that wait, the oldest first
	Countries []AccountHabit   `json:"countries,omitempty"`
	Networks  []AccountHabit   `json:"networks,omitempty"`
	Visits    []AccountVisit   `json:"visits,omitempty"` // the addresses of the last days, the latest first
	Volume    AccountVolume    `json:"volume"`
	Hours     AccountHours     `json:"hours"`
}

// AccountReason is why points were added.
type AccountReason struct {
	Time   time.Time `json:"time"`
	Rule   string    `json:"rule"`
	Points float64   `json:"points"` // then
	Left   float64   `json:"left"`   // of them now
	Where
	QueueID string `json:"queue_id,omitempty"`
}

// AccountMessage is a message that waits.
type AccountMessage struct {
	QueueID string    `json:"queue_id"`
	Since   time.Time `json:"since"`
	// Until is when it goes by itself if nothing follows; zero: not before a person
	// says so.
	Until time.Time `json:"until,omitzero"`
	Where
	Recipients int `json:"recipients,omitempty"`
}

// AccountHabit is a country or network that the user is known to use.
type AccountHabit struct {
	What string  `json:"what"` // "ES"; "AS3352"
	Org  string  `json:"org,omitempty"`
	Days float64 `json:"days"` // of use, as far as they have not faded
	Last string  `json:"last"` // day of the last use
}

// AccountVisit is the use of one address in the last days; of a shared network,
// of any of its addresses.
type AccountVisit struct {
	Where
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Uses    int       `json:"uses,omitempty"`    // submissions; 0: not counted
	Strange bool      `json:"strange,omitempty"` // when it was used last it was no familiar place
	Shared  bool      `json:"shared,omitempty"`
}

// AccountVolume is what the user sent lately, and usually sends.
type AccountVolume struct {
	Hour AccountSent `json:"hour"` // the last
	Day  AccountSent `json:"day"`
	Week AccountSent `json:"week"`

	// UsualHour and UsualDay are messages in the busiest hour of a day with mail,
	// and on such a day; UsualRecipients are those of such an hour. As long as few
	// days are known, what is usual on the server stands in.
	UsualHour       float64 `json:"usual_hour"`
	UsualDay        float64 `json:"usual_day"`
	UsualRecipients float64 `json:"usual_recipients"`
	DaysWithMail    int     `json:"days_with_mail"` // that this is known from
	UsualBounces    float64 `json:"usual_bounces"`  // share of the recipients, 0 to 1

	// Steps are the last days one by one, as they are counted: the last two hours
	// before the last message in steps of five minutes, the day before by the hour,
	// the week by the day.
	Steps []AccountStep `json:"steps,omitempty"`
}

// AccountStep is what was sent from one time to another.
type AccountStep struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	AccountSent
}

// AccountSent is what was sent in a stretch of time.
type AccountSent struct {
	Messages   int `json:"messages"`
	Recipients int `json:"recipients"`
	Bounces    int `json:"bounces,omitempty"`
	Strange    int `json:"strange,omitempty"` // messages from strange places
}

// AccountHours is when in the week the user sends: the share of the uses in each
// three hours of a day, the first from midnight on.
type AccountHours struct {
	WorkingDays [partsOfDay]float64 `json:"working_days"`
	Weekend     [partsOfDay]float64 `json:"weekend"`
}

// Account tells what is known of a user, by the clock of now; false when that is
// nothing. It changes nothing, whether the user is at hand or only in the state.
func (s *Scorer) Account(name string, now time.Time) (Account, bool) {
	u := s.users.peek(name)
	if u == nil || u.last != 0 && !u.blocked && s.rules.forgotten(u.last, now.Unix()) {
		return Account{}, false
	}
	v := viewer{s, u, now}
	o := s.rules.Users[name]
	a := Account{
		User: name, Time: now, Score: hundredths(u.scoreNow(now.Unix(), s.rules.HalfLife)), Blocked: u.blocked,
		Hold: s.rules.Hold, Block: s.rules.Block, NeverBlock: o.NeverBlock, Ignore: o.Ignore,
		FirstSeen: dayText(u.firstDay), LastSeen: v.moment(u.last),
		Reasons: v.reasons(), Held: v.held(), Visits: v.visits(),
		Countries: v.habits(u.countries, countryText), Networks: v.habits(u.networks, networkText),
		Volume: v.volume(), Hours: v.hours(),
	}
	if o.Hold != 0 {
		a.Hold = o.Hold
	}
	if o.Block != 0 {
		a.Block = o.Block
	}
	return a, true
}

// viewer writes out what is remembered of a user at a time.
type viewer struct {
	s   *Scorer
	u   *user
	now time.Time
}

// moment is a time by the reader's clock; zero for never.
func (v viewer) moment(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.Unix(at, 0).In(v.now.Location())
}

// hundredths spares people the rest of a number's digits.
func hundredths(f float64) float64 { return math.Round(f*100) / 100 }

func (v viewer) reasons() (list []AccountReason) {
	for _, r := range v.u.reasons {
		age := max(0, float64(v.now.Unix()-r.Time.Unix()))
		left := r.Points * math.Exp2(-age/v.s.rules.HalfLife.Seconds())
		list = append(list, AccountReason{v.moment(r.Time.Unix()), r.Rule, r.Points, hundredths(left), whereOf(r.Place), r.Message.ID})
	}
	return list
}

func (v viewer) held() (list []AccountMessage) {
	for _, h := range v.u.held {
		m := AccountMessage{QueueID: h.id.ID, Since: v.moment(h.at), Where: whereOf(h.place), Recipients: int(h.recipients)}
		if !v.u.blocked {
			m.Until = v.moment(v.s.due(v.u))
		}
		list = append(list, m)
	}
	return list
}

// habits are the most used first.
func (v viewer) habits(hs habits, name func(uint32) string) (list []AccountHabit) {
	day, fade := int32(v.now.Unix()/dayStep), v.s.look.fade
	for _, h := range hs.mostUsed(day, fade, len(hs)) {
		list = append(list, AccountHabit{name(h.key), v.s.server.orgs[h.key], hundredths(h.faded(day, fade)), dayText(h.day)})
	}
	return list
}

func (v viewer) visits() (list []AccountVisit) {
	clear := v.clear()
	for _, visit := range slices.Backward(v.u.visits) {
		where := Where{Country: countryText(uint32(visit.country))}
		if visit.network < unknownNetworks {
			where.ASN, where.Org = visit.network, v.s.server.orgs[visit.network]
		}
		if known, ok := clear[visit.address]; ok && !visit.shared {
			where = known
		}
		list = append(list, AccountVisit{where, v.moment(visit.first), v.moment(visit.last), int(visit.uses), visit.strange, visit.shared})
	}
	return list
}

// clear are the places whose addresses are not only known as hashes.
func (v viewer) clear() map[uint64]Where {
	known := make(map[uint64]Where)
	for _, r := range v.u.reasons {
		address, _ := v.s.rules.addressOf(r.Place)
		known[address] = whereOf(r.Place)
	}
	for _, h := range v.u.held {
		address, _ := v.s.rules.addressOf(h.place)
		known[address] = whereOf(h.place)
	}
	return known
}

func (v viewer) volume() AccountVolume {
	people, now := &v.s.server.usual, v.now.Unix()
	own := &v.u.usual
	sent := func(seconds int64) AccountSent {
		return sentOf(v.u.volume.since(now - seconds))
	}
	return AccountVolume{
		Hour: sent(hourStep), Day: sent(dayStep), Week: sent(7 * dayStep),
		UsualHour:       hundredths(own.expect(own.perHour, people.perHour).amount()),
		UsualDay:        hundredths(own.expect(own.perDay, people.perDay).amount()),
		UsualRecipients: hundredths(own.expect(own.toHour, people.toHour).amount()),
		DaysWithMail:    int(own.days), UsualBounces: hundredths(v.u.bounceRate(v.u.lately(now))),
		Steps: v.steps(),
	}
}

func sentOf(t tally) AccountSent {
	return AccountSent{int(t.messages), int(t.recipients), int(t.bounces), int(t.strangeMessages)}
}

// steps are those of the volume. How long each is follows from its age when the last
// was begun (see volume.merge).
func (v viewer) steps() (list []AccountStep) {
	steps := v.u.volume
	for i, s := range steps {
		length, until := fineStep, int64(math.MaxInt64)
		switch age := steps[len(steps)-1].start - s.start; {
		case age > dayStep+hourStep:
			length = dayStep
		case age > 2*hourStep:
			length = hourStep
		}
		if i+1 < len(steps) {
			until = steps[i+1].start
		}
		list = append(list, AccountStep{v.moment(s.start), v.moment(min(s.start+length, until)), sentOf(s.tally)})
	}
	return list
}

func (v viewer) hours() (h AccountHours) {
	sum := 0.0
	for _, n := range v.u.rhythm.parts {
		sum += float64(n)
	}
	if sum == 0 {
		return h
	}
	for i := range partsOfDay {
		h.WorkingDays[i] = hundredths(float64(v.u.rhythm.parts[i]) / sum)
		h.Weekend[i] = hundredths(float64(v.u.rhythm.parts[partsOfDay+i]) / sum)
	}
	return h
}
