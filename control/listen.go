package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// DefaultSocket is where the daemon listens if nothing else is said.
const DefaultSocket = "/run/sendwarden/control"

// Config is the section "control" of the rules file.
type Config struct {
	Socket string `yaml:"socket"` // "none": nowhere
	// Group may talk to the daemon, beside root and the daemon's own user. Without
	// one it is the daemon's own group.
	Group string `yaml:"group"`
}

// Check says what is wrong with the settings.
func (c Config) Check() error {
	if c.Socket != "" && c.Socket != None && !filepath.IsAbs(c.Socket) {
		return fmt.Errorf("socket: %s: the path is not whole (write %s)", clip(c.Socket), DefaultSocket)
	}
	return nil
}

// None in the place of a socket is no socket.
const None = "none"

// Listener is an open socket of the daemon.
type Listener struct {
	*net.UnixListener
	path string
	gid  int
	made fs.FileInfo
	once sync.Once
}

// Listen opens the socket. It is bound beside its place, for nobody but us, gets
// its group and mode there, and then takes the place by rename(2): at no time can
// somebody connect who may not, and a link that stands there is replaced, not
// followed. A socket that a dead daemon left goes the same way.
func Listen(c Config) (*Listener, error) {
	path := c.Socket
	gid, err := groupID(c.Group)
	if err != nil {
		return nil, err
	}
	l, err := listen(path, gid)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, cause(err))
	}
	return l, nil
}

func groupID(name string) (int, error) {
	if name == "" {
		return os.Getegid(), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("group: there is no group %s (groupadd --system %[1]s makes it)", clip(name))
	}
	return strconv.Atoi(g.Gid)
}

func listen(path string, gid int) (*Listener, error) {
	if err := folder(filepath.Dir(path), gid); err != nil {
		return nil, err
	}
	if err := vacant(path); err != nil {
		return nil, err
	}
	fresh := path + ".new"
	if err := vacant(fresh); err != nil {
		return nil, err
	}
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	private := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		var err error
		// bind(2) gives the file the mode that its socket has: net/unix/af_unix.c, unix_bind_bsd.
		return errors.Join(conn.Control(func(fd uintptr) { err = syscall.Fchmod(int(fd), 0o600) }), err)
	}}
	bound, err := private.Listen(context.Background(), "unix", fresh)
	if err != nil {
		return nil, err
	}
	l := &Listener{UnixListener: bound.(*net.UnixListener), path: path, gid: gid}
	l.SetUnlinkOnClose(false) // it would unlink the name that is no more
	if l.made, err = admit(fresh, gid); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.UnixListener.Close(), os.Remove(fresh))
	}
	return l, nil
}

// folder makes the socket's folder, or looks whether the one that is there keeps
// others from putting something else in the socket's place.
func folder(dir string, gid int) error {
	if err := os.Mkdir(dir, 0o750); err == nil {
		return os.Lchown(dir, -1, gid)
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("its folder cannot be made: %w (under systemd, RuntimeDirectory=%s does it)", cause(err), filepath.Base(dir))
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner := int(info.Sys().(*syscall.Stat_t).Uid)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is no folder (choose another path)", dir)
	case owner != 0 && owner != os.Geteuid():
		return fmt.Errorf("its folder belongs to another user, who could put something else there (chown %d %s)", os.Geteuid(), dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write to its folder (chmod 750 %s)", dir)
	}
	return nil
}

// vacant tells whether a socket may take a path: there is nothing, a link, or a
// socket on which nobody answers.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() == fs.ModeSymlink:
		return nil // replaced, not followed
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is something that is no socket (choose another path, or take it away)")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		_ = conn.Close() // it was only to see whether somebody answers
		return errors.New("another daemon listens there (stop it, or name another socket with --control)")
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return err
}

// admit opens a socket for its owner and a group.
func admit(path string, gid int) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if int(info.Sys().(*syscall.Stat_t).Gid) != gid {
		if err := os.Lchown(path, -1, gid); err != nil {
			return nil, fmt.Errorf("its group cannot be %d: %w (run sendwarden as root, or as a member of that group)", gid, cause(err))
		}
	}
	return info, os.Chmod(path, 0o660)
}

// Close takes the socket away, unless another has taken its place.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	l.once.Do(func() {
		if info, statErr := os.Lstat(l.path); statErr == nil && os.SameFile(info, l.made) {
			err = errors.Join(err, os.Remove(l.path))
		}
	})
	return err
}

// may tells whether a user may talk to the daemon: root, our own user, and who is
// in the socket's group. The mode of the socket says the same; this holds if
// somebody changes it.
func (l *Listener) may(uid, gid int) bool {
	if uid == 0 || uid == os.Geteuid() || gid == l.gid {
		return true
	}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return false
	}
	groups, err := u.GroupIds()
	return err == nil && slices.Contains(groups, strconv.Itoa(l.gid))
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
