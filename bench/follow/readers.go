package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/nxadm/tail"
	"github.com/nxadm/tail/watch"

	"sendwarden/bench/follow/writer"
	"sendwarden/follow"
)

var readers = []string{"nxadm/tail", "nxadm/tail, polling", "nxadm/tail per inode", "follow"}

// result is what a reader got.
type result struct {
	Different, Doubled, Garbled int
	P50, P99                    float64 // milliseconds
	Peak                        float64 // MB
}

const (
	mostLines = 2_000_000
	grain     = 10 * time.Microsecond // of the delays that are told apart
	longest   = 10 * time.Second
)

// counter counts lines, in memory that does not grow.
type counter struct {
	times   [mostLines]uint8
	delays  [longest/grain + 1]uint32
	seen    int // different lines
	garbled int
}

func (c *counter) add(line []byte, now time.Time) {
	n, written, ok := writer.Parse(line)
	if !ok || len(line) != 149 || n >= mostLines {
		if !bytes.HasPrefix(line, []byte("the first")) && !bytes.HasPrefix(line, []byte("endless")) {
			c.garbled++
		}
		return
	}
	if c.times[n] == 0 {
		c.seen++
	}
	if c.times[n] < 255 {
		c.times[n]++
	}
	c.delays[max(0, min(longest, now.Sub(written)))/grain]++
}

func (c *counter) result() (r result) {
	r.Different, r.Garbled = c.seen, c.garbled
	for _, times := range c.times {
		r.Doubled += max(0, int(times)-1)
	}
	r.P50, r.P99, r.Peak = c.delay(50), c.delay(99), peak()
	return r
}

// delay is what so many of a hundred lines took at most, in milliseconds.
func (c *counter) delay(percent int) float64 {
	all, sum := 0, 0
	for _, n := range c.delays {
		all += int(n)
	}
	for i, n := range c.delays {
		if sum += int(n); sum > 0 && sum*100 >= all*percent {
			return float64(time.Duration(i)*grain) / 1e6
		}
	}
	return 0
}

// peak is the most memory that the process had at a time, in MB.
func peak() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	kilobytes, _, _ := bytes.Cut(bytes.TrimSpace(after), []byte(" "))
	n, _ := strconv.ParseFloat(string(kilobytes), 64)
	return n / 1024
}

// beReader follows a log until standard input ends, and prints what it got.
func beReader(name, path string) error {
	c := &counter{}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	fmt.Println("begun")
	switch name {
	case "follow":
		for b := range follow.Follow(ctx, []string{path}, follow.Options{}) {
			now := time.Now()
			for _, l := range b.Lines {
				c.add(l.Text, now)
			}
		}
	case "nxadm/tail per inode":
		perInode(ctx, path, c)
	default:
		t, err := tail.TailFile(path, config(name != "nxadm/tail", true))
		if err != nil {
			return err
		}
		for open := true; open; {
			var l *tail.Line
			select {
			case <-ctx.Done():
				open = false
			case l, open = <-t.Lines:
				if open {
					c.add([]byte(l.Text), time.Now())
				}
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(c.result())
}

func config(poll, reopen bool) tail.Config {
	return tail.Config{Follow: true, ReOpen: reopen, Poll: poll, CompleteLines: true, MaxLineSize: follow.MaxLine,
		Logger: log.New(io.Discard, "", 0)}
}

// perInode has one nxadm/tail read each inode, through the descriptor that is
// held here, and looks for new ones itself.
func perInode(ctx context.Context, path string, c *counter) {
	watch.POLL_DURATION = 5 * time.Millisecond
	lines := make(chan string)
	var known []os.FileInfo
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case text := <-lines:
			c.add([]byte(text), time.Now())
		case <-look.C:
			known = append(known, openNew(path, known, lines)...)
		}
	}
}

func openNew(path string, known []os.FileInfo, lines chan<- string) (opened []os.FileInfo) {
	same := func(info os.FileInfo) bool {
		return slices.ContainsFunc(known, func(k os.FileInfo) bool { return os.SameFile(k, info) })
	}
	if info, err := os.Stat(path); err != nil || same(info) {
		return nil
	}
	names, _ := follow.Elders(path)
	names = slices.DeleteFunc(names, func(name string) bool {
		return bytes.ContainsAny([]byte(name[len(path):]), "zx") // compressed: of a file that was known
	})
	for _, name := range append(names, path) {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		info, err := f.Stat()
		if err != nil || same(info) {
			f.Close()
			continue
		}
		t, err := tail.TailFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), config(true, false))
		if err != nil {
			f.Close()
			continue
		}
		opened = append(opened, info)
		known = append(known, info)
		go func() {
			defer f.Close()
			for l := range t.Lines {
				lines <- l.Text
			}
		}()
	}
	return opened
}
