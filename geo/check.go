package geo

import (
	"bytes"
	"errors"
	"net/netip"
	"unicode/utf8"

	"github.com/oschwald/maxminddb-golang/v2"
)

// verify walks the whole search tree and reads records all over the file,
// because a disk that lost blocks or a download put together wrongly would
// otherwise show months later, as single wrong countries.
//
// The library's Verify reads every record, which takes seconds for a City
// database, and refuses files without a description, such as ip-location-db's.
func verify(db *maxminddb.Reader) error {
	nodes := db.Metadata.NodeCount
	step := nodes/recordSample + 1
	leaves := uint(0)
	for network := range db.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if err := network.Err(); err != nil {
			return err
		}
		// A binary tree has one leaf more than it has nodes.
		if leaves++; leaves > nodes+1 {
			return errors.New("the search tree runs in circles")
		}
		if leaves%step != 0 {
			continue
		}
		var record any
		if err := network.Decode(&record); err != nil {
			return err
		}
	}
	return nil
}

// recordSample is about how many records verify reads: several for each disk
// block of the largest databases, and all of the small ones.
const recordSample = 1 << 16

// cover tells for which addresses there are such facts: ip-location-db, for
// one, also has files for IPv4 alone and for IPv6 alone.
func cover(db *maxminddb.Reader, tells facts) coverage {
	var c coverage
	for range db.NetworksWithin(netip.MustParsePrefix("0.0.0.0/0")) {
		c.v4 = tells
		break
	}
	if db.Metadata.IPVersion == 4 {
		return c
	}
	for range db.NetworksWithin(netip.MustParsePrefix("2000::/3")) { // all of IPv6 that is in use
		c.v6 = tells
		break
	}
	return c
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
