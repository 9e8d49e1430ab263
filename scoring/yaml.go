package scoring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxRulesFile bounds a rules file; a longer one is some other file.
const maxRulesFile = 1 << 20

// Parse reads a rules file; name is for its error messages. Sections are further
// keys that may stand in it and that others read: they are found in
// Rules.Sections as they stand. The error is a Faults with everything that is
// wrong.
//
// The YAML library gives the tree with its lines and columns; what the keys
// mean is read from the tree here, because its own decoder rounds 1.5 to 1,
// lets a second document pass, and names no column.
func Parse(name string, text []byte, sections ...string) (*Rules, error) {
	rules, faults := Examine(name, text, sections...)
	if len(faults) > 0 {
		return nil, faults
	}
	return rules, nil
}

// Examine reads a rules file as Parse does. Of one with faults it answers what could
// be read nevertheless, for who looks for more of them in the sections; nil is
// nothing. Nobody is to be judged by that.
func Examine(name string, text []byte, sections ...string) (*Rules, Faults) {
	r := reader{file: name, text: text, sections: sections,
		empty: "is empty: rules are missing (`sendwarden rules` prints the shipped ones to start from)"}
	root := r.document()
	if root == nil {
		return nil, r.faults.sorted()
	}
	rules := r.rules(root)
	return rules, r.faults.sorted()
}

// reader walks the YAML tree of one file and collects its faults.
type reader struct {
	file     string
	text     []byte
	sections []string // keys that others read
	empty    string   // what is said about a file with nothing in it
	faults   Faults
}

func (r *reader) fault(n *yaml.Node, format string, args ...any) {
	f := Fault{File: r.file, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		f.Line, f.Column = n.Line, n.Column
	}
	r.faults = append(r.faults, f)
}

// document answers the file's one document, or nil after a fault.
func (r *reader) document() *yaml.Node {
	if len(r.text) > maxRulesFile {
		r.fault(nil, "larger than %d bytes: is this a rules file?", maxRulesFile)
		return nil
	}
	if i := bytes.IndexByte(r.text, 0); i >= 0 {
		r.fault(nil, "holds a NUL byte at offset %d: is this a text file?", i)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(r.text))
	var doc yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.fault(nil, "%s", r.empty)
		return nil
	case err != nil:
		r.syntaxFault(err)
		return nil
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		r.fault(&second, "a second document begins here: put everything into one, without \"---\" between")
		return nil
	} else if !errors.Is(err, io.EOF) {
		r.syntaxFault(err)
		return nil
	}
	return doc.Content[0]
}

// syntaxFault moves the line out of the library's text ("yaml: line 4: did not
// find …") to where all faults have theirs.
func (r *reader) syntaxFault(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	f := Fault{File: r.file, Text: text}
	if rest, found := strings.CutPrefix(text, "line "); found {
		if number, fact, found := strings.Cut(rest, ": "); found {
			if line, err := strconv.Atoi(number); err == nil {
				f.Line, f.Text = line, fact+" ("+syntaxHint(fact)+")"
			}
		}
	}
	r.faults = append(r.faults, f)
}

// syntaxHint says where to look, or what the usual cause is: YAML takes the ": "
// of home ? 1 : 2 for the one between a key and its value.
func syntaxHint(fact string) string {
	if strings.HasPrefix(fact, "mapping values are not allowed") {
		return `a value with ": " in it, such as a condition with "? :", must stand in quotes`
	}
	return "the mistake may stand a line or two further down"
}

// field reads one key of a mapping.
type field struct {
	name string
	read func(*yaml.Node)
}

// mapping reads a mapping whose keys are all known; what describes it in
// messages.
func (r *reader) mapping(n *yaml.Node, what string, fields []field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	r.pairs(n, what, func(key, value *yaml.Node) {
		for _, f := range fields {
			if f.name == key.Value {
				f.read(value)
				return
			}
		}
		r.fault(key, "unknown key %q in %s%s", key.Value, what, Suggestion(key.Value, names))
	})
}

// pairs hands on the keys and values of a mapping and refuses a key that
// stands there twice.
func (r *reader) pairs(n *yaml.Node, what string, each func(key, value *yaml.Node)) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		r.fault(n, "%s must be keys with values, not %s", what, describe(n))
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		if line, twice := seen[key.Value]; twice {
			r.fault(key, "key %q stands here again, first in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		each(key, value)
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	if n.Value == "" {
		return "nothing"
	}
	const most = 60 // bytes; a file that is no rules file is one long text
	if len(n.Value) > most {
		return strconv.Quote(strings.ToValidUTF8(n.Value[:most], "")) + "…"
	}
	return strconv.Quote(n.Value)
}

// text reads a scalar. It takes the words as they stand: the country NO is no
// "no".
func (r *reader) scalar(n *yaml.Node, what string) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.fault(n, "%s must be one value, not %s", what, describe(n))
		return "", false
	case n.Tag == "!!null":
		r.fault(n, "%s is missing its value", what)
		return "", false
	}
	return n.Value, true
}

func (r *reader) number(n *yaml.Node, what string, low, high float64) float64 {
	s, ok := r.scalar(n, what)
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v != v {
		r.fault(n, "%s must be a number, not %q", what, s)
		return 0
	}
	if v < low || v > high {
		r.fault(n, "%s must be from %g to %g, not %s", what, low, high, s)
		return 0
	}
	return v
}

func (r *reader) duration(n *yaml.Node, what string) time.Duration {
	s, ok := r.scalar(n, what)
	if !ok {
		return 0
	}
	d, err := ParseDuration(s)
	if err != nil {
		r.fault(n, "%s: %v", what, err)
	}
	return d
}

func (r *reader) boolean(n *yaml.Node, what string) bool {
	s, ok := r.scalar(n, what)
	if ok && s != "true" && s != "false" {
		r.fault(n, "%s must be true or false, not %q", what, s)
	}
	return s == "true"
}

// list reads a list of scalars; a single scalar is a list of one.
func (r *reader) list(n *yaml.Node, what string, each func(*yaml.Node, string)) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		item = resolve(item)
		if s, ok := r.scalar(item, what); ok {
			each(item, s)
		}
	}
}

func (r *reader) countries(n *yaml.Node, what string) (codes []string) {
	r.list(n, what, func(item *yaml.Node, s string) {
		code := strings.ToUpper(s)
		switch {
		case code == "UK":
			r.fault(item, "%s: the code of the United Kingdom is GB", what)
		case len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z':
			r.fault(item, "%s: %q is no country code of two letters, such as ES", what, s)
		default:
			codes = append(codes, code)
		}
	})
	return codes
}

func (r *reader) networks(n *yaml.Node, what string) Networks {
	nets := Networks{ASNs: map[uint32]bool{}}
	r.list(n, what, func(item *yaml.Node, s string) {
		if digits, found := strings.CutPrefix(strings.ToUpper(s), "AS"); found {
			asn, err := strconv.ParseUint(digits, 10, 32)
			if err != nil {
				r.fault(item, "%s: %q is no autonomous system, such as AS3352", what, s)
			}
			nets.ASNs[uint32(asn)] = true
			return
		}
		prefix, err := netip.ParsePrefix(s)
		if addr, plain := netip.ParseAddr(s); plain == nil {
			prefix, err = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		if err != nil {
			r.fault(item, "%s: %q is no network: write 192.0.2.0/24, 2001:db8::/32 or AS3352", what, s)
			return
		}
		nets.Prefixes = append(nets.Prefixes, prefix.Masked())
	})
	return nets
}
