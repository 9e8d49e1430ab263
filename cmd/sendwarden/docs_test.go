package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sendwarden/docs/doctest"
	"sendwarden/settings"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// TestTuningDoc runs the commands of docs/tuning.md, in a directory with the week's
// log, and compares what they print. In an indented block, "$ " begins a command,
// and what follows is its output, in which "…" alone stands for any lines. A block
// that begins with "# name.yaml" is a file. The README's first command is run, too.
func TestTuningDoc(t *testing.T) {
	pages := doctest.Pages(t, "../..")
	inAFolder(t)
	commands := 0
	for _, p := range pages {
		for _, block := range p.Blocks {
			first, rest, _ := strings.Cut(block, "\n")
			if !strings.HasPrefix(first, "$ ") || p.Name != "tuning.md" && !strings.HasPrefix(first, "$ go run ") {
				continue
			}
			commands++
			out := does(t, doctest.CommandsOf(first)[0])
			require.True(t, asWritten(strings.Split(rest, "\n"), strings.Split(strings.TrimSuffix(out, "\n"), "\n")), "%s\n%s", first, out)
		}
	}
	require.Equal(t, 5, commands)
}

// inAFolder goes to one with the files that the pages name: what they show as a file,
// and the logs and rules of a server.
func inAFolder(t *testing.T) {
	t.Helper()
	pages := doctest.Pages(t, "../..")
	week, err := os.ReadFile("../../testdata/week/mail.log")
	require.NoError(t, err)
	rules, err := os.ReadFile("../../rules.yaml")
	require.NoError(t, err)
	examples, err := filepath.Abs("../../examples")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	t.Setenv("TZ", "UTC")
	require.NoError(t, os.CopyFS("examples", os.DirFS(examples)))
	require.NoError(t, os.MkdirAll("testdata/week", 0o755))
	for name, text := range map[string][]byte{"mail.log": week, "testdata/week/mail.log": week, "rules.yaml": rules, "new.yaml": rules, "old.yaml": rules, "my.yaml": rules} {
		require.NoError(t, os.WriteFile(name, text, 0o644))
	}
	for _, p := range pages {
		for _, block := range p.Blocks {
			first, rest, _ := strings.Cut(block, "\n")
			name, isFile := strings.CutPrefix(first, "# ")
			switch {
			case isFile && filepath.Ext(name) == ".yaml" && strings.HasPrefix(rest, "tests:"):
				require.NoError(t, os.WriteFile(name, []byte(rest), 0o644))
			case isFile && strings.HasPrefix(name, "account "):
				require.NoError(t, os.WriteFile("thefts.txt", []byte(block), 0o644))
			}
		}
	}
}

// does runs a command that has to go well, and answers what it printed.
func does(t *testing.T, words []string) string {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(words, &out, &errs)
	if words[0] == "check" && status == exitFaults {
		status = exitDone // it has read the file, and lints it
	}
	require.Equal(t, exitDone, status, "sendwarden %s: %s", strings.Join(words, " "), errs.String())
	return out.String()
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

// TestDocumentedCommands gives each call of the program that a page shows to the real
// command line: the command, its flags and the number of its arguments have to be as
// shown. Those that only read logs and rules are run.
func TestDocumentedCommands(t *testing.T) {
	pages := doctest.Pages(t, "../..")
	inAFolder(t)
	shown, ran := 0, make(map[string]bool)
	for _, p := range pages {
		for _, words := range slices.Concat(p.Commands(), p.Mentions()) {
			if isPattern(words) {
				continue
			}
			shown++
			cmd := understood(t, p, words)
			if line := strings.Join(words, " "); runsAlone(cmd, words) && !ran[line] {
				ran[line] = true
				does(t, onOurFiles(words))
			}
		}
	}
	require.Greater(t, shown, 90)
	require.Greater(t, len(ran), 12)
}

// isPattern tells whether it is no call but a way of writing one.
func isPattern(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return strings.ContainsAny(w, "[]…") || w == "COMMAND" || w == "--help" || w == "=" // sudoers
	})
}

// understood wants a command line to be right. A sentence may name a command alone.
func understood(t *testing.T, p doctest.Page, words []string) *cobra.Command {
	t.Helper()
	line := p.Name + ": sendwarden " + strings.Join(words, " ")
	cmd, rest, err := newRoot().Find(words)
	require.NoError(t, err, line)
	require.NoError(t, cmd.ParseFlags(rest), line)
	if cmd.Flags().NArg() > 0 || slices.ContainsFunc(p.Commands(), func(c []string) bool { return slices.Equal(c, words) }) {
		require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), line)
	}
	return cmd
}

