package scoring

// told is something that changes what is remembered of a user, as this host was
// told it or did it: kept until it is part of the memory that all hosts share, so
// that it can be told again to a memory that another host has changed meanwhile.
type told struct {
	what   what
	source uint32 // the log that told it; 0: the policy service, or a person
	line   int64  // in it
	at     int64  // Unix seconds
	token  uint32 // of the message and what befell it; 0: none

	sub     Submission // handedIn, loggedIn
	count   count      // queued, bounced, rejected, freed
	teach   bool       // overruled
	portion uint32     // paused
	trust   Trust      // vouched, unvouched

	open *open // what it did, until the engine has answered; nil: of before a restart
}

// open is what something that was told has done here, as far as it may have to be
// done again to a memory that another host has made.
type open struct {
	verdict Verdict
	news    facts   // of which nobody has been told yet
	braked  braking // what it did to the brake
	closed  bool    // it stays as it is
}

func (t *told) isOpen() bool { return t.open != nil && !t.open.closed }

// what is told.
type what uint8

const (
	handedIn what = iota
	loggedIn
	queued
	bounced
	rejected
	freed     // a held message was let go
	blocked   // by a person, or by another host
	overruled // a person let the user send again
	vouched
	unvouched
	paused // a portion of what waited was let go
	endOfWhat
)

// Several things are told in one line, each of them once.
const kindsInLine = 8

// place is how far in its log a line's news is.
func (t *told) place() int64 { return t.line*kindsInLine + int64(t.what) }

// apply has a user's memory take in what was told.
func (s *Scorer) apply(u *user, t *told) (v Verdict) {
	switch t.what {
	case handedIn:
		return s.judge(&t.sub, u)
	case loggedIn:
		s.visited(&t.sub, u)
	case queued, bounced, rejected, freed:
		s.add(u, &t.count)
	case blocked:
		u.blocked = true
	case overruled:
		s.overrule(u, t.at, t.teach)
	case vouched:
		s.vouch(u.name, u, t.trust, t.at)
	case paused:
		u.portion, u.pausedTo = max(u.portion, t.portion), max(u.pausedTo, t.at+portionPause)
	case unvouched:
		s.trusts.set(u.name, except(s.trusts.of[u.name], t.trust))
	}
	return Verdict{}
}

// told describes what waits to be told, in the state.
func (c *coder) told(t *told) {
	number(c, &t.what)
	if t.what >= endOfWhat {
		c.fail(errDamaged)
	}
	c.hash(&t.source)
	number(c, &t.line)
	number(c, &t.at)
	c.hash(&t.token)
	switch t.what {
	case handedIn, loggedIn:
		c.submission(&t.sub)
	case queued, bounced, rejected, freed:
		t.count.what = t.what
		c.count(&t.count)
	case overruled:
		c.flags(&t.teach)
	case paused:
		number(c, &t.portion)
	case vouched, unvouched:
		c.trust(&t.trust)
	}
}

func (c *coder) submission(sub *Submission) {
	c.text(&sub.User)
	c.moment(&sub.Time)
	c.place(&sub.Place)
	c.text(&sub.Method)
	c.messageID(&sub.Message)
	c.flags(&sub.NoReverse, &sub.Asked)
}

func (c *coder) count(n *count) {
	number(c, &n.at)
	c.messageID(&n.message)
	c.tally(&n.tally)
	number(c, &n.sentTo)
	number(c, &n.cameBack)
	c.hash(&n.sender)
	c.place(&n.place)
}
