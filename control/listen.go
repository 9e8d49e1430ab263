package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"sendwarden/socket"
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
	*socket.Listener
	gid int
}

// Listen opens the socket, which nobody can use at any time who may not.
func Listen(c Config) (*Listener, error) {
	gid, err := groupID(c.Group)
	if err != nil {
		return nil, err
	}
	if err := folder(filepath.Dir(c.Socket), gid); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Socket, socket.Cause(err))
	}
	l, err := socket.Listen(c.Socket, gid, 0o660)
	switch {
	case errors.Is(err, socket.ErrInUse):
		return nil, fmt.Errorf("%s: another daemon listens there (stop it, or name another socket)", c.Socket)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.Socket, socket.Cause(err))
	}
	return &Listener{l, gid}, nil
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

// folder makes the socket's folder, or looks whether the one that is there keeps
// others from putting something else in the socket's place.
func folder(dir string, gid int) error {
	if err := os.Mkdir(dir, 0o750); err == nil {
		return os.Lchown(dir, -1, gid)
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("its folder cannot be made: %w (under systemd, RuntimeDirectory=%s does it)", socket.Cause(err), filepath.Base(dir))
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
