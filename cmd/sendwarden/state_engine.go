package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"sendwarden/blocklist"
	"sendwarden/daemon"
	"sendwarden/maillog"
	"sendwarden/past"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/shared"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

// memory is what the commands work on: the file of a host, or what hosts share.
func (c *stateCommand) memory() (path string, isShared bool, err error) {
	if c.path != "" {
		return c.path, shared.IsURL(c.path), nil
	}
	rules, _, err := settings.Load(c.rulesFile)
	if err != nil {
		return "", false, fmt.Errorf("%w (--state names the state)", err)
	}
	path = (&runCommand{}).stateFile(rules)
	return path, shared.IsURL(path), nil
}

// exportShared prints what an engine has.
func exportShared(ctx context.Context, url, user string, out *bufio.Writer) (found int, err error) {
	engine, err := daemon.OpenEngine(ctx, url)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	err = engine.Each(ctx, func(key string, record []byte) error {
		if ctx.Err() != nil {
			return past.ErrStopped
		}
		if user != "" && !scoring.Concerns(key, record, user) && !daemon.Decides(key, record, user) {
			return nil
		}
		found++
		writeJSON(out, recordOut{key, readable(key, record), record})
		return nil
	})
	return found, err
}

// importShared has an engine take records over.
func importShared(ctx context.Context, out io.Writer, url, name string, in io.Reader) (err error) {
	engine, err := daemon.OpenEngine(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	all := engine.Import()
	_, err = eachRecord(name, in, func(key string, record []byte) error { return all.Take(ctx, key, record) })
	if err = errors.Join(err, all.Flush()); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s and %s taken over.", words.Count(all.Users, "user"), words.Count(all.Decisions, "decision"))
	if all.Known > 0 {
		fmt.Fprintf(out, " %s known there already, and stay as they are.", words.Count(all.Known, "other"))
	}
	if all.Own > 0 {
		fmt.Fprintf(out, " %s of one host's own concern, and not for others.", words.Count(all.Own, "record"))
	}
	fmt.Fprintln(out)
	return nil
}

// forgetShared has an engine and its hosts forget a user.
func forgetShared(cmd *cobra.Command, url, name string) (err error) {
	user := blocklist.Fold(name)
	found, err := exportShared(cmd.Context(), url, user, bufio.NewWriter(io.Discard))
	if err != nil {
		return err
	}
	engine, err := daemon.OpenEngine(cmd.Context(), url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	// A host may know what the engine does not.
	blocked, err := engine.Forget(cmd.Context(), user)
	if err != nil {
		return err
	}
	out := []string{maillog.Mask(name) + " is forgotten"}
	if found == 0 {
		out[0] = "The shared state knew nothing of " + maillog.Mask(name)
	}
	out = append(out, "each host forgets within a second, or when it is there again")
	fmt.Fprintf(cmd.OutOrStdout(), "%s.", strings.Join(out, "; "))
	if blocked {
		fmt.Fprintf(cmd.OutOrStdout(), " The blocklists stay: `sendwarden release %s` first, and the reasons go from there, too.", maillog.Mask(user))
	}
	fmt.Fprintln(cmd.OutOrStdout())
	return nil
}
