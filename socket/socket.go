// Package socket opens the sockets on which the daemon answers. Those of unix are for
// Postfix, for people's commands, for a web server: whoever can connect to one of them
// can stop users from sending, so that there is no moment at which somebody can who may
// not. A port that should be this host's alone is a Loopback. Where HTTP is spoken on
// one, Serve does it until the daemon ends.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"syscall"
)

// ErrInUse says that a program answers at the path.
var ErrInUse = errors.New("another program listens there")

// Fresh ends the name that a socket has until it is ready. What has room for a
// path (sun_path of unix(7), 107 bytes) needs room for it, too.
const Fresh = ".new"

// Listener takes its socket away when it is closed, unless another has taken its
// place.
type Listener struct {
	*net.UnixListener
	path string
	made fs.FileInfo
	once sync.Once
}

// Listen opens a socket for its owner and a group. It is bound beside its place,
// for nobody but us, gets its group and mode there, and then takes the place by
// rename(2): a link that stands there is replaced and not followed, and so is a
// socket that a dead program left. The folder must be one in which others cannot
// put something else in its place.
func Listen(path string, gid int, mode fs.FileMode) (*Listener, error) {
	fresh := path + Fresh
	if err := errors.Join(vacant(path), vacant(fresh)); err != nil {
		return nil, err
	}
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a start that came to nothing
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
	l := &Listener{UnixListener: bound.(*net.UnixListener), path: path}
	l.SetUnlinkOnClose(false) // it would unlink the name that is no more
	if l.made, err = admit(fresh, gid, mode); err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.UnixListener.Close(), os.Remove(fresh))
	}
	return l, nil
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
		return ErrInUse
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return err
}

// admit gives a socket to the group whose members may connect.
func admit(path string, gid int, mode fs.FileMode) (fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	// In a setgid folder it has the group already, also when we are no member.
	if int(info.Sys().(*syscall.Stat_t).Gid) != gid {
		if err := os.Lchown(path, -1, gid); err != nil {
			return nil, fmt.Errorf("its group cannot be %s: %w (run sendwarden as root, or as a member of that group)", groupName(gid), Cause(err))
		}
	}
	return info, os.Chmod(path, mode)
}

func groupName(gid int) string {
	number := strconv.Itoa(gid)
	if g, err := user.LookupGroupId(number); err == nil {
		return g.Name
	}
	return number
}

// Addr is the path; that of the embedded listener is the one before the rename.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close closes the socket and takes it away.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	l.once.Do(func() {
		if info, statErr := os.Lstat(l.path); statErr == nil && os.SameFile(info, l.made) {
			err = errors.Join(err, os.Remove(l.path))
		}
	})
	return err
}

// Cause is an error of a network or file operation without its name and path,
// where the message says them already.
func Cause(err error) error {
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
