package queue

import (
	"fmt"
	"strings"
)

// DefaultSocket is where queue-helper listens if nothing else is said.
const DefaultSocket = "/run/sendwarden/queue.sock"

// Config is the section "queue" of the rules file.
type Config struct {
	Helper string `yaml:"helper"` // the socket of queue-helper, for a daemon that is not root
}

// Check says what is wrong with the section.
func (c Config) Check() error {
	if c.Helper != "" && !strings.HasPrefix(c.Helper, "/") {
		return fmt.Errorf("helper: %s: the path is not whole (write /run/sendwarden/queue.sock)", c.Helper)
	}
	return nil
}
