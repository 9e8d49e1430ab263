package follow

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

const (
	pollSeldom = 250 * time.Millisecond // beside inotify, for what it does not see
	pollOften  = 25 * time.Millisecond  // without it
	rest       = time.Millisecond       // after something was read, so that a busy log comes in batches
)

// wake says when to look at a log again. It only ever makes that sooner: all that
// happens is found by looking, so that an event that is missed costs a moment and
// no line.
type wake struct {
	c       chan struct{}
	watcher *fsnotify.Watcher // nil: only look
	err     error             // why it is
	running sync.WaitGroup

	dirs map[string]bool

	mu    sync.Mutex
	names map[string]bool // of files that matter, by their beginning
}

func newWake(path string, poll bool) *wake {
	w := &wake{c: make(chan struct{}, 1), names: make(map[string]bool), dirs: make(map[string]bool)}
	if poll {
		return w
	}
	if remote(filepath.Dir(path)) {
		w.err = errors.New("it lies on a network file system")
		return w
	}
	if w.watcher, w.err = fsnotify.NewWatcher(); w.err != nil {
		w.watcher = nil
		return w
	}
	w.running.Go(w.listen)
	w.watch(path)
	return w
}

// remote reports whether others may write there without this system knowing.
func remote(dir string) bool {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return false
	}
	switch uint32(st.Type) { // linux/magic.h
	case 0x6969, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546: // NFS, CIFS, SMB 2, 9p, FUSE
		return true
	}
	return false
}

// watch has the folder of a log watched, and that of the file to which it may be
// a link.
func (w *wake) watch(path string) {
	if w.watcher == nil {
		return
	}
	paths := []string{path}
	if target, err := filepath.EvalSymlinks(path); err == nil && len(w.dirs) < 16 {
		paths = append(paths, target)
	}
	for _, p := range paths {
		w.dirs[filepath.Dir(p)] = true
		w.mu.Lock()
		w.names[filepath.Base(p)] = true
		w.mu.Unlock()
	}
	w.renew()
}

// renew watches the folders, also such as came only now or came again.
func (w *wake) renew() {
	for dir := range w.dirs {
		_ = w.watcher.Add(dir) // a folder that is not there is looked for again
	}
}

// listen takes the system's events, of which one is as good as many.
func (w *wake) listen() {
	for {
		select {
		case e, open := <-w.watcher.Events:
			if !open {
				return
			}
			if w.matters(e.Name) {
				w.now()
			}
		case _, open := <-w.watcher.Errors: // too many events at once
			if !open {
				return
			}
			w.now()
		}
	}
}

func (w *wake) matters(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	base := filepath.Base(name)
	for n := range w.names {
		if strings.HasPrefix(base, n) {
			return true
		}
	}
	return false
}

func (w *wake) now() {
	select {
	case w.c <- struct{}{}:
	default:
	}
}

// wait returns when it is time to look again.
func (w *wake) wait(ctx context.Context, busy bool) {
	events, pause := w.c, pollSeldom
	switch {
	case busy:
		events, pause = nil, rest
	case w.watcher == nil:
		pause = pollOften
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-events:
	case <-timer.C:
		if pause == pollSeldom {
			w.renew()
		}
	}
}

func (w *wake) close() {
	if w.watcher != nil {
		w.watcher.Close()
	}
	w.running.Wait()
}
