package main

import (
	"errors"
	"strings"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/hook"
	"sendwarden/metrics"
	"sendwarden/policy"
	"sendwarden/queue"
	"sendwarden/review"
	"sendwarden/scoring"
)

// settings are the parts of the rules file that are about the daemon and not
// about scores.
type settings struct {
	control control.Config
	review  review.Config
	door    policy.Config
	queue   queue.Config
	alerts  alert.Config
	hooks   hook.Config
	metrics metrics.Config

	addresses blocklist.AddressConfig
	headers   blocklist.HeaderConfig
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

// parts are the settings of each of the sections.
func (s *settings) parts() []any {
	return []any{s.control, s.review, s.door, s.queue, s.alerts, s.hooks, s.metrics, s.addresses, s.headers}
}

// section reads a part of the rules file that another package defines, from its
// YAML tree into that package's Config: a struct with yaml tags whose method
// Check says what is wrong with the values. A part that is not there leaves the
// Config as it is, with its defaults.
func section(file, name string, rules *scoring.Rules, config interface{ Check() error }) error {
	node := rules.Sections[name]
	if node == nil {
		return nil
	}
	if err := scoring.Decode(file, name, node, config); err != nil {
		return err
	}
	if err := config.Check(); err != nil {
		var faults scoring.Faults
		for line := range strings.Lines(err.Error()) {
			at := scoring.Position{Line: node.Line, Column: node.Column}
			faults = append(faults, at.Fault(file, "%s: %s", name, strings.TrimPrefix(strings.TrimSuffix(line, "\n"), name+": ")))
		}
		return faults
	}
	return nil
}
