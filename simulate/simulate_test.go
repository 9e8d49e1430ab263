package simulate

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/stretchr/testify/require"
)

// village is a world small enough for a test and large enough for every kind.
func village(seed uint64) World {
	w := Default(seed)
	w.Users, w.Days, w.WarmUp, w.Thefts = 90, 12, 4, 24
	w.ThiefVolume = 0.2
	return w
}

func play(t *testing.T, w World) (string, Truth) {
	t.Helper()
	var log bytes.Buffer
	truth, err := w.Write(Outputs{Log: &log})
	require.NoError(t, err)
	return log.String(), truth
}

func TestTheSameWorldWritesTheSameBytes(t *testing.T) {
	sum := func(seed uint64) [4][32]byte {
		var log, city, asn bytes.Buffer
		truth, err := village(seed).Write(Outputs{Log: &log, City: &city, ASN: &asn})
		require.NoError(t, err)
		told, err := json.Marshal(truth)
		require.NoError(t, err)
		return [4][32]byte{sha256.Sum256(log.Bytes()), sha256.Sum256(city.Bytes()), sha256.Sum256(asn.Bytes()), sha256.Sum256(told)}
	}
	require.Equal(t, sum(7), sum(7))
	require.NotEqual(t, sum(7), sum(8))
}

func TestLinesComeInOrderOfTime(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		w := village(seed)
		log, truth := play(t, w)
		last, n := w.Start, 0
		for line := range strings.Lines(log) {
			stamp, _, _ := strings.Cut(line, " ")
			at, err := time.Parse("2006-01-02T15:04:05.000000-07:00", stamp)
			require.NoError(t, err, line)
			require.False(t, at.Before(last), "%s comes after %s", line, last)
			require.True(t, at.Before(w.end()))
			last = at
			n++
		}
		require.Equal(t, truth.Lines, n)
	}
}

// clients reads user and address of every submission by its queue id.
func clients(log string) map[string][2]string {
	out := map[string][2]string{}
	for line := range strings.Lines(log) {
		head, user, found := strings.Cut(strings.TrimSpace(line), ", sasl_username=")
		if !found || !strings.Contains(head, ": client=") {
			continue
		}
		head, _, _ = strings.Cut(head, "], sasl_method=")
		addr := head[strings.LastIndexByte(head, '[')+1:]
		_, id, _ := strings.Cut(head, "smtpd[")
		_, id, _ = strings.Cut(id, "]: ")
		id, _, _ = strings.Cut(id, ":")
		out[id] = [2]string{user, addr}
	}
	return out
}

func TestTruthNamesEachMessageOfAThief(t *testing.T) {
	log, truth := play(t, village(4))
	sent := clients(log)
	thieves := 0
	for _, theft := range truth.Thefts {
		require.NotEmpty(t, theft.Messages, theft.Kind)
		require.Equal(t, theft.First, theft.Messages[0])
		require.False(t, theft.End.Before(theft.Start))
		require.GreaterOrEqual(t, theft.Recipients, len(theft.Messages))
		for _, id := range theft.Messages {
			require.Equal(t, theft.User, sent[id][0])
		}
		thieves += len(theft.Messages)
	}
	require.Len(t, sent, truth.Honest+thieves, "queue ids must not repeat")
}

func TestEveryKindIsThere(t *testing.T) {
	w := village(5)
	_, truth := play(t, w)
	require.Len(t, truth.People, w.Users)
	require.Len(t, truth.Thefts, w.Thefts)
	people, thefts := map[string]bool{}, map[string]bool{}
	for _, p := range truth.People {
		people[p.Kind] = true
	}
	for _, x := range truth.Thefts {
		thefts[x.Kind] = true
	}
	for _, s := range w.People {
		require.True(t, people[s.Kind], s.Kind)
	}
	for _, s := range w.Thieves {
		require.True(t, thefts[s.Kind], s.Kind)
	}
}

