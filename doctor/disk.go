package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"sendwarden/words"
)

// What little is free where files are written. A list and its table are some
// kilobytes; a disk that has this little left is about to be full.
const (
	littleSpace = 100 << 20 // bytes
	noSpace     = 5 << 20
)

// checkDisk looks at where the blocklist is written, and what is remembered.
func checkDisk(_ context.Context, in *Installation) []Finding {
	var found []Finding
	for _, dir := range []string{filepath.Dir(in.List), filepath.Dir(in.State)} {
		if f, ok := in.mayWrite(dir); ok {
			found = append(found, f)
		}
		if f, ok := space(in.seen(dir), dir); ok {
			found = append(found, f)
		}
	}
	return found
}

// seen is a path as the running daemon sees it: systemd may have mounted it
// otherwise for a unit (ReadWritePaths). Only root may look there.
func (in *Installation) seen(path string) string {
	if len(in.Daemons) == 1 && filepath.IsAbs(path) {
		within := filepath.Join("/proc", strconv.Itoa(in.Daemons[0].pid), "root", path)
		if _, err := os.Stat(within); err == nil {
			return within
		}
	}
	return path
}

// mayWrite says that the daemon can't put files into a directory.
func (in *Installation) mayWrite(dir string) (Finding, bool) {
	who, err := in.daemonAccount()
	if err != nil {
		return Finding{}, false // checkLog says so
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return Finding{}, false // space says more
	}
	if why, ok := mayOpen(dir, who, 3); !ok {
		return wrong("let that account write there: what can't be written blocks nobody", "%s: the account %s can't write there: %s", dir, who.name, why), true
	}
	return Finding{}, false
}

// The kernel's flag in statfs(2) for a file system that is mounted to be read only.
const readOnly = 0x1

// space is what is free at a directory. Of one that is missing others speak: the
// blocklist's is checkBlocklist's, and the state's is made at the first start.
func space(seen, dir string) (Finding, bool) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(seen, &fs); err != nil {
		return Finding{}, false
	}
	free := int64(fs.Bavail) * int64(fs.Bsize)
	fact := fmt.Sprintf("%s: %s MB free", dir, words.Thousands(int(free>>20)))
	remedy := "make room: what can't be written blocks nobody"
	switch {
	case fs.Flags&readOnly != 0:
		return wrong("see dmesg, and mount it read-write again; in a unit, name it in ReadWritePaths: what can't be written blocks nobody", "%s: the file system is read-only", dir), true
	case free < noSpace:
		return wrong(remedy, "%s", fact), true
	case fs.Files > 0 && fs.Ffree == 0:
		return wrong(remedy, "%s: no inode is free", dir), true
	case free < littleSpace:
		return doubt(remedy, "%s", fact), true
	}
	return fine("%s", fact), true
}
