package geo

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// many is a database of some size, so that parts can be taken out of it.
func many(t *testing.T) []byte {
	content := networks{}
	for i := range 250 {
		content[fmt.Sprintf("80.%d.0.0/16", i)] = isoCode(string([]byte{'A' + byte(i%26), 'A' + byte(i/26)}))
	}
	return mmdb(t, "GeoLite2-Country", content)
}

func TestBrokenFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	good := many(t)
	noTree := bytes.Clone(good)
	clear(noTree[30:600])
	noData := bytes.Clone(good)
	at := bytes.Index(noData, []byte("iso_code"))
	noData[at-1] = 0xff // the size of a string
	write := func(name string, data []byte) string {
		require.NoError(t, os.WriteFile(name, data, 0o644))
		return name
	}
	tar := make([]byte, 1024)
	copy(tar[257:], "ustar")
	require.NoError(t, os.Mkdir("GeoIP", 0o755))
	require.NoError(t, syscall.Mkfifo("pipe.mmdb", 0o644))

	for _, c := range []struct{ path, want string }{
		{
			"missing.mmdb",
			"missing.mmdb: file does not exist; geoipupdate keeps its files in /var/lib/GeoIP or /usr/share/GeoIP",
		}, {
			"",
			"a database's file name is empty; name an .mmdb file",
		}, {
			"GeoIP",
			"GeoIP: is a directory; name the .mmdb file in it",
		}, {
			"pipe.mmdb",
			"pipe.mmdb: is not a regular file; name an .mmdb file",
		}, {
			write("empty.mmdb", nil),
			"empty.mmdb: is empty; download it again",
		}, {
			write("GeoLite2-City.tar.gz", []byte("\x1f\x8b\x08rest")),
			"GeoLite2-City.tar.gz: is compressed with gzip; unpack it (tar xzf for a .tar.gz) and name the .mmdb file",
		}, {
			write("city.zip", []byte("PK\x03\x04rest")),
			"city.zip: is a zip archive; unpack it and name the .mmdb file",
		}, {
			write("city.mmdb.zst", []byte("\x28\xb5\x2f\xfdrest")),
			"city.mmdb.zst: is compressed; unpack it and name the .mmdb file",
		}, {
			write("city.tar", tar),
			"city.tar: is a tar archive; unpack it and name the .mmdb file",
		}, {
			write("country.csv", []byte("network,geoname_id\n1.0.0.0/24,2077456,España\n")),
			"country.csv: is text; the .mmdb edition is needed, not the CSV one",
		}, {
			write("zeros.mmdb", make([]byte, 4096)),
			"zeros.mmdb: has no MaxMind DB metadata at its end: it is cut short or something else; download it again",
		}, {
			write("cut.mmdb", good[:len(good)*9/10]),
			"cut.mmdb: has no MaxMind DB metadata at its end: it is cut short or something else; download it again",
		}, {
			write("beheaded.mmdb", good[len(good)*9/10:]),
			"beheaded.mmdb: has less in it than its metadata says: it is damaged; download it again",
		}, {
			write("hole.mmdb", noTree),
			"hole.mmdb: is damaged (", // and what the library says
		}, {
			write("record.mmdb", noData),
			"record.mmdb: is damaged (",
		}, {
			write("anonymous.mmdb", mmdb(t, "GeoIP2-Anonymous-IP", networks{network4: {}})),
			`anonymous.mmdb: a database of type "GeoIP2-Anonymous-IP" tells neither country nor network; name a Country, City, Enterprise or ASN one`,
		}, {
			write("own.mmdb", mmdb(t, "Example-Dialup", networks{network4: {}})),
			`own.mmdb: a database of type "Example-Dialup" tells neither country nor network; name a Country, City, Enterprise or ASN one`,
		}, {
			write("nothing.mmdb", mmdb(t, "GeoLite2-Country", nil)),
			"nothing.mmdb: has no networks in it; download it again",
		},
	} {
		t.Run(c.path, func(t *testing.T) {
			db, err := Open(c.path)
			require.Nil(t, db)
			require.Error(t, err)
			if c.want[len(c.want)-1] == '(' {
				require.Contains(t, err.Error(), c.want)
				require.Regexp(t, `\); download it again$`, err.Error())
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

func TestErrorsOfAllFilesAreTold(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("empty.mmdb", nil, 0o644))
	require.NoError(t, os.WriteFile("good.mmdb", many(t), 0o644))
	_, err := Open("missing.mmdb", "good.mmdb", "empty.mmdb")
	require.EqualError(t, err, "missing.mmdb: file does not exist; geoipupdate keeps its files in /var/lib/GeoIP or /usr/share/GeoIP\n"+
		"empty.mmdb: is empty; download it again")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("secret.mmdb", many(t), 0))
	_, err := Open("secret.mmdb")
	require.EqualError(t, err, "secret.mmdb: permission denied; let the user that sendwarden runs as read it")
}
