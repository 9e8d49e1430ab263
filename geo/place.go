// Package geo says where an address is: country, network (autonomous system
// and its organisation), and coordinates where a database has them.
//
// What is known of addresses comes in MaxMind DB files (.mmdb): a search tree
// over the bits of the address, whose leaves point to records. A Country
// database tells
//
//	80.58.61.250 → {"country": {"iso_code": "ES", …}, …}
//
// and an ASN database tells who runs the network that the address is in:
//
//	80.58.61.250 → {"autonomous_system_number": 3352, "autonomous_system_organization": "TELEFONICA DE ESPANA S.A.U."}
//
// MaxMind's and DB-IP's files are read, several at once, and others with the
// same facts under the usual names. Without any, the data that the program
// carries with it tells country and network; see NOTICE for where it is from.
//
// All of it is guesswork. Makers of such databases agree on the country of
// about 97 of 100 IPv4 addresses, on cities far less, and on data centres,
// anycast and IPv6 hosting least; and a VPN's or a carrier's gateway says
// little of where a person is.
package geo

import "net/netip"

// Kind is what a look-up came to. Only a Placed address has a country, a
// network or coordinates.
type Kind uint8

const (
	// Unplaced: a public address that no database knows, or no address at all.
	Unplaced Kind = iota
	// Placed: at least one of country, network and coordinates is known.
	Placed
	// Private: used inside a site or a carrier's network, so it is in no
	// country: RFC 1918, shared 100.64.0.0/10, link-local, unique local IPv6.
	Private
	// Loopback: the host itself.
	Loopback
	// Reserved: no host of the Internet has it as its own: unspecified,
	// multicast, documentation, benchmarks, future use.
	Reserved
)

// String gives the name in lower case, as `sendwarden lookup` prints it.
func (k Kind) String() string {
	switch k {
	case Placed:
		return "placed"
	case Private:
		return "private"
	case Loopback:
		return "loopback"
	case Reserved:
		return "reserved"
	default:
		return "unplaced"
	}
}

// Place is what is known of one address.
type Place struct {
	Addr netip.Addr // IPv4 even when asked for as ::ffff:a.b.c.d; without zone
	Kind Kind

	Country string // ISO 3166-1 alpha-2 in capitals, or "XK"; "" when unknown
	ASN     uint32 // number of the autonomous system; 0 when unknown
	Org     string // organisation that runs it, at most 64 bytes; "" when unknown
	City    string // English name, at most 64 bytes; "" when unknown

	// HasCoordinates tells whether Lat, Lon and Radius mean anything.
	HasCoordinates bool
	Lat, Lon       float64 // degrees, north and east positive
	Radius         float64 // km around them in which the address probably is; 0 when the database doesn't say
}

// Block is the network that a provider hands to one customer or pool: see the
// function Block.
func (p Place) Block() netip.Prefix { return Block(p.Addr) }

// Bits of a Block. A home line or a phone changes its IPv4 address mostly
// within a /24, and the host part of its IPv6 address, the last 64 bits,
// every day (RFC 8981).
const (
	blockBits4 = 24
	blockBits6 = 64
)

// Block is the /24 of an IPv4 address and the /64 of an IPv6 address, and the
// zero Prefix of no address.
func Block(addr netip.Addr) netip.Prefix {
	addr = bare(addr)
	bits := blockBits6
	if addr.Is4() {
		bits = blockBits4
	}
	block, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return block
}

// bare is the address alone: not IPv4 within IPv6, and without the zone that a
// link-local address may carry.
func bare(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
