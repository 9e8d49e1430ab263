package geo

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReload(t *testing.T) {
	t.Chdir(t.TempDir())
	replace(t, "country.mmdb", mmdb(t, "GeoLite2-Country", networks{network4: isoCode("PT")}))
	replace(t, "asn.mmdb", mmdb(t, "GeoLite2-ASN", networks{network4: network(1, "One")}))
	db, err := Open("country.mmdb", "asn.mmdb")
	require.NoError(t, err)
	reload := func() []Source {
		t.Helper()
		changed, err := db.Reload()
		require.NoError(t, err)
		return changed
	}
	require.Empty(t, reload(), "nothing was changed")

	replace(t, "asn.mmdb", mmdb(t, "GeoLite2-ASN", networks{network4: network(2, "Two")}))
	require.EqualValues(t, 1, placeOf(db, addr4).ASN, "not read before Reload")
	require.Equal(t, []Source{{Path: "asn.mmdb", Type: "GeoLite2-ASN", Built: built}}, reload())
	require.EqualValues(t, 2, placeOf(db, addr4).ASN)
	require.Equal(t, "PT", placeOf(db, addr4).Country)
	require.Empty(t, reload(), "it is read once")

	// Overwritten in place, with nothing to see but the time.
	data := mmdb(t, "GeoLite2-ASN", networks{network4: network(3, "Tre")})
	require.NoError(t, os.WriteFile("asn.mmdb", data, 0o644))
	require.NoError(t, os.Chtimes("asn.mmdb", time.Time{}, built))
	require.Len(t, reload(), 1)
	require.EqualValues(t, 3, placeOf(db, addr4).ASN)

	// Another kind of database under the old name.
	replace(t, "asn.mmdb", mmdb(t, "GeoIP2-Enterprise", networks{network4: enterprise("BR", 4, "Four")}))
	require.Len(t, reload(), 1)
	require.EqualValues(t, 4, placeOf(db, addr4).ASN)
	require.Equal(t, "PT", placeOf(db, addr4).Country)
}

func TestBrokenReloadKeepsTheOld(t *testing.T) {
	t.Chdir(t.TempDir())
	replace(t, "country.mmdb", mmdb(t, "GeoLite2-Country", networks{network4: isoCode("PT")}))
	replace(t, "asn.mmdb", mmdb(t, "GeoLite2-ASN", networks{network4: network(1, "One")}))
	db, err := Open("country.mmdb", "asn.mmdb")
	require.NoError(t, err)

	whole := mmdb(t, "GeoLite2-Country", networks{network4: isoCode("BR")})
	const stays = "; the one built on 2026-11-03 stays in use"
	const cut = "country.mmdb: has no MaxMind DB metadata at its end: it is cut short or something else; download it again" + stays

	// One that is cut doesn't keep the other from being read.
	replace(t, "country.mmdb", whole[:len(whole)/2])
	replace(t, "asn.mmdb", mmdb(t, "GeoLite2-ASN", networks{network4: network(2, "Two")}))
	changed, err := db.Reload()
	require.EqualError(t, err, cut)
	require.Len(t, changed, 1)
	require.Equal(t, "PT", placeOf(db, addr4).Country)
	require.EqualValues(t, 2, placeOf(db, addr4).ASN)

	// It is tried and told again, until it is right.
	changed, err = db.Reload()
	require.EqualError(t, err, cut)
	require.Empty(t, changed)

	require.NoError(t, os.Remove("country.mmdb"))
	_, err = db.Reload()
	require.EqualError(t, err, "country.mmdb: file does not exist; geoipupdate keeps its files in /var/lib/GeoIP or /usr/share/GeoIP"+stays)
	require.Equal(t, "PT", placeOf(db, addr4).Country)

	replace(t, "country.mmdb", whole)
	changed, err = db.Reload()
	require.NoError(t, err)
	require.Len(t, changed, 1)
	require.Equal(t, "BR", placeOf(db, addr4).Country)
}

// Two databases take turns, and broken ones come between them. Every look-up
// must tell what one of the two says, whole.
func TestReloadUnderLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.mmdb")
	turns := [][]byte{
		mmdb(t, "GeoIP2-Enterprise", networks{network4: enterprise("ES", 1, "One"), network6: enterprise("ES", 1, "One")}),
		mmdb(t, "GeoIP2-Enterprise", networks{network4: enterprise("BR", 2, "Two"), network6: enterprise("BR", 2, "Two")}),
	}
	whole := map[uint32]Place{}
	for i, data := range turns {
		p := placeOf(opened(t, data), addr4)
		require.EqualValues(t, i+1, p.ASN)
		whole[p.ASN] = p
	}
	replace(t, path, turns[0])
	db, err := Open(path)
	require.NoError(t, err)

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			addr := bareOf([]string{addr4, addr6}[i%2])
			for {
				select {
				case <-stop:
					return
				default:
				}
				p := db.Place(addr)
				want := whole[p.ASN]
				want.Addr = addr
				if p != want {
					t.Errorf("%+v is neither %+v nor %+v", p, whole[1], whole[2])
					return
				}
			}
		})
	}
	for i := range 100 {
		data := turns[i%2]
		replace(t, path, data[:len(data)-9])
		_, err := db.Reload()
		require.Error(t, err)
		replace(t, path, data)
		_, err = db.Reload()
		require.NoError(t, err)
		require.Equal(t, whole[uint32(i%2+1)], placeOf(db, addr4), "no old place after Reload")
	}
	close(stop)
	readers.Wait()
}
