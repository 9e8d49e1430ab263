package policy

import (
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

	"github.com/coreos/go-systemd/v22/activation"
)

// socket is one that Open opened.
type socket struct {
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
				s.sockets = append(s.sockets, socket{l, list.isMap})
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
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program listens there (see ss -lntp; is a second sendwarden running?)", s)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", s, cause(err))
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

// newSocket ends the name that a socket has until it is ready.
const newSocket = ".new"

// listenUnix makes a unix socket. It is bound beside its place, for nobody but
// us, gets its group and mode there, and then takes the place by rename(2): at no
// time can somebody connect who may not, nor is there a moment without a socket.
func (c Config) listenUnix(path string) (net.Listener, error) {
	if err := vacant(path); err != nil {
		return nil, err
	}
	fresh := path + newSocket
	if info, err := os.Lstat(fresh); err == nil && info.Mode().Type() == fs.ModeSocket {
		if err := os.Remove(fresh); err != nil { // of a start that came to nothing
			return nil, err
		}
	}
	private := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		var err error
		// bind(2) gives the file the mode that its socket has: net/unix/af_unix.c, unix_bind_bsd.
		return errors.Join(conn.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }), err)
	}}
	l, err := private.Listen(context.Background(), "unix", fresh)
	if err != nil {
		return nil, err
	}
	own := &unixListener{UnixListener: l.(*net.UnixListener), path: path}
	own.SetUnlinkOnClose(false) // it would unlink the name that is no more
	if own.made, err = c.admit(fresh); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), os.Remove(fresh))
	}
	return own, nil
}

// vacant tells whether a socket may be made at a path: there is nothing, or a
// socket on which nobody answers.
func vacant(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder %s (install -d -o USER -g %s -m 2750 %[1]s, USER being whom sendwarden runs as)", dir, defaultGroup)
	} else if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no folder (choose another path)", dir)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is something that is no socket (choose another path, or take it away)")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close() // it was only to see whether somebody answers
		return syscall.EADDRINUSE
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return err
}

// admit gives a socket to the group whose members may connect.
func (c Config) admit(path string) (fs.FileInfo, error) {
	mode, err := c.mode()
	if err != nil {
		return nil, err
	}
	name := c.SocketGroup
	if name == "" {
		name = defaultGroup
	}
	group, err := user.LookupGroup(name)
	if err != nil {
		return nil, fmt.Errorf("there is no group %s (set socket_group to the one that Postfix's mail_owner is in)", name)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	// In a setgid folder it has the group already, also when we are no member.
	if has := strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Gid)); has != group.Gid {
		gid, err := strconv.Atoi(group.Gid)
		if err != nil {
			return nil, err
		}
		if err := os.Lchown(path, -1, gid); err != nil {
			return nil, fmt.Errorf("its group cannot be %s: %w (run sendwarden as root, or as a member of that group)", name, cause(err))
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, err
	}
	return info, nil
}

// unixListener takes its socket away when it is closed, unless another has taken
// its place.
type unixListener struct {
	*net.UnixListener
	path string
	made fs.FileInfo
	once sync.Once
}

// Addr is the path; that of the embedded listener is the one before the rename.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	l.once.Do(func() {
		if info, statErr := os.Lstat(l.path); statErr == nil && os.SameFile(info, l.made) {
			err = errors.Join(err, os.Remove(l.path))
		}
	})
	return err
}

// cause is an error without the path and the operation, which the place says.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		return sys.Err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
