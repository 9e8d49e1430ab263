package hook

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"sendwarden/alert"
)

const (
	usualTimeout = 30 * time.Second
	maxPrograms  = 16
	maxArguments = 64
)

// Config is the section hooks of the rules: the programs, side by side.
type Config []Program

// Program is a program and when to run it.
type Program struct {
	On      []alert.Kind  `yaml:"on"`
	Run     []string      `yaml:"run"`     // its path, and arguments that never change
	Timeout time.Duration `yaml:"timeout"` // 30s
}

func (p *Program) timeout() time.Duration {
	if p.Timeout == 0 {
		return usualTimeout
	}
	return p.Timeout
}

// name is what the log calls the program: the last of its arguments that is a
// path, so that "sudo -n /usr/local/lib/sendwarden/lock" is lock.
func (p *Program) name() string {
	name := p.Run[0]
	for _, arg := range p.Run {
		if filepath.IsAbs(arg) {
			name = arg
		}
	}
	return filepath.Base(name)
}

// Check says everything that is wrong with the section.
func (c Config) Check() error {
	var faults []error
	if len(c) > maxPrograms {
		faults = append(faults, fmt.Errorf("hooks: %d programs (at most %d)", len(c), maxPrograms))
	}
	for i := range c {
		if err := c[i].check(); err != nil {
			faults = append(faults, fmt.Errorf("hooks: %d: %w", i+1, err))
		}
	}
	return errors.Join(faults...)
}

func (p *Program) check() error {
	switch {
	case len(p.Run) == 0:
		return errors.New("run: no program (write run: [/usr/local/lib/sendwarden/NAME])")
	case len(p.Run) > maxArguments:
		return fmt.Errorf("run: %d arguments (at most %d)", len(p.Run), maxArguments)
	case !filepath.IsAbs(p.Run[0]):
		return fmt.Errorf("run: %q (write the whole path; no shell reads this, and each argument stands by itself)", p.Run[0])
	case strings.Contains(strings.Join(p.Run, ""), "\x00"):
		return errors.New("run: a NUL in an argument (take it away)")
	case len(p.On) == 0:
		return errors.New("on: nothing (write on: [block, release])")
	case p.Timeout != 0 && (p.Timeout < time.Second || p.Timeout > time.Hour):
		return fmt.Errorf("timeout: %v (1s to 1h)", p.Timeout)
	}
	return alert.CheckKinds(p.On)
}
