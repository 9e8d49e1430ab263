package metrics

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Config is the section "metrics" of the rules file.
type Config struct {
	Listen string `yaml:"listen"` // 127.0.0.1:9797; nothing: nowhere
}

// Check says what is wrong with the settings.
func (c *Config) Check() error {
	if c.Listen == "" {
		return errors.New("listen: there is no address (write 127.0.0.1:9797, or take the section away)")
	}
	_, err := c.address()
	return err
}

// address is where to listen. A name would be looked up who knows where, so there
// is only localhost.
func (c *Config) address() (netip.AddrPort, error) {
	at := c.Listen
	if port, ok := strings.CutPrefix(at, "localhost:"); ok {
		at = "127.0.0.1:" + port
	}
	ap, err := netip.ParseAddrPort(at)
	switch {
	case err != nil || ap.Port() == 0:
		return ap, fmt.Errorf("listen: %s: no address and port (write 127.0.0.1:9797)", c.Listen)
	case !ap.Addr().Unmap().IsLoopback():
		return ap, fmt.Errorf("listen: %s: other hosts could reach it (write 127.0.0.1:%d, and let a web server with passwords stand before it)", c.Listen, ap.Port())
	}
	return ap, nil
}

// Open opens the port.
func (c *Config) Open() (net.Listener, error) {
	ap, err := c.address()
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	l, err := net.Listen("tcp", ap.String())
	if err != nil {
		return nil, fmt.Errorf("metrics: %w (see ss -lntp)", err)
	}
	return l, nil
}
