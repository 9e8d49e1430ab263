package scoring

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Defaults for the keys that a rules file may leave out.
const (
	defaultHold           = 50
	defaultBlock          = 100
	defaultHalfLife       = 2 * time.Hour
	defaultMemoryHalfLife = 6 * 7 * 24 * time.Hour
	defaultForget         = 400 * 24 * time.Hour
	defaultReply          = "REJECT 5.7.1 Sending is suspended for this account: unusual logins. Please contact your administrator."
)

// maxPoints bounds thresholds and what one rule may add.
const maxPoints = 1e6

func (r *reader) rules(root *yaml.Node) *Rules {
	rules := &Rules{
		Hold: defaultHold, Block: defaultBlock, HalfLife: defaultHalfLife,
		MemoryHalfLife: defaultMemoryHalfLife, Forget: defaultForget, Reply: defaultReply,
	}
	var list *yaml.Node
	r.mapping(root, "the rules file", append(r.others(rules), []field{
		{"mode", func(n *yaml.Node) { rules.Watch = r.mode(n) }},
		{"home", func(n *yaml.Node) { rules.Home = r.countries(n, "home") }},
		{"threshold", func(n *yaml.Node) { r.threshold(n, &rules.Hold, &rules.Block) }},
		{"half_life", func(n *yaml.Node) { rules.HalfLife = r.positive(n, "half_life") }},
		{"memory", func(n *yaml.Node) { rules.MemoryHalfLife = r.positive(n, "memory") }},
		{"forget", func(n *yaml.Node) { rules.Forget = r.positive(n, "forget") }},
		{"reply", func(n *yaml.Node) { rules.Reply = r.reply(n) }},
		{"max_blocks", func(n *yaml.Node) { rules.MaxBlocks = int(r.number(n, "max_blocks", 1, 1e6)) }},
		{"trusted", func(n *yaml.Node) { rules.Trusted = r.networks(n, "trusted") }},
		{"networks", func(n *yaml.Node) { rules.Networks = r.namedNetworks(n) }},
		{"users", func(n *yaml.Node) { rules.Users = r.users(n) }},
		{"log", func(n *yaml.Node) { rules.Log = r.strings(n, "log") }},
		{"geo", func(n *yaml.Node) { rules.Geo = r.strings(n, "geo") }},
		{"blocklist", func(n *yaml.Node) { rules.Blocklist, _ = r.scalar(n, "blocklist") }},
		{"table", func(n *yaml.Node) { rules.Table, _ = r.scalar(n, "table") }},
		{"state", func(n *yaml.Node) {
			rules.State, _ = r.scalar(n, "state")
			rules.StateAt = Position{n.Line, n.Column}
		}},
		{"rules", func(n *yaml.Node) { list = n }},
	}...))
	// The conditions come last: they may name the networks of the whole file.
	if list == nil && root.Kind == yaml.MappingNode {
		r.fault(root, "has no rules: add a list under \"rules:\"")
	}
	if list != nil {
		rules.Rules = r.ruleList(list, rules)
	}
	return rules
}

// others keeps the sections that are not about rules, for those who read them.
func (r *reader) others(rules *Rules) []field {
	rules.Sections = make(map[string]*yaml.Node)
	fields := make([]field, len(r.sections))
	for i, name := range r.sections {
		fields[i] = field{name, func(n *yaml.Node) { rules.Sections[name] = n }}
	}
	return fields
}

func (r *reader) mode(n *yaml.Node) (watch bool) {
	s, ok := r.scalar(n, "mode")
	if ok && s != "watch" && s != "enforce" {
		r.fault(n, "mode must be watch or enforce, not %q", s)
	}
	return s == "watch"
}

func (r *reader) threshold(n *yaml.Node, hold, block *float64) {
	r.mapping(n, "threshold", []field{
		{"hold", func(n *yaml.Node) { *hold = r.number(n, "threshold.hold", 1, maxPoints) }},
		{"block", func(n *yaml.Node) { *block = r.number(n, "threshold.block", 1, maxPoints) }},
	})
	if *block != 0 && *hold > *block {
		r.fault(n, "threshold: hold (%g) must not be above block (%g)", *hold, *block)
	}
}

