package blocklist

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// addressKeep and addressMost are what AddressOptions leaves open.
	addressKeep = 7 * 24 * time.Hour
	addressMost = 5000
	// addressReply is what Postfix answers an address.
	addressReply = "REJECT 5.7.1 This address was used with a stolen password. Please contact your administrator."

	addressHead = `# Addresses that stolen accounts were used from. Sendwarden writes this file anew at each change: what others
# write here is lost. Postfix reads it (cidr_table(5)) as check_client_access cidr:%s,
# each process once: "postfix reload" makes new ones look.
`
	// untilLayout is how a comment says when the entry below it ends.
	untilLayout = "# until " + stampLayout
)

// Addresses is a table of addresses for check_client_access cidr:, which shuts
// out for some days where thieves came from. It is ours alone, is written whole
// at each change, and may be used by several goroutines.
//
//	# until 2026-04-22 21:15:02 +0200 for info@example.es
//	5.6.7.8/32    REJECT 5.7.1 This address was used with a stolen password. …
//
// A user's block does not need it: it keeps the same thief from the next
// account. Of IPv6, where whoever has one address has 2^64 of them, an entry is
// a /64.
//
// Its place is the submission service ("-o smtpd_client_restrictions=
// check_client_access cidr:…,permit_sasl_authenticated,reject" in master.cf): in
// main.cf it would refuse mail from outside, too.
//
// Postfix reads a cidr table once for each smtpd process and never looks again
// (src/util/dict_cidr.c; it has no stat_fd for dict_changed_name to look at), so
// that an idle process goes on with the old table until it ends (max_use,
// max_idle) or "postfix reload".
type Addresses struct {
	path string
	o    AddressOptions

	mu      sync.Mutex
	entries map[netip.Prefix]address
}

// AddressOptions say how a table of addresses is kept.
type AddressOptions struct {
	Reply string        // the access(5) action; a REJECT when empty
	Keep  time.Duration // how long an entry stays; a week when zero
	Most  int           // entries at most, the oldest go first; 5,000 when zero
	// Never names addresses that are never shut out, beside those that are
	// nobody's place on the internet: trusted networks, and what is familiar to
	// another user. It is asked for an address, and answers for its whole /64. It
	// may be nil.
	Never func(netip.Addr) bool
}

type address struct {
	until time.Time
	user  string
}

// OpenAddresses reads a table, and writes it where there is none or what has
// passed is in it: Postfix refuses all mail of a service whose table is missing.
func OpenAddresses(path string, o AddressOptions, now time.Time) (*Addresses, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("blocklist: %w", err)
	}
	if o.Reply == "" {
		o.Reply = addressReply
	}
	if e := effect(o.Reply); e != stops || strings.ContainsFunc(o.Reply, isHidden) {
		return nil, fmt.Errorf("blocklist: %s: the reply %q does not stop anybody (write REJECT and a text)", path, clean(o.Reply, 40))
	}
	if o.Keep <= 0 {
		o.Keep = addressKeep
	}
	if o.Most <= 0 {
		o.Most = addressMost
	}
	a := &Addresses{path: path, o: o, entries: make(map[netip.Prefix]address)}
	t, _, err := read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		a.parse(t.data)
	}
	a.expire(now)
	return a, a.write()
}

// Map is the table as main.cf names it.
func (a *Addresses) Map() string { return "cidr:" + a.path }

// Add shuts out where a thief of the user's account came from, and returns how
// many of the addresses are new in the table.
func (a *Addresses) Add(now time.Time, user string, addrs ...netip.Addr) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	added, changed := 0, a.expire(now)
	for _, addr := range addrs {
		addr = addr.Unmap().WithZone("")
		if !isPublic(addr) || a.o.Never != nil && a.o.Never(addr) {
			continue
		}
		prefix := whole64(addr)
		if _, there := a.entries[prefix]; !there {
			added++
		}
		a.entries[prefix] = address{now.Add(a.o.Keep).Truncate(time.Second), Fold(user)}
		changed = true
	}
	a.trim()
	if !changed {
		return 0, nil
	}
	return added, a.write()
}

