package scoring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Several hosts that the same users send through share what they remember of them,
// in an engine beside all: the thief's messages are spread over the hosts, and none
// of them alone sees a theft.
//
// A user's memory is one record there. A host that is told something of the user
// applies it to the version that it knows, and puts the outcome in that version's
// place. Where another host was faster, the engine answers with what that one made;
// then this host tells what it has to tell to that version, and tries again
// (compare and swap). So all is counted in some order, and the verdict is that of
// the order: nothing is lost, whoever comes in the same millisecond.
//
// While the engine is out of reach, a host judges by what it knows and keeps what
// it was told (untold). Later it tells that to the version of then. What is part of
// a version, the version says: how far it knows each host's log (mark), and which
// messages were told of last (recent). So what is told twice, as after a crash,
// counts once.
//
// What is remembered of all users together, facts, travels as news instead: sums
// need no order.

// Sharing is how a Scorer shares what it remembers.
type Sharing struct {
	// Host names this host's memory among all that there ever were.
	Host string
	// Swap puts memories into the engine, and fills in what it answers. An error is
	// of all: nothing is known of what became of them.
	Swap func([]*Exchange) error
	// Fetch answers the engine's memory of a user whom this host does not know; nil is
	// none, or one that is not to be had.
	Fetch func(user string) []byte
	// Late is told of verdicts that nobody asks for: of a message that was judged
	// while the engine was out of reach, or of another host (Elsewhere).
	Late func(Verdict)
	// Odd is told of memories that cannot be read.
	Odd func(user string, err error)
}

// Exchange is one user's memory on its way to the engine.
type Exchange struct {
	User   string
	Was    string        // the version that this one was made of; "": none that is known
	Record []byte        // this one; it begins with its version
	Life   time.Duration // how long it is kept; 0: for ever
	// Newer is the engine's answer: a version that another host has made meanwhile;
	// nil: it has taken this one.
	Newer []byte
}

// VersionSize is how many bytes at the beginning of a shared record are its version.
const VersionSize = 8

// shared is a scorer's part in the memory of all hosts.
type shared struct {
	Sharing
	source uint32 // of the line that is being read; 0: none is
	line   int64
	apart  bool

	now      facts // news of what is being told
	gathered facts // news that wait
	sending  facts // news that are on their way
	sequence uint64
	fresh    bool // news changed since the last Changes
	judged   bool // again has given a verdict

	unknown map[string]int64  // users whom nobody knew, and until when they are not asked about
	untold  map[string][]told // by user
	waits   int               // in untold
	lost    int               // of which there was no room
	dirty   map[string]bool   // users whose untold have changed since the last Changes
	said    map[string]bool   // and those of whom the state has some
}

// Bounds of what is kept to be told later, of one user and of all.
const (
	maxUntold    = 1000
	maxUntoldAll = 100_000
	// maxRounds is how often a host tries again when others are faster.
	maxRounds = 8
	// unknownFor is for how long nobody is asked again about who never sent: most
	// log-ins are to read.
	unknownFor = 600
	maxUnknown = 100_000
	// swappedAtOnce bounds one round of exchanges.
	swappedAtOnce = 500
)

// Share begins to share. Call it once, after Remember and before the first
// submission.
func (s *Scorer) Share(o Sharing) {
	s.shared = &shared{Sharing: o, unknown: make(map[string]int64), untold: make(map[string][]told), dirty: make(map[string]bool), said: make(map[string]bool)}
}

func (s *Scorer) shares(u *user) bool { return s.shared != nil && KindOf(u.name) == Users }

// Reading says which line of which log tells what is told next, counted from the
// first that this host ever read of it; "" is none.
func (s *Scorer) Reading(log string, line int64) {
	if s.shared == nil {
		return
	}
	s.shared.source, s.shared.line = 0, line
	if log != "" {
		s.shared.source = hashName(s.shared.Host + "\x00" + log)
	}
}

// Apart does something that another host has done, and tells of: here it is done to
// what this host knows, and not told again.
func (s *Scorer) Apart(do func()) {
	if s.shared != nil {
		s.shared.apart = true
		defer func() { s.shared.apart = false }()
	}
	do()
}

