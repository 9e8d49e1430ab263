// Command follow measures how well logs are followed: one process writes numbered lines
// and rotates the log, and several readers follow it at the same time, each in a
// process of its own: nxadm/tail as its README shows it, the same by polling, one
// nxadm/tail for each inode under a supervision as package follow's, and package
// follow.
//
//	go run ./bench/follow            all, in about three minutes
//	go run ./bench/follow -quick     a fifth of it
//	go run ./bench/follow -alone     each reader by itself, so that they do not compete for processors
//	go run ./bench/follow -kills 500 the killing of readers alone
//
// It prints what was lost and doubled, how long lines took from their writing to
// their delivery, and how much memory a reader had at most.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"sendwarden/bench/follow/writer"
)

// scenario is one log with its writer.
type scenario struct {
	name string
	plan writer.Plan
}

func scenarios(share float64) []scenario {
	n := func(lines int) int { return int(float64(lines) * share) }
	late := []writer.Way{writer.Late, writer.Missing, writer.Compress}
	all := append([]writer.Way{writer.Rename, writer.Twice}, late...)
	return []scenario{
		{"200 lines/s, no rotation", writer.Plan{Lines: n(4000), Rate: 200}},
		{"200 lines/s, HUP within 1 s, every 400", writer.Plan{Lines: n(6000), Rate: 200, Every: 400, Ways: late, Tell: time.Second}},
		{"10,000 lines/s, all ways, every 5,000", writer.Plan{Lines: n(200_000), Rate: 10_000, Every: 5000, Ways: all, Tell: 100 * time.Millisecond}},
		{"50,000 lines/s, all ways, every 50,000", writer.Plan{Lines: n(1_500_000), Rate: 50_000, Every: 50_000, Ways: all, Tell: 100 * time.Millisecond}},
		{"10,000 lines/s in pieces, no rotation", writer.Plan{Lines: n(100_000), Rate: 10_000, Split: true}},
		{"10,000 lines/s, copytruncate, every 5,000", writer.Plan{Lines: n(200_000), Rate: 10_000, Every: 5000, Ways: []writer.Way{writer.Copytruncate}}},
		{"a line of 256 MiB, then 1,000", writer.Plan{Lines: 1000, Rate: 1000, Endless: 256 << 20}},
	}
}

func main() {
	alone := flag.Bool("alone", false, "each reader by itself")
	quick := flag.Bool("quick", false, "a fifth of it")
	kills := flag.Int("kills", 0, "only kill readers of package follow, so many times")
	reader := flag.String("reader", "", "be this reader (used by the program itself)")
	writes := flag.String("write", "", "be a writer with this plan (used by the program itself)")
	flag.Parse()
	var err error
	switch {
	case *reader != "":
		err = beReader(*reader, flag.Arg(0))
	case *writes != "":
		var p writer.Plan
		if err = json.Unmarshal([]byte(*writes), &p); err == nil {
			err = writer.Run(p)
		}
	case *kills > 0:
		err = killed(*kills)
	case *quick:
		err = compare(scenarios(0.2), *alone)
	default:
		err = compare(scenarios(1), *alone)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "follow:", err)
		os.Exit(1)
	}
}

func compare(all []scenario, alone bool) error {
	fmt.Printf("%d processors, %s, lines of 150 bytes\n", runtime.NumCPU(), runtime.Version())
	for _, s := range all {
		groups := [][]string{readers}
		if alone {
			groups = slices.Collect(slices.Chunk(readers, 1))
		}
		for _, together := range groups {
			if err := s.run(together); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// child is a reader at work.
type child struct {
	name  string
	cmd   *exec.Cmd
	out   *bufio.Reader
	close func() error
}

func start(name, path string) (*child, error) {
	cmd := exec.Command(os.Args[0], "-reader", name, path)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{name, cmd, bufio.NewReader(out), in.Close}
	_, err = c.out.ReadString('\n') // it has begun
	return c, err
}

// startWriter starts the writer in a process of its own.
func startWriter(p writer.Plan) (*exec.Cmd, error) {
	plan, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0], "-write", string(plan))
	cmd.Stderr = os.Stderr
	return cmd, cmd.Start()
}

func (s scenario) run(together []string) error {
	dir, err := os.MkdirTemp("", "follow")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.plan.Path, s.plan.Size, s.plan.Seed = filepath.Join(dir, "mail.log"), 150, 1
	if err := os.WriteFile(s.plan.Path, []byte("the first line\n"), 0o644); err != nil {
		return err
	}
	var children []*child
	for _, name := range together {
		c, err := start(name, s.plan.Path)
		if err != nil {
			return err
		}
		children = append(children, c)
	}
	time.Sleep(time.Second) // until all have seen the first line
	w, err := startWriter(s.plan)
	if err == nil {
		err = w.Wait()
	}
	if err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // what has not come by now does not come
	left, err := writer.Left(s.plan.Path, s.plan.Lines)
	if err != nil {
		return err
	}
	gone := 0
	for _, stands := range left {
		if !stands {
			gone++
		}
	}
	fmt.Printf("\n%s: %d lines", s.name, s.plan.Lines)
	if gone > 0 {
		fmt.Printf(", of which %d stand in no file", gone)
	}
	fmt.Println()
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "reader\tlost\tdoubled\tgarbled\tp50 ms\tp99 ms\tpeak MB\t")
	var errs []error
	for _, c := range children {
		r, err := c.result()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.name, err))
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.2f\t%.2f\t%.0f\t\n", c.name, s.plan.Lines-r.Different, r.Doubled, r.Garbled, r.P50, r.P99, r.Peak)
	}
	return errors.Join(append(errs, t.Flush())...)
}

// result ends a reader and answers what it got.
func (c *child) result() (r result, err error) {
	if err := c.close(); err != nil {
		return r, err
	}
	if err := json.NewDecoder(c.out).Decode(&r); err != nil {
		return r, err
	}
	return r, c.cmd.Wait()
}
