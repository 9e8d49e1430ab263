package geo

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/stretchr/testify/require"
	"go4.org/netipx"
)

// networks is the content of a database.
type networks map[string]mmdbtype.Map

// Records in the layouts of the real files.

func isoCode(code string) mmdbtype.Map {
	return mmdbtype.Map{"country": mmdbtype.Map{
		"iso_code": mmdbtype.String(code),
		"names":    mmdbtype.Map{"en": mmdbtype.String("Country of " + code)},
	}}
}

func network(asn uint32, org string) mmdbtype.Map {
	return mmdbtype.Map{
		"autonomous_system_number":       mmdbtype.Uint32(asn),
		"autonomous_system_organization": mmdbtype.String(org),
	}
}

func city(code, name string, lat, lon float64) mmdbtype.Map {
	r := isoCode(code)
	r["city"] = mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(name), "de": mmdbtype.String("Stadt")}}
	r["location"] = mmdbtype.Map{
		"latitude":        mmdbtype.Float64(lat),
		"longitude":       mmdbtype.Float64(lon),
		"accuracy_radius": mmdbtype.Uint16(20),
	}
	return r
}

func enterprise(code string, asn uint32, org string) mmdbtype.Map {
	r := city(code, "City of "+code, 40.5, -3.5)
	r["traits"] = network(asn, org)
	return r
}

func flat(code string) mmdbtype.Map {
	return mmdbtype.Map{"country_code": mmdbtype.String(code)}
}

// built is the date of databases in tests.
var built = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// mmdb gives the bytes of a database.
func mmdb(t testing.TB, databaseType string, content networks) []byte {
	t.Helper()
	return written(t, mmdbwriter.Options{DatabaseType: databaseType, RecordSize: 24}, content)
}

// mmdbOf gives one whose tree has records of so many bits.
func mmdbOf(t testing.TB, bits int, content networks) []byte {
	t.Helper()
	return written(t, mmdbwriter.Options{DatabaseType: "country ipvAll", RecordSize: bits}, content)
}

func written(t testing.TB, options mmdbwriter.Options, content networks) []byte {
	t.Helper()
	options.BuildEpoch = built.Unix()
	options.IncludeReservedNetworks = true
	tree, err := mmdbwriter.New(options)
	require.NoError(t, err)
	for prefix, r := range content {
		require.NoError(t, tree.Insert(netipx.PrefixIPNet(netip.MustParsePrefix(prefix)), r))
	}
	path := filepath.Join(t.TempDir(), "db")
	f, err := os.Create(path)
	require.NoError(t, err)
	_, err = tree.WriteTo(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// replace puts data at path in the way of geoipupdate: a new file, renamed.
func replace(t testing.TB, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", data, 0o644))
	require.NoError(t, os.Rename(path+".new", path))
}

// opened makes a DB of files with these contents, in this order.
func opened(t testing.TB, files ...[]byte) *DB {
	t.Helper()
	var paths []string
	for i, data := range files {
		path := filepath.Join(t.TempDir(), string(rune('a'+i))+".mmdb")
		replace(t, path, data)
		paths = append(paths, path)
	}
	db, err := Open(paths...)
	require.NoError(t, err)
	return db
}

func bareOf(addr string) netip.Addr { return netip.MustParseAddr(addr) }

func placeOf(db *DB, addr string) Place { return db.Place(netip.MustParseAddr(addr)) }
