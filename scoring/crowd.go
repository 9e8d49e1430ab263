package scoring

// What a user does is also news about all users together: one more day in a
// country, an address where a stranger turned up. It goes into what the server
// remembers and, where hosts share what they remember, to the other hosts.

// sighting is news of an address.
type sighting struct {
	what    sightingKind
	address uint64 // hash
	user    uint32 // hash of the name
	at      int64
}

// sightingKind is what a sighting is of.
type sightingKind uint8

const (
	seen      sightingKind = iota // the address is strange for the user who came from it
	accused                       // it took part in the theft of the user's account
	failed                        // a log-in failed
	acquitted                     // no address took part in the theft of this user's
)

// see takes a sighting into what the server remembers.
func (s *server) see(n sighting) {
	switch n.what {
	case seen:
		s.sees(n)
	case accused:
		s.stranger(n.address, n.at).accuse(n.user, n.at)
	case failed:
		s.stranger(n.address, n.at).fail(n.at)
	case acquitted:
		s.acquit(n.user)
	}
}

// sees takes note that a user came from an address, and tells whether that is new.
func (s *server) sees(n sighting) bool { return s.stranger(n.address, n.at).seenWith(n.user) }

// fail counts a failed log-in.
func (x *stranger) fail(now int64) {
	if now-x.failed > dayStep {
		x.failures = 0
	}
	x.failed = now
	x.failures = min(x.failures, 1<<15) + 1
}

// sighted takes news of an address. Rules are asked who else is seen there while
// the submission that is seen is being judged, so that this is known at once.
func (s *Scorer) sighted(n sighting) {
	switch sh := s.shared; {
	case sh == nil:
		s.server.see(n)
	case n.what == accused:
		sh.now.sighting(n)
	case n.what == seen:
		if s.server.sees(n) {
			sh.now.sighting(n)
		}
	default:
		s.server.see(n)
		if !sh.apart {
			sh.gathered.sighting(n)
			sh.fresh = true
		}
	}
}

func (s *Scorer) useCountry(country uint16) {
	if s.shared != nil {
		s.shared.now.country(country, 1)
		return
	}
	s.server.useCountry(country)
}

func (s *Scorer) useNetwork(asn uint32, org string) {
	if s.shared != nil {
		s.shared.now.network(asn, 1, org)
		return
	}
	s.server.useNetwork(asn, org)
}

func (s *Scorer) dayOver(over usualDay) {
	if s.shared != nil {
		s.shared.now.day(over)
		return
	}
	s.server.usual.learnFrom(over)
}

func (s *Scorer) atHour(part int) {
	if s.shared != nil {
		s.shared.now.hours[part]++
		return
	}
	s.server.rhythm[part]++
}

func (s *Scorer) mailed(recipients, bounces uint32) {
	if s.shared != nil {
		s.shared.now.sentTo += float64(recipients)
		s.shared.now.cameBack += float64(bounces)
		return
	}
	s.server.sentTo += float64(recipients)
	s.server.cameBack += float64(bounces)
}
