package authpolicy

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"sendwarden/socket"
)

// Config is the section "auth_policy" of the rules file.
//
//	auth_policy:
//	  listen: 127.0.0.1:4001
type Config struct {
	Listen string `yaml:"listen"` // nothing: nowhere
	// Key is what Dovecot has to send (auth_policy_server_api_header = "X-API-Key: KEY");
	// nothing: it need not. It keeps other users of this host from asking who is
	// blocked.
	Key string `yaml:"key"`
	// Refuse are the protocols by which the blocked may not log in; smtp and
	// submission where it is empty.
	Refuse []string `yaml:"refuse"`
}

// defaultRefuse are the protocols of those who hand mail in: Postfix's SASL and
// Exim's ask Dovecot by the service smtp.
func defaultRefuse() []string { return []string{"smtp", "submission"} }

// port is this host's alone: who is blocked is nobody's business on others.
func port() socket.Loopback {
	return socket.Loopback{Example: "127.0.0.1:4001", Elsewhere: "; a Dovecot elsewhere comes by a tunnel"}
}

// maxKey bounds a key, and what stands in its place.
const maxKey = 256

// Check says what is wrong with the settings.
func (c *Config) Check() error {
	var faults []error
	if c.Listen == "" {
		faults = append(faults, errors.New("listen: there is no address (write 127.0.0.1:4001, or take the section away)"))
	} else if _, err := port().Parse(c.Listen); err != nil {
		faults = append(faults, fmt.Errorf("listen: %w", err))
	}
	if len(c.Key) > maxKey || strings.ContainsFunc(c.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		faults = append(faults, fmt.Errorf("key: up to %d letters, digits and signs without blanks", maxKey))
	}
	for _, protocol := range c.Refuse {
		if protocol == "" || strings.ToLower(protocol) != protocol {
			faults = append(faults, fmt.Errorf("refuse: %q is no protocol of Dovecot's (smtp, submission; imap and pop3 keep people from reading)", protocol))
		}
	}
	return errors.Join(faults...)
}

// Open opens the port; nil where there is none to open.
func (c *Config) Open() (net.Listener, error) {
	if c.Listen == "" {
		return nil, nil
	}
	l, err := port().Open(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("auth_policy: %w", err)
	}
	return l, nil
}
