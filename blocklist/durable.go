package blocklist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// newMode is for a file that we make: nobody but root and the group reads
	// who is under suspicion.
	newMode = 0o640
	// An editor that saves in place passes through an empty or half file, one
	// that renames through none. Such a look is repeated, so long.
	settlePause = 20 * time.Millisecond
	settleTries = 10
)

// errMoved says that another hand wrote the file between our reading and our
// replacing it.
var errMoved = errors.New("the file changed meanwhile")

// same reports whether two looks at a file saw the same version of it.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// target follows a symbolic link, so that the file behind it is replaced and
// the link stays. A link of another user's is not followed: where the daemon owns
// the directory and is taken over, it could have root's own commands write over
// any file.
func target(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return path, nil // what fails here fails again, with a better name, at the open
	}
	if owner := int(info.Sys().(*syscall.Stat_t).Uid); owner != 0 && owner != os.Geteuid() {
		return "", Problem{Path: path, Fact: fmt.Sprintf("a link that belongs to user id %d, who could make it lead anywhere", owner), Remedy: "chown -h root " + path}
	}
	to, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", Problem{Path: path, Fact: "the link leads nowhere: " + cause(err).Error(), Remedy: "make the file it names, or take the link away"}
	}
	return to, nil
}

// read returns the file's text once it looks finished: it did not change
// while it was read and ends in a newline, or looks the same a second time.
func read(path string) (*text, fs.FileInfo, error) {
	var last fs.FileInfo
	for try := range settleTries {
		if try > 0 {
			time.Sleep(settlePause)
		}
		data, info, stable, err := readOnce(path)
		if errors.Is(err, os.ErrNotExist) && try == 0 {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if stable && (bytes.HasSuffix(data, []byte("\n")) || last != nil && same(info, last)) {
			if err := whole(path, data); err != nil {
				return nil, nil, err
			}
			return parse(data), info, nil
		}
		last = info
	}
	return nil, nil, fmt.Errorf("blocklist: %s: %w, and again and again (who writes it?)", path, errMoved)
}

// readOnce reports as stable when the file was the same before and after.
func readOnce(path string) (data []byte, info fs.FileInfo, stable bool, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO would wait for ever
	if err != nil {
		return nil, nil, false, fmt.Errorf("blocklist: %w", err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, nil, false, fmt.Errorf("blocklist: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, false, Problem{Path: path, Fact: "this is no regular file", Remedy: "name the blocklist file"}
	}
	if data, err = io.ReadAll(io.LimitReader(f, maxText+1)); err != nil {
		return nil, nil, false, fmt.Errorf("blocklist: %w", err)
	}
	if len(data) > maxText {
		return nil, nil, false, Problem{Path: path, Fact: fmt.Sprintf("above %d bytes: this is no blocklist", maxText), Remedy: "name another file"}
	}
	after, err := os.Stat(path)
	return data, info, err == nil && same(info, after) && int64(len(data)) == info.Size(), nil
}

// replace writes the file whole or not at all. It is, in system calls,
//
//	open(.NAME.new, O_EXCL) fchown fchmod write… fsync close
//	stat(NAME)              — errMoved unless it is still the version old
//	rename(.NAME.new, NAME) fsync(directory)
//
// so that a reader, or a crash at any moment, finds the old text or the new
// one. Mode and owner are those of old; without one (nil) the file is new. The
// caller holds the lock, which makes the temporary name its own.
func replace(path string, data []byte, old fs.FileInfo) (err error) {
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, "."+base+".new")
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("blocklist: leftover of a crash: %w", err)
	}
	if err := writeAside(temp, data, old); err != nil {
		_ = os.Remove(temp) // the first error counts
		return fmt.Errorf("blocklist: %s stays as it was: %w", path, err)
	}
	now, err := os.Stat(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		_ = os.Remove(temp)
		return fmt.Errorf("blocklist: %w", err)
	}
	if err == nil && !same(old, now) || err != nil && old != nil {
		_ = os.Remove(temp)
		return errMoved
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("blocklist: %s stays as it was: %w", path, err)
	}
	return syncDir(dir)
}

// writeAside writes a new file down to the disk, with old's mode and owner.
func writeAside(path string, data []byte, old fs.FileInfo) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // the close that counts is below; a second does nothing
	mode := fs.FileMode(newMode)
	if old != nil {
		mode = old.Mode().Perm()
		if err := keepOwner(f, old); err != nil {
			return err
		}
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// keepOwner gives f the owner and group of old.
func keepOwner(f *os.File, old fs.FileInfo) error {
	want, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if have, ok := info.Sys().(*syscall.Stat_t); ok && have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	if err := f.Chown(int(want.Uid), int(want.Gid)); err != nil {
		return fmt.Errorf("its owner (%d:%d) can't be kept: %w (run as root or as that user)", want.Uid, want.Gid, cause(err))
	}
	return nil
}

func syncDir(dir string) error {
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("blocklist: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("blocklist: %w", err)
	}
	return nil
}
