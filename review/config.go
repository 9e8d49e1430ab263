package review

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"sendwarden/socket"
)

// Config says where the page is: the section "review" of rules.yaml.
//
//	review:
//	  listen: 127.0.0.1:8025
//
// Without an address there is no page. A page that other hosts are to reach
// stands behind a web server that knows who somebody is, and tells so in a
// header; it listens on a unix socket then, since whoever can connect could
// write that header:
//
//	review:
//	  listen: unix:/run/sendwarden/review
//	  group: www-data
//	  user_header: X-Remote-User
//	  names: [mail.example.com]
type Config struct {
	Listen string `yaml:"listen"`
	// UserHeader is the header in which the web server before us says who
	// somebody is; who comes without one is not let in.
	UserHeader string `yaml:"user_header"`
	// Group may connect to a unix socket, beside root: the web server's, such as
	// www-data. Without one it is the daemon's own.
	Group string `yaml:"group"`
	// Names are the host names that the page has beside those of loopback. To
	// ask under any other is what pages do that want to reach this one through
	// a browser (DNS rebinding).
	Names []string `yaml:"names"`
}

// maxPath is what sun_path of unix(7) holds, with the NUL behind it.
const maxPath = 107

// Check returns all faults of the configuration.
func (c Config) Check() error {
	var faults []error
	network, at, err := c.address()
	if err != nil && c.Listen != "" {
		faults = append(faults, fmt.Errorf("listen: %w", err))
	}
	if c.UserHeader != "" && network == "tcp" {
		faults = append(faults, fmt.Errorf("user_header: whoever can connect to %s could write it (listen on unix:/run/sendwarden/review)", at))
	}
	if network == "unix" && c.UserHeader == "" {
		faults = append(faults, errors.New("user_header: on a unix socket a web server has to say who somebody is (name its header, such as X-Remote-User)"))
	}
	for _, name := range c.Names {
		if name == "" || strings.ContainsAny(name, ":/ *") {
			faults = append(faults, fmt.Errorf("names: %q is no host name (write it without port and scheme, such as mail.example.com)", name))
		}
	}
	return errors.Join(faults...)
}

func loopback() socket.Loopback {
	return socket.Loopback{Example: "127.0.0.1:8025", Elsewhere: " and reach it by ssh -L, or a unix socket behind a web server", Any: true}
}

// address is where to listen.
func (c Config) address() (network, at string, err error) {
	if path, ok := strings.CutPrefix(c.Listen, "unix:"); ok {
		switch {
		case !filepath.IsAbs(path):
			return "", "", fmt.Errorf("%s: the path is not whole (write unix:/run/sendwarden/review)", c.Listen)
		case len(path) > maxPath:
			return "", "", fmt.Errorf("%s: a path of %d bytes, and a socket's has no room for more than %d (choose a shorter one)", c.Listen, len(path), maxPath)
		}
		return "unix", filepath.Clean(path), nil
	}
	ap, err := loopback().Parse(strings.TrimPrefix(c.Listen, "inet:"))
	if err != nil {
		return "", "", err
	}
	return "tcp", ap.String(), nil
}
