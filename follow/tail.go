package follow

import (
	"context"
	"fmt"
	"io"
	"log"

	"github.com/nxadm/tail"
)

// Tail hands on the lines that are added to a log after an offset, until the
// context is done; it then closes the channel. A log that is renamed away or
// truncated is opened anew under its name; a log that does not exist yet is
// waited for.
func Tail(ctx context.Context, name string, offset int64) (<-chan Line, error) {
	t, err := tail.TailFile(name, tail.Config{
		Location:      &tail.SeekInfo{Offset: offset, Whence: io.SeekStart},
		Follow:        true,
		ReOpen:        true,
		CompleteLines: true,
		MaxLineSize:   MaxLine,
		Logger:        log.New(io.Discard, "", 0),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	lines := make(chan Line)
	go func() {
		defer close(lines)
		defer t.Cleanup()
		defer func() { _ = t.Stop() }() // it answers why the reading ended: because it was told to
		for {
			select {
			case <-ctx.Done():
				return
			case l, open := <-t.Lines:
				if !open {
					if err := t.Err(); err != nil {
						deliver(ctx, lines, Line{Err: fmt.Errorf("%s: %w", name, err)})
					}
					return
				}
				if !deliver(ctx, lines, Line{Text: []byte(l.Text), End: l.SeekInfo.Offset, Err: l.Err}) {
					return
				}
			}
		}
	}()
	return lines, nil
}

func deliver(ctx context.Context, lines chan<- Line, l Line) bool {
	select {
	case lines <- l:
		return true
	case <-ctx.Done():
		return false
	}
}
