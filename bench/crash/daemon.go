package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// daemon is a running `sendwarden run`.
type daemon struct {
	cmd           *exec.Cmd
	running, done chan struct{} // closed when it follows the log, and when it has read the last line
	exited        chan struct{}
	status        error
	words         []string // the last that it said, for people; read after exited

	mu   sync.Mutex
	says []string // all its warnings and errors
}

// said counts a text in the daemon's warnings and errors.
func (d *daemon) said(text string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.says {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// last is what the daemon said last, as an error; it has ended.
func (d *daemon) last() error { return errors.New(strings.Join(d.words, "\n")) }

// start starts the daemon of a server.
func (s *server) start() (*daemon, error) {
	args := append([]string{"run", "--log", s.file("mail.log"), "--state", s.file("var", "state.db"), "--rules", s.file("rules.yaml"),
		"--blocklist", s.file("lists", "blocklist"), "--postfix-config", s.file("postfix"), "--table", s.table, "--control", s.file("control")}, s.world.flags()...)
	d := &daemon{cmd: exec.Command(s.program, args...), running: make(chan struct{}), done: make(chan struct{}), exited: make(chan struct{})}
	said, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(d.exited)
		d.listen(bufio.NewScanner(said))
		d.status = d.cmd.Wait()
	}()
	return d, nil
}

// listen waits for the two things that are asked of the daemon's own log.
func (d *daemon) listen(lines *bufio.Scanner) {
	running, done := d.running, d.done
	for lines.Scan() {
		line := lines.Text()
		switch {
		case running != nil && strings.Contains(line, "msg=running"):
			close(running)
			running = nil
		case done != nil && strings.Contains(line, `user="`+lastUser+`"`):
			close(done)
			done = nil
		}
		d.words = append(d.words[max(0, len(d.words)-19):], line)
		d.mu.Lock()
		if !strings.Contains(line, "level=INFO") || strings.Contains(line, " again") {
			d.says = append(d.says, line)
		}
		d.mu.Unlock()
	}
}

// comes waits for something that the daemon is to do by itself.
func (d *daemon) comes(ctx context.Context, what <-chan struct{}) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-what:
		return nil
	case <-d.exited:
		return fmt.Errorf("the daemon ended (%w), saying\n%s", d.status, strings.Join(d.words, "\n"))
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return errors.Join(fmt.Errorf("the daemon does not come so far in %v", patience), d.kill(), errors.New(strings.Join(d.words, "\n")))
	}
}

// after kills the daemon after a while.
func (d *daemon) after(ctx context.Context, while time.Duration) error {
	life := time.NewTimer(while)
	defer life.Stop()
	select {
	case <-life.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.exited:
		return fmt.Errorf("the daemon ended by itself (%w), saying\n%s", d.status, strings.Join(d.words, "\n"))
	}
	return d.kill()
}

// kill ends the daemon as a crash does, if it has not ended yet.
func (d *daemon) kill() error {
	if err := d.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-d.exited
	return nil
}

// stop has the daemon end well.
func (d *daemon) stop() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-d.exited
	if d.status != nil {
		return fmt.Errorf("stopped: %w, saying\n%s", d.status, strings.Join(d.words, "\n"))
	}
	return nil
}
