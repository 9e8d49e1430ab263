package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"sendwarden/alert"
	"sendwarden/control"
	"sendwarden/hook"
	"sendwarden/metrics"
	"sendwarden/policy"
	"sendwarden/review"
	"sendwarden/scoring"

	"go.yaml.in/yaml/v3"
)

// settings are the parts of the rules file that are about the daemon and not
// about scores.
type settings struct {
	control control.Config
	review  review.Config
	door    policy.Config
	queue   queueConfig
	alerts  alert.Config
	hooks   hook.Config
	metrics metrics.Config

	addresses addressConfig
	headers   headerConfig
}

// sections are their keys.
var sections = []string{"control", "review", "door", "queue", "alerts", "hooks", "metrics", "addresses", "header_checks"}

// readSettings reads them all, and says all that is wrong with them.
func readSettings(file string, rules *scoring.Rules) (s settings, err error) {
	err = errors.Join(
		section(file, "control", rules, &s.control),
		section(file, "review", rules, &s.review),
		section(file, "door", rules, &s.door),
		section(file, "queue", rules, &s.queue),
		section(file, "alerts", rules, &s.alerts),
		section(file, "hooks", rules, &s.hooks),
		section(file, "metrics", rules, &s.metrics),
		section(file, "addresses", rules, &s.addresses),
		section(file, "header_checks", rules, &s.headers),
	)
	return s, err
}

// section reads a part of the rules file that another package defines, from its
// YAML tree into that package's Config: a struct with yaml tags whose method
// Check says what is wrong with the values. A part that is not there leaves the
// Config as it is, with its defaults.
//
// The YAML library's own decoder would do, if it named the column of an unknown
// key, refused keys below a second level, and read 7d as seven days.
func section(file, name string, rules *scoring.Rules, config interface{ Check() error }) error {
	node := rules.Sections[name]
	if node == nil {
		return nil
	}
	d := decoder{file: file}
	d.value(node, name, reflect.ValueOf(config).Elem())
	if len(d.faults) > 0 {
		return d.faults
	}
	if err := config.Check(); err != nil {
		for line := range strings.Lines(err.Error()) {
			d.fault(node, "%s: %s", name, strings.TrimPrefix(strings.TrimSuffix(line, "\n"), name+": "))
		}
		return d.faults
	}
	return nil
}

// decoder collects what is wrong with one section.
type decoder struct {
	file   string
	faults scoring.Faults
}

func (d *decoder) fault(n *yaml.Node, format string, args ...any) {
	d.faults = append(d.faults, scoring.Fault{File: d.file, Line: n.Line, Column: n.Column, Text: fmt.Sprintf(format, args...)})
}

var durationType = reflect.TypeFor[time.Duration]()

// value reads one node into a Go value; what names it in messages.
func (d *decoder) value(n *yaml.Node, what string, to reflect.Value) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
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
		d.fault(n, "%s must be keys with values", what)
		return
	}
	fields := make(map[string]reflect.Value)
	var names []string
	for i := range to.NumField() {
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
			d.fault(key, "unknown key %q in %s%s", key.Value, what, scoring.Suggestion(key.Value, names))
		default:
			seen[key.Value] = key.Line
			d.value(n.Content[i+1], what+"."+key.Value, field)
		}
	}
}

// free reads a mapping whose keys are anybody's, to words.
func (d *decoder) free(n *yaml.Node, what string, to reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fault(n, "%s must be keys with values", what)
		return
	}
	to.Set(reflect.MakeMap(to.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
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
		if length, err = scoring.ParseDuration(n.Value); err != nil {
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
		panic("sections: no rule for " + to.Type().String()) // a Config of ours that this decoder can't fill
	}
}
