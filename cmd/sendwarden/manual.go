//go:build manual

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// The manual is made of the commands themselves, and its maker is no part of the
// program that is shipped:
//
//	go run -tags manual ./cmd/sendwarden manual DIR
//
// writes DIR/man/sendwarden.1, one more page for each command, and what the three
// shells complete, in DIR/completions.
func newManual() *cobra.Command {
	return &cobra.Command{
		Use:    "manual DIR",
		Short:  "Write manual pages and completions",
		Hidden: true,
		Args:   exactly(1, "a folder"),
		RunE:   func(cmd *cobra.Command, args []string) error { return writeManual(cmd.Root(), args[0]) },
	}
}

func addManual(root *cobra.Command) { root.AddCommand(newManual()) }

func writeManual(root *cobra.Command, dir string) error {
	pages, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	for _, folder := range []string{pages, completions} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	stamp, err := sourceDate()
	if err != nil {
		return err
	}
	root.DisableAutoGenTag = true // it would name a generator and the day
	head := &doc.GenManHeader{Section: "1", Date: &stamp, Source: "Sendwarden " + version, Manual: "Sendwarden"}
	if err := doc.GenManTree(root, head, pages); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"sendwarden":      func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"_sendwarden":     root.GenZshCompletion,
		"sendwarden.fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
	} {
		if err := writeTo(filepath.Join(completions, name), write); err != nil {
			return err
		}
	}
	return nil
}

// sourceDate is the day that the pages bear: the source's, so that the same source
// makes the same pages (https://reproducible-builds.org/specs/source-date-epoch/).
func sourceDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%s: no number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func writeTo(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	return f.Close()
}
