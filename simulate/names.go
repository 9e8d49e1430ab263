package simulate

import (
	"fmt"
	"strings"
)

const (
	givenNames = "ana luis marta javier lena jonas claire hugo giulia marco emma oliver sanne daan kasia piotr " +
		"joana pedro elena andrei sofia mateo lucia diego freya erik nadia karim yuki amara tomas petra ivan olga " +
		"rosa bruno ines paul laura felix nora simon alba victor irene oscar julia max eva leo"
	familyNames = "ruiz torres vidal romero weber koch brandt dubois lambert moreau rossi conti greco harris cole " +
		"bennett visser bakker smit nowak lis zajac sousa pinto faria popa dinu stan lopez castro nunez ramos berg " +
		"lund holm haddad aziz sato mori okoro bello novak kral maric babic silva rocha prado leal"
	roleNames    = "info sales office support contact billing press jobs orders reception"
	relayNames   = "erp shop crm scanner monitor invoices webshop backup"
	operatorHead = "Alba Nordia Terra Vela Corvo Lumen Istra Kestrel Orbit Delta Pico Mira Sable Tundra Zephyr Onda"
	operatorTail = "Net Com Link Wave Line Fibra Connect"
)

// roster gives every account a name of its own.
type roster struct {
	dice
	domain string
	taken  map[string]bool
}

// person draws a name like ana.ruiz@example.es.
func (r roster) person() string {
	given, family := strings.Fields(givenNames), strings.Fields(familyNames)
	return r.free(among(r.dice, given) + "." + among(r.dice, family))
}

// role draws a shared mailbox's name, like sales@example.es.
func (r roster) role() string { return r.free(among(r.dice, strings.Fields(roleNames))) }

// machine draws the name of an account that a server sends through.
func (r roster) machine() string { return r.free(among(r.dice, strings.Fields(relayNames))) }

func (r roster) free(local string) string {
	name := local
	for n := 2; r.taken[name]; n++ {
		name = fmt.Sprintf("%s%d", local, n)
	}
	r.taken[name] = true
	return name + "@" + r.domain
}

func operatorName(d dice) string {
	return among(d, strings.Fields(operatorHead)) + among(d, strings.Fields(operatorTail))
}

// stranger is a correspondent outside, under a documentation domain (RFC 2606).
func (j *journal) stranger(h uint64) string {
	domains := [...]string{"example.net", "example.org", "mail.example.net", "post.example.org", "corp.example.net"}
	return j.given[h%uint64(len(j.given))] + "." + j.family[h>>16%uint64(len(j.family))] +
		"@" + domains[h>>32%uint64(len(domains))]
}

// token is a Dovecot session's name: base64 without padding.
func token(d dice) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b [16]byte
	for i := range b {
		b[i] = digits[d.IntN(len(digits))]
	}
	return string(b[:])
}
