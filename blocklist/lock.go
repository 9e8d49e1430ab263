package blocklist

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	lockPause = 10 * time.Millisecond
	// lockWait is longer than the slowest honest holder: one that waits for
	// postmap until postmapTime is up.
	lockWait = postmapTime + 5*time.Second
)

// lock takes path.lock for one read-modify-write and returns what gives it
// back. The kernel gives it back too when the holder dies.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, newMode)
	if err != nil {
		return nil, lockError(path, err)
	}
	for waited := time.Duration(0); ; waited += lockPause {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) || waited >= lockWait {
			_ = f.Close()
			return nil, fmt.Errorf("blocklist: %s.lock: %w (another sendwarden holds it)", path, err)
		}
		time.Sleep(lockPause)
	}
}

// lockError speaks of the directory: it is what the lock's file wants.
func lockError(path string, err error) error {
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Problem{Path: dir, Fact: "no such directory", Remedy: "mkdir -p " + dir}
	case errors.Is(err, os.ErrPermission):
		return Problem{Path: dir, Fact: "this user may not write there", Remedy: "the blocklist belongs to root: use sudo"}
	}
	return fmt.Errorf("blocklist: %w (the directory has to be writable)", err)
}
