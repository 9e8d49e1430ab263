package simulate

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
)

// plan is the invented internet: which operator holds which blocks, and where
// each block is. The databases are written from it, so that log and database
// agree on every address.
type plan struct {
	countries map[string]country
	codes     []string // sorted, for draws that are the same every time
	networks  []*network
	in        map[string]map[service][]*network // by country of a block
	misplaced []*block                          // of operators at home, in the databases abroad; for the uncommon
}

// network is one autonomous system.
type network struct {
	asn     uint32
	org     string
	sells   service
	suffix  string // domain of its reverse names; "" when it keeps none
	blocks  []*block
	country string // of most of its blocks
}

// block is what one BGP announcement covers, and one row of the databases.
type block struct {
	v4, v6   netip.Prefix // v6 is a /40, or invalid
	country  string
	city     int
	lat, lon float64
	accuracy uint16 // km
	net      *network
}

const citiesPerCountry = 5

// firstInvented is the first private-use AS number (RFC 6996): operators from
// here on are invented.
const firstInvented = 4200000000

// newPlan deals public address space to all operators. Another seed gives
// other blocks, other invented operators and other sizes.
func newPlan(w World) *plan {
	p := &plan{countries: map[string]country{}, in: map[string]map[service][]*network{}}
	for _, c := range countries() {
		p.countries[c.code] = c
		p.codes = append(p.codes, c.code)
	}
	d := dealer{dice: newDice(w.Seed, hashOf("plan")), plan: p}
	d.shuffleSpace()
	counts := map[string]map[service]int{}
	for _, c := range knownCarriers() {
		d.deal(c, d.size(c.sells), c.country)
		if counts[c.country] == nil {
			counts[c.country] = map[service]int{}
		}
		counts[c.country][c.sells]++
	}
	for _, code := range p.codes {
		d.fill(code, counts[code])
	}
	d.span(knownSpanning())
	if w.uncommon() { // after all others, whose blocks stay what they are
		d.span(uncommonNetworks())
		d.misplace(w.Home)
	}
	return p
}

// span deals operators a block in each of their countries.
func (d *dealer) span(operators []spanning) {
	for _, s := range operators {
		where := strings.Fields(s.countries)
		if s.countries == "*" {
			where = d.plan.codes
		}
		d.deal(s.carrier, 1, where...)
	}
}

// dealer hands out address space, each /17 once.
type dealer struct {
	dice
	plan  *plan
	slots []uint32 // shuffled public /17s by their upper bits
	sixes int      // IPv6 /32s given out
	asn   uint32
}

// shuffleSpace lists the IPv4 space that may be announced: not the special
// purpose blocks (RFC 6890), and not 192/8 and 198/8, 203/8, whose
// documentation blocks appear in the log as what they are.
func (d *dealer) shuffleSpace() {
	for first := uint32(1); first < 224; first++ {
		switch first {
		case 10, 100, 127, 169, 172, 192, 198, 203:
			continue
		}
		for i := range uint32(512) {
			d.slots = append(d.slots, first<<24|i<<15)
		}
	}
	d.Shuffle(len(d.slots), func(i, j int) { d.slots[i], d.slots[j] = d.slots[j], d.slots[i] })
	d.asn = firstInvented + 9
}

// size is how many blocks an operator of that sort announces in a country.
func (d *dealer) size(sells service) int {
	switch sells {
	case fixed:
		return d.between(8, 24)
	case mobile:
		return d.between(4, 10)
	default:
		return d.between(2, 6)
	}
}

// fill adds invented operators until a country has its share: a few fixed-line
// providers, two or three carriers, one or two hosters.
func (d *dealer) fill(code string, have map[service]int) {
	want := []struct {
		sells service
		n     int
		trade string
	}{
		{fixed, d.between(3, 4), "Broadband"},
		{mobile, d.between(2, 3), "Mobile"},
		{hosting, d.between(1, 2), "Hosting"},
	}
	for _, w := range want {
		for n := have[w.sells]; n < w.n; n++ {
			d.asn += uint32(d.between(1, 40))
			org := fmt.Sprintf("%s %s %s", operatorName(d.dice), w.trade, code)
			d.deal(carrier{code, d.asn, org, w.sells}, d.size(w.sells)/2+1, code)
		}
	}
}

