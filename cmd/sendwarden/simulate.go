package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"sendwarden/simulate"
	"sendwarden/words"

	"github.com/spf13/cobra"
)

type simulateCommand struct {
	seed                uint64
	days, users, thefts int
	home                string
	cold, noDovecot     bool
	vary                []string
	out                 string
}

func newSimulate() *cobra.Command {
	var c simulateCommand
	cmd := &cobra.Command{
		Use:   "simulate --out DIR",
		Short: "Write the log of an invented server, with thefts and the truth about them",
		Long: `Simulate invents a mail server, its people and the thieves who use some of
their passwords, and writes what its Postfix and Dovecot would have logged, the
databases that place its addresses, and the truth. The same seed and flags write
the same bytes. The usual server makes a log of some 600 MB.

--vary multiplies one figure, or the share of one kind of person or theft:
` + parameterList(),
		Example: `  sendwarden simulate --users 100 --days 10 --thefts 8 --out /tmp/server
  sendwarden simulate --seed 7 --home MX --vary people.vpn=3 --vary thief-pace=0.5 --out /tmp/server`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.OutOrStdout()) },
	}
	usual := simulate.Default(1)
	f := cmd.Flags()
	f.Uint64Var(&c.seed, "seed", 1, "another `N` is another server")
	f.IntVar(&c.days, "days", usual.Days, "length of the log")
	f.IntVar(&c.users, "users", usual.Users, "accounts")
	f.IntVar(&c.thefts, "thefts", usual.Thefts, "stolen accounts")
	f.StringVar(&c.home, "home", "", "`COUNTRY` of the server, such as ES (default: the seed chooses)")
	f.BoolVar(&c.cold, "cold", false, "thefts from the first hour on, when nothing is usual yet")
	f.BoolVar(&c.noDovecot, "no-dovecot", false, "without Dovecot's login lines")
	f.StringArrayVar(&c.vary, "vary", nil, "multiply a figure, as `PARAMETER=FACTOR` (may be repeated)")
	f.StringVar(&c.out, "out", "", "new or empty directory `DIR` to write to")
	return cmd
}

func (c *simulateCommand) run(out io.Writer) error {
	world, err := c.world()
	if err != nil {
		return err
	}
	if err := unused(c.out); err != nil {
		return err
	}
	signal.Reset(os.Interrupt, syscall.SIGTERM) // ends at once: there is nothing to tidy up
	truth, err := simulate.Dir(world, c.out)
	if err != nil {
		return errors.Join(err, discard(c.out))
	}
	return c.report(out, truth)
}

// world is what the flags ask for.
func (c *simulateCommand) world() (simulate.World, error) {
	world := simulate.Default(c.seed)
	if c.home != "" {
		world = world.In(strings.ToUpper(c.home))
	}
	world.Days, world.Users, world.Thefts = c.days, c.users, c.thefts
	world.Cold, world.WithDovecot = c.cold, !c.noDovecot
	for _, v := range c.vary {
		parameter, factor, err := cutVary(v)
		if err != nil {
			return world, err
		}
		varied, known := world.Vary(parameter, factor)
		if !known {
			return world, usageError{fmt.Errorf("--vary %s: no such parameter; there are\n%s", v, parameterList())}
		}
		world = varied
	}
	switch {
	case c.out == "":
		return world, usageError{errors.New("--out is missing: the directory to write to")}
	case c.days < 1:
		return world, usageError{fmt.Errorf("--days %d: a log needs at least one", c.days)}
	case c.users < 1:
		return world, usageError{fmt.Errorf("--users %d: a server needs at least one", c.users)}
	case c.thefts < 0 || c.thefts > c.users:
		return world, usageError{fmt.Errorf("--thefts %d: there are %s to steal", c.thefts, words.Count(c.users, "account"))}
	}
	return world, nil
}

// cutVary reads PARAMETER=FACTOR.
func cutVary(s string) (parameter string, factor float64, err error) {
	parameter, number, _ := strings.Cut(s, "=")
	factor, err = strconv.ParseFloat(number, 64)
	if err != nil || factor < 0 || math.IsInf(factor, 0) || math.IsNaN(factor) {
		return "", 0, usageError{fmt.Errorf("--vary %s: want PARAMETER=FACTOR with a factor of 0 or more, such as trip-days=2", s)}
	}
	return parameter, factor, nil
}

// parameterList shows what --vary knows, in lines that fit a terminal.
func parameterList() string {
	var lines []string
	line := " "
	for _, name := range simulate.Parameters() {
		if len(line)+1+len(name) > 78 {
			lines, line = append(lines, line), " "
		}
		line += " " + name
	}
	return strings.Join(append(lines, line), "\n")
}

// unused makes sure that no file is overwritten: what --out /var/log would do
// to mail.log is more than a mistake deserves.
func unused(dir string) error {
	files, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(files) > 0:
		return fmt.Errorf("%s: is not empty; name a new directory", dir)
	}
	return nil
}

// discard removes what a failed simulation has left.
func discard(dir string) error {
	var errs []error
	for _, name := range []string{"mail.log", "city.mmdb", "asn.mmdb", "truth.json"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *simulateCommand) report(w io.Writer, truth simulate.Truth) error {
	in := func(name string) string { return filepath.Join(c.out, name) }
	info, err := os.Stat(in("mail.log"))
	if err != nil {
		return err
	}
	const day = "2006-01-02"
	fmt.Fprintf(w, "%s  %s, %d MB: a server in %s from %s to %s\n", in("mail.log"), words.Count(truth.Lines, "line"), info.Size()/1e6,
		truth.Home, truth.Start.Format(day), truth.End.Add(-1).Format(day))
	fmt.Fprintf(w, "%s, %s  country and network of its addresses\n", in("city.mmdb"), in("asn.mmdb"))
	fmt.Fprintf(w, "%s  the truth: %s of %s, %s by their owners\n", in("truth.json"),
		words.Count(len(truth.Thefts), "theft"), words.Count(len(truth.People), "account"), words.Count(truth.Honest, "message"))
	_, err = fmt.Fprintf(w, "\nWhat the rules make of it:\n  sendwarden replay --geo %s --geo %s %s\n",
		shellWord(in("city.mmdb")), shellWord(in("asn.mmdb")), shellWord(in("mail.log")))
	return err
}

// shellWord writes a path so that a shell takes it as one word.
func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
