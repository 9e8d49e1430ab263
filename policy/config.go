package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sendwarden/socket"
)

// Config says where the door is: the section "door" of rules.yaml.
//
//	door:
//	  listen: ["unix:/var/spool/postfix/sendwarden/policy"]
//	  socketmap: ["inet:127.0.0.1:10046"]
//
// Addresses are written as Postfix writes them, inet:HOST:PORT and unix:PATH,
// or name a socket that systemd opened: systemd:NAME, after the
// FileDescriptorName= of the socket unit. Without any there is no door.
//
// The path of a unix socket is whole here. Postfix's smtpd, where it runs in a
// chroot as on Debian, sees only what is below its queue directory: the socket
// above is check_policy_service unix:sendwarden/policy in main.cf.
type Config struct {
	Listen    []string `yaml:"listen"`    // for check_policy_service
	Socketmap []string `yaml:"socketmap"` // for socketmap:…:sendwarden

	MaxConnections int `yaml:"max_connections"` // of all sockets together; 0 is 1,000
	// SocketGroup owns the unix sockets: whose members may ask. "" is postfix.
	SocketGroup string `yaml:"socket_group"`
	// SocketMode is their mode in octal, "" is 0660.
	SocketMode string `yaml:"socket_mode"`
	// Remote admits inet addresses that other hosts reach. Whoever can connect can
	// have users blocked, so a firewall must admit nobody but Postfix.
	Remote bool `yaml:"remote"`
}

const (
	defaultGroup = "postfix"
	defaultMode  = fs.FileMode(0o660)
	// maxPath is what sun_path of unix(7) holds, with the NUL behind it and the
	// ending of the name that a new socket has at first.
	maxPath = 108 - 1 - len(socket.Fresh)
)

// Check returns all faults of the configuration.
func (c Config) Check() error {
	var faults []error
	for _, list := range []struct {
		key       string
		addresses []string
	}{{"listen", c.Listen}, {"socketmap", c.Socketmap}} {
		for _, a := range list.addresses {
			if _, err := c.parse(a); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", list.key, err))
			}
		}
	}
	all := slices.Concat(c.Listen, c.Socketmap)
	slices.Sort(all)
	for i, a := range all {
		if i > 0 && a == all[i-1] && (i < 2 || a != all[i-2]) {
			faults = append(faults, fmt.Errorf("%s: named twice (give each service a socket of its own)", a))
		}
	}
	if c.MaxConnections < 0 {
		faults = append(faults, fmt.Errorf("max_connections: %d is no number of connections (0 is %d)", c.MaxConnections, defaultConnections))
	}
	if _, err := c.mode(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// mode is the mode of unix sockets. Who may write to one may have users blocked.
func (c Config) mode() (fs.FileMode, error) {
	if c.SocketMode == "" {
		return defaultMode, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(c.SocketMode, "0o"), 8, 16)
	switch mode := fs.FileMode(n); {
	case err != nil || mode != mode.Perm():
		return 0, fmt.Errorf("socket_mode: %q is no mode (write it in octal, such as 0660)", c.SocketMode)
	case mode&0o002 != 0:
		return 0, fmt.Errorf("socket_mode: with %s every user of this host could have others blocked (write 0660, and socket_group)", c.SocketMode)
	case mode&0o600 != 0o600:
		return 0, fmt.Errorf("socket_mode: with %s nobody can connect (write 0660)", c.SocketMode)
	default:
		return mode, nil
	}
}

// address is where to listen: network is tcp, unix or systemd.
type address struct{ network, at string }

// parse reads an address as people write it.
func (c Config) parse(s string) (address, error) {
	kind, at, _ := strings.Cut(s, ":")
	switch kind {
	case "inet":
		return c.parseInet(s, at)
	case "unix":
		switch {
		case !filepath.IsAbs(at):
			return address{}, fmt.Errorf("%s: the path is not whole (write where it is on this host, such as unix:/var/spool/postfix/sendwarden/policy)", s)
		case len(at) > maxPath:
			return address{}, fmt.Errorf("%s: a path of %d bytes, and a socket's has no room for more than %d (choose a shorter one)", s, len(at), maxPath)
		}
		return address{"unix", filepath.Clean(at)}, nil
	case "systemd":
		if at == "" {
			return address{}, fmt.Errorf("%s: no name (write what FileDescriptorName= says in the socket unit)", s)
		}
		return address{"systemd", at}, nil
	}
	return address{}, fmt.Errorf("%s: no address (write inet:127.0.0.1:PORT, unix:/PATH or systemd:NAME)", s)
}

// parseInet reads HOST:PORT. A name would be looked up who knows where, so
// there is only localhost.
func (c Config) parseInet(s, at string) (address, error) {
	if port, ok := strings.CutPrefix(at, "localhost:"); ok {
		at = "127.0.0.1:" + port
	}
	ap, err := netip.ParseAddrPort(at)
	switch {
	case err != nil || ap.Port() == 0:
		return address{}, fmt.Errorf("%s: no address and port (write them as in inet:127.0.0.1:10045 or inet:[::1]:10045)", s)
	case !ap.Addr().Unmap().IsLoopback() && !c.Remote:
		return address{}, errRemote(s)
	}
	return address{"tcp", ap.String()}, nil
}

func errRemote(s string) error {
	return fmt.Errorf("%s: other hosts could reach it, and have users blocked (write inet:127.0.0.1:PORT, or remote: true behind a firewall)", s)
}
