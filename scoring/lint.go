package scoring

import (
	"fmt"
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"
	"golang.org/x/text/language"
)

// Lint tells what in rules is no mistake of writing, and yet cannot be meant: a rule
// that never holds, one that another repeats, points that never reach a threshold, a
// country that there is not. It says only what is certain.
func (r *Rules) Lint(file string) Faults {
	l := linter{file: file}
	l.home("home", r.Home)
	for name, o := range r.Users {
		l.home(fmt.Sprintf("users.%q.home", name), o.Home)
	}
	same := make(map[string]string)
	most := 0.0
	for i := range r.Rules {
		rule := &r.Rules[i]
		program, err := compilePart(rule.when.text)
		if err != nil {
			continue // of rules that were not parsed
		}
		node := program.Node()
		if other, twice := same[node.String()]; twice {
			l.warn(rule.at, "rule %q has the same condition as rule %q: both add their points", rule.Name, other)
		} else {
			same[node.String()] = rule.Name
		}
		l.countries(rule, node)
		if why := never(node); why != "" {
			l.warn(rule.at, "rule %q can never fire: %s", rule.Name, why)
			continue
		}
		most += rule.most(r.HalfLife.Seconds())
	}
	for _, threshold := range []struct {
		name  string
		score float64
	}{{"hold", r.Hold}, {"block", r.Block}} {
		if most < threshold.score && len(r.Rules) > 0 {
			l.warn(Position{}, "threshold.%s (%g) is out of reach: all rules together come to %.0f points at most, given their every and the half_life",
				threshold.name, threshold.score, math.Floor(most))
		}
	}
	return l.warnings.sorted()
}

type linter struct {
	file     string
	warnings Faults
}

func (l *linter) warn(at Position, format string, args ...any) {
	if f := at.Fault(l.file, format, args...); !slices.Contains(l.warnings, f) {
		l.warnings = append(l.warnings, f)
	}
}

// most is what a rule can contribute to a score at any time: firing as often as it
// may, while what it gave before fades.
func (rule *Rule) most(halfLife float64) float64 {
	switch {
	case rule.Points <= 0:
		return 0
	case rule.Every == 0:
		return math.Inf(1)
	}
	return rule.Points / (1 - math.Exp2(-rule.Every.Seconds()/halfLife))
}

func (l *linter) home(what string, codes []string) {
	for _, code := range codes {
		if !isCountryCode(code) {
			l.warn(Position{}, "%s: there is no country %s", what, code)
		}
	}
}

// isCountryCode tells whether databases may name a country so.
func isCountryCode(code string) bool {
	region, err := language.ParseRegion(code)
	return code == "XK" || code != "UK" && err == nil && len(code) == 2 && region.IsCountry() && region.String() == code
}

// countries looks at the texts that a condition compares the country with.
func (l *linter) countries(rule *Rule, node ast.Node) {
	ast.Walk(&node, visitor(func(n ast.Node) {
		b, isBinary := n.(*ast.BinaryNode)
		if !isBinary || !slices.Contains([]string{"==", "!=", "in"}, b.Operator) {
			return
		}
		if name, isName := b.Left.(*ast.IdentifierNode); !isName || name.Value != "country" {
			return
		}
		texts := []ast.Node{b.Right}
		if list, isList := b.Right.(*ast.ArrayNode); isList {
			texts = list.Nodes
		}
		for _, text := range texts {
			if s, isText := text.(*ast.StringNode); isText && s.Value != "" && !isCountryCode(s.Value) {
				l.warn(rule.at, "rule %q: there is no country %q (two capitals, such as ES)", rule.Name, s.Value)
			}
		}
	}))
}

// visitor is an ast.Visitor that only looks.
type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(node *ast.Node) { v(*node) }

