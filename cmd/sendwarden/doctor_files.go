package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sendwarden/blocklist"
	"sendwarden/daemon"
	"sendwarden/geo"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/words"
)

func checkRules(_ context.Context, in *installation) []finding {
	if in.ruled == nil {
		mode := "enforce"
		if in.rules.Watch {
			mode = "watch: nobody is blocked"
		}
		found := []finding{fine("%s: %s, mode %s", in.origin, words.Count(len(in.rules.Rules), "rule"), mode)}
		return append(found, in.ruledByRoot()...)
	}
	remedy := "kill -HUP the daemon when it is repaired; until then it goes on with the old rules"
	var several scoring.Faults
	if errors.As(in.ruled, &several) && len(several) > 1 {
		return []finding{wrong("`sendwarden check` shows all "+words.Count(len(several), "fault")+"; "+remedy, "%v", several[0])}
	}
	return []finding{wrong(remedy, "%v", in.ruled)}
}

// ruledByRoot looks whether the rules, by which root's commands go, too, are out of
// the daemon's reach.
func (in *installation) ruledByRoot() []finding {
	if in.origin == settings.Shipped || in.user == "" && len(in.daemons) == 0 {
		return nil
	}
	who, err := in.daemonAccount()
	if err != nil {
		return nil // others say that there is no such account
	}
	path, err := filepath.Abs(in.origin)
	if err != nil {
		return nil
	}
	if by, may := mayReplace(path, who); may {
		return []finding{doubt("chown root "+by+", and let the daemon write in a folder of its own, such as /etc/sendwarden/lists",
			"%s: the daemon's account %s could put other rules there, by which root's commands would go: %s is its own to change", in.origin, who.name, by)}
	}
	return nil
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

func checkPlaces(_ context.Context, in *installation) []finding {
	places, err := in.places(in.rules)
	if err != nil {
		return []finding{wrong("name a database that is there under geo: in the rules, or none for the embedded data", "%v", err)}
	}
	var found []finding
	for _, s := range places.Sources() {
		f := fine("%s", words.Database(s, in.now))
		if s.Age(in.now) > geo.OldAge {
			f.State = warning // the line has the remedy
		}
		found = append(found, f)
	}
	return found
}

func checkBlocklist(_ context.Context, in *installation) []finding {
	path := in.file(in.rules)
	if _, err := os.Stat(path); err != nil {
		remedy := "start the daemon"
		if errors.Is(err, os.ErrNotExist) {
			err, remedy = noList(path), "" // it says what to do
		}
		return []finding{wrong(remedy, "%v", err)}
	}
	var found []finding
	for _, p := range blocklist.Check(path) {
		found = append(found, wrong(p.Remedy, "%v", blocklist.Problem{Path: p.Path, Line: p.Line, Fact: p.Fact}))
	}
	entries, err := blocklist.Read(path)
	if err == nil && len(found) == 0 {
		found = append(found, fine("%s: %s", path, words.Count(len(entries), "line")))
	}
	return found
}

// What little is free where files are written. A list and its table are some
// kilobytes; a disk that has this little left is about to be full.
const (
	littleSpace = 100 << 20 // bytes
	noSpace     = 5 << 20
)

// checkDisk looks at where the blocklist is written, and what is remembered.
func checkDisk(_ context.Context, in *installation) []finding {
	run := runCommand{state: in.state}
	var found []finding
	for _, dir := range []string{filepath.Dir(in.file(in.rules)), filepath.Dir(daemon.StateFile(run.stateFile(in.rules)))} {
		if f, ok := space(dir); ok {
			found = append(found, f)
		}
	}
	return found
}

// space is what is free at a directory. Of one that is missing others speak: the
// blocklist's is checkBlocklist's, and the state's is made at the first start.
func space(dir string) (finding, bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return finding{}, false
	}
	free := int64(fs.Bavail) * int64(fs.Bsize)
	fact := fmt.Sprintf("%s: %s MB free", dir, words.Thousands(int(free>>20)))
	remedy := "make room: what can't be written blocks nobody"
	switch {
	case free < noSpace:
		return wrong(remedy, "%s", fact), true
	case fs.Files > 0 && fs.Ffree == 0:
		return wrong(remedy, "%s: no inode is free", dir), true
	case free < littleSpace:
		return doubt(remedy, "%s", fact), true
	}
	return fine("%s", fact), true
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
