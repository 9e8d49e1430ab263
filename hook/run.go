package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"sendwarden/alert"
)

const (
	// maxSaid bounds what is kept of a program's output, in bytes.
	maxSaid = 2000
	// maxAddresses bounds SENDWARDEN_IPS.
	maxAddresses = 100
	// pipeTime is how long a child of the program may keep its output open after
	// the program has ended.
	pipeTime = 2 * time.Second
)

// errName says that no program is run for a name. Postfix logs none that has a
// control character in it, and a script cannot be trusted with one.
var errName = errors.New("not run: the name has control characters in it")

// run runs a program for a notice and returns what it said, in one line.
func (r *Runner) run(ctx context.Context, p *Program, n *alert.Notice) (said string, err error) {
	if strings.ContainsFunc(n.User, unicode.IsControl) {
		return "", errName
	}
	object, err := json.Marshal(n)
	if err != nil {
		return "", err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(r.grace, cancel) }) // half a lock is worse than a late end
	defer stop()
	cmd := exec.CommandContext(limited, p.Run[0], p.Run[1:]...)
	cmd.Dir, cmd.Env = "/", environment(n)
	cmd.Stdin = bytes.NewReader(append(object, '\n'))
	output := &tail{}
	cmd.Stdout, cmd.Stderr = output, output
	// The program leads a group of its own, and whatever it started goes with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = pipeTime
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // ESRCH: nothing stayed behind
	}
	switch {
	case err != nil && errors.Is(limited.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("killed after %v", p.timeout())
	case err != nil && limited.Err() != nil:
		err = errors.New("killed: the daemon ends")
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil // it ended well; a child of it kept its output open
	}
	return output.line(), err
}

// environment is all that a program inherits.
func environment(n *alert.Notice) []string {
	var addresses []string
	for _, a := range n.Addresses[:min(len(n.Addresses), maxAddresses)] {
		addresses = append(addresses, a.WithZone("").Unmap().String())
	}
	return []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C.UTF-8",
		"SENDWARDEN_EVENT=" + string(n.Kind),
		"SENDWARDEN_USER=" + n.User,
		"SENDWARDEN_IPS=" + strings.Join(addresses, " "),
		"SENDWARDEN_SCORE=" + strconv.FormatFloat(n.Score, 'f', -1, 64),
		"SENDWARDEN_TIME=" + n.Time.Format(time.RFC3339),
		"SENDWARDEN_HOST=" + alert.Clean(n.Host, maxSaid),
		"SENDWARDEN_ID=" + alert.Clean(n.ID(), maxSaid),
	}
}

// tail keeps the end of what is written to it, where programs say why they
// fail, and takes all of it, so that the program does not wait.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-maxSaid):]...)
	if more := len(t.text) - maxSaid; more > 0 {
		t.text = append(t.text[:0], t.text[more:]...)
	}
	return len(p), nil
}

// line is the output in one line.
func (t *tail) line() string {
	return alert.Clean(strings.ReplaceAll(strings.TrimSpace(string(t.text)), "\n", " / "), 3*maxSaid)
}
