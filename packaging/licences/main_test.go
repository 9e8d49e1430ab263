package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table in docs/security.md names what go.mod requires itself, with the
// licence that each has.
func TestDocumented(t *testing.T) {
	out, err := exec.Command("go", "mod", "edit", "-json", "../../go.mod").Output()
	require.NoError(t, err)
	var file struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	require.NoError(t, json.Unmarshal(out, &file))
	var want []string
	for _, r := range file.Require {
		if r.Indirect {
			continue
		}
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", r.Path).Output()
		require.NoError(t, err, r.Path)
		m := module{Path: r.Path, Dir: string(bytes.TrimSpace(dir))}
		require.NoError(t, m.read())
		want = append(want, r.Path+" "+m.licence)
	}
	text, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	var got []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+\\.[^`]+/[^`]+)` \\| (\\S+) \\| \\d{4}-\\d{2} \\|").FindAllSubmatch(text, -1) {
		got = append(got, string(row[1])+" "+string(row[2]))
	}
	slices.Sort(want)
	require.Equal(t, want, got)
}

func TestUnknownLicencesStop(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                                                 "Apache-2.0",
		"Permission is hereby granted, free of charge, to any person\nobtaining a copy":                                "MIT",
		"Redistributions in binary form must reproduce the above; Neither the name of Google":                          "BSD-3-Clause",
		"GNU GENERAL PUBLIC LICENSE, and Permission is hereby granted, free of charge, to any person obtaining a copy": "",
		"Mozilla Public License Version 2.0":                                                                           "",
		"All rights reserved.":                                                                                         "",
	} {
		require.Equal(t, want, nameOf([]byte(text)), text)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/LICENSE", []byte("All rights reserved."), 0o600))
	require.ErrorContains(t, (&module{Path: "example.com/x", Dir: dir}).read(), "no licence that is known")
}