// deal makes a network with n blocks in each of the countries.
func (d *dealer) deal(c carrier, n int, where ...string) {
	net := &network{asn: c.asn, org: c.org, sells: c.sells, country: c.country}
	named := 0.85
	if c.asn >= firstInvented {
		named = 0.55
	}
	if d.chance(named) {
		net.suffix = strings.ToLower(strings.Join(strings.FieldsFunc(c.org, notLetter), "-")) + ".example.net"
	}
	six := d.chance(map[service]float64{fixed: 0.6, mobile: 0.7, hosting: 0.8, relay: 0.9, tunnel: 1}[c.sells])
	pool := d.sixes
	if six {
		d.sixes++
	}
	for _, code := range where {
		for range n {
			b := d.block(net, code)
			if six {
				b.v6 = sixOf(pool, len(net.blocks))
			}
			net.blocks = append(net.blocks, b)
		}
	}
	d.plan.add(net)
}

// block takes the next slot and puts it into one of the country's cities.
// Accuracy follows the medians measured for lines and phones (arXiv
// 2605.21937: fixed 3-16 km, mobile 179-207 km).
func (d *dealer) block(net *network, code string) *block {
	base := d.slots[0]
	d.slots = d.slots[1:]
	addr := netip.AddrFrom4([4]byte{byte(base >> 24), byte(base >> 16), byte(base >> 8), byte(base)})
	b := &block{v4: netip.PrefixFrom(addr, d.between(17, 20)), country: code, net: net}
	b.city = d.IntN(citiesPerCountry)
	b.accuracy = uint16(d.between(5, 50))
	if net.sells != fixed {
		b.accuracy = uint16(d.between(100, 500))
	}
	b.lat, b.lon = d.plan.cityAt(code, b.city)
	return b
}

// cityAt places a country's cities on a ring about its middle.
func (p *plan) cityAt(code string, city int) (lat, lon float64) {
	c := p.countries[code]
	h := mix(hashOf(code), uint64(city))
	far := c.radius * (0.2 + 0.6*float64(h%1000)/1000)
	turn := 2 * math.Pi * float64(h>>10%1000) / 1000
	const kmPerDegree = 111.2
	lat = c.lat + far*math.Sin(turn)/kmPerDegree
	lon = c.lon + far*math.Cos(turn)/(kmPerDegree*math.Cos(c.lat*math.Pi/180))
	return math.Round(lat*1e4) / 1e4, math.Round(lon*1e4) / 1e4
}

func (p *plan) add(net *network) {
	p.networks = append(p.networks, net)
	seen := map[string]bool{}
	for _, b := range net.blocks {
		if seen[b.country] {
			continue
		}
		seen[b.country] = true
		if p.in[b.country] == nil {
			p.in[b.country] = map[service][]*network{}
		}
		p.in[b.country][net.sells] = append(p.in[b.country][net.sells], net)
	}
}

// pick draws an operator of a country, earlier (larger) ones more often.
func (p *plan) pick(d dice, code string, sells service) *network {
	nets := p.in[code][sells]
	if len(nets) == 0 { // VPN providers and clouds are not everywhere
		nets = p.in[code][hosting]
	}
	i := min(d.IntN(len(nets)), d.IntN(len(nets)))
	return nets[i]
}

// within lists a network's blocks in a country, those of one city if it has
// any there (city < 0: all).
func (n *network) within(code string, city int) []*block {
	var all, near []*block
	for _, b := range n.blocks {
		if b.country != code {
			continue
		}
		all = append(all, b)
		if b.city == city {
			near = append(near, b)
		}
	}
	if len(near) > 0 {
		return near
	}
	return all
}

// sixOf is block i of the pool-th IPv6 /32, as a /40. The /32s are dealt from
// 2a10::/12, where RIPE NCC allocates.
func sixOf(pool, i int) netip.Prefix {
	var a [16]byte
	a[0], a[1] = 0x2a, 0x10+byte(pool>>16&0xf)
	a[2], a[3], a[4] = byte(pool>>8), byte(pool), byte(i)
	return netip.PrefixFrom(netip.AddrFrom16(a), 40)
}

// four is one address of the block, never a subnet's first or last.
func (b *block) four(h uint64) netip.Addr {
	a := b.v4.Addr().As4()
	host := uint32(h>>8)&(1<<(32-b.v4.Bits())-1)&^0xff | uint32(1+h%254)
	return netip.AddrFrom4([4]byte{a[0], a[1], a[2] | byte(host>>8), byte(host)})
}

// six is one address of the block: the customer's /64 and the host in it.
func (b *block) six(subnet, hostPart uint64) netip.Addr {
	a := b.v6.Addr().As16()
	a[5], a[6], a[7] = byte(subnet>>16), byte(subnet>>8), byte(subnet)
	for i := range 8 {
		a[8+i] = byte(hostPart >> (8 * i))
	}
	return netip.AddrFrom16(a)
}

func notLetter(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }

// hashOf turns a word into a number for mix (FNV-1a).
func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