func (r *reader) positive(n *yaml.Node, what string) time.Duration {
	before := len(r.faults)
	d := r.duration(n, what)
	if d == 0 && len(r.faults) == before {
		r.fault(n, "%s must be longer than nothing", what)
	}
	return d
}

// replyActions are the access(5) results that refuse or hold; anything else
// would let a blocked user's mail pass or break the table.
var replyActions = [...]string{"REJECT", "DEFER", "HOLD", "DISCARD"}

func (r *reader) reply(n *yaml.Node) string {
	s, ok := r.scalar(n, "reply")
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(s, " ")
	isCode := len(word) == 3 && (word[0] == '4' || word[0] == '5') && strings.Trim(word, "0123456789") == ""
	for _, action := range replyActions {
		isCode = isCode || strings.EqualFold(word, action)
	}
	if !isCode {
		r.fault(n, "reply must begin with REJECT, DEFER, HOLD, DISCARD or a code such as 421, not %q", word)
	}
	if len(s) > 400 || strings.ContainsAny(s, "\r\n") {
		r.fault(n, "reply must be one line of at most 400 characters")
	}
	return s
}

func (r *reader) strings(n *yaml.Node, what string) (values []string) {
	r.list(n, what, func(_ *yaml.Node, s string) { values = append(values, s) })
	return values
}

func (r *reader) namedNetworks(n *yaml.Node) map[string]Networks {
	named := make(map[string]Networks)
	r.pairs(n, "networks", func(key, value *yaml.Node) {
		named[key.Value] = r.networks(value, "networks."+key.Value)
	})
	return named
}

func (r *reader) users(n *yaml.Node) map[string]Override {
	users := make(map[string]Override)
	r.pairs(n, "users", func(key, value *yaml.Node) {
		what := fmt.Sprintf("users.%q", key.Value)
		var o Override
		r.mapping(value, what, []field{
			{"home", func(n *yaml.Node) { o.Home = r.countries(n, what+".home") }},
			{"threshold", func(n *yaml.Node) { r.threshold(n, &o.Hold, &o.Block) }},
			{"never_block", func(n *yaml.Node) { o.NeverBlock = r.boolean(n, what+".never_block") }},
			{"ignore", func(n *yaml.Node) { o.Ignore = r.boolean(n, what+".ignore") }},
		})
		users[strings.ToLower(key.Value)] = o
	})
	return users
}

func (r *reader) ruleList(n *yaml.Node, rules *Rules) (list []Rule) {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, "rules must be a list (each begins with \"- name:\"), not %s", describe(n))
		return nil
	}
	names := make(map[string]int)
	for _, item := range n.Content {
		rule := r.rule(resolve(item), rules)
		if line, twice := names[rule.Name]; twice && rule.Name != "" {
			r.fault(item, "rule %q has the name of the one in line %d", rule.Name, line)
		}
		names[rule.Name] = item.Line
		list = append(list, rule)
	}
	if len(list) == 0 {
		r.fault(n, "rules is an empty list: nobody would ever be held or blocked")
	}
	return list
}

func (r *reader) rule(n *yaml.Node, rules *Rules) (rule Rule) {
	var when, points *yaml.Node
	rule.at = Position{n.Line, n.Column}
	before := len(r.faults)
	r.mapping(n, "a rule", []field{
		{"name", func(n *yaml.Node) { rule.Name, _ = r.scalar(n, "name") }},
		{"when", func(n *yaml.Node) { when = n }},
		{"points", func(n *yaml.Node) { points = n; rule.Points = r.number(n, "points", -maxPoints, maxPoints) }},
		{"every", func(n *yaml.Node) { rule.Every = r.duration(n, "every") }},
		{"for", func(n *yaml.Node) { rule.senders = r.kinds(n) }},
		{"why", func(n *yaml.Node) { r.scalar(n, "why") }},
	})
	if len(r.faults) > before && (when == nil || points == nil) {
		return rule // the missing key is most likely the misspelt one
	}
	for _, must := range []struct {
		key   string
		given bool
	}{{"name", rule.Name != ""}, {"when", when != nil}, {"points", points != nil}} {
		if !must.given {
			r.fault(n, "rule %q has no %q", rule.Name, must.key)
		}
	}
	if when != nil {
		rule.when = r.condition(when, rule.Name, rules)
	}
	return rule
}
