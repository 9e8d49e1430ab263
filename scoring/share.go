package scoring

import "time"

// Several hosts that the same users send through share what they remember of them,
// in an engine beside all: the thief's messages are spread over the hosts, and none
// of them alone sees a theft.
//
// A user's memory is one record there. A host that is told something of the user
// applies it to the version that it knows (share_tell.go), and puts the outcome in
// that version's place. Where another host was faster, the engine answers with what
// that one made; then this host tells what it has to tell to that version, and tries
// again (compare and swap, share_agree.go). So all is counted in some order, and the
// verdict is that of the order: nothing is lost, whoever comes in the same millisecond.
//
// A submission waits for that; nobody else does. While a memory is on its way, the
// scorer is told of other users, and of the same one: what comes meanwhile goes with
// the next exchange. What was told is open until the engine has answered. Until then
// it may have to be judged again, and nothing is said of it to anybody.
//
// While the engine is out of reach, or answers too late, a host judges by what it
// knows and keeps what it was told (untold). Later it tells that to the version of
// then. What is part of a version, the version says (share_record.go): how far it
// knows each host's log (mark), and which messages were told of last (recent). So what
// is told twice, as after a crash, counts once.
//
// What is remembered of all users together, facts, travels as news instead: sums
// need no order.

// Sharing is how a Scorer shares what it remembers.
type Sharing struct {
	// Host names this host's memory among all that there ever were.
	Host string
	// Swap puts memories into the engine, and fills in what it answers. An error is
	// of all: nothing is known of what became of them. Swap, Fetch and Wait may let
	// others use the scorer while they wait; nothing is half done when they are called.
	Swap func([]*Exchange) error
	// Fetch answers the engine's memory of a user whom this host does not know; nil is
	// none, or one that is not to be had.
	Fetch func(user string) []byte
	// Wait waits for another one's exchange, and tells whether it has ended: there may
	// be no time left.
	Wait func(landed <-chan struct{}) bool
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

	told   int           // how much of what waits to be told is in it
	landed chan struct{} // closed when the answer has been taken in
}

// VersionSize is how many bytes at the beginning of a shared record are its version.
const VersionSize = 8

// shared is a scorer's part in the memory of all hosts.
type shared struct {
	Sharing
	source uint32 // of the line that is being read; 0: none is
	line   int64
	apart  bool

	now      facts // news of what is being applied
	gathered facts // news that wait
	sending  facts // news that are on their way
	sequence uint64
	fresh    bool // news changed since the last Changes

	unknown map[string]int64     // users whom nobody knew, and until when they are not asked about
	flying  map[string]*Exchange // by user: on their way to the engine
	untold  map[string][]told    // by user
	lately  lately               // told
	waits   int                  // in untold
	lost    int                  // of which there was no room
	dirty   map[string]bool      // users whose untold have changed since the last Changes
	said    map[string]bool      // and those of whom the state has some
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
	s.shared = &shared{
		Sharing: o, unknown: make(map[string]int64), flying: make(map[string]*Exchange),
		untold: make(map[string][]told), lately: lately{of: make(map[string][]told)}, dirty: make(map[string]bool), said: make(map[string]bool),
	}
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

// aside lets others use the scorer. What they tell is of no line of this one's log.
func (sh *shared) aside(wait func()) {
	source, line := sh.source, sh.line
	sh.source = 0
	wait()
	sh.source, sh.line = source, line
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
