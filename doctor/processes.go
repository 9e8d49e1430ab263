package doctor

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Process is a `sendwarden run` that runs on this host.
type Process struct {
	pid int
	uid uint32
}

// Running looks through /proc, which every user may.
func Running() []Process {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil
	}
	var found []Process
	for _, name := range lines {
		text, err := os.ReadFile(name)
		if err != nil || !isDaemon(text) {
			continue
		}
		dir := filepath.Dir(name)
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && err == nil {
			found = append(found, Process{pid, owner.Uid})
		}
	}
	return found
}

// isDaemon reads a command line of /proc: words that end in NUL bytes.
func isDaemon(cmdline []byte) bool {
	words := bytes.Split(cmdline, []byte{0})
	return filepath.Base(string(words[0])) == "sendwarden" && len(words) > 1 && slices.ContainsFunc(words[1:], func(w []byte) bool { return string(w) == "run" })
}

func checkDaemon(_ context.Context, in *Installation) []Finding {
	switch len(in.Daemons) {
	case 0:
		return []Finding{wrong("systemctl start sendwarden, or sendwarden run", "no daemon runs: nobody new is blocked")}
	case 1:
		return []Finding{fine("process %d", in.Daemons[0].pid)}
	}
	var pids []string
	for _, d := range in.Daemons {
		pids = append(pids, strconv.Itoa(d.pid))
	}
	return []Finding{doubt("stop all but one, unless each has a blocklist of its own", "several run: processes %s", strings.Join(pids, ", "))}
}
