package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Time limits of Postfix's programs. postsuper moves some thousands of messages
// a second.
const (
	postconfTime  = 20 * time.Second
	postsuperTime = 3 * time.Minute
	wakeTime      = 2 * time.Second
)

// settings are those of main.cf that matter here.
type settings struct {
	directory string
	lifetime  time.Duration
}

// ask reads main.cf through postconf(1), whose "-x" puts in the values of the
// parameters that a value names.
func (l Local) ask(ctx context.Context) (settings, error) {
	out, err := l.run(ctx, postconfTime, "", "postconf", "-x", "queue_directory", "maximal_queue_lifetime")
	if err != nil {
		return settings{}, fmt.Errorf("queue: where is Postfix's queue? %w", err)
	}
	var s settings
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(line, "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "queue_directory":
			s.directory = value
		case "maximal_queue_lifetime":
			if s.lifetime, err = parseTime(value); err != nil {
				return settings{}, fmt.Errorf("queue: main.cf: maximal_queue_lifetime = %s: %w", mask(value, 40), err)
			}
		}
	}
	if !filepath.IsAbs(s.directory) {
		return settings{}, fmt.Errorf("queue: main.cf: queue_directory = %s: no absolute path", mask(s.directory, 200))
	}
	return s, nil
}

// parseTime reads a time of main.cf whose unit is days where none stands.
func parseTime(s string) (time.Duration, error) {
	unit := 24 * time.Hour
	number := strings.TrimRight(s, "smhdwSMHDW")
	if number != s {
		unit = map[string]time.Duration{
			"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
		}[strings.ToLower(s[len(number):])]
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || unit == 0 || n > int(200*365*24*time.Hour/unit) {
		return 0, errors.New("no time such as 5d")
	}
	return time.Duration(n) * unit, nil
}

// postsuper moves messages that stand in one of the queues. Their ids go by
// standard input, so that no length of a command line bounds them.
func (l Local) postsuper(ctx context.Context, option string, ids []string, queues ...string) error {
	args := append([]string{option, "-"}, queues...)
	if _, err := l.run(ctx, postsuperTime, strings.Join(ids, "\n")+"\n", "postsuper", args...); err != nil {
		return fmt.Errorf("queue: postsuper %s: %w", option, err)
	}
	return nil
}

// wake sends a daemon of Postfix the byte that its manual lists under TRIGGERS:
// qmgr(8) then looks through its deferred mail, which it does every five
// minutes otherwise, and pickup(8) for requeued mail. The service is a socket,
// or a FIFO before Postfix 2.12. Whether it is there at all is no matter: what
// it would do now it does later.
func wake(ctx context.Context, directory, service string, trigger byte) {
	path := filepath.Join(directory, "public", service)
	ctx, cancel := context.WithTimeout(ctx, wakeTime)
	defer cancel()
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		if f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_, _ = f.Write([]byte{trigger})
			_ = f.Close()
		}
		return
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	_, _ = conn.Write([]byte{trigger})
	_, _ = conn.Read(make([]byte, 1)) // the daemon closes when it has read
}

// run returns what a program of Postfix prints. Its error carries what it said.
func (l Local) run(ctx context.Context, most time.Duration, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if l.ConfigDir != "" {
		args = append([]string{"-c", l.ConfigDir}, args...)
	}
	if l.programs != nil {
		return l.programs(input, name, args...)
	}
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, program(name), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaint
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s did not end: %w", name, ctx.Err())
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: %w", name, errNoPostfix)
	case strings.Contains(complaint.String(), noMainCf):
		return "", errUnconfigured
	case err != nil && complaint.Len() > 0:
		said := complaint.String()
		if at := strings.Index(said, "fatal: "); at >= 0 {
			said = said[at:] // what comes before is a line for each message
		}
		return "", fmt.Errorf("%w: %s", err, mask(strings.ReplaceAll(strings.TrimSpace(said), "\n", "; "), 1000))
	case err != nil:
		return "", err
	}
	return out.String(), nil
}

// What it means that Postfix's programs are not there, or find no configuration.
var (
	errNoPostfix    = errors.New("no such program: there is no Postfix on this host (Exim's is named with --exim)")
	errUnconfigured = errors.New("there is no main.cf where Postfix looks for it (--postfix-config DIR names another folder; `postconf -d config_directory` its own)")
)

const noMainCf = "main.cf: No such file"

// program finds one of Postfix's programs. Where root installs them comes
// first, PATH after it.
func program(name string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/postfix/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return name
}
