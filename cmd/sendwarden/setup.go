package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"sendwarden"
	"sendwarden/geo"
	"sendwarden/past"
	"sendwarden/scoring"

	"github.com/spf13/cobra"
)

// installedRules is where an installed rules file stands; without it, and
// without --rules, the shipped rules are in force.
const installedRules = "/etc/sendwarden/rules.yaml"

// shippedRules is the origin of rules that stand in no file.
const shippedRules = "shipped rules"

// maxRulesSize is more than any rules file has.
const maxRulesSize = 4 << 20

// setup is what several commands are told by flags.
type setup struct {
	rulesFile string
	geoFiles  []string
	timezone  string
}

func (s *setup) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.rulesFile, "rules", "", "rules `FILE` (default "+installedRules+", else the shipped rules)")
	cmd.Flags().StringArrayVar(&s.geoFiles, "geo", nil, "geolocation database `DB` (.mmdb; repeat it for country and network; default: the embedded data)")
}

func (s *setup) timezoneFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.timezone, "timezone", "", "`ZONE` of time stamps that carry none, such as Europe/Madrid (default: this machine's)")
}

// rules reads the rules in force and says where they come from.
func (s *setup) rules() (*scoring.Rules, string, error) {
	name := s.rulesPath()
	if s.rulesFile == "" {
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			rules, err := scoring.Parse(shippedRules, sendwarden.Rules, sections...)
			return rules, shippedRules, err
		}
	}
	text, err := readBounded(name)
	if err != nil {
		return nil, name, err
	}
	rules, err := scoring.Parse(name, text, sections...)
	return rules, name, err
}

// rulesPath is where the rules are, or may be one day.
func (s *setup) rulesPath() string {
	if s.rulesFile != "" {
		return s.rulesFile
	}
	return installedRules
}

// parseRules reads all that a rules file says, to the daemon's settings.
func parseRules(name string, text []byte) (*scoring.Rules, settings, error) {
	rules, err := scoring.Parse(name, text, sections...)
	if err != nil {
		return nil, settings{}, err
	}
	with, err := readSettings(name, rules)
	return rules, with, err
}

func readBounded(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file (`sendwarden rules > %s` writes the shipped rules there)", name, name)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a directory", name)
	case info.Size() > maxRulesSize:
		return nil, fmt.Errorf("%s: %d bytes are too much for a rules file", name, info.Size())
	}
	return os.ReadFile(name)
}

// places opens the geolocation databases of the flags, else of the rules.
func (s *setup) places(rules *scoring.Rules) (*geo.DB, error) {
	files := s.geoFiles
	if len(files) == 0 {
		files = rules.Geo
	}
	return geo.Open(files...)
}

// openLogs opens old logs, and what they are judged and counted by.
func (s *setup) openLogs(files []string) (*scoring.Rules, *geo.DB, *past.Logs, error) {
	rules, _, err := s.rules()
	if err != nil {
		return nil, nil, nil, err
	}
	zone, err := s.zone()
	if err != nil {
		return nil, nil, nil, err
	}
	places, err := s.places(rules)
	if err != nil {
		return nil, nil, nil, err
	}
	logs, err := past.Open(files, zone, time.Now())
	if err == nil {
		logs.Heed(rules)
		places.Prepare()
	}
	return rules, places, logs, err
}

// zone is where time stamps without a zone were written.
func (s *setup) zone() (*time.Location, error) {
	if s.timezone == "" {
		return time.Local, nil
	}
	zone, err := time.LoadLocation(s.timezone)
	if err != nil {
		return nil, usageError{fmt.Errorf("--timezone %s: unknown zone (write it as Europe/Madrid)", s.timezone)}
	}
	return zone, nil
}
