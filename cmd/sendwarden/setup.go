package main

import (
	"time"

	"sendwarden/geo"
	"sendwarden/past"
	"sendwarden/scoring"
	"sendwarden/settings"

	"github.com/spf13/cobra"
)

// setup is what several commands are told by flags.
type setup struct {
	rulesFile string
	geoFiles  []string
	timezone  string
}

func (s *setup) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.rulesFile, "rules", "", "rules `FILE` (default "+settings.DefaultRules+", else the shipped rules)")
	cmd.Flags().StringArrayVar(&s.geoFiles, "geo", nil, "geolocation database `DB` (.mmdb; repeat it for country and network; default: the embedded data)")
}

func (s *setup) timezoneFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.timezone, "timezone", "", "`ZONE` of time stamps that carry none, such as Europe/Madrid (default: this machine's)")
}

// rules reads the rules in force and says where they come from.
func (s *setup) rules() (*scoring.Rules, string, error) { return settings.Load(s.rulesFile) }

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
	return loadZone("timezone", s.timezone)
}
