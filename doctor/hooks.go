package doctor

import (
	"context"
	"os"
	"syscall"
)

// checkHooks looks at the programs that are to be run.
func checkHooks(_ context.Context, in *Installation) []Finding {
	var found []Finding
	for _, p := range in.With.Hooks {
		if len(p.Run) > 0 {
			found = append(found, in.programOf("hook", p.Run[0]))
		}
	}
	return found
}

// programOf tells whether the daemon may run a program, and nobody else may change
// what it is: whoever can has the daemon's rights.
func (in *Installation) programOf(what, path string) Finding {
	info, err := os.Stat(path)
	if err != nil {
		return wrong("name a program that is there", "%s: %v", what, err)
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return wrong("chmod +x "+path, "%s: %s can't be run (%v)", what, path, info.Mode())
	}
	who, err := in.daemonAccount()
	if err != nil {
		return unknown("name an account that is there with --user", "%s: %s: %v", what, path, err)
	}
	if why, ok := mayOpen(path, who, 1); !ok {
		return wrong("let the daemon's account run it", "%s: the account %s can't run %s: %s", what, who.name, path, why)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return wrong("chmod o-w "+path, "%s: everybody may change %s, and so do what the daemon may", what, path)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 && owner.Uid != who.uid {
		return doubt("chown root "+path, "%s: %s belongs to another account (%d), which may do by it what the daemon may", what, path, owner.Uid)
	}
	return fine("%s: %s can be run", what, path)
}
