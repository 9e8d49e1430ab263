package alert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	// mailTime bounds handing in one mail.
	mailTime = 30 * time.Second
	// maxSaid bounds what is kept of a program's or a server's complaint.
	maxSaid = 500
)

// transport hands a finished mail in. It returns a [refusedError] when some of
// the recipients were taken.
type transport func(ctx context.Context, from string, to []string, data []byte) error

// refusedError says which recipients of a mail were refused when others got it.
type refusedError struct{ facts []string }

func (e *refusedError) Error() string { return strings.Join(e.facts, "; ") }

// sendmail hands mail in by the program that every mail server has. No shell
// reads the arguments, and "--" keeps any from being an option. Mail that comes
// this way has no log-in name, so that no block can stop it.
func sendmail(program string) transport {
	return func(ctx context.Context, from string, to []string, data []byte) error {
		cmd := exec.CommandContext(ctx, program, append([]string{"-i", "-f", from, "--"}, to...)...)
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
		// A local program takes local ends of lines.
		cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
		said := &short{most: maxSaid}
		cmd.Stdout, cmd.Stderr = said, said
		cmd.WaitDelay = time.Second // a child of it may keep the pipe open
		err := cmd.Run()
		switch {
		case err == nil || errors.Is(err, exec.ErrWaitDelay):
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", program, ctx.Err())
		case said.text != "":
			return fmt.Errorf("%s: %w: %s", program, err, Clean(said.text, maxSaid))
		}
		return fmt.Errorf("%s: %w", program, err)
	}
}

// short keeps the beginning of what is written to it, and takes all of it, so
// that the writer does not wait.
type short struct {
	text string
	most int
}

func (s *short) Write(p []byte) (int, error) {
	if room := s.most - len(s.text); room > 0 {
		s.text += string(p[:min(room, len(p))])
	}
	return len(p), nil
}
