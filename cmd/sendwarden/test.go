package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/trial"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

type testCommand struct {
	setup
	only    string
	verbose bool
	json    bool
}

func newTest() *cobra.Command {
	var c testCommand
	cmd := &cobra.Command{
		Use:   "test FILE…",
		Short: "Try the rules on invented people and thefts, and compare with what is expected",
		Long: `Test plays the scenarios of YAML files: people with their habits, what somebody
does with their accounts, and the verdict, score and reasons that are expected of
the rules. Of an expectation that is not met it shows how that came about, and
it exits with status 3. docs/tuning.md tells how to write such files.`,
		Example: "  sendwarden test --rules /etc/sendwarden/rules.yaml mytests.yaml",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	cmd.Flags().StringVar(&c.rulesFile, "rules", "", "rules `FILE` (default "+settings.DefaultRules+", else the shipped rules)")
	cmd.Flags().StringVar(&c.only, "only", "", "play only the tests whose names match this `REGEXP`")
	cmd.Flags().BoolVarP(&c.verbose, "verbose", "v", false, "show how each test went")
	cmd.Flags().BoolVar(&c.json, "json", false, "print one JSON object a test")
	return cmd
}

func (c *testCommand) run(cmd *cobra.Command, files []string) error {
	if len(files) == 0 {
		return usageError{errors.New("test needs files of tests")}
	}
	only, err := regexp.Compile(c.only)
	if err != nil {
		return usageError{fmt.Errorf("--only: %w", err)}
	}
	rules, _, err := c.rules()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	faulty := false
	for _, file := range files {
		text, err := readTests(file)
		if err != nil {
			return errors.Join(out.Flush(), err)
		}
		ok, err := c.play(out, file, text, rules, only)
		if err != nil {
			return errors.Join(out.Flush(), err)
		}
		faulty = faulty || !ok
	}
	if err := out.Flush(); err != nil || !faulty {
		return err
	}
	return errFaults
}

// readTests reads no more of a file than is enough to find it too long.
func readTests(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, placed(err)
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, settings.MaxSize))
}

// placed says of a file that cannot be opened what all errors do: the place, and the
// fact.
func placed(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", failed.Path, failed.Err)
	}
	return err
}

// testOut is one line of `test --json`.
type testOut struct {
	File   string   `json:"file"`
	Test   string   `json:"test"`
	Passed bool     `json:"passed"`
	Faults []string `json:"faults,omitempty"`
}

// play plays the tests of one file, and tells whether all was as expected.
func (c *testCommand) play(w io.Writer, file string, text []byte, rules *scoring.Rules, only *regexp.Regexp) (ok bool, err error) {
	tests, err := trial.Read(file, text)
	if err != nil {
		return false, err
	}
	played, failed := 0, 0
	for i := range tests.Cases {
		t := &tests.Cases[i]
		if !only.MatchString(t.Name) {
			continue
		}
		outcome := tests.Play(t, rules)
		played++
		if len(outcome.Faults) > 0 {
			failed++
		}
		c.tell(w, file, t, &outcome)
	}
	switch {
	case c.json:
	case failed > 0:
		fmt.Fprintf(w, "%s: %s of %s failed\n", file, words.Thousands(failed), words.Thousands(played)+" tests")
	default:
		fmt.Fprintf(w, "%s: %s passed\n", file, words.Count(played, "test"))
	}
	return failed == 0, nil
}

// tell shows how a test went, if that is of interest.
func (c *testCommand) tell(w io.Writer, file string, t *trial.Case, o *trial.Outcome) {
	if c.json {
		out := testOut{File: file, Test: t.Name, Passed: len(o.Faults) == 0}
		for _, f := range o.Faults {
			out.Faults = append(out.Faults, f.Error())
		}
		writeJSON(w, out)
		return
	}
	if len(o.Faults) == 0 && !c.verbose {
		return
	}
	word := "passed"
	if len(o.Faults) > 0 {
		word = "FAILED"
	}
	fmt.Fprintf(w, "%s: %s\n", word, maillog.Mask(t.Name))
	for _, f := range o.Faults {
		paragraph(w, "  ", maillog.Mask(f.Error()), 6)
	}
	for _, user := range o.Users {
		var story strings.Builder
		tell := timeline{w: &story}
		for _, told := range o.Told {
			switch {
			case told.User != user:
			case told.Release != nil:
				tell.released(*told.Release)
			default:
				tell.step(newStep(told.Submission, told.Explanation))
			}
		}
		tell.unfold()
		fmt.Fprintf(w, "\n  %s\n", maillog.Mask(user))
		for line := range strings.Lines(story.String()) {
			fmt.Fprintf(w, "  %s", line)
		}
	}
	fmt.Fprintln(w)
}