// runsAlone tells whether a command needs no server, no daemon and no input.
func runsAlone(cmd *cobra.Command, words []string) bool {
	switch cmd.Name() {
	case "replay", "parse", "stats", "trace", "check", "test":
		return len(cmd.Flags().Args()) > 0 && !slices.Contains(words, "-")
	case "explain":
		return len(cmd.Flags().Args()) > 1 || cmd.Flags().Changed("line") && !slices.Contains(words, "-")
	case "rules", "lookup", "version":
		return true
	}
	return false
}

// onOurFiles puts the files of the folder in the place of a server's, and an example in
// the place of a word in capitals.
func onOurFiles(words []string) (out []string) {
	ours := map[string]string{
		"/etc/sendwarden/rules.yaml": "rules.yaml", "FILE": "mail.log", "ADDRESS": "192.0.2.1",
		"USER": "info@example.es", "LINE": "Apr 15 09:30:00 mail postfix/smtpd[7]: A672A9BAA49: client=unknown[177.32.18.77], sasl_method=PLAIN, sasl_username=ana@example.es",
	}
	for i, w := range words {
		switch {
		case i > 0 && words[i-1] == "--known-thefts":
			w = "thefts.txt"
		case i > 0 && words[i-1] == "--rules" && w == "FILE", words[0] == "check" && w == "FILE":
			w = "rules.yaml"
		case words[0] == "test" && i > 0 && w == "FILE":
			w = "mytests.yaml"
		case strings.HasPrefix(w, "/var/log/"):
			w = "mail.log"
		case ours[w] != "":
			w = ours[w]
		case strings.HasSuffix(w, "/NAME.yaml"):
			w = strings.Replace(w, "NAME", "volume", 1)
		}
		out = append(out, w)
	}
	return out
}

// TestDocumentedFlags looks for flags that sentences name.
func TestDocumentedFlags(t *testing.T) {
	flags := map[string]bool{"--merge": true} // journalctl's
	var gather func(*cobra.Command)
	gather = func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		for _, flag := range strings.Fields(longFlag.ReplaceAllString(c.LocalFlags().FlagUsages(), " $0 ")) {
			if strings.HasPrefix(flag, "--") {
				flags[flag] = true
			}
		}
		for _, sub := range c.Commands() {
			gather(sub)
		}
	}
	gather(newRoot())
	for _, p := range doctest.Pages(t, "../..") {
		for _, s := range p.Spans {
			if flag := longFlag.FindString(s); flag != "" && strings.HasPrefix(s, flag) {
				require.True(t, flags[flag], "%s: `%s`: no command has that flag", p.Name, s)
			}
		}
	}
}

var longFlag = regexp.MustCompile(`--[a-z][a-z-]*`)

// TestDocumentedRules reads each piece of a rules file that a page shows, in a block or
// in a sentence, as the program does.
func TestDocumentedRules(t *testing.T) {
	keys := rulesKeys(t)
	shown := 0
	for _, p := range doctest.Pages(t, "../..") {
		for _, text := range slices.Concat(p.Blocks, p.Spans) {
			text, is := asRules(text, keys)
			if !is {
				continue
			}
			shown++
			t.Run(p.Name, func(t *testing.T) {
				_, _, err := settings.Parse(p.Name, []byte(text))
				require.NoError(t, err, text)
			})
		}
	}
	require.Greater(t, shown, 35)
}

// rulesKeys are the keys of a rules file, by its schema.
func rulesKeys(t *testing.T) (keys []string) {
	t.Helper()
	data, err := settings.Schema()
	require.NoError(t, err)
	var schema struct{ Properties map[string]any }
	require.NoError(t, json.Unmarshal(data, &schema))
	require.NotEmpty(t, schema.Properties)
	for key := range schema.Properties {
		keys = append(keys, key)
	}
	return keys
}

// asRules makes a whole file of a piece; it is none where it does not begin with a key.
func asRules(text string, keys []string) (string, bool) {
	first := text
	for strings.HasPrefix(first, "#") {
		_, first, _ = strings.Cut(first, "\n")
	}
	key, value, _ := strings.Cut(first, ":")
	switch {
	case strings.Contains(value, "…"), value == "", value != strings.TrimLeft(value, "/"): // state://
		return "", false
	case strings.HasPrefix(first, "- name:"):
		return "rules:\n" + text, true
	case !slices.Contains(keys, key) || value[0] != ' ' && value[0] != '\n':
		return "", false
	case key != "rules":
		return text + "\nrules: [{name: one, when: new_country, points: 1}]\n", true
	}
	return text, true
}
