// Package doctest finds the examples of a page of documentation, for the tests that run
// them: what the page shows has to work. It is for tests only.
//
// An example is a block of lines that are indented by four blanks or more, or a span of
// code in a sentence:
//
//	    $ sendwarden test mytests.yaml
//	    mytests.yaml: 2 tests passed
//
//	`check` names every mistake, and `sendwarden replay --sweep threshold.block=60..200` tries values.
package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Page is a page of documentation.
type Page struct {
	Name   string
	Blocks []string // without their indent
	Spans  []string
}

// Pages reads README.md and docs, of which root is the folder above.
func Pages(t testing.TB, root string) (pages []Page) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, name := range append([]string{filepath.Join(root, "README.md")}, names...) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		p := Read(string(text))
		p.Name = filepath.Base(name)
		pages = append(pages, p)
	}
	return pages
}

var span = regexp.MustCompile("`([^`]+)`")

// Read finds the examples of a page.
func Read(text string) (p Page) {
	var block, prose []string
	blank := true // what follows may be a block
	end := func() {
		if len(block) > 0 {
			p.Blocks = append(p.Blocks, dedent(block))
		}
		block = nil
	}
	for line := range strings.Lines(text + "\n") {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.TrimSpace(line) == "":
			blank = true
			if block = append(block, ""); block[0] == "" {
				block = nil
			}
			prose = append(prose, "\n")
			continue
		case strings.HasPrefix(line, "    ") && (blank || len(block) > 0):
			if code := strings.TrimSpace(line); blank && (strings.HasPrefix(code, "$ ") || strings.HasPrefix(code, "sendwarden ")) {
				end() // a command behind a file, or behind another
			}
			block = append(block, line)
		default:
			end()
			prose = append(prose, line)
		}
		blank = false
	}
	end()
	for paragraph := range strings.SplitSeq(strings.Join(prose, " "), "\n") {
		for _, m := range span.FindAllStringSubmatch(paragraph, -1) {
			p.Spans = append(p.Spans, strings.Join(strings.Fields(m[1]), " "))
		}
	}
	return p
}

// dedent takes away the indent of the first line.
func dedent(lines []string) string {
	indent := len(lines[0]) - len(strings.TrimLeft(lines[0], " "))
	for i, line := range lines {
		lines[i] = line[min(indent, len(line)-len(strings.TrimLeft(line, " "))):]
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Commands are the calls of the program in the blocks of a page: alone on a line or in
// a pipe, without what stands behind them for readers.
func (p *Page) Commands() (commands [][]string) {
	for _, block := range p.Blocks {
		for line := range strings.SplitSeq(block, "\n") {
			commands = append(commands, CommandsOf(line)...)
		}
	}
	return commands
}

// Mentions are the calls in sentences.
func (p *Page) Mentions() (commands [][]string) {
	for _, s := range p.Spans {
		commands = append(commands, CommandsOf(s)...)
	}
	return commands
}

var joined = regexp.MustCompile(` (?:\||&&|>) `)

// withoutRemark cuts off what stands behind two blanks or a number sign.
func withoutRemark(line string) string {
	quoted := false
	for i, r := range line {
		switch {
		case r == '\'':
			quoted = !quoted
		case !quoted && (strings.HasPrefix(line[i:], "  ") || strings.HasPrefix(line[i:], " # ")):
			return line[:i]
		}
	}
	return line
}

// CommandsOf are the calls of the program in one line.
func CommandsOf(line string) (commands [][]string) {
	line = withoutRemark(strings.TrimPrefix(strings.TrimSpace(line), "$ "))
	for _, part := range joined.Split(line, -1) {
		words := Words(part)
		switch {
		case len(words) > 1 && words[0] == "sendwarden":
			commands = append(commands, words[1:])
		case len(words) > 3 && strings.Join(words[:3], " ") == "go run ./cmd/sendwarden":
			commands = append(commands, words[3:])
		}
	}
	return commands
}

// Words takes a command line apart; quotes keep words together.
func Words(line string) (words []string) {
	word, quote, open := "", rune(0), false
	for _, r := range line + " " {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote, open = r, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && r == ' ':
			if word != "" || open {
				words = append(words, word)
			}
			word, open = "", false
		default:
			word += string(r)
		}
	}
	return words
}
