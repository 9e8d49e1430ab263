// Command crash kills the daemon at random moments, as a power cut does or the kernel that
// is out of memory, and looks whether anything of it can be seen afterwards.
//
//	go run ./bench/crash -kills 500
//
// One process writes the log of an invented server with thefts, and rotates it in
// all the ways that logrotate knows and that lose nothing by themselves. The
// daemon, the program that is installed, follows it, is killed (SIGKILL) again
// and again, while it starts, reads, builds tables and saves, and is started
// again. Beside it another daemon has read the same lines in peace. In the end
// the blocklist and the table that Postfix reads, all that is remembered, the
// notices that people were told, and those for which a hook ran must be the same.
//
// The same seed kills after the same times; where the daemon stands then is the
// machine's doing, so that a fault that was found once is looked for with more kills
// rather than with the same seed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

// trial is one run with all its kills.
type trial struct {
	program string // sendwarden
	dir     string // a new folder
	table   string // a type of table, as the daemon's --table takes it
	seed    uint64
	kills   int
	volume  float64 // of thieves' mail, against a usual world's
	out     io.Writer
}

func main() {
	var t trial
	flag.IntVar(&t.kills, "kills", 500, "how often the daemon is killed")
	flag.Uint64Var(&t.seed, "seed", uint64(time.Now().UnixNano()), "of the world and of the times of the kills")
	flag.Float64Var(&t.volume, "volume", 1, "thieves' mail, against a usual world's")
	flag.StringVar(&t.table, "table", "texthash", "type of table: lmdb, cdb, hash and btree need Postfix's postmap")
	keep := flag.Bool("keep", false, "leave the files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t.out = os.Stdout
	if err := t.whole(ctx, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// whole builds the program and runs the trial.
func (t *trial) whole(ctx context.Context, keep bool) (err error) {
	t.dir, err = os.MkdirTemp("", "sendwarden-crash")
	if err != nil {
		return err
	}
	if keep {
		fmt.Fprintln(t.out, "files in", t.dir)
	} else {
		defer os.RemoveAll(t.dir)
	}
	if t.program, err = build(t.dir); err != nil {
		return err
	}
	return t.run(ctx)
}

// build makes the program that is tried.
func build(dir string) (string, error) {
	program := filepath.Join(dir, "sendwarden")
	out, err := exec.Command("go", "build", "-o", program, "sendwarden/cmd/sendwarden").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

// run has the same lines read once in peace and once under kills.
func (t *trial) run(ctx context.Context) error {
	begun := time.Now()
	w, err := newWorld(filepath.Join(t.dir, "world"), t.seed, t.volume)
	if err != nil {
		return err
	}
	calm, err := t.newServer(w, "calm")
	if err != nil {
		return err
	}
	defer calm.close()
	if err := calm.live(ctx); err != nil {
		return fmt.Errorf("in peace: %w", err)
	}
	wild, err := t.newServer(w, "wild")
	if err != nil {
		return err
	}
	defer wild.close()
	if err := wild.survive(ctx, t.kills); err != nil {
		return fmt.Errorf("killed %d times: %w", wild.killed, err)
	}
	expected, err := calm.outcome()
	if err != nil {
		return err
	}
	got, err := wild.outcome()
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d kills (%d of them while the daemon started), %d lines, %d rotated files, %d users blocked, %d notices, of which %d were sent again, and %d hooks, of which %d ran again; %.0f s, seed %d\n",
		wild.killed, wild.unborn, len(w.lines), got.files, len(expected.told), len(got.told), got.again, len(got.run), got.rerun, time.Since(begun).Seconds(), t.seed)
	if len(expected.told) == 0 {
		return errors.New("nobody was blocked: this world shows nothing")
	}
	return got.differs(expected)
}
