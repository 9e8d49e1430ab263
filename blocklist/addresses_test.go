package blocklist

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var morning = time.Date(2026, 4, 15, 21, 15, 2, 0, time.FixedZone("", 7200))

func addrs(t *testing.T, all ...string) (out []netip.Addr) {
	t.Helper()
	for _, s := range all {
		a, err := netip.ParseAddr(s)
		require.NoError(t, err)
		out = append(out, a)
	}
	return out
}

func openAddresses(t *testing.T, o AddressOptions) (*Addresses, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "addresses")
	a, err := OpenAddresses(path, o, morning)
	require.NoError(t, err)
	return a, path
}

// lines are a table's own, without its head and blank lines.
func lines(t *testing.T, path string) string {
	t.Helper()
	_, rest, _ := strings.Cut(contents(t, path), "\n\n")
	return strings.ReplaceAll(rest, "\n\n", "\n")
}

func TestAddresses(t *testing.T) {
	a, path := openAddresses(t, AddressOptions{Reply: "REJECT stolen", Keep: 24 * time.Hour})
	require.Equal(t, "cidr:"+path, a.Map())
	require.Contains(t, contents(t, path), "check_client_access cidr:"+path)
	n, err := a.Add(morning, "Info@Example.es", addrs(t, "5.6.7.8", "::ffff:5.6.7.8", "2001:db8:1:2::25", "2001:db8:1:2::26", "fe80::1%eth0")...)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = a.Add(morning.Add(time.Hour), "bob\nx REJECT", addrs(t, "9.9.9.9", "5.6.7.8")...)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	want := `# until 2026-04-16 21:15:02 +0200 for info@example.es
2001:db8:1:2::/64    REJECT stolen
# until 2026-04-16 22:15:02 +0200 for bob x reject
5.6.7.8/32    REJECT stolen
# until 2026-04-16 22:15:02 +0200 for bob x reject
9.9.9.9/32    REJECT stolen
`
	require.Equal(t, want, lines(t, path))

	a, err = OpenAddresses(path, a.o, morning.Add(2*time.Hour)) // after a restart
	require.NoError(t, err)
	require.Equal(t, want, lines(t, path))
	n, err = a.Release(morning.Add(3*time.Hour), "INFO@example.es")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NotContains(t, lines(t, path), "2001:db8")
	changed, err := a.Expire(morning.Add(24 * time.Hour))
	require.NoError(t, err)
	require.False(t, changed)
	changed, err = a.Expire(morning.Add(25 * time.Hour))
	require.NoError(t, err)
	require.True(t, changed)
	require.Empty(t, lines(t, path))
}

// What is our own, or everybody's, is never shut out, nor what the caller knows.
func TestAddressesNever(t *testing.T) {
	mine := netip.MustParsePrefix("198.51.100.0/24")
	a, path := openAddresses(t, AddressOptions{Never: mine.Contains})
	n, err := a.Add(morning, "info", append(addrs(t, "127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "169.254.1.1", "0.0.0.0", "0.1.2.3",
		"255.255.255.255", "224.0.0.1", "fe80::1", "fd00::1", "ff02::1", "::", "::ffff:127.0.0.1", "64:ff9b::506:708", "2001:0:1::1", "198.51.100.7",
		"::ffff:198.51.100.7"), netip.Addr{})...)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Empty(t, lines(t, path))
}

func TestAddressesAreBounded(t *testing.T) {
	a, path := openAddresses(t, AddressOptions{Most: 10})
	for i := range 25 {
		_, err := a.Add(morning.Add(time.Duration(i)*time.Minute), "info", addrs(t, fmt.Sprintf("5.6.7.%d", i))...)
		require.NoError(t, err)
	}
	require.Equal(t, 10, strings.Count(lines(t, path), "REJECT"))
	require.NotContains(t, lines(t, path), "5.6.7.14/32")
	require.Contains(t, lines(t, path), "5.6.7.15/32")
}

