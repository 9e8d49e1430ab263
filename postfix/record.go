package postfix

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// recordName is the file beside main.cf that remembers what was changed.
const recordName = "main.cf.sendwarden"

// record is what Undo needs to know.
type record struct {
	About   string            `json:"about"`
	Changed time.Time         `json:"changed"`
	Want    Want              `json:"want"`
	Changes []recorded        `json:"changes"`
	Backups map[string]string `json:"backups"` // file → its copy from before the first change
	Left    map[string]string `json:"left"`    // file → SHA-256 of what the last change made of it

	path string
}

// recorded is a change with the layout that main.cf had.
type recorded struct {
	Change
	Raw string `json:"raw,omitempty"`
}

// record reads the record, and gives its text; without one both are empty.
func (c *Config) record() (record, []byte, error) {
	r := record{
		About:   "What `sendwarden setup postfix --apply` changed here. `sendwarden setup postfix --undo` takes it back, and this file away.",
		Backups: make(map[string]string), Left: make(map[string]string),
		path: filepath.Join(c.Dir, recordName),
	}
	f, err := readFile(r.path)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil, nil
	}
	if err != nil {
		return r, nil, err
	}
	if err := json.Unmarshal(f.text, &r); err != nil {
		return r, nil, fmt.Errorf("postfix: %s: %w (put main.cf back from its copy, and take this file away)", r.path, err)
	}
	return r, f.text, nil
}

func (r *record) save() error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return replace(r.path, append(text, '\n'))
}

// back makes the record again what it was.
func (r *record) back(text []byte) error {
	if text == nil {
		return os.Remove(r.path)
	}
	return replace(r.path, text)
}

// backedUp notes a copy. An older one is the better one, as it is from before
// our first change, unless somebody has edited the file since.
func (r *record) backedUp(name string, f file, backup string) {
	if !r.untouched(name, f) {
		delete(r.Backups, name)
	}
	if len(r.of(name)) == 0 {
		r.Backups[name] = backup
	}
}

// of are the recorded changes of one file.
func (r *record) of(name string) []recorded {
	var found []recorded
	for _, c := range r.Changes {
		if c.File() == name {
			found = append(found, c)
		}
	}
	return found
}

// untouched tells whether a file is as our last change left it, and a copy of
// it is there from before our first.
func (r *record) untouched(name string, f file) bool {
	return r.Backups[name] != "" && r.Left[name] == sum(f.text)
}

// left notes what the changes made of the files.
func (r *record) left(touched map[string]file) error {
	for name, before := range touched {
		f, err := readFile(before.path)
		if err != nil {
			return err
		}
		r.Left[name] = sum(f.text)
	}
	return nil
}

// add notes a change. What stood there before our first change is what counts;
// but when somebody has edited the value since, then what they made of it, less
// our checks.
func (r *record) add(change Change, raw string, want Want) {
	i := slices.IndexFunc(r.Changes, func(c recorded) bool { return c.Service == change.Service && c.Name == change.Name })
	if change.Service != "" {
		raw = ""
	}
	if i < 0 {
		r.Changes = append(r.Changes, recorded{Change: change, Raw: raw})
	} else {
		old := &r.Changes[i]
		if old.After != change.Before {
			if rest, err := without(change.Before, r.Want.items()); err == nil && rest != old.Before {
				old.Before, old.Raw = rest, ""
			}
		}
		old.After = change.After
	}
	// A later change may leave the door as it is; it is ours all the same.
	want.Door, want.Socketmap = cmp.Or(want.Door, r.Want.Door), cmp.Or(want.Socketmap, r.Want.Socketmap)
	r.Want = want
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

// backup copies a file beside itself, under a name with the time.
func (f file) backup(now time.Time) (string, error) {
	path := f.path + "." + now.Format("2006-01-02T15-04-05")
	for n := 2; ; n++ {
		err := create(path, f.text, f.path)
		if !errors.Is(err, os.ErrExist) || n > 100 {
			return path, err
		}
		path = fmt.Sprintf("%s.%s.%d", f.path, now.Format("2006-01-02T15-04-05"), n)
	}
}

// restore makes a file again what a copy of it is. A copy that somebody took
// away is no error: then the settings are put back one by one.
func restore(path, backup string) (bool, error) {
	f, err := readFile(backup)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, replace(path, f.text)
}

// putBack makes files what they were.
func putBack(files map[string]file) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, replace(f.path, f.text))
	}
	return errors.Join(errs...)
}

func removeAll(paths []string) error {
	var errs []error
	for _, path := range paths {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

// replace writes a file whole or not at all:
//
//	open(NAME.sendwarden-new, O_EXCL) fchown fchmod write fsync close
//	rename(NAME.sendwarden-new, NAME)
//
// with the mode and owner that it had.
func replace(path string, text []byte) error {
	temp := path + ".sendwarden-new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("postfix: leftover of a crash: %w", err)
	}
	if err := create(temp, text, path); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("postfix: %s stays as it was: %w", path, err)
	}
	return nil
}

// create writes a new file with the mode and owner of another, if that is there.
func create(path string, text []byte, like string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return fmt.Errorf("postfix: %w", err)
	}
	defer f.Close() // the close that counts is below; a second does nothing
	if info, err := os.Stat(like); err == nil {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return fmt.Errorf("postfix: %w", err)
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Getuid() == 0 {
			if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
				return fmt.Errorf("postfix: %w", err)
			}
		}
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(path) // the first error counts
		return fmt.Errorf("postfix: %w", err)
	}
	return nil
}
