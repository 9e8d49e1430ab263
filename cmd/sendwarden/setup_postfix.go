package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"sendwarden/blocklist"
	"sendwarden/maillog"
	"sendwarden/policy"
	"sendwarden/postfix"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

func newSetup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Prepare the mail server",
		Args:  noCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSetupPostfix(), newSetupExim(), newSetupHeaders())
	return cmd
}

// setupPostfix is `sendwarden setup postfix`.
type setupPostfix struct {
	listSetup
	door, socketmap     string
	apply, undo, reload bool
	judgesLocal         bool                    // there are rules for local accounts
	addresses           blocklist.AddressConfig // of the rules
}

func newSetupPostfix() *cobra.Command {
	var s setupPostfix
	cmd := &cobra.Command{
		Use:   "postfix",
		Short: "Show or make the changes that Postfix needs",
		Long: `Setup looks at how this Postfix is configured and prints what has to change so
that it obeys the blocklist, with a sentence for each line. It changes nothing
until --apply says so. Then it copies each file beside itself, sets the values
with postconf, and has "postfix check" look at the result. A second run finds
nothing to do. What is laid out in a way that postconf would spoil is left for
you to do by hand, and named.

--undo puts back what --apply has changed, and keeps what others edited since.`,
		Example: "  sendwarden setup postfix\n  sendwarden setup postfix --apply --reload\n  sendwarden setup postfix --undo",
		Args:    exactly(0, "no arguments"),
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.flags(cmd)
	s.tableFlags(cmd)
	cmd.Flags().StringVar(&s.door, "door", "", "`ADDR` of the daemon's policy service, such as inet:127.0.0.1:10045 or unix:sendwarden/policy, below Postfix's queue directory (default: door.listen of the rules)")
	cmd.Flags().StringVar(&s.socketmap, "socketmap", "", "`ADDR` of the daemon's socketmap service with the map's name, such as inet:127.0.0.1:10046:sendwarden")
	cmd.Flags().BoolVar(&s.apply, "apply", false, "make the changes")
	cmd.Flags().BoolVar(&s.undo, "undo", false, "take back what --apply changed")
	cmd.Flags().BoolVar(&s.reload, "reload", false, "and let the running Postfix read them")
	return cmd
}

func (s *setupPostfix) run(cmd *cobra.Command) error {
	if s.apply && s.undo {
		return usageError{errors.New("--apply and --undo exclude each other")}
	}
	if s.reload && !s.apply && !s.undo {
		return usageError{errors.New("--reload goes with --apply or --undo")}
	}
	config, err := postfix.Read(cmd.Context(), s.configDir, postfix.Exec)
	if err != nil {
		return fmt.Errorf("%w (install Postfix, or name its configuration with --postfix-config; `sendwarden setup exim` is for Exim)", err)
	}
	if s.undo {
		return s.takeBack(cmd, config)
	}
	want, table, err := s.want(cmd)
	if err != nil {
		return err
	}
	_, list, _ := strings.Cut(want.Table, ":")
	plan := config.Plan(want)
	if !table.Live() && plan.Want.Door == "" {
		plan.Notes = append(plan.Notes, "With "+table.Type()+", a session that is open goes on until it ends. lmdb reaches it (on Debian, install postfix-lmdb), and so does the door.")
	}
	if note, is := addressNote(config, s.addresses); is {
		plan.Notes = append(plan.Notes, note)
	}
	if s.judgesLocal {
		plan.Notes = append(plan.Notes, accountNote(filepath.Join(filepath.Dir(list), "accounts"), config.Main("authorized_submit_users")))
	}
	_, missing := config.Lookup(cmd.Context(), want.Table, "nobody")
	out := cmd.OutOrStdout()
	describe(out, config, plan)
	if missing != nil {
		fmt.Fprintf(out, "\nFirst: Postfix can't read %s (%v).\n`sendwarden run --watch` makes it. A service whose table is missing puts off all its mail (451).\n", want.Table, missing)
	}
	if !s.apply {
		if len(plan.Changes) > 0 {
			fmt.Fprintln(out, "\nNothing is changed yet: --apply makes the changes, and --undo takes them back.")
		}
		return nil
	}
	if missing != nil && len(plan.Changes) > 0 {
		return fmt.Errorf("%s: nothing is changed, since Postfix can't read it yet (start `sendwarden run --watch` first)", want.Table)
	}
	return s.change(cmd, config, plan)
}

// want is what the flags and the rules say Postfix shall ask.
func (s *setupPostfix) want(cmd *cobra.Command) (postfix.Want, blocklist.Table, error) {
	rules, origin, err := s.rules()
	if err != nil {
		return postfix.Want{}, blocklist.Table{}, err
	}
	s.judgesLocal = rules.Judges(scoring.Local)
	table, err := s.detect(cmd.Context(), rules)
	if err != nil {
		return postfix.Want{}, table, err
	}
	path, err := filepath.Abs(s.file(rules))
	if err != nil {
		return postfix.Want{}, table, err
	}
	var door policy.Config
	if err := settings.Section(origin, "door", rules, &door); err != nil {
		return postfix.Want{}, table, err
	}
	if err := settings.Section(origin, "addresses", rules, &s.addresses); err != nil {
		return postfix.Want{}, table, err
	}
	want := postfix.Want{Table: table.Map(path), Door: cmp.Or(s.door, socketOf(door.Listen)), Socketmap: s.socketmap}
	if err := want.Check(); err != nil {
		return want, table, usageError{err}
	}
	return want, table, nil
}

// accountNote is how local accounts are stopped that the rules give an alarm for.
func accountNote(file, now string) string {
	const what = "The rules look at local accounts. "
	if strings.Contains(now, file) {
		return what + "Postfix asks " + file + " who of them may not call sendmail(1); the hook stop-local-account (docs/hooks.md) adds to it."
	}
	return what + "To stop one from calling sendmail(1), make " + file + " (mode 644, the daemon's), which the hook stop-local-account (docs/hooks.md) adds to, and then:\n\n" +
		"    postconf -e 'authorized_submit_users = !texthash:" + file + ", static:all'\n\n" +
		"Postfix looks at it at each call; while it is missing, nobody's call is taken."
}

// socketOf is the first address that Postfix can be told: what a socket of
// systemd's is bound to, only its unit knows.
func socketOf(listen []string) string {
	for _, address := range listen {
		if !strings.HasPrefix(address, "systemd:") {
			return address
		}
	}
	return ""
}

// change makes the planned changes.
func (s *setupPostfix) change(cmd *cobra.Command, config *postfix.Config, plan postfix.Plan) error {
	out := cmd.OutOrStdout()
	done, err := config.Apply(cmd.Context(), plan, time.Now())
	if err != nil {
		return fmt.Errorf("%w (the files are as they were)", err)
	}
	if len(plan.Changes) > 0 {
		fmt.Fprintf(out, "\nDone, and `postfix check` finds no fault. Copies of before: %s\n", strings.Join(done.Backups, ", "))
		if err := s.reloadPostfix(cmd, config); err != nil {
			return err
		}
	}
	if n := len(plan.ByHand); n > 0 {
		return fmt.Errorf("%s left to do by hand, as said above", words.Count(n, "thing"))
	}
	return nil
}

func (s *setupPostfix) takeBack(cmd *cobra.Command, config *postfix.Config) error {
	out := cmd.OutOrStdout()
	done, err := config.Undo(cmd.Context())
	if errors.Is(err, postfix.ErrNothing) {
		fmt.Fprintf(out, "Nothing to undo: --apply has changed nothing in %s.\n", config.Dir)
		return nil
	}
	for _, c := range done.Undone {
		fmt.Fprintf(out, "%s: taken back.\n", settingName(c))
	}
	for _, text := range done.ByHand {
		fmt.Fprintf(out, "By hand: %s\n", text)
	}
	if err != nil {
		return err
	}
	if err := s.reloadPostfix(cmd, config); err != nil {
		return err
	}
	if n := len(done.ByHand); n > 0 {
		return fmt.Errorf("%s left to do by hand, as said above", words.Count(n, "thing"))
	}
	return nil
}

func (s *setupPostfix) reloadPostfix(cmd *cobra.Command, config *postfix.Config) error {
	if !s.reload {
		fmt.Fprintln(cmd.OutOrStdout(), "Postfix goes by it after: postfix reload")
		return nil
	}
	if err := config.Reload(cmd.Context()); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "Postfix was reloaded.")
	return nil
}

