// Command sendwarden stands beside Postfix and stops a stolen mail credential
// from sending.
//
// Every authenticated submission in Postfix's log goes the same way:
//
//	log line ─▶ event ─▶ placed event ─▶ score ─▶ verdict ─▶ blocklist ─▶ Postfix
//
// Package judge is that way; the files here are the commands that send lines along
// it or show what came of them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sendwarden/past"

	"github.com/spf13/cobra"
)

// Exit statuses, part of what others build on.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitFaults = 3 // check, test or doctor found faults
)

// errFaults ends a command that has already printed what it found.
var errFaults = errors.New("faults were found")

// usageError is a mistake in how the command was called.
type usageError struct{ error }

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFaults):
		return exitFaults
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "sendwarden: %v\nTry: %s --help\n", err, cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(stderr, "sendwarden: %v\n", err)
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "sendwarden",
		Short: "Stops a stolen mail credential from sending",
		Long: `Sendwarden reads Postfix's log, places every authenticated submission on the
map, and blocks a user whose log-ins no longer look like one person's. The
account still receives mail.

Start with your own logs, which changes nothing:
  sendwarden replay /var/log/mail.log*

Exit status: 0 done, 1 it failed, 2 wrong usage, 3 check, test or doctor
has found faults.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetVersionTemplate("sendwarden {{.Version}}\n")
	root.SetHelpCommand(newHelp())
	addGroup(root, "Try it and tune it:", newReplay(), newExplain(), newCheck(), newTest(), newRules(), newLookup(), newParse(), newStats(), newTrace(), newSimulate())
	addGroup(root, "Protect the server:", newSetup(), newDoctor(), newInvestigate(), newRun(), newQueue(), newState(), newQueueHelper())
	addGroup(root, "Review what it does:", newStatus(), newWatch(), newReview(), newList(), newHistory(), newReport(), newBlock(), newRelease(), newKeep(), newTrust(), newUntrust())
	root.AddCommand(newVersion())
	addManual(root)
	return root
}

// addGroup adds commands that the help shows together.
func addGroup(root *cobra.Command, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, c := range commands {
		c.GroupID = title
		root.AddCommand(c)
	}
}

// newHelp is cobra's help command, except that it refuses what is no command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			about, _, err := root.Find(args)
			if err == nil && about == root {
				err = noCommand(root, args)
			}
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// noCommand refuses a word that is no command, and names the one that was
// probably meant.
func noCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError{fmt.Errorf("unknown command %q (%s?)", args[0], near[0])}
	}
	return usageError{fmt.Errorf("unknown command %q", args[0])}
}

// idleTime is what a command that was told to stop gets to do so by itself.
const idleTime = 300 * time.Millisecond

// stopIdle ends the process when a signal finds it waiting for a pipe or a
// terminal that says nothing, a wait that nothing else would end. It is for
// commands that leave nothing behind. The answer ends the watch.
func stopIdle(cmd *cobra.Command) (end func() bool) {
	return context.AfterFunc(cmd.Context(), func() {
		time.Sleep(idleTime)
		fmt.Fprintf(cmd.ErrOrStderr(), "sendwarden: %v\n", past.ErrStopped)
		os.Exit(exitFailed)
	})
}

// atLeast and exactly are cobra's checks of how many arguments there are, with
// the exit status of wrong usage.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return usageError{fmt.Errorf("%s needs %s", cmd.Name(), what)}
		}
		return nil
	}
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s takes %s", cmd.Name(), what)}
		}
		return nil
	}
}
