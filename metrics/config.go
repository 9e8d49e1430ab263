package metrics

import (
	"errors"
	"fmt"
	"net"

	"sendwarden/socket"
)

// Config is the section "metrics" of the rules file.
type Config struct {
	Listen string `yaml:"listen"` // 127.0.0.1:9797; nothing: nowhere
}

func port() socket.Loopback {
	return socket.Loopback{Example: "127.0.0.1:9797", Elsewhere: ", and let a web server with passwords stand before it"}
}

// Check says what is wrong with the settings.
func (c *Config) Check() error {
	if c.Listen == "" {
		return errors.New("listen: there is no address (write 127.0.0.1:9797, or take the section away)")
	}
	if _, err := port().Parse(c.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return nil
}

// Open opens the port.
func (c *Config) Open() (net.Listener, error) {
	l, err := port().Open(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return l, nil
}
