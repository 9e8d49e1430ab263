// Package settings finds rules.yaml and reads what stands in it beside the rules:
// sections such as
//
//	door:
//	  listen: unix:/var/spool/postfix/sendwarden/policy
//
// each of which is the Config of the package that it is about. The rules themselves
// are package scoring's.
package settings

import (
	"errors"
	"strings"

	"sendwarden/alert"
	"sendwarden/authpolicy"
	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/hook"
	"sendwarden/metrics"
	"sendwarden/policy"
	"sendwarden/queue"
	"sendwarden/review"
	"sendwarden/scoring"
	"sendwarden/shared"
)

// Sections are the parts of the rules file that are about the daemon and not
// about scores.
type Sections struct {
	Control    control.Config
	Review     review.Config
	Door       policy.Config
	AuthPolicy authpolicy.Config
	Queue      queue.Config
	Alerts     alert.Config
	Hooks      hook.Config
	Metrics    metrics.Config

	Addresses    blocklist.AddressConfig
	HeaderChecks blocklist.HeaderConfig
}

// Names are their keys.
func Names() []string {
	return []string{"control", "review", "door", "auth_policy", "queue", "alerts", "hooks", "metrics", "addresses", "header_checks"}
}

// Read reads them all, and says all that is wrong with them.
func Read(file string, rules *scoring.Rules) (s Sections, err error) {
	err = errors.Join(
		Section(file, "control", rules, &s.Control),
		Section(file, "review", rules, &s.Review),
		Section(file, "door", rules, &s.Door),
		Section(file, "auth_policy", rules, &s.AuthPolicy),
		Section(file, "queue", rules, &s.Queue),
		Section(file, "alerts", rules, &s.Alerts),
		Section(file, "hooks", rules, &s.Hooks),
		Section(file, "metrics", rules, &s.Metrics),
		Section(file, "addresses", rules, &s.Addresses),
		Section(file, "header_checks", rules, &s.HeaderChecks),
		state(file, rules),
	)
	return s, err
}

// state says what is wrong with a state that is shared.
func state(file string, rules *scoring.Rules) error {
	if !shared.IsURL(rules.State) {
		return nil
	}
	if _, err := shared.Parse(rules.State); err != nil {
		return rules.StateAt.Fault(file, "state: %v", err)
	}
	return nil
}

// Parts are the settings of each of the sections.
func (s *Sections) Parts() []any {
	return []any{s.Control, s.Review, s.Door, s.AuthPolicy, s.Queue, s.Alerts, s.Hooks, s.Metrics, s.Addresses, s.HeaderChecks}
}

// Section reads a part of the rules file that another package defines, from its
// YAML tree into that package's Config: a struct with yaml tags whose method
// Check says what is wrong with the values. A part that is not there leaves the
// Config as it is, with its defaults.
func Section(file, name string, rules *scoring.Rules, config interface{ Check() error }) error {
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
