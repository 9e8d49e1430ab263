package geo

import "net/netip"

// special is a range that IANA has set apart from the addresses of hosts on
// the Internet.
type special struct {
	prefix netip.Prefix
	kind   Kind
	// documentation marks what RFC 5737, RFC 3849 and RFC 9637 give to examples.
	// A database that places them was made for a test, and is believed.
	documentation bool
}

// The IANA special-purpose address registries, as far as they are not globally
// reachable (RFC 6890 and what updates it), and multicast. The first match
// counts. Not listed, because hosts behind them are real: 64:ff9b::/96 (NAT64),
// 2001::/32 (Teredo), 2002::/16 (6to4), 192.88.99.0/24 (its relays).
var (
	specials4 = []special{
		{prefix: netip.MustParsePrefix("10.0.0.0/8"), kind: Private},     // RFC 1918
		{prefix: netip.MustParsePrefix("172.16.0.0/12"), kind: Private},  // RFC 1918
		{prefix: netip.MustParsePrefix("192.168.0.0/16"), kind: Private}, // RFC 1918
		{prefix: netip.MustParsePrefix("127.0.0.0/8"), kind: Loopback},   // RFC 1122
		{prefix: netip.MustParsePrefix("100.64.0.0/10"), kind: Private},  // RFC 6598, inside a carrier's NAT
		{prefix: netip.MustParsePrefix("169.254.0.0/16"), kind: Private}, // RFC 3927, link-local
		{prefix: netip.MustParsePrefix("0.0.0.0/8"), kind: Reserved},     // RFC 791, "this network"
		{prefix: netip.MustParsePrefix("192.0.2.0/24"), kind: Reserved, documentation: true},
		{prefix: netip.MustParsePrefix("198.51.100.0/24"), kind: Reserved, documentation: true},
		{prefix: netip.MustParsePrefix("203.0.113.0/24"), kind: Reserved, documentation: true},
		{prefix: netip.MustParsePrefix("192.0.0.0/29"), kind: Private},   // RFC 7335, the customer's side of DS-Lite
		{prefix: netip.MustParsePrefix("192.0.0.0/24"), kind: Reserved},  // RFC 6890, protocol assignments
		{prefix: netip.MustParsePrefix("198.18.0.0/15"), kind: Reserved}, // RFC 2544, benchmarks
		{prefix: netip.MustParsePrefix("224.0.0.0/4"), kind: Reserved},   // RFC 1112, multicast
		{prefix: netip.MustParsePrefix("240.0.0.0/4"), kind: Reserved},   // RFC 1112, future use; broadcast
	}
	specials6 = []special{
		{prefix: netip.MustParsePrefix("::1/128"), kind: Loopback},       // RFC 4291
		{prefix: netip.MustParsePrefix("::/96"), kind: Reserved},         // RFC 4291, unspecified; IPv4-compatible
		{prefix: netip.MustParsePrefix("fe80::/10"), kind: Private},      // RFC 4291, link-local
		{prefix: netip.MustParsePrefix("fec0::/10"), kind: Private},      // RFC 3879, site-local
		{prefix: netip.MustParsePrefix("fc00::/7"), kind: Private},       // RFC 4193, unique local
		{prefix: netip.MustParsePrefix("64:ff9b:1::/48"), kind: Private}, // RFC 8215, a site's own NAT64
		{prefix: netip.MustParsePrefix("2001:db8::/32"), kind: Reserved, documentation: true},
		{prefix: netip.MustParsePrefix("3fff::/20"), kind: Reserved, documentation: true},
		{prefix: netip.MustParsePrefix("2001:2::/48"), kind: Reserved},    // RFC 5180, benchmarks
		{prefix: netip.MustParsePrefix("2001:10::/28"), kind: Reserved},   // RFC 4843, ORCHID
		{prefix: netip.MustParsePrefix("2001:20::/28"), kind: Reserved},   // RFC 7343, ORCHIDv2
		{prefix: netip.MustParsePrefix("100::/64"), kind: Reserved},       // RFC 6666, discard
		{prefix: netip.MustParsePrefix("100:0:0:1::/64"), kind: Reserved}, // RFC 9780, dummy
		{prefix: netip.MustParsePrefix("5f00::/16"), kind: Reserved},      // RFC 9602, segment routing
		{prefix: netip.MustParsePrefix("ff00::/8"), kind: Reserved},       // RFC 4291, multicast
	}
)

// specialOf tells whether a bare address is of such a range, and which.
func specialOf(addr netip.Addr) (special, bool) {
	ranges := specials6
	if addr.Is4() {
		ranges = specials4
	}
	for _, s := range ranges {
		if s.prefix.Contains(addr) {
			return s, true
		}
	}
	return special{}, false
}