// describe prints what was found and what has to change.
func describe(w io.Writer, config *postfix.Config, plan postfix.Plan) {
	fmt.Fprintf(w, "Postfix %s in %s.", maillog.Mask(config.Release), maillog.Mask(config.Dir))
	var ports []string
	for _, s := range config.Submission() {
		port := s.Port()
		if s.Chroot {
			port += " (chroot)"
		}
		ports = append(ports, maillog.Mask(port))
	}
	if len(ports) > 0 {
		fmt.Fprintf(w, " Users log in at %s.", strings.Join(ports, ", "))
	}
	fmt.Fprintln(w)
	for _, c := range plan.Changes {
		describeChange(w, config, c)
	}
	if len(plan.Changes)+len(plan.ByHand) == 0 {
		fmt.Fprintln(w, "\nNothing to do: Postfix asks already what it shall.")
	}
	for _, text := range plan.ByHand {
		fmt.Fprintf(w, "\nBy hand: %s\n", text)
	}
	for _, text := range plan.Notes {
		fmt.Fprintf(w, "\nNote: %s\n", text)
	}
}

func describeChange(w io.Writer, config *postfix.Config, c postfix.Change) {
	name, indent := c.Name+" =\n        ", "        "
	place := filepath.Join(config.Dir, c.File())
	if c.Service != "" {
		place += ", below " + c.Service
		name, indent = "-o "+c.Name+"=", ""
	}
	var lines []string
	for _, p := range c.Parts {
		lines = append(lines, p.Text)
	}
	between := ",\n" + indent
	if c.Service != "" {
		between = ","
	}
	fmt.Fprintf(w, "\nTo set in %s:\n\n    %s%s\n\n", maillog.Mask(place), name, strings.Join(lines, between))
	for _, p := range c.Parts {
		fmt.Fprintf(w, "    %s\n        %s.\n", p.Text, p.Why)
	}
}

func settingName(c postfix.Change) string {
	if c.Service == "" {
		return c.Name
	}
	return c.Service + "/" + c.Name
}