// never tells why a condition cannot hold, "" when it can, or who knows: what is
// joined by "and" contradicts itself, or asks for more than is ever counted.
func never(node ast.Node) string {
	if b, isBool := node.(*ast.BoolNode); isBool && !b.Value {
		return "its condition is false"
	}
	joint, parts := partsOf(node)
	switch joint {
	case "or":
		why := ""
		for _, part := range parts {
			if why = never(part); why == "" {
				return ""
			}
		}
		return why
	case "":
		parts = []ast.Node{node}
	case "not":
		return ""
	}
	bounds := make(map[string]*bound)
	said := make(map[string]bool)
	for _, part := range parts {
		if joint == "and" {
			if why := never(part); why != "" {
				return why
			}
		}
		text, yes := part.String(), true
		if not, isUnary := part.(*ast.UnaryNode); isUnary && jointOf(not.Operator) == "not" {
			text, yes = not.Node.String(), false
		}
		if before, known := said[text]; known && before != yes {
			return fmt.Sprintf("it asks for %s and for the opposite", text)
		}
		said[text] = yes
		if why := narrow(bounds, part); why != "" {
			return why
		}
	}
	return ""
}

// bound is what the comparisons of a condition leave for a value.
type bound struct {
	low, high         float64
	openLow, openHigh bool // the end itself is out
}

func (b *bound) empty() bool {
	return b.low > b.high || b.low == b.high && (b.openLow || b.openHigh)
}

// narrow takes a comparison of a signal with a number into account.
func narrow(bounds map[string]*bound, node ast.Node) string {
	b, isBinary := node.(*ast.BinaryNode)
	if !isBinary {
		return ""
	}
	name, operator := b.Left, b.Operator
	number, isNumber := numberOf(b.Right)
	if !isNumber {
		if number, isNumber = numberOf(b.Left); !isNumber {
			return ""
		}
		name, operator = b.Right, map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}[operator]
	}
	signal := signalOf(name)
	if signal == "" {
		return ""
	}
	text := name.String()
	v := bounds[text]
	if v == nil {
		v = boundOf(signal)
		bounds[text] = v
	}
	most := v.high
	low, high := operator == ">" || operator == ">=" || operator == "==", operator == "<" || operator == "<=" || operator == "=="
	if open := operator == ">"; low && (number > v.low || number == v.low && open) {
		v.low, v.openLow = number, open
	}
	if open := operator == "<"; high && (number < v.high || number == v.high && open) {
		v.high, v.openHigh = number, open
	}
	switch limit := boundOf(signal).high; {
	case !v.empty():
		return ""
	case most == limit && low:
		return fmt.Sprintf("%s is never above %g", text, limit)
	}
	return fmt.Sprintf("%s leaves it no value", node)
}

func numberOf(node ast.Node) (float64, bool) {
	switch n := node.(type) {
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	}
	return 0, false
}

// signalOf is the signal that a node asks for, "" of anything else.
func signalOf(node ast.Node) string {
	if call, isCall := node.(*ast.CallNode); isCall {
		node = call.Callee
	}
	if name, isName := node.(*ast.IdentifierNode); isName && slices.Contains(signalNames(), name.Value) {
		return name.Value
	}
	return ""
}

// boundOf is what a signal can be at all: counts stop where memory does.
func boundOf(signal string) *bound {
	low, high := 0.0, math.Inf(1)
	switch signal {
	case "addresses", "blocks", "networks", "countries", "strange_addresses", "strange_blocks", "strange_networks", "strange_countries":
		high = maxVisits
	case "known_networks", "known_countries", "usual_countries":
		high = maxHabits
	case "senders":
		high = maxSenders
	case "users_here":
		high = float64(len(stranger{}.users))
	case "switches":
		high = float64(len(toAndFro{}.changes))
	case "failures_here", "messages", "recipients", "bounces", "rejects", "strange_messages", "strange_recipients", "strange_bounces",
		"silence", "speed", "usual_hour", "usual_day", "usual_recipients", "country_days", "country_silence", "asn":
	default:
		low = math.Inf(-1)
	}
	return &bound{low: low, high: high}
}
