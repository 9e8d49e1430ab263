// Package follow turns logs into lines, and loses and repeats none of them.
//
// A log is one name over many files. mail.log is written; mail.log.1 was until
// last night, and for the moment between its renaming and the signal to the
// writer it still is; mail.log.2.gz and its elders are compressed:
//
//	rename mail.log → mail.log.1     the writer goes on in mail.log.1
//	create mail.log                  empty
//	kill -HUP $(pidof rsyslogd)      from now on lines come to mail.log
//	gzip mail.log.1                  the file is another, the text the same
//
// So what is read is never a name but an open file, known again by its inode
// and its first bytes: Follow stays with each file until long after its writer
// has left it, opens each new one as soon as it appears, and hands on the lines
// of both in the order of their writing. A Position says where in all this a
// reader stands, and Follow goes on from there after a restart, wherever the
// file has gone in the meantime. The systemd journal and standard input are
// followed in the same way as far as they can be.
//
// Old and Blocks read logs that are complete, fast.
package follow

import (
	"context"
	"os"
	"sync"
	"time"
)

// Names of sources that are no files.
const (
	Stdin   = "-"
	Journal = "journal"
)

// Start is where the reading of a source begins that has no Position.
type Start int

const (
	Current Start = iota // with the first line of the file that is written now; of the journal, with its first entry
	Oldest               // with the first line of its oldest elder
	End                  // with what is written from now on
)

// Options say how logs are followed. The zero value is good.
type Options struct {
	From  []Position // where earlier reading ended, each for the source that it names
	Start Start

	// Grace is how long a file that has been rotated away is still looked at
	// after the last line that came to it (default 2 minutes): so much later
	// may the writer be told of the rotation.
	Grace time.Duration
	// Poll looks at the files every 25 ms instead of being woken by inotify, as
	// is done by itself on network file systems.
	Poll bool
	// Journalctl is the program that reads the journal, with its first arguments
	// (default: journalctl); a log host adds --directory=/var/log/journal/remote.
	Journalctl []string

	trusted map[string]bool // for tests: the user ids to be believed
}

// Line is one line of a log.
type Line struct {
	Text []byte // without its newline; a journal entry is the JSON object that journalctl prints
	End  int64  // offset of the byte after it in its file
}

// Note is something about a source that an administrator may want to know.
type Note struct {
	Text string
	Lost bool // lines were lost, or may have been, or come no longer
}

// Batch is what a source had to say since the last one: what happened to it,
// and lines in their order. It stays valid.
type Batch struct {
	Source string
	Notes  []Note
	Lines  []Line
	Down   error // why nothing comes from the source for now; said each time that it was tried, at least every minute
	Err    error // what ended the source; nothing more comes from it

	places []place // where the source stood before these lines, oldest file first
	at     int     // which of the places the lines belong to
	kept   []Place // the same while no file is open
	cursor string  // the same for a journal
}

// Follow hands on the lines of several logs at once until the context is done or
// all of them have ended, and then closes the channel; nothing is left running
// behind it. A source is the path of a file, which need not exist yet, Journal or
// Stdin.
func Follow(ctx context.Context, sources []string, o Options) <-chan Batch {
	if o.Grace == 0 {
		o.Grace = 2 * time.Minute
	}
	out := make(chan Batch, 1)
	var running sync.WaitGroup
	for _, source := range sources {
		running.Go(func() {
			send := func(b Batch) bool {
				b.Source = source
				select {
				case out <- b:
					return true
				case <-ctx.Done():
					return false
				}
			}
			switch source {
			case Stdin:
				followStream(ctx, os.Stdin, send)
			case Journal:
				newJournal(o, send).follow(ctx)
			default:
				newFollower(source, o, send).follow(ctx)
			}
		})
	}
	go func() {
		running.Wait()
		close(out)
	}()
	return out
}

// position is the one that was left for a source.
func (o *Options) position(source string) Position {
	for _, p := range o.From {
		if p.Source == source {
			return p
		}
	}
	return Position{Source: source}
}
