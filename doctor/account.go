package doctor

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// account is whose rights are looked at.
type account struct {
	name string
	uid  uint32
	gids []uint32
}

func (a account) has(info os.FileInfo, bits os.FileMode) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mode := info.Mode().Perm()
	if owner.Uid == a.uid {
		return mode>>6&bits == bits
	}
	for _, gid := range a.gids {
		if owner.Gid == gid {
			return mode>>3&bits == bits
		}
	}
	return mode&bits == bits
}

// daemonAccount is whose rights count: the flag's, the running daemon's, or
// those of who asks.
func (in *Installation) daemonAccount() (account, error) {
	var u *user.User
	var err error
	switch {
	case in.Account != "":
		u, err = user.Lookup(in.Account)
	case len(in.Daemons) > 0:
		u, err = user.LookupId(strconv.FormatUint(uint64(in.Daemons[0].uid), 10))
	default:
		u, err = user.Current()
	}
	if err != nil {
		return account{}, err
	}
	a, err := accountOf(u)
	if err == nil && in.Account == "" && len(in.Daemons) > 0 {
		a.gids = append(a.gids, groupsOf(in.Daemons[0].pid)...)
	}
	return a, err
}

// groupsOf are the groups that a process runs with: a unit's SupplementaryGroups
// stand in no file. One that is gone has none.
func groupsOf(pid int) (gids []uint32) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		ids, is := strings.CutPrefix(line, "Groups:")
		if !is {
			continue
		}
		for _, id := range strings.Fields(ids) {
			if gid, err := strconv.ParseUint(id, 10, 32); err == nil {
				gids = append(gids, uint32(gid))
			}
		}
	}
	return gids
}

func accountOf(u *user.User) (account, error) {
	a := account{name: u.Username}
	ids, err := u.GroupIds()
	if err != nil {
		return a, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return a, err
	}
	a.uid = uint32(uid)
	for _, id := range ids {
		if gid, err := strconv.ParseUint(id, 10, 32); err == nil {
			a.gids = append(a.gids, uint32(gid))
		}
	}
	return a, nil
}

// mayOpen tells whether an account can open a file by the modes of it and of the
// directories above it, which is what a program that is not root is held to. It
// knows nothing of ACLs.
func mayOpen(path string, who account, bits os.FileMode) (string, bool) {
	if who.uid == 0 {
		return "", true
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err.Error(), false
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	for want := bits; ; want = 1 {
		info, err := os.Stat(path)
		if err != nil {
			return err.Error(), false
		}
		if !who.has(info, want) {
			return fmt.Sprintf("%s is %s", path, strings.TrimSpace(info.Mode().String())), false
		}
		if path == "/" {
			return "", true
		}
		path = filepath.Dir(path)
	}
}

// mayReplace tells by which file or directory an account that is not root's could
// change what is read under a path.
func mayReplace(path string, who account) (by string, may bool) {
	if who.uid == 0 {
		return "", false
	}
	for ; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return "", false
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		kept := info.IsDir() && info.Mode()&os.ModeSticky != 0 // of others' files in it
		if ok && owner.Uid == who.uid || who.has(info, 2) && !kept {
			return path, true
		}
		if path == filepath.Dir(path) {
			return "", false
		}
	}
}
