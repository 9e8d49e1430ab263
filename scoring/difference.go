package scoring

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Difference says what other rules change, a fact each: "half_life 45m → 1h". It
// is about how people are judged; where the files are and the Sections are left to
// those who know them.
func Difference(from, to *Rules) []string {
	var d difference
	d.value("mode", mode(from), mode(to))
	d.value("home", countries(from.Home), countries(to.Home))
	d.value("threshold.hold", amount(from.Hold), amount(to.Hold))
	d.value("threshold.block", amount(from.Block), amount(to.Block))
	d.value("half_life", span(from.HalfLife), span(to.HalfLife))
	d.value("memory", span(from.MemoryHalfLife), span(to.MemoryHalfLife))
	d.value("forget", span(from.Forget), span(to.Forget))
	d.value("max_blocks", most(from.MaxBlocks), most(to.MaxBlocks))
	d.value("reply", strconv.Quote(from.Reply), strconv.Quote(to.Reply))
	d.members("trusted", from.Trusted.names(), to.Trusted.names())
	keyed(&d, "networks.", from.Networks, to.Networks, func(what string, a, b Networks) { d.members(what, a.names(), b.names()) })
	keyed(&d, "users.", from.Users, to.Users, d.override)
	d.rules(from.Rules, to.Rules)
	return d
}

// difference gathers the facts.
type difference []string

func (d *difference) say(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

func (d *difference) value(what, from, to string) {
	if from != to {
		d.say("%s %s → %s", what, from, to)
	}
}

// mostNamed bounds the members of a set that are named one by one.
const mostNamed = 5

// members says what came to a set and what left it.
func (d *difference) members(what string, from, to []string) {
	var parts []string
	say := func(names []string, did string) {
		switch {
		case len(names) > mostNamed:
			parts = append(parts, fmt.Sprintf("%d %s", len(names), did))
		case len(names) > 0:
			parts = append(parts, strings.Join(names, ", ")+" "+did)
		}
	}
	say(without(to, from), "added")
	say(without(from, to), "removed")
	if len(parts) > 0 {
		d.say("%s: %s", what, strings.Join(parts, ", "))
	}
}

// without is what stands in a list and not in the other.
func without(list, other []string) []string {
	known := make(map[string]bool, len(other))
	for _, name := range other {
		known[name] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return known[name] })
}

// keyed says which keys of a mapping came and went, and what became of the others.
func keyed[V any](d *difference, prefix string, from, to map[string]V, compare func(what string, a, b V)) {
	keys := slices.Sorted(maps.Keys(from))
	for key := range to {
		if _, had := from[key]; !had {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		a, had := from[key]
		b, has := to[key]
		switch {
		case !had:
			d.say("%s added", prefix+key)
		case !has:
			d.say("%s removed", prefix+key)
		default:
			compare(prefix+key, a, b)
		}
	}
}

func (d *difference) override(what string, from, to Override) {
	d.value(what+".home", countries(from.Home), countries(to.Home))
	d.value(what+".threshold.hold", amount(from.Hold), amount(to.Hold))
	d.value(what+".threshold.block", amount(from.Block), amount(to.Block))
	d.value(what+".never_block", strconv.FormatBool(from.NeverBlock), strconv.FormatBool(to.NeverBlock))
	d.value(what+".ignore", strconv.FormatBool(from.Ignore), strconv.FormatBool(to.Ignore))
}

func (d *difference) rules(from, to []Rule) {
	before := make(map[string]*Rule, len(from))
	for i := range from {
		before[from[i].Name] = &from[i]
	}
	var order []string // of the rules that were there before
	for i := range to {
		rule := &to[i]
		old := before[rule.Name]
		if old == nil {
			d.say("rule %q added (%s points)", rule.Name, amount(rule.Points))
			continue
		}
		order = append(order, rule.Name)
		d.rule(old, rule)
	}
	stay := make(map[string]bool, len(order))
	for _, name := range order {
		stay[name] = true
	}
	var was []string
	for i := range from {
		if name := from[i].Name; stay[name] {
			was = append(was, name)
		} else {
			d.say("rule %q removed", name)
		}
	}
	if !slices.Equal(was, order) {
		d.say("the order of the rules changed")
	}
}

func (d *difference) rule(from, to *Rule) {
	var facts difference
	facts.value("points", amount(from.Points), amount(to.Points))
	facts.value("every", span(from.Every), span(to.Every))
	facts.value("for", from.senders.String(), to.senders.String())
	if from.when.text != to.when.text {
		facts.say("condition changed")
	}
	if len(facts) > 0 {
		d.say("rule %q: %s", to.Name, strings.Join(facts, ", "))
	}
}

func mode(r *Rules) string {
	if r.Watch {
		return "watch"
	}
	return "enforce"
}

func countries(codes []string) string {
	if len(codes) == 0 {
		return "learnt"
	}
	return strings.Join(codes, ", ")
}

func amount(n float64) string {
	if n == 0 {
		return "none"
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

func most(n int) string {
	if n == 0 {
		return "by the day's users"
	}
	return strconv.Itoa(n)
}

// span writes a duration as rules do: 45m, 1d12h, 6w.
func span(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	if week := 7 * 24 * time.Hour; d > week && d%week == 0 {
		return strconv.Itoa(int(d/week)) + "w"
	}
	text := ""
	for _, unit := range "dhms" {
		size, _ := durationUnit(byte(unit))
		if n := d / size; n > 0 {
			text += strconv.Itoa(int(n)) + string(unit)
			d -= n * size
		}
	}
	return text
}

func (n Networks) names() (names []string) {
	for _, p := range n.Prefixes {
		names = append(names, p.String())
	}
	for _, asn := range slices.Sorted(maps.Keys(n.ASNs)) {
		names = append(names, "AS"+strconv.FormatUint(uint64(asn), 10))
	}
	return names
}

func (k kinds) String() string {
	var names []string
	for _, kind := range []Kind{Users, Local, Script, Host, Total} {
		if k.has(kind) {
			for name, is := range kindNames {
				if is == kind {
					names = append(names, name)
				}
			}
		}
	}
	return strings.Join(names, ", ")
}