// Release takes out what was shut out for a user, and returns how many entries
// that were.
func (a *Addresses) Release(now time.Time, user string) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed := a.expire(now)
	before := len(a.entries)
	for prefix, e := range a.entries {
		if e.user == Fold(user) {
			delete(a.entries, prefix)
		}
	}
	released := before - len(a.entries)
	if released == 0 && !changed {
		return 0, nil
	}
	return released, a.write()
}

// Expire takes out what has been in long enough; call it now and then. It
// reports whether the file changed, so that Postfix is to be told.
func (a *Addresses) Expire(now time.Time) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.expire(now) {
		return false, nil
	}
	return true, a.write()
}

func (a *Addresses) expire(now time.Time) (changed bool) {
	for prefix, e := range a.entries {
		if !now.Before(e.until) {
			delete(a.entries, prefix)
			changed = true
		}
	}
	return changed
}

// trim keeps the table small: an smtpd goes through a cidr table line by line.
func (a *Addresses) trim() {
	for _, prefix := range a.sorted()[:max(0, len(a.entries)-a.o.Most)] {
		delete(a.entries, prefix)
	}
}

// sorted are the entries, those first that end first.
func (a *Addresses) sorted() []netip.Prefix {
	all := make([]netip.Prefix, 0, len(a.entries))
	for prefix := range a.entries {
		all = append(all, prefix)
	}
	slices.SortFunc(all, func(p, q netip.Prefix) int {
		if c := a.entries[p].until.Compare(a.entries[q].until); c != 0 {
			return c
		}
		return p.Addr().Compare(q.Addr())
	})
	return all
}

// write replaces the file, unless it says so already.
func (a *Addresses) write() error {
	var b bytes.Buffer
	fmt.Fprintf(&b, addressHead, a.path)
	for _, prefix := range a.sorted() {
		e := a.entries[prefix]
		fmt.Fprintf(&b, "\n%s for %s\n%s    %s\n", e.until.Format(untilLayout), clean(e.user, maxName), prefix, a.o.Reply)
	}
	unlock, err := lock(a.path)
	if err != nil {
		return err
	}
	defer unlock()
	// An editor may come between; what it wrote is lost, as the head says.
	for range mergeTries {
		var old fs.FileInfo
		if info, err := os.Stat(a.path); err == nil {
			old = info
		}
		if now, err := os.ReadFile(a.path); err == nil && bytes.Equal(now, b.Bytes()) {
			return nil
		}
		if err := replace(a.path, b.Bytes(), old); !errors.Is(err, errMoved) {
			return err
		}
	}
	return fmt.Errorf("blocklist: %s: %w, and again and again (who writes it?)", a.path, errMoved)
}

// parse takes the entries of a file in. An entry without a time that can be read
// is somebody else's, and is left out.
func (a *Addresses) parse(data []byte) {
	var until time.Time
	user := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		if stamp, ok := strings.CutPrefix(line, "# until "); ok {
			until, user = time.Time{}, ""
			stamp, name, found := strings.Cut(stamp, " for ")
			if t, err := time.Parse(stampLayout, stamp); err == nil && found {
				until, user = t, name
			}
			continue
		}
		word, _, _ := strings.Cut(line, " ")
		prefix, err := netip.ParsePrefix(word)
		if err != nil || until.IsZero() || prefix != whole64(prefix.Addr()) || !isPublic(prefix.Addr()) {
			continue
		}
		a.entries[prefix] = address{until, user}
		until = time.Time{}
	}
	a.trim()
}

// whole64 is the entry for an address.
func whole64(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(addr, bits).Masked()
}

// isPublic reports an address that is somebody's place on the internet. Shut
// out, any other would be our own (a proxy, a container), or that of many.
func isPublic(addr netip.Addr) bool {
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || addr.Is4In6() {
		return false
	}
	for _, network := range []string{
		"0.0.0.0/8",
		"100.64.0.0/10", // a provider's own, RFC 6598
		"64:ff9b::/47",  // all of IPv4, translated: RFC 6052, and RFC 8215
		"2001::/32",     // Teredo, where a /64 is a server's: RFC 4380
	} {
		if netip.MustParsePrefix(network).Contains(addr) {
			return false
		}
	}
	return true
}
