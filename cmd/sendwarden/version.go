package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"sendwarden"
	"sendwarden/control"
	"sendwarden/geo"
	"sendwarden/settings"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// version is set when a release is built (-ldflags "-X main.version=1.0").
var version = "development"

func newVersion() *cobra.Command {
	var c setup
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version and the age of the geolocation data",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules, _, err := c.rules()
			if err != nil {
				return err
			}
			places, err := c.places(rules)
			if err != nil {
				return err
			}
			if asJSON {
				writeJSON(cmd.OutOrStdout(), newVersionOut(places, time.Now()))
				return nil
			}
			fmt.Fprintf(cmd.OutOrStdout(), "sendwarden %s%s, %s\n", version, revision(), runtime.Version())
			for _, s := range places.Sources() {
				fmt.Fprintf(cmd.OutOrStdout(), "geolocation: %s\n", words.Database(s, time.Now()))
			}
			return nil
		},
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// versionOut is what `version --json` prints.
type versionOut struct {
	Version  string        `json:"version"`
	Revision string        `json:"revision,omitempty"`
	Go       string        `json:"go"`
	Geo      []control.Geo `json:"geolocation"`
}

func newVersionOut(places *geo.DB, now time.Time) versionOut {
	out := versionOut{Version: version, Revision: strings.Trim(revision(), " ()"), Go: runtime.Version()}
	for _, s := range places.Sources() {
		out.Geo = append(out.Geo, control.Geo{Source: s.Path, Type: s.Type, Built: s.Built, Old: s.Age(now) > geo.OldAge})
	}
	return out
}

func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return " (" + s.Value[:12] + ")"
		}
	}
	return ""
}

func newRules() *cobra.Command {
	var schema bool
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Print the shipped rules, to start your own from",
		Args:  exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := sendwarden.Rules, error(nil)
			if schema {
				text, err = settings.Schema()
			}
			if err == nil {
				_, err = cmd.OutOrStdout().Write(text)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of rules files, for editors")
	return cmd
}
