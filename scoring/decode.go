package scoring

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Document reads the tree of a YAML file that people write; name is for messages.
// The error is a Faults.
func Document(name string, text []byte) (*yaml.Node, error) {
	r := reader{file: name, text: text, empty: "is empty"}
	root := r.document()
	if root == nil {
		return nil, r.faults.sorted()
	}
	return root, nil
}

// Decode reads a tree into a struct with yaml tags; file and what name it in
// messages, where "" is the file as a whole. Keys that are not among the tags are refused, with the name that was
// probably meant, and a value of the wrong kind is, each with line and column. The
// error is a Faults.
//
// The YAML library's own decoder would do, if it named the column of an unknown
// key, refused keys below a second level, and read 7d as seven days.
func Decode(file, what string, n *yaml.Node, into any) error {
	d := decoder{file: file}
	d.value(n, what, reflect.ValueOf(into).Elem())
	if len(d.faults) > 0 {
		return d.faults.sorted()
	}
	return nil
}

// Position is where something stands in a file. A field of this type in a struct
// that is decoded is told where the struct's text begins.
type Position struct{ Line, Column int }

// Fault is what is wrong there.
func (p Position) Fault(file, format string, args ...any) Fault {
	return Fault{File: file, Line: p.Line, Column: p.Column, Text: fmt.Sprintf(format, args...)}
}

// decoder collects what is wrong with one tree.
type decoder struct {
	file   string
	faults Faults
	values int // so far
}

// maxValues bounds what aliases can make of a small file.
const maxValues = 200_000

func (d *decoder) fault(n *yaml.Node, format string, args ...any) {
	d.faults = append(d.faults, Fault{File: d.file, Line: n.Line, Column: n.Column, Text: fmt.Sprintf(format, args...)})
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	positionType = reflect.TypeFor[Position]()
)

// value reads one node into a Go value; what names it in messages.
func (d *decoder) value(n *yaml.Node, what string, to reflect.Value) {
	n = resolve(n)
	if d.values++; d.values >= maxValues {
		if d.values == maxValues {
			d.fault(n, "%s: too much for one file", what)
		}
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.value(n, what, to.Elem())
	case reflect.Struct:
		d.keys(n, what, to)
	case reflect.Slice:
		d.list(n, what, to)
	case reflect.Map:
		d.free(n, what, to)
	default:
		d.scalar(n, what, to)
	}
}

// keys reads a mapping into the fields that its keys name.
func (d *decoder) keys(n *yaml.Node, what string, to reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, "%s must be keys with values", named(what))
		return
	}
	fields := make(map[string]reflect.Value)
	var names []string
	for i := range to.NumField() {
		if to.Field(i).Type() == positionType {
			to.Field(i).Set(reflect.ValueOf(Position{n.Line, n.Column}))
		}
		if name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("yaml"), ","); name != "" && name != "-" {
			fields[name] = to.Field(i)
			names = append(names, name)
		}
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field, known := fields[key.Value]
		switch line, twice := seen[key.Value]; {
		case twice:
			d.fault(key, "key %q stands here again, first in line %d", key.Value, line)
		case !known:
			d.fault(key, "unknown key %q in %s%s", key.Value, named(what), Suggestion(key.Value, names))
		default:
			seen[key.Value] = key.Line
			d.value(n.Content[i+1], strings.TrimPrefix(what+"."+key.Value, "."), field)
		}
	}
}

func named(what string) string {
	if what == "" {
		return "the file"
	}
	return what
}

// free reads a mapping whose keys are anybody's, to words.
func (d *decoder) free(n *yaml.Node, what string, to reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, "%s must be keys with values", what)
		return
	}
	to.Set(reflect.MakeMap(to.Type()))
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if line, twice := seen[key.Value]; twice {
			d.fault(key, "key %q stands here again, first in line %d", key.Value, line)
		}
		seen[key.Value] = key.Line
		value := reflect.New(to.Type().Elem()).Elem()
		d.value(n.Content[i+1], what+"."+n.Content[i].Value, value)
		to.SetMapIndex(reflect.ValueOf(n.Content[i].Value).Convert(to.Type().Key()), value)
	}
}

// list reads a list; a single value is a list of one.
func (d *decoder) list(n *yaml.Node, what string, to reflect.Value) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	if d.values > maxValues {
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(item, what, to.Index(i))
	}
}

// scalar reads one word or number, as it stands: "no" is a word, not false.
func (d *decoder) scalar(n *yaml.Node, what string, to reflect.Value) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.fault(n, "%s must be one value", what)
		return
	}
	var err error
	switch {
	case to.Type() == durationType:
		var length time.Duration
		if length, err = ParseDuration(n.Value); err != nil {
			d.fault(n, "%s: %v", what, err)
		}
		to.SetInt(int64(length))
	case to.Kind() == reflect.Bool:
		if n.Value != "true" && n.Value != "false" {
			d.fault(n, "%s must be true or false, not %q", what, n.Value)
		}
		to.SetBool(n.Value == "true")
	case to.Kind() == reflect.String:
		to.SetString(n.Value)
	case to.CanInt():
		var number int64
		if number, err = strconv.ParseInt(n.Value, 0, to.Type().Bits()); err != nil {
			d.fault(n, "%s must be a whole number, not %q", what, n.Value)
		}
		to.SetInt(number)
	case to.CanFloat():
		var number float64
		if number, err = strconv.ParseFloat(n.Value, 64); err != nil {
			d.fault(n, "%s must be a number, not %q", what, n.Value)
		}
		to.SetFloat(number)
	default:
		panic("decode: no rule for " + to.Type().String()) // a struct of ours that this decoder can't fill
	}
}