// TestDatabasesKnowEveryAddress looks up where each operator's addresses are,
// and that no client in the log has an address that nobody holds.
func TestDatabasesKnowEveryAddress(t *testing.T) {
	w := village(6)
	var log, city, asn bytes.Buffer
	_, err := w.Write(Outputs{Log: &log, City: &city, ASN: &asn})
	require.NoError(t, err)
	cities, err := maxminddb.OpenBytes(city.Bytes())
	require.NoError(t, err)
	networks, err := maxminddb.OpenBytes(asn.Bytes())
	require.NoError(t, err)
	require.Equal(t, "GeoLite2-City", cities.Metadata.DatabaseType)
	require.Equal(t, "GeoLite2-ASN", networks.Metadata.DatabaseType)

	place := func(a netip.Addr) (code string, number uint32) {
		require.NoError(t, cities.Lookup(a).DecodePath(&code, "country", "iso_code"))
		require.NoError(t, networks.Lookup(a).DecodePath(&number, "autonomous_system_number"))
		return code, number
	}
	d := newDice(1)
	for _, n := range newPlan(w).networks {
		for _, b := range n.blocks {
			code, number := place(b.four(d.Uint64()))
			require.Equal(t, b.country, code)
			require.Equal(t, n.asn, number)
			if b.v6.IsValid() {
				code, number = place(b.six(d.Uint64(), d.Uint64()))
				require.Equal(t, b.country, code)
				require.Equal(t, n.asn, number)
			}
		}
	}
	six := 0
	for id, c := range clients(log.String()) {
		addr, err := netip.ParseAddr(c[1])
		require.NoError(t, err)
		if addr.IsLoopback() { // webmail
			continue
		}
		code, number := place(addr)
		require.NotEmpty(t, code, "%s: %s", id, addr)
		require.NotZero(t, number)
		if addr.Is6() {
			six++
		}
	}
	require.NotZero(t, six)
}

func TestThefts(t *testing.T) {
	log, truth := play(t, village(9))
	sent := clients(log)
	addresses := func(x Theft) int {
		seen := map[string]bool{}
		for _, id := range x.Messages {
			seen[sent[id][1]] = true
		}
		return len(seen)
	}
	for _, x := range truth.Thefts {
		switch x.Manner {
		case Drip:
			require.Equal(t, len(x.Messages), addresses(x), "a new address for each message")
		case ForeignServer, ForeignHome40, ForeignHome3, HomeBulk:
			require.Equal(t, 1, addresses(x), x.Manner)
		case BotnetBurst, BotnetSlow, HomeProxies:
			require.Greater(t, addresses(x), 3, x.Manner)
		}
	}
}

func TestEarlyTheftsComeEarlyAndOthersAfterTheWarmUp(t *testing.T) {
	w := village(10)
	_, truth := play(t, w)
	for _, x := range truth.Thefts {
		if day := x.Start.Sub(w.Start).Hours() / 24; x.Kind == Early {
			require.Less(t, day, 3.0)
		} else {
			require.Greater(t, day, float64(w.WarmUp)-0.2, x.Kind)
		}
	}
}

// TestOtherWorlds plays worlds far from the default: every theft must still
// have messages, and every line its place in time.
func TestOtherWorlds(t *testing.T) {
	for seed := range uint64(8) {
		w := village(100 + seed).Shaken(1)
		w.Days, w.Users, w.Thefts = 1+int(seed), 30, 12
		w.Cold, w.WithDovecot = seed%2 == 0, seed%3 == 0
		log, truth := play(t, w)
		require.Equal(t, w.WithDovecot, strings.Contains(log, " dovecot: imap-login: Login: user=<"))
		require.Len(t, truth.Thefts, 12)
		for _, x := range truth.Thefts {
			require.NotEmpty(t, x.Messages, "%d %s", seed, x.Kind)
			require.False(t, x.Start.Before(w.Start))
			require.True(t, x.End.Before(w.end()))
		}
	}
}

func TestVary(t *testing.T) {
	w := Default(1)
	for _, name := range Parameters() {
		twice, ok := w.Vary(name, 2)
		require.True(t, ok, name)
		require.NotEqual(t, w, twice, name)
		back, _ := twice.Vary(name, 0.5)
		require.Equal(t, w, back, name)
	}
	_, ok := w.Vary("colour", 2)
	require.False(t, ok)
	require.NotEqual(t, w, w.Shaken(0.3))
}

func TestWorldsThatCannotBe(t *testing.T) {
	for _, change := range []func(*World){
		func(w *World) { w.Days = 0 },
		func(w *World) { w.Users = 0 },
		func(w *World) { w.Home = "ZZ" },
		func(w *World) { w.Thefts = w.Users + 1 },
		func(w *World) { w.Start = time.Time{} },
	} {
		w := village(1)
		change(&w)
		_, err := w.Write(Outputs{})
		require.ErrorContains(t, err, "simulate: ")
	}
}

func TestDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "world")
	truth, err := Dir(village(11), dir)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	require.NoError(t, err)
	var read Truth
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, len(truth.Thefts), len(read.Thefts))
	require.Equal(t, truth.Thefts[0].Messages, read.Thefts[0].Messages)
	for _, name := range []string{"mail.log", "city.mmdb", "asn.mmdb"} {
		f, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = bufio.NewReader(f).ReadByte()
		require.NoError(t, err, name)
		require.NoError(t, f.Close())
	}
}

func BenchmarkWorld(b *testing.B) {
	for b.Loop() {
		if _, err := Default(1).Write(Outputs{Log: io.Discard}); err != nil {
			b.Fatal(err)
		}
	}
}
