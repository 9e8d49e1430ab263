package postfix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	commandTime  = 20 * time.Second
	scriptTime   = 2 * time.Minute // postfix(1)'s scripts: Debian 13's check takes 2.5 s of a processor
	maxOutput    = 4 << 20         // bytes; postconf prints some 50 KB
	maxComplaint = 2000            // bytes
)

var errSlow = errors.New("it did not end in time (the machine may be too busy: try again)")

// Command runs one of Postfix's programs and returns what it prints. Its error
// carries what the program complained of. [Exec] is the real one.
type Command func(ctx context.Context, name string, args ...string) (string, error)

// Exec finds a program where a daemon's PATH may not lead, and runs it.
func Exec(ctx context.Context, name string, args ...string) (string, error) {
	most := commandTime
	if name == "postfix" {
		most = scriptTime
	}
	ctx, cancel := context.WithTimeoutCause(ctx, most, errSlow)
	defer cancel()
	var out, complaint bounded
	out.most, complaint.most = maxOutput, maxComplaint
	cmd := exec.CommandContext(ctx, program(name), args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second // daemons that it started keep its output open
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return out.String(), nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", errors.New("no such program: there is no Postfix on this host")
	}
	said := strings.TrimSpace(complaint.String())
	if strings.Contains(said, "main.cf: No such file") {
		return "", errors.New("there is no main.cf where Postfix looks for it")
	}
	if said != "" {
		return "", fmt.Errorf("%w: %s", err, clean(strings.ReplaceAll(said, "\n", "; ")))
	}
	return "", fmt.Errorf("%w: %w", errSilent, err)
}

// errSilent is a program that fails without a word, as postmap does when a key
// is not in a table (src/postmap/postmap.c).
var errSilent = errors.New("it says nothing")

func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return name
}

// bounded keeps the beginning of what is written to it.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.most - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// clean makes a text of Postfix's fit for a terminal and one line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, s)
}
