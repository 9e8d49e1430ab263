package geo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"
)

// separator is the run of zero bytes between the search tree and the records.
const separator = 16

// recordSample is about how many records verify reads: several for each disk
// block of the largest databases, and all of the small ones.
const recordSample = 1 << 16

// verify checks every pointer of the search tree, and reads records all over
// the file, because a disk that lost blocks or a download put together wrongly
// would otherwise show months later, as single wrong countries.
//
// The library's Verify reads every record, which takes seconds for a City
// database, and refuses files without a description, such as ip-location-db's.
func verify(db *maxminddb.Reader, data []byte) error {
	nodes := db.Metadata.NodeCount
	bits := db.Metadata.RecordSize
	tree := data[:nodes*bits/4] // OpenBytes saw that it is there
	if nodes == 0 || bits != 24 && bits != 28 && bits != 32 {
		return fmt.Errorf("%d nodes of %d bits", nodes, bits)
	}
	if !bytes.Equal(data[len(tree):len(tree)+separator], make([]byte, separator)) {
		return errors.New("the search tree does not end where it should")
	}
	step := nodes/recordSample + 1
	for i := range nodes {
		left, right := node(tree, bits, i)
		for _, to := range []uint{left, right} {
			if to == 0 { // so it reads where a block was lost
				return errors.New("the search tree leads back to its root")
			}
			if to <= nodes || i%step != 0 && to-nodes-separator < uint(len(data)) {
				continue
			}
			var record any
			if err := db.LookupOffset(uintptr(to - nodes - separator)).Decode(&record); err != nil {
				return err
			}
		}
	}
	return nil
}

// node reads the two pointers of node i: to another node, to nodes ("nothing is
// known"), or beyond, to a record.
func node(tree []byte, bits, i uint) (left, right uint) {
	b := tree[i*bits/4:]
	switch bits {
	case 24: // LLL RRR
		return uint(b[0])<<16 | uint(b[1])<<8 | uint(b[2]), uint(b[3])<<16 | uint(b[4])<<8 | uint(b[5])
	case 28: // LLL lr RRR; l and r are the highest 4 bits of each
		return uint(b[3]>>4)<<24 | uint(b[0])<<16 | uint(b[1])<<8 | uint(b[2]),
			uint(b[3]&15)<<24 | uint(b[4])<<16 | uint(b[5])<<8 | uint(b[6])
	default: // LLLL RRRR
		return uint(binary.BigEndian.Uint32(b)), uint(binary.BigEndian.Uint32(b[4:]))
	}
}

// cover tells for which addresses there are such facts: ip-location-db, for
// one, also has files for IPv4 alone and for IPv6 alone.
func cover(db *maxminddb.Reader, tells facts) coverage {
	var c coverage
	if anyIn(db, netip.MustParsePrefix("0.0.0.0/0")) {
		c.v4 = tells
	}
	if db.Metadata.IPVersion == 6 && anyIn(db, netip.MustParsePrefix("2000::/3")) { // all that is in use
		c.v6 = tells
	}
	return c
}

func anyIn(db *maxminddb.Reader, prefix netip.Prefix) bool {
	for network := range db.NetworksWithin(prefix) {
		return network.Found()
	}
	return false
}

// diagnose says what data is that has not the form of a MaxMind DB.
func diagnose(data []byte) error {
	starts := func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) }
	switch {
	case starts("\x1f\x8b"):
		return errors.New("is compressed with gzip; unpack it (tar xzf for a .tar.gz) and name the .mmdb file")
	case starts("PK\x03\x04"):
		return errors.New("is a zip archive; unpack it and name the .mmdb file")
	case starts("\x28\xb5\x2f\xfd"), starts("\xfd7zXZ\x00"), starts("BZh"):
		return errors.New("is compressed; unpack it and name the .mmdb file")
	case len(data) > 262 && string(data[257:262]) == "ustar":
		return errors.New("is a tar archive; unpack it and name the .mmdb file")
	case isText(data):
		return errors.New("is text; the .mmdb edition is needed, not the CSV one")
	case !bytes.Contains(data, []byte("\xab\xcd\xefMaxMind.com")):
		return errors.New("has no MaxMind DB metadata at its end: it is cut short or something else; download it again")
	default:
		return errors.New("has less in it than its metadata says: it is damaged; download it again")
	}
}

func isText(data []byte) bool {
	data = data[:min(len(data), 512)]
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && len(data) >= utf8.UTFMax || r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return false
		}
		data = data[size:]
	}
	return true
}
