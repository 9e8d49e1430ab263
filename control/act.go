package control

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Kind is what is done about who may send.
type Kind string

const (
	// Block stops a user from sending.
	Block Kind = "block"
	// Release lets a user send again, with the mail that was held.
	Release Kind = "release"
	// Send lets one held message go.
	Send Kind = "send"
	// Keep has held mail wait until a person decides about it: one message, or all
	// that a user has.
	Keep Kind = "keep"
	// TrustPlace vouches for a place of a user's.
	TrustPlace Kind = "trust"
	// Untrust takes that back.
	Untrust Kind = "untrust"
	// Exempt is of the ledger alone: a line of the blocklist lets the user pass,
	// whatever happens.
	Exempt Kind = "exempt"
)

// acts are the kinds that can be asked for.
var acts = []Kind{Block, Release, Send, Keep, TrustPlace, Untrust}

// Act is what somebody wants done.
type Act struct {
	Kind    Kind   `json:"act"`
	User    string `json:"user"`
	Why     string `json:"why,omitempty"`
	NoLearn bool   `json:"no_learn,omitempty"` // of a release: the places stay strange
	QueueID string `json:"queue_id,omitempty"` // of Send and Keep; a Keep without one is of all that waits
	// Trust is the place, of TrustPlace and Untrust; an Untrust without one takes
	// back all that was said for the user.
	Trust *Trust `json:"trust,omitempty"`
}

// Trust is a place that a person vouched for: a country, a network or an operator
// where a user may turn up. It is one of the three.
type Trust struct {
	User    string    `json:"user,omitempty"`
	Country string    `json:"country,omitempty"`
	Network string    `json:"network,omitempty"` // 192.0.2.0/24
	ASN     uint32    `json:"asn,omitempty"`
	Until   time.Time `json:"until,omitzero"` // zero: until it is taken back
}

// Place is the place in words: "FR", "192.0.2.0/24" or "AS3215".
func (t Trust) Place() string {
	switch {
	case t.Country != "":
		return t.Country
	case t.Network != "":
		return t.Network
	}
	return fmt.Sprintf("AS%d", t.ASN)
}

// Done is what became of an act.
type Done struct {
	// Messages is how many held messages were let go.
	Messages int `json:"messages,omitempty"`
	// Kept is how many now wait until a person decides.
	Kept int `json:"kept,omitempty"`
	// Notes are what whoever asked should know.
	Notes []string `json:"notes,omitempty"`
}

// Bounds of an act's texts, in bytes.
const (
	maxUser  = 1024 // as long as a state may have it
	maxWhy   = 500
	maxQueue = 64
)

// Check says what is wrong with an act.
func (a *Act) Check() error {
	switch {
	case !slices.Contains(acts, a.Kind):
		return invalid("%q: no act (%s)", clip(string(a.Kind)), join(acts))
	case a.User == "" || len(a.User) > maxUser || !printable(a.User):
		return invalid("no user name of 1 to %d printable bytes", maxUser)
	case len(a.Why) > maxWhy || !printable(a.Why):
		return invalid("the reason is above %d bytes, or not printable", maxWhy)
	case a.Kind == Send, a.Kind == Keep && a.QueueID != "":
		if a.QueueID == "" || len(a.QueueID) > maxQueue || strings.Trim(a.QueueID, alphanumeric) != "" {
			return invalid("no queue id")
		}
	case a.Kind == TrustPlace && a.Trust == nil:
		return invalid("no place to trust")
	}
	if a.Trust != nil {
		if err := a.Trust.Check(); err != nil {
			return invalid("%v", err)
		}
	}
	return nil
}

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Wider networks than these are no place.
const (
	widest4 = 8
	widest6 = 16
)

// Check says what is wrong with a place, and writes it as it is compared.
func (t *Trust) Check() error {
	named := 0
	for _, is := range []bool{t.Country != "", t.Network != "", t.ASN != 0} {
		if is {
			named++
		}
	}
	if named != 1 {
		return errors.New("a place is either a country, a network or an AS number")
	}
	if t.Country != "" {
		country, err := CountryCode(t.Country)
		if err != nil {
			return err
		}
		t.Country = country
	}
	if t.Network != "" {
		network, err := parseNetwork(t.Network)
		if err != nil {
			return err
		}
		t.Network = network.String()
	}
	return nil
}

// CountryCode is a country's code in capitals (ISO 3166-1 alpha-2).
func CountryCode(s string) (string, error) {
	code := strings.ToUpper(s)
	region, err := language.ParseRegion(code)
	if err != nil || len(code) != 2 || !region.IsCountry() || region.String() != code {
		return "", fmt.Errorf("%q is no country code of two letters, such as FR", clip(s))
	}
	return code, nil
}

func parseNetwork(s string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(s)
	if err != nil {
		addr, addrErr := netip.ParseAddr(s)
		if addrErr != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is no network (write 192.0.2.0/24 or 2001:db8::/32)", clip(s))
		}
		addr = addr.Unmap()
		network = netip.PrefixFrom(addr, addr.BitLen())
	}
	least := widest4
	if network.Addr().Is6() {
		least = widest6
	}
	if network.Addr().Is4In6() || network.Bits() < least {
		return netip.Prefix{}, fmt.Errorf("%s is no place but a part of the world (at least /%d)", clip(s), least)
	}
	return network.Masked(), nil
}

// printable tells whether a text has nothing in it that a terminal would obey or a
// reader not see.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	})
}

// clip makes somebody's words fit for a message.
func clip(s string) string {
	if len(s) > 40 {
		s = s[:40]
	}
	return strings.ToValidUTF8(s, "?")
}

func join(kinds []Kind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}
