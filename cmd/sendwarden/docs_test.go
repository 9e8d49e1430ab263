package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTuningDoc runs the commands of docs/tuning.md, in a directory with the week's
// log, and compares what they print. In an indented block, "$ " begins a command,
// and what follows is its output, in which "…" alone stands for any lines. A block
// that begins with "# name.yaml" is a file.
func TestTuningDoc(t *testing.T) {
	text, err := os.ReadFile("../../docs/tuning.md")
	require.NoError(t, err)
	week, err := os.ReadFile("../../testdata/week/mail.log")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("mail.log", week, 0o644))
	t.Setenv("TZ", "UTC")
	commands := 0
	for _, block := range blocksOf(string(text)) {
		first, rest, _ := strings.Cut(block, "\n")
		if name, isFile := strings.CutPrefix(first, "# "); isFile && filepath.Ext(name) == ".yaml" {
			require.NoError(t, os.WriteFile(name, []byte(rest), 0o644))
		}
		command, isCommand := strings.CutPrefix(first, "$ sendwarden ")
		if !isCommand {
			continue
		}
		commands++
		var out, errs bytes.Buffer
		require.Equal(t, exitDone, run(docWords(command), &out, &errs), "%s: %s", command, errs.String())
		require.True(t, asWritten(strings.Split(rest, "\n"), strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")), "%s\n%s", first, out.String())
	}
	require.Equal(t, 4, commands)
}

// blocksOf are the indented parts of a text, without the indent.
func blocksOf(text string) (blocks []string) {
	var block []string
	for line := range strings.Lines(text + "\nend\n") {
		code, isCode := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "    ")
		switch {
		case isCode:
			block = append(block, code)
		case strings.TrimSpace(line) == "" && len(block) > 0:
			blocks = append(blocks, strings.Join(block, "\n"))
			block = nil
		default:
			block = nil
		}
	}
	return blocks
}

// docWords takes a command line apart; single quotes keep words together.
func docWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

func asWritten(want, got []string) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case want[0] == "…":
		for skip := range len(got) + 1 {
			if asWritten(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && want[0] == got[0] && asWritten(want[1:], got[1:])
}
