package state

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// holder names the process that has locked a file, as far as the kernel tells.
// /proc/locks, proc_locks(5):
//
//	1: FLOCK  ADVISORY  WRITE 4711 fe:00:1835021 0 EOF
func holder(path string) string {
	const unknown = "another process"
	var stat syscall.Stat_t
	if syscall.Stat(path, &stat) != nil {
		return unknown
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return unknown
	}
	defer locks.Close()
	inode := fmt.Sprintf(":%d", stat.Ino)
	lines := bufio.NewScanner(locks)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 6 || words[1] != "FLOCK" || !strings.HasSuffix(words[5], inode) {
			continue
		}
		name, err := os.ReadFile("/proc/" + words[4] + "/comm")
		if err != nil {
			return "process " + words[4]
		}
		return fmt.Sprintf("process %s (%s)", words[4], strings.TrimSpace(string(name)))
	}
	return unknown
}

func readOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
