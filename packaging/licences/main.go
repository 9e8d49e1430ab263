// Command licences lists what the program is made of beside its own code, with the
// licence of each module:
//
//	go run ./packaging/licences          a table, for people
//	go run ./packaging/licences -text    the licences themselves, to be shipped with the program
//
// A licence that is not known here, or one that asks for more than a notice, ends
// it with an error: it is for a person to look at.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	text := flag.Bool("text", false, "print the licences")
	flag.Parse()
	if err := run(os.Stdout, *text, "./cmd/sendwarden"); err != nil {
		fmt.Fprintf(os.Stderr, "licences: %v\n", err)
		os.Exit(1)
	}
}

// module is one that the program is linked with.
type module struct {
	Path, Version, Dir string
	Main               bool

	licence string
	texts   [][]byte
}

func run(out io.Writer, text bool, program string) error {
	modules, err := linked(program)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if text {
			for _, t := range m.texts {
				fmt.Fprintf(out, "%s %s (%s)\n\n%s\n\n", m.Path, m.Version, m.licence, bytes.TrimSpace(t))
			}
			continue
		}
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", m.Path, m.Version, m.licence)
	}
	return nil
}

// linked are the modules of all packages that a program imports, with their
// licences, in the order of their names.
func linked(program string) ([]*module, error) {
	list := exec.Command("go", "list", "-deps", "-json=Module", program)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var found []*module
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ Module *module }
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		m := p.Module
		if m == nil || m.Main || slices.ContainsFunc(found, func(other *module) bool { return other.Path == m.Path }) {
			continue // of Go itself, or ours
		}
		if err := m.read(); err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	slices.SortFunc(found, func(a, b *module) int { return strings.Compare(a.Path, b.Path) })
	return found, nil
}

// read reads the licence files of a module.
func (m *module) read() error {
	files, err := os.ReadDir(m.Dir)
	if err != nil {
		return fmt.Errorf("%s: %w (go mod download)", m.Path, err)
	}
	for _, f := range files {
		name := strings.ToUpper(f.Name())
		if f.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "NOTICE") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, f.Name()))
		if err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		m.texts = append(m.texts, text)
		if licence := nameOf(text); licence != "" && m.licence == "" {
			m.licence = licence
		}
	}
	if m.licence == "" {
		return fmt.Errorf("%s %s: no licence that is known to ask for nothing but a notice (look into %s)", m.Path, m.Version, m.Dir)
	}
	return nil
}

// nameOf knows permissive licences by the words that make them so.
func nameOf(text []byte) string {
	words := strings.Join(strings.Fields(string(text)), " ")
	has := func(s string) bool { return strings.Contains(words, s) }
	switch {
	case has("GNU GENERAL PUBLIC"), has("GNU LESSER"), has("GNU AFFERO"), has("Mozilla Public License"):
		return ""
	case has("Apache License Version 2.0") || has("Apache License, Version 2.0"):
		return "Apache-2.0"
	case has("Permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"):
		return "ISC"
	case has("Redistributions in binary form must reproduce") && (has("Neither the name") || has("nor the names of")):
		return "BSD-3-Clause"
	case has("Redistributions in binary form must reproduce"):
		return "BSD-2-Clause"
	}
	return ""
}
