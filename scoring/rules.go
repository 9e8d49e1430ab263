package scoring

import (
	"net/netip"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rules is a rules.yaml, read and checked: what an administrator has decided
// about who may send from where.
type Rules struct {
	// Watch only reports what enforcing would do (mode: watch).
	Watch bool
	// Home lists the countries (ISO 3166-1 alpha-2) in which everybody may
	// turn up. Empty: what is usual on this server is learnt.
	Home []string
	// Hold and Block are the scores from which a message waits and from which
	// the user may not send at all.
	Hold, Block float64
	// HalfLife is the time in which a score fades to its half.
	HalfLife time.Duration
	// MemoryHalfLife is the time in which the memory of where a user has been
	// fades to its half.
	MemoryHalfLife time.Duration
	// Forget is after how long without a sign of a user all that is remembered
	// of the user is dropped.
	Forget time.Duration
	// Reply is the access(5) action that a blocked user's mail gets.
	Reply string
	// MaxBlocks is how many users may be blocked within an hour; more are only
	// reported. 0: ten, or a twentieth of the day's users if that is more.
	MaxBlocks int
	// Trusted networks count as no place: a webmail host, an office's relay.
	Trusted Networks
	// Networks names kinds of networks that conditions can ask for, such as
	// "hosting" or "mobile".
	Networks map[string]Networks
	// Users are exceptions for single users, by folded name.
	Users map[string]Override
	// Rules are asked from top to bottom, for each submission.
	Rules []Rule

	// Log, Geo, Blocklist, Table and State say what `run` works on; its flags
	// come first.
	Log       []string
	Geo       []string
	Blocklist string
	Table     string
	State     string
	StateAt   Position // where that stands in the file
	// Sections are the other parts of the file, by their keys: how the daemon
	// listens, whom it tells. They are checked by those who read them.
	Sections map[string]*yaml.Node
}

// Rule adds points to a user's score when its condition holds for a
// submission.
type Rule struct {
	Name   string
	Points float64
	// Every is the least time between two firings for one user; 0 lets the
	// rule fire at each submission.
	Every time.Duration

	senders kinds // whom it is for

	when condition
	at   Position
}

// Override is what differs for one user.
type Override struct {
	Home        []string // instead of Rules.Home
	Hold, Block float64  // instead of the thresholds; 0: as for all
	NeverBlock  bool     // reported, never held or blocked
	Ignore      bool     // not looked at
}

// Networks is a set of addresses, given as prefixes and as autonomous systems.
type Networks struct {
	Prefixes []netip.Prefix
	ASNs     map[uint32]bool
}

func (n Networks) contains(addr netip.Addr, asn uint32) bool {
	if asn != 0 && n.ASNs[asn] {
		return true
	}
	for _, p := range n.Prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
