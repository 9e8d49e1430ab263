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
	// Exim is its program, and EximConfig its configuration file, where the queue is
	// Exim's and they are not where they usually are.
	Exim       string `yaml:"exim"`
	EximConfig string `yaml:"exim_config"`
}

// Check says what is wrong with the section.
func (c Config) Check() error {
	for _, path := range []struct{ key, is, such string }{
		{"helper", c.Helper, DefaultSocket}, {"exim", c.Exim, "/usr/sbin/exim4"}, {"exim_config", c.EximConfig, "/etc/exim4/exim4.conf"},
	} {
		if path.is != "" && !strings.HasPrefix(path.is, "/") {
			return fmt.Errorf("%s: %s: the path is not whole (write %s)", path.key, path.is, path.such)
		}
	}
	return nil
}
