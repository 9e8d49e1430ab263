package postfix

import (
	"errors"
	"fmt"
	"strings"
)

// separates tells what stands between the words of a restriction list
// (CHARS_COMMA_SP in src/global/mail_params.h).
func separates(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }

// word is one word of a list, and where it stands.
type word struct {
	text     string
	from, to int
}

var errBraces = errors.New("its braces do not match")

// words cuts a restriction list as smtpd does: at commas and white space, but
// not within braces (src/util/mystrtok.c, mystrtokq()).
func words(list string) ([]word, error) {
	var found []word
	depth, from := 0, -1
	for i := range len(list) + 1 {
		if i == len(list) || depth == 0 && separates(rune(list[i])) {
			if from >= 0 {
				found = append(found, word{list[from:i], from, i})
			}
			from = -1
			continue
		}
		if from < 0 {
			from = i
		}
		switch list[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth < 0 {
				return nil, errBraces
			}
		}
	}
	if depth > 0 {
		return nil, errBraces
	}
	return found, nil
}

// item is one of our checks: a restriction with its argument.
type item struct {
	check    string // check_sasl_access or check_policy_service
	argument string
	why      string
	// is tells whether another argument of the same check is ours, too, and
	// fit whether it may stay as it is.
	is, fit func(argument string) bool
}

func (it item) String() string { return it.check + " " + it.argument }

// compact writes an item without white space, which postconf -P does not accept.
func (it item) compact() string {
	return it.check + "," + strings.ReplaceAll(it.argument, " ", "")
}

// Standing is how our checks stand in a list.
type Standing uint8

const (
	InForce  Standing = iota
	Absent            // not all are there
	Unfit             // one is there in a form that does not do: another type of table, a door whose absence stops mail
	Disorder          // they are there in another order
	Behind            // before them stands what may let mail past
	WarnOnly          // after warn_if_reject, so that Postfix only warns
	Unclear           // the list can't be read
)

// finding is a list looked at for our checks.
type finding struct {
	standing Standing
	word     string // what is wrong: the item, or what stands before it
	ours     []word // the words of our checks, in the order of the list
	pairs    int    // how many checks those are
}

// look finds our checks in a list whose references are replaced, or not.
func look(list string, items []item) (finding, error) {
	all, err := words(list)
	if err != nil {
		return finding{standing: Unclear}, err
	}
	var f finding
	worst := func(s Standing, word string) {
		if s > f.standing {
			f.standing, f.word = s, word
		}
	}
	seen := make([]int, len(items)) // where each stands, from 1
	passes := ""                    // the first word that may let mail past
	for i := 0; i < len(all); i++ {
		n := which(all, i, items)
		if n < 0 {
			if passes == "" && !harmless(all[i].text) {
				passes = all[i].text
			}
			if i+1 < len(all) && takesArgument(all[i].text) {
				i++
			}
			continue
		}
		f.ours = append(f.ours, all[i], all[i+1])
		f.pairs++
		if seen[n] == 0 {
			seen[n] = f.pairs
		}
		if !items[n].fit(all[i+1].text) {
			worst(Unfit, all[i+1].text)
		}
		if passes != "" {
			worst(Behind, passes)
		}
		if i > 0 && all[i-1].text == "warn_if_reject" {
			worst(WarnOnly, all[i].text)
		}
		i++
	}
	for n, at := range seen {
		switch {
		case at == 0:
			worst(Absent, items[n].String())
		case at != n+1:
			worst(Disorder, items[n].String())
		}
	}
	return f, nil
}

// which tells which of our checks begins at a word; -1 is none.
func which(all []word, i int, items []item) int {
	if i+1 == len(all) {
		return -1
	}
	for n, it := range items {
		if strings.EqualFold(all[i].text, it.check) && it.is(all[i+1].text) {
			return n
		}
	}
	return -1
}

// harmless tells whether a restriction never ends the list in the sender's
// favour. A table, a policy service and a restriction class may; so may what is
// unknown.
func harmless(restriction string) bool {
	for _, never := range []string{"reject", "defer", "sleep", "warn_if_reject"} {
		if strings.HasPrefix(strings.ToLower(restriction), never) {
			return true
		}
	}
	return false
}

// takesArgument tells whether the word behind a restriction belongs to it
// (src/smtpd/smtpd_check.c, generic_checks()).
func takesArgument(restriction string) bool {
	restriction = strings.ToLower(restriction)
	for _, prefix := range []string{"check_", "reject_rbl_", "reject_rhsbl_", "permit_dnswl_", "permit_rhswl_"} {
		if strings.HasPrefix(restriction, prefix) {
			return true
		}
	}
	return restriction == "sleep"
}

// without cuts our checks out of a list, and leaves the rest as it is written.
func without(list string, items []item) (string, error) {
	f, err := look(list, items)
	if err != nil {
		return "", err
	}
	var rest strings.Builder
	end := 0
	for _, w := range f.ours {
		rest.WriteString(list[end:w.from])
		end = w.to
		for end < len(list) && separates(rune(list[end])) {
			end++
		}
	}
	rest.WriteString(list[end:])
	return strings.TrimFunc(rest.String(), separates), nil
}

// compacted writes a list without white space.
func compacted(list string) (string, error) {
	all, err := words(list)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, w := range all {
		if strings.ContainsFunc(w.text, func(r rune) bool { return r == ' ' || r == '\t' }) {
			return "", fmt.Errorf("%q has blanks within, which postconf does not write into master.cf", w.text)
		}
		texts = append(texts, w.text)
	}
	return strings.Join(texts, ","), nil
}

// String tells it to people, as the end of "it stands …".
func (s Standing) String() string {
	return [...]string{
		"in force", "absent", "in a form that does not do", "in another order", "behind what may let mail past", "behind warn_if_reject", "unclear",
	}[s]
}
