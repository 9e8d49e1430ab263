package simulate

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// writeCities writes the plan as a database in the shape of GeoLite2-City:
// country, coordinates and their accuracy for every block.
func (p *plan) writeCities(w io.Writer, built time.Time) error {
	return p.writeDatabase(w, database{"GeoLite2-City", built}, func(b *block) mmdbtype.Map {
		return mmdbtype.Map{
			"country": mmdbtype.Map{"iso_code": mmdbtype.String(b.country)},
			"location": mmdbtype.Map{
				"latitude":        mmdbtype.Float64(b.lat),
				"longitude":       mmdbtype.Float64(b.lon),
				"accuracy_radius": mmdbtype.Uint16(b.accuracy),
			},
		}
	})
}

// writeNetworks writes the plan as a database in the shape of GeoLite2-ASN.
func (p *plan) writeNetworks(w io.Writer, built time.Time) error {
	return p.writeDatabase(w, database{"GeoLite2-ASN", built}, func(b *block) mmdbtype.Map {
		return mmdbtype.Map{
			"autonomous_system_number":       mmdbtype.Uint32(b.net.asn),
			"autonomous_system_organization": mmdbtype.String(b.net.org),
		}
	})
}

// database is what a reader recognizes a file by.
type database struct {
	shape string
	built time.Time // fixed, so that the same world gives the same bytes
}

func (p *plan) writeDatabase(w io.Writer, db database, row func(*block) mmdbtype.Map) error {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: db.shape,
		Description:  map[string]string{"en": "invented address plan of sendwarden simulate"},
		BuildEpoch:   db.built.Unix(),
		RecordSize:   24,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", db.shape, err)
	}
	for _, n := range p.networks {
		for _, b := range n.blocks {
			if err := insert(tree, b, row(b)); err != nil {
				return fmt.Errorf("%s: AS%d: %w", db.shape, n.asn, err)
			}
		}
	}
	if _, err := tree.WriteTo(w); err != nil {
		return fmt.Errorf("%s: %w", db.shape, err)
	}
	return nil
}

func insert(tree *mmdbwriter.Tree, b *block, row mmdbtype.Map) error {
	if err := tree.Insert(ipNet(b.v4), row); err != nil || !b.v6.IsValid() {
		return err
	}
	return tree.Insert(ipNet(b.v6), row)
}

// ipNet is a prefix in the type that mmdbwriter takes.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
