package geo

import (
	_ "embed"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/oschwald/maxminddb-golang/v2"
)

//go:generate go run ./generate

//go:embed embedded.mmdb.zst
var packed []byte

// embeddedType is its database_type. Names that begin with "GeoIP" are
// MaxMind's.
const embeddedType = "Sendwarden-Country-ASN"

func embeddedSource() Source {
	return Source{Path: Embedded, Type: embeddedType, Built: time.Unix(embeddedEpoch, 0).UTC()}
}

// embedded unpacks the data at its first use, since a program that was given
// its own databases needs neither the 30 ms nor the 13 MB. The data is not
// checked: it is part of the program, and the tests look at all of it.
var embedded = sync.OnceValue(func() embeddedDB {
	data, err := unpack(packed)
	if err != nil {
		panic(fmt.Sprintf("geo: embedded data: %v", err))
	}
	db, err := maxminddb.OpenBytes(data)
	if err != nil {
		panic(fmt.Sprintf("geo: embedded data: %v", err))
	}
	return embeddedDB{db}
})

func unpack(packed []byte) ([]byte, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	return dec.DecodeAll(packed, make([]byte, 0, embeddedSize))
}

type embeddedDB struct{ db *maxminddb.Reader }

// find reads a record of the embedded data whole, which is faster than path by
// path.
func (e embeddedDB) find(addr netip.Addr) record {
	var r struct {
		Country string `maxminddb:"country_code"`
		ASN     uint32 `maxminddb:"autonomous_system_number"`
		Org     string `maxminddb:"autonomous_system_organization"`
	}
	if err := e.db.Lookup(addr).Decode(&r); err != nil {
		return record{}
	}
	return record{country: r.Country, asn: r.ASN, org: r.Org}
}
