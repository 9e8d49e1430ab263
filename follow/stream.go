package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// followStream hands on what comes from a pipe or a terminal until it ends.
// Nothing is read until something is there, so that the context is heeded.
func followStream(ctx context.Context, f *os.File, send func(Batch) bool) {
	var c cutter
	buffer := make([]byte, blockSize)
	n, offset := 0, int64(0)
	for ctx.Err() == nil {
		ready, err := readable(f)
		if err == nil && !ready {
			continue
		}
		var m int
		if err == nil {
			m, err = f.Read(buffer[n:])
		}
		n += m
		ended := err != nil
		lines, used := c.cut(buffer[:n], offset, ended)
		offset += int64(used)
		n = copy(buffer, buffer[used:n])
		b := Batch{Lines: lines}
		if c.long > 0 {
			b.Notes = append(b.Notes, Note{fmt.Sprintf("lines of more than %d KiB were cut off there: %d", MaxLine>>10, c.long), true})
			c.long = 0
		}
		if ended && !errors.Is(err, io.EOF) {
			b.Err = fmt.Errorf("standard input: %w", err)
		}
		if (len(lines) > 0 || b.Err != nil) && !send(b) || ended {
			return
		}
	}
}

// readable waits a moment for something to read, or for the end.
func readable(f *os.File) (bool, error) {
	const moment = 250 // milliseconds
	fds := []unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, moment)
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return n > 0, err
}
