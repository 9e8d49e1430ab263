package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"sendwarden/socket"

	"github.com/coreos/go-systemd/v22/activation"
)

// opened is a socket that Open opened.
type opened struct {
	net.Listener
	isMap bool
}

// Open opens every socket of a configuration, or none. Run answers on them.
func Open(c Config) (*Server, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s := &Server{MaxConnections: c.MaxConnections}
	o := opener{config: c}
	for _, list := range []struct {
		addresses []string
		isMap     bool
	}{{c.Listen, false}, {c.Socketmap, true}} {
		for _, a := range list.addresses {
			ls, err := o.open(a)
			for _, l := range ls {
				s.sockets = append(s.sockets, opened{l, list.isMap})
			}
			if err != nil {
				return nil, errors.Join(err, s.Close())
			}
		}
	}
	return s, nil
}

// Close closes the sockets that Open opened, where Run isn't called.
func (s *Server) Close() error {
	var faults []error
	for _, l := range s.sockets {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// Addresses are the sockets that Open opened, as main.cf writes them.
func (s *Server) Addresses() []string {
	names := make([]string, len(s.sockets))
	for i, l := range s.sockets {
		names[i] = nameOf(l)
	}
	return names
}

// Run answers on all sockets that Open opened until ctx ends, as Serve and
// ServeMap do. If one of them fails, the others go on; its error is returned in
// the end.
func (s *Server) Run(ctx context.Context, answer func(*Request) Action, lookup func(table, key string) Reply) error {
	errs := make([]error, len(s.sockets))
	var all sync.WaitGroup
	for i, l := range s.sockets {
		all.Go(func() {
			if l.isMap {
				errs[i] = s.ServeMap(ctx, l.Listener, lookup)
			} else {
				errs[i] = s.Serve(ctx, l.Listener, answer)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// opener opens sockets; those that systemd passes are asked for once, since
// asking takes them out of the environment.
type opener struct {
	config Config
	passed map[string][]net.Listener
}

func (o *opener) open(s string) ([]net.Listener, error) {
	a, err := o.config.parse(s)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	switch a.network {
	case "systemd":
		return o.activated(s, a.at)
	case "unix":
		l, err = o.config.listenUnix(a.at)
	default:
		l, err = net.Listen("tcp", a.at)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE), errors.Is(err, socket.ErrInUse):
		return nil, fmt.Errorf("%s: another program listens there (see ss -lntp; is a second sendwarden running?)", s)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", s, socket.Cause(err))
	}
	return []net.Listener{l}, nil
}

// activated are the sockets of a name that systemd opened for us.
func (o *opener) activated(s, name string) ([]net.Listener, error) {
	if o.passed == nil {
		passed, err := activation.ListenersWithNames()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		o.passed = passed
	}
	ls := o.passed[name]
	if len(ls) == 0 {
		return nil, fmt.Errorf("%s: systemd passed no socket of this name (see FileDescriptorName= and Service= in the socket unit, and start the socket)", s)
	}
	for _, l := range ls {
		if tcp, ok := l.Addr().(*net.TCPAddr); ok && !o.config.Remote && !tcp.AddrPort().Addr().Unmap().IsLoopback() {
			return ls, errRemote(s + " (" + netip.AddrPort(tcp.AddrPort()).String() + ")")
		}
	}
	return ls, nil
}

// listenUnix makes a unix socket for Postfix's group.
func (c Config) listenUnix(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder %s (install -d -o USER -g %s -m 2750 %[1]s, USER being whom sendwarden runs as)", dir, defaultGroup)
	} else if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder (choose another path)", dir)
	}
	mode, err := c.mode()
	if err != nil {
		return nil, err
	}
	name := cmp.Or(c.SocketGroup, defaultGroup)
	group, err := user.LookupGroup(name)
	if err != nil {
		return nil, fmt.Errorf("there is no group %s (set socket_group to the one that Postfix's mail_owner is in)", name)
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return nil, err
	}
	return socket.Listen(path, gid, mode)
}
