// Command soak has the daemon follow a busy log for a long time: it looks whether lines are
// lost, whether memory grows, and how long a verdict takes.
//
//	go run ./bench/soak                              50,000 lines/s for 10 minutes, rotated every 30 s
//	go run ./bench/soak -rate 200 -time 1m
//
// The lines are those of an invented server of 1,200 people, over and over, with
// the stamps of now; one in twenty is a submission. The rules are the shipped
// ones, with thresholds that nobody comes to but the probes: twenty times a second
// a log-in from a certain country, whose rule blocks. In watch mode the daemon
// says so in its log and does nothing else, so that the list stays as it is. The
// delay is from before the write(2) of a probe's line to the stamp of the daemon's
// "would block", which is cut to milliseconds; one is added for that.
//
// Whether lines were lost is told twice: by the probes, and by the daemon's own
// count of lines (/metrics), which it is asked every ten seconds anyway.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"
)

// soak is one run.
type soak struct {
	rate          int
	time, rotates time.Duration
	dir           string
	program       string
}

func main() {
	var s soak
	flag.IntVar(&s.rate, "rate", 50_000, "lines a second")
	flag.DurationVar(&s.time, "time", 10*time.Minute, "how long")
	flag.DurationVar(&s.rotates, "rotate", 30*time.Second, "time between two rotations")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := s.whole(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// whole builds the program and runs it.
func (s *soak) whole(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "sendwarden-soak"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	s.program = filepath.Join(s.dir, "sendwarden")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.program, "sendwarden/cmd/sendwarden").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	text, err := invent(filepath.Join(s.dir, "world"))
	if err != nil {
		return err
	}
	d, err := s.start(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d processors, %s, %d lines/s for %v, rotated every %v\n", runtime.NumCPU(), runtime.Version(), s.rate, s.time, s.rotates)
	fmt.Println("  time   lines read      behind   RSS MB  heap MB   processor   state MB")
	watching, enough := context.WithCancel(ctx)
	watched := make(chan struct{})
	w := &writer{path: s.path("mail.log"), text: text, rate: s.rate, rotates: s.rotates, probes: d.probes}
	go func() {
		defer close(watched)
		d.watch(watching, w)
	}()
	err = w.write(ctx, s.time)
	enough()
	<-watched
	if err != nil {
		return errors.Join(err, d.stop())
	}
	return errors.Join(d.finish(w), d.stop())
}

func (s *soak) path(name string) string { return filepath.Join(s.dir, name) }