// A file that others wrote in gives no entry that could not be ours.
func TestAddressesOfOthers(t *testing.T) {
	a, path := openAddresses(t, AddressOptions{})
	require.NoError(t, os.WriteFile(path, []byte(`# until 2026-04-20 00:00:00 +0200 for info
0.0.0.0/0    REJECT
# until 2026-04-20 00:00:00 +0200 for info
10.0.0.1/32    REJECT
# until tomorrow for info
5.6.7.8/32    REJECT
9.9.9.9/32    REJECT
# until 2026-04-20 00:00:00 +0200 for info
5.6.7.9/32    REJECT
5.6.7.10/32    REJECT
`), 0o640))
	_, err := OpenAddresses(path, a.o, morning)
	require.NoError(t, err)
	require.Equal(t, "# until 2026-04-20 00:00:00 +0200 for info\n5.6.7.9/32    "+addressReply+"\n", lines(t, path))

	for _, reply := range []string{"OK", "DUNNO", "REJECT a\nb", "FILTER x:"} {
		_, err := OpenAddresses(path, AddressOptions{Reply: reply}, morning)
		require.ErrorContains(t, err, "does not stop anybody (write REJECT and a text)")
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte("# until 2026-04-20 00:00:00 +0200 for info\n5.6.7.9/32    REJECT\n"))
	f.Add([]byte("# until 2026-04-20 00:00:00 +0200 for \n2001:db8::/64 REJECT\n"))
	f.Add([]byte("# until 2026-04-20 00:00:00 +0200 for x\n::ffff:5.6.7.9/96 REJECT\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &Addresses{o: AddressOptions{Most: 10}, entries: make(map[netip.Prefix]address)}
		a.parse(data)
		require.LessOrEqual(t, len(a.entries), 10)
		for prefix, e := range a.entries {
			require.True(t, isPublic(prefix.Addr()))
			require.GreaterOrEqual(t, prefix.Bits(), 32)
			require.False(t, e.until.IsZero())
		}
	})
}

func TestHeaderChecks(t *testing.T) {
	table, faults := HeaderChecks([]Entry{
		{User: "info@example.es", Action: "REJECT 5.7.1 costs $1"},
		{User: "INFO@example.es", Action: "REJECT twice"},
		{User: "boss@example.es", Action: "DUNNO"},
		{User: "a+b/c|d*e", Action: "550 5.7.1 by hand"},
		{User: "hangs", Action: "421 4.7.1 later"},
		{User: "held", Action: "HOLD"},
		{User: "deferred", Action: "DEFER later"},
		{User: `DOMAIN\user`, Action: "REJECT"},
		{User: "ñandú", Action: "REJECT"},
		{User: "(x)", Action: "REJECT"},
		{User: "a b", Action: "REJECT"},
	}, "mail.example.es", morning)
	pattern := func(user string) string {
		return `/^Received: from .*\(Authenticated sender: ` + user + `\)[[:space:]]+by mail\.example\.es \(Postfix\) with (E?SMTPS?A?|UTF8SMTPS?A?) id /` + "\n"
	}
	require.Equal(t, "# Who may not send mail, by sendwarden for mail.example.es at 2026-04-15 21:15:02 +0200. Made from the blocklist; do not edit.\n"+
		pattern(`info@example\.es`)+"    REJECT 5.7.1 costs $$1\n"+
		pattern(`a\+b\/c\|d\*e`)+"    REJECT 5.7.1 by hand\n"+
		pattern("hangs")+"    REJECT\n"+
		pattern("held")+"    HOLD\n"+
		pattern("deferred")+"    REJECT\n", string(table))
	doc, err := os.ReadFile("../docs/header-checks.md")
	require.NoError(t, err)
	require.Contains(t, string(doc), "    "+pattern(`info@example\.es`))
	require.Len(t, faults, 4)
	for _, err := range faults {
		require.ErrorIs(t, err, ErrName)
	}
}