// Alone does something that is of no concern to others, such as learning from old
// logs.
func (s *Scorer) Alone(do func()) {
	sh := s.shared
	s.shared = nil
	defer func() { s.shared = sh }()
	do()
}

// Offer offers an engine that is empty, or has lost something, what is known here
// of the users who are at hand; what it has and this host does not know stays. Of
// the others the state has the records (ToShared).
func (s *Scorer) Offer() error {
	if s.shared == nil {
		return nil
	}
	var names []string
	for name, u := range s.users.here {
		if s.shares(u) && u.share != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for part := range slices.Chunk(names, swappedAtOnce) {
		for round := 0; len(part) > 0 && round < maxRounds; round++ {
			var err error
			if part, err = s.shared.round(s, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// Untold is how much of what was told here the other hosts do not know yet, and how
// much they never will, as there was no room to keep it.
func (s *Scorer) Untold() (waits, lost int) {
	if s.shared == nil {
		return 0, 0
	}
	return s.shared.waits, s.shared.lost
}

// Behind is of how many users there is something untold.
func (s *Scorer) Behind() int {
	if s.shared == nil {
		return 0
	}
	return len(s.shared.untold)
}

func (sh *shared) token(w what, id MessageID) uint32 {
	if id.ID == "" {
		return 0
	}
	return hashName(sh.Host + "\x00" + string('a'+rune(w)) + id.ID)
}

func (sh *shared) submission(s *Scorer, sub *Submission, u *user) Verdict {
	return sh.tell(s, u, told{what: handedIn, source: sh.source, line: sh.line, at: sub.Time.Unix(),
		token: sh.token(handedIn, sub.Message), sub: *sub}, true)
}

// elsewhere answers a user who is known to other hosts; nil is one who never sent.
func (sh *shared) elsewhere(s *Scorer, name string, now int64) *user {
	if until := sh.unknown[name]; sh.Fetch == nil || KindOf(name) != Users || len(name) > maxName || now < until && now >= until-unknownFor {
		return nil
	}
	record := sh.Fetch(name)
	if record == nil || isForgotten(record) {
		if len(sh.unknown) >= maxUnknown {
			clear(sh.unknown)
		}
		sh.unknown[name] = now + unknownFor
		return nil
	}
	u, trusts, known, err := fromShared(name, record)
	if err != nil {
		sh.Odd(name, err)
		return nil
	}
	u.share = known
	if len(trusts) > 0 {
		s.trusts.set(name, trusts)
	}
	s.users.add(u)
	s.users.change(u)
	return u
}

func (sh *shared) loggedIn(s *Scorer, login *Submission, u *user) {
	sh.tell(s, u, told{what: loggedIn, source: sh.source, line: sh.line, at: login.Time.Unix(), sub: *login}, false)
}

func (sh *shared) counted(s *Scorer, u *user, c *count) {
	t := told{what: c.what, at: c.at, count: *c}
	switch c.what {
	case freed: // when time has come, not when a line says so
		t.token = sh.token(freed, c.message)
	case queued:
		t.token = sh.token(queued, c.message)
		fallthrough
	default:
		t.source, t.line = sh.source, sh.line
	}
	sh.tell(s, u, t, false)
}

// done is for what a person does.
func (sh *shared) done(s *Scorer, u *user, t told) {
	if sh.apart {
		s.apply(u, &t)
		return
	}
	t.token = hashName(fmt.Sprint(sh.Host, "\x00", t.what, t.at, t.teach, t.trust))
	sh.tell(s, u, t, true)
}

// tell has a user's memory take something in, here and, at once or with the next,
// in the engine.
func (sh *shared) tell(s *Scorer, u *user, t told, urgent bool) Verdict {
	if u.share == nil {
		u.share = new(share)
	}
	sh.now = facts{}
	if u.share.knows(&t) {
		v := s.before(u, &t)
		sh.settle(s)
		return v
	}
	braked := s.brake.clone()
	v := s.apply(u, &t)
	if t.what == handedIn && v.Action == Refuse {
		sh.settle(s)
		return v // teaches nothing of the user
	}
	u.share.take(&t)
	sh.keep(u.name, &t)
	if urgent || sh.now.first() {
		v = sh.agree(s, u, v, braked)
	}
	sh.settle(s)
	return v
}

// first tells whether it is the first time in a day or so, which other hosts may
// have seen before.
func (f *facts) first() bool { return len(f.countries)+len(f.networks)+len(f.days) > 0 }

// settle takes the news of what was told into what the server remembers; what was
// seen it knows already.
func (sh *shared) settle(s *Scorer) {
	if sh.now.empty() {
		return
	}
	s.server.learn(&sh.now)
	sh.gathered.add(&sh.now)
	sh.now, sh.fresh = facts{}, true
}

// keep keeps what was told until the engine has it.
func (sh *shared) keep(name string, t *told) {
	list := sh.untold[name]
	if len(name) > maxName || sh.waits >= maxUntoldAll || len(list) >= maxUntold {
		sh.lost++
		return
	}
	sh.untold[name] = append(list, *t)
	sh.waits++
	sh.dirty[name] = true
}

// forget drops what has been told.
func (sh *shared) forget(name string) {
	if list, waits := sh.untold[name]; waits {
		sh.waits -= len(list)
		delete(sh.untold, name)
		sh.dirty[name] = true
	}
}

// agree has the engine take one user's memory, with what was told of the user last
// and is being judged.
func (sh *shared) agree(s *Scorer, u *user, v Verdict, braked brake) Verdict {
	for range maxRounds {
		x := sh.exchange(s, u)
		if sh.Swap([]*Exchange{x}) != nil {
			return v
		}
		if x.Newer == nil {
			sh.agreed(u, x)
			return v
		}
		var again bool
		if v, again = sh.adopt(s, u, x, v, &braked); !again {
			return v
		}
	}
	return v
}

// Agree has the engine take all that it does not know yet. Call it once a second.
func (s *Scorer) Agree() error {
	sh := s.shared
	if sh == nil || sh.waits == 0 {
		return nil
	}
	names := make([]string, 0, len(sh.untold))
	for name := range sh.untold {
		names = append(names, name)
	}
	slices.Sort(names)
	for part := range slices.Chunk(names, swappedAtOnce) {
		for round := 0; len(part) > 0 && round < maxRounds; round++ {
			var err error
			if part, err = sh.round(s, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// round tries once for some users, and answers those for whom others were faster.
func (sh *shared) round(s *Scorer, names []string) (again []string, err error) {
	var users []*user
	var all []*Exchange
	for _, name := range names {
		u := s.users.find(name)
		if u == nil {
			sh.forget(name)
			continue
		}
		if u.share == nil {
			u.share = new(share)
		}
		users, all = append(users, u), append(all, sh.exchange(s, u))
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := sh.Swap(all); err != nil {
		return nil, err
	}
	for i, x := range all {
		if x.Newer == nil {
			sh.agreed(users[i], x)
			continue
		}
		if _, retry := sh.adopt(s, users[i], x, Verdict{}, nil); retry {
			again = append(again, x.User)
		}
	}
	return again, nil
}

// exchange is a user's memory as it is now.
func (sh *shared) exchange(s *Scorer, u *user) *Exchange {
	x := &Exchange{User: u.name, Was: u.share.name(), Record: sharedRecord(u, s.trusts.of[u.name])}
	if !u.blocked {
		x.Life = time.Duration(s.rules.Forget)
	}
	return x
}

// agreed takes note that the engine has a memory.
func (sh *shared) agreed(u *user, x *Exchange) {
	u.share.version = binary.BigEndian.Uint64(x.Record)
	sh.forget(u.name)
}

// adopt takes over a version that another host has made, and tells it what this
// host has to tell. It answers the verdict on the last of that, if that is what is
// being judged, and whether to try again; braked is the brake from before it, nil
// that nothing is being judged.
func (sh *shared) adopt(s *Scorer, u *user, x *Exchange, was Verdict, braked *brake) (v Verdict, again bool) {
	fresh, trusts, known, err := fromShared(u.name, x.Newer)
	switch {
	case errors.Is(err, errNewer):
		sh.Odd(u.name, err)
		sh.forget(u.name) // it is theirs now
		return was, false
	case err != nil:
		sh.Odd(u.name, err)
		u.share.version = versionOf(x.Newer) // to be replaced by what is known here
		return was, true
	}
	if u.share.version != 0 && known.olderThan(u.share) && !isForgotten(x.Newer) {
		u.share.version = known.version // the engine lost what it had said it had
		return was, true
	}
	wasBlocked := u.blocked
	fresh.name, fresh.keeping = u.name, u.keeping
	fresh.held, fresh.portion, fresh.pausedTo = u.held, u.portion, u.pausedTo
	*u = *fresh
	u.share = known
	if len(trusts)+len(s.trusts.of[u.name]) > 0 {
		s.trusts.set(u.name, trusts)
	}
	s.users.change(u)
	list := sh.untold[u.name]
	sh.takeBack(s)
	if braked != nil && len(list) > 0 {
		now := s.brake.clone()
		s.brake = braked.clone()
		if sh.again(s, u, list[:len(list)-1]); !known.knows(&list[len(list)-1]) {
			v = s.apply(u, &list[len(list)-1])
			known.take(&list[len(list)-1])
		} else {
			s.brake = now
			v = s.before(u, &list[len(list)-1])
		}
	} else {
		v = was
		sh.again(s, u, list)
	}
	if u.blocked && !wasBlocked && v.Action != Block && !sh.judged {
		sh.Late(s.elsewhere(u))
	}
	if isForgotten(x.Newer) && len(list) == 0 {
		return v, false // it stays until there is something to remember
	}
	return v, true
}

// again tells what was told before: its news are known, its verdicts given, but
// for those that only both hosts' knowledge together makes.
func (sh *shared) again(s *Scorer, u *user, list []told) {
	sh.judged = false
	for i := range list {
		if u.share.knows(&list[i]) {
			continue
		}
		was := s.brake.clone()
		v := s.apply(u, &list[i])
		u.share.take(&list[i])
		sh.takeBack(s)
		if v.Action != Block {
			s.brake = was
			continue
		}
		sh.judged = true
		sh.Late(v)
	}
}

// takeBack makes nothing of the news of what will be told once more, or was
// before.
func (sh *shared) takeBack(s *Scorer) {
	for _, n := range sh.now.sightings {
		if x := s.server.strangers[n.address]; n.what == seen && x != nil {
			x.unsee(n.user)
		}
	}
	sh.now = facts{}
}

// before answers for what the memory has taken in already, before a crash of this
// host: what was decided then may not have been done.
func (s *Scorer) before(u *user, t *told) Verdict {
	if t.what != handedIn {
		return Verdict{}
	}
	l := &s.look
	l.aim(&t.sub, u)
	s.seenBefore(l)
	if u.blocked {
		v := s.elsewhere(u)
		v.Elsewhere = false
		return v
	}
	return s.verdict(l, s.rules.Users[u.name], 0)
}

// seenBefore has the others told again of strangers and thieves: what was to be told
// before a crash is lost with it. They take it for one.
func (s *Scorer) seenBefore(l *look) {
	if l.user.blocked {
		s.markThieves(l)
	}
	if v := l.user.visits.find(l.address); l.placed && v != nil && v.strange && !v.shared && !l.trusted {
		s.sighted(sighting{seen, l.address, hashName(l.sub.User), l.now})
	}
}

// elsewhere is the verdict of another host, as this one knows of it.
func (s *Scorer) elsewhere(u *user) Verdict {
	_, block := s.rules.Users[u.name].thresholds(s.rules)
	v := Verdict{Action: Block, User: u.name, Time: time.Unix(u.last, 0), Score: u.score, Limit: block, Elsewhere: true}
	if n := len(u.reasons); n > 0 {
		v.Reasons, v.Time = slices.Clone(u.reasons), u.reasons[n-1].Time
	}
	sent := u.volume.since(v.since().Unix())
	v.Messages, v.Recipients = int(sent.messages), int(sent.recipients)
	v.Usual = s.usual(u, v.Time)
	return v
}
