package simulate

import (
	"net/netip"
	"strings"
	"time"
)

// host is a client as smtpd logs it: an address and its verified reverse name,
// or "unknown".
type host struct {
	addr netip.Addr
	name string
}

// access is a way onto the internet: what address a device behind it has at a
// time. The answer depends on nothing but the time, so that all who share an
// office line leave by the same address.
// All of them are pointers, so that a line can be compared with another.
type access interface {
	at(t time.Time) host
}

// named gives an address the reverse name that its network keeps for it.
func (n *network) named(a netip.Addr) host {
	if n.suffix == "" || a.Is6() && mix(uint64(n.asn), uint64(a.As16()[7]))%4 != 0 {
		return host{a, "unknown"}
	}
	digits := strings.NewReplacer(".", "-", ":", "-").Replace(a.String())
	return host{a, digits + "." + n.suffix}
}

// static is a line with one address for good.
type static struct{ h host }

func (s *static) at(time.Time) host { return s.h }

// leased is a fixed line whose provider renumbers it. Of 3,038 probes, many
// were renumbered at multiples of 24 h, and about half of the changes landed in
// another BGP prefix (Padmanabhan et al., IMC 2016).
type leased struct {
	id     uint64
	blocks []*block
	every  time.Duration
	phase  time.Duration
	moves  float64 // share of changes into another prefix
}

func (l *leased) at(t time.Time) host {
	lease := epoch(t, l.every, l.phase)
	since := lease
	for since > 0 && unit(mix(l.id, since, 1)) >= l.moves {
		since-- // the prefix is the one of the last change that moved
	}
	b := l.blocks[mix(l.id, since, 2)%uint64(len(l.blocks))]
	return b.net.named(b.four(mix(l.id, lease, 3)))
}

// carrierNAT is a phone: the carrier's exits are few, shared by all its
// customers of a region, and change with every reconnection.
type carrierNAT struct {
	id     uint64
	blocks []*block
	every  time.Duration
}

// exits is how many addresses of a block a carrier uses as exits.
const exits = 254

func (c *carrierNAT) at(t time.Time) host {
	h := mix(c.id, epoch(t, c.every, 0))
	b := c.blocks[h>>32%uint64(len(c.blocks))]
	return b.net.named(b.four(h % exits)) // keeps to the block's first /24
}

// sixLine is an IPv6 line: the /64 stays for weeks (DynamIPs, 2020), the host
// part is a new one each day (RFC 8981 temporary addresses).
type sixLine struct {
	id      uint64
	blocks  []*block // with IPv6
	every   time.Duration
	devices uint64
}

func (s *sixLine) at(t time.Time) host {
	prefix := mix(s.id, epoch(t, s.every, 0))
	b := s.blocks[s.id%uint64(len(s.blocks))]
	day := epoch(t, 24*time.Hour, 0)
	return b.net.named(b.six(prefix, mix(s.id, day, epoch(t, time.Minute, 0)%s.devices)))
}

// pool is a service that lets its users out by any of many machines: a mail
// cloud (a new address nearly each time), a private relay, a VPN provider.
type pool struct {
	id     uint64
	blocks []*block
	size   uint64        // machines a block
	keeps  time.Duration // how long a user stays on one
	v6     float64       // share of IPv6, where the block has it
}

func (p *pool) at(t time.Time) host {
	h := mix(p.id, epoch(t, p.keeps, 0))
	b := p.blocks[h>>40%uint64(len(p.blocks))]
	machine := mix(uint64(b.net.asn), h%p.size)
	if b.v6.IsValid() && unit(h) < p.v6 {
		return b.net.named(b.six(machine>>20, machine))
	}
	return b.net.named(b.four(machine))
}

// either is two lines of which each stretch of time has one: IPv4 beside IPv6,
// two providers, a spare line.
type either struct {
	main, other access
	id          uint64
	share       float64 // of the other
	every       time.Duration
}

func (e *either) at(t time.Time) host {
	if unit(mix(e.id, epoch(t, e.every, 0))) < e.share {
		return e.other.at(t)
	}
	return e.main.at(t)
}

// webmail is the server itself, which submits what its webmail's users write.
type webmail struct{}

func (webmail) at(time.Time) host { return host{netip.AddrFrom4([4]byte{127, 0, 0, 1}), "localhost"} }

// epoch numbers the stretches of a length since 1970.
func epoch(t time.Time, length, phase time.Duration) uint64 {
	if length <= 0 {
		length = time.Microsecond
	}
	return uint64((t.UnixNano() + int64(phase)) / int64(length))
}

// unit maps a mixed number to [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// String shows a host as smtpd does: name[address].
func (h host) String() string { return h.name + "[" + h.addr.String() + "]" }
