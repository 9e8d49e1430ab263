package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"sendwarden"
	"sendwarden/settings"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// version is set when a release is built (-ldflags "-X main.version=1.0").
var version = "development"

func newVersion() *cobra.Command {
	var c setup
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
			fmt.Fprintf(cmd.OutOrStdout(), "sendwarden %s%s, %s\n", version, revision(), runtime.Version())
			for _, s := range places.Sources() {
				fmt.Fprintf(cmd.OutOrStdout(), "geolocation: %s\n", words.Database(s, time.Now()))
			}
			return nil
		},
	}
	c.flags(cmd)
	return cmd
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
