// Package writer writes logs as mail servers and logrotate do together, for the
// tests and measurements of following them. Its lines are those that it is given,
// or numbered ones that say when they were written:
//
//	1795831200123456789 4711 xxxxxxxx…
package writer

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"sendwarden/follow"
)

// Way is how a log is rotated.
type Way string

const (
	Rename       Way = "rename"       // renamed, and opened anew at once
	Late         Way = "late"         // renamed, created, and the writer told much later (create, a delayed HUP)
	Missing      Way = "missing"      // renamed, and created only by the writer when it is told (nocreate)
	Compress     Way = "compress"     // as Late, and then compressed (gzip, zstd or xz)
	Twice        Way = "twice"        // renamed twice in a moment
	Copytruncate Way = "copytruncate" // copied and emptied while the writer writes
	Delete       Way = "delete"       // deleted, and created anew
)

// Plan says what to write.
type Plan struct {
	Path  string        `json:"path"`
	Lines int           `json:"lines"`
	Rate  int           `json:"rate"`  // lines a second; 0: as fast as it goes
	Every int           `json:"every"` // lines between two rotations, on average; 0: no rotation
	Ways  []Way         `json:"ways"`
	Tell  time.Duration `json:"tell"`  // how long Late and Missing take, at most
	Split bool          `json:"split"` // some lines come in two pieces
	Seed  uint64        `json:"seed"`
	Size  int           `json:"size"` // bytes of a line

	Endless int `json:"endless"` // bytes of a line that is written before all others

	// Text, if it is not nil, has the lines to write instead of numbered ones.
	Text [][]byte `json:"-"`
}

type writer struct {
	Plan
	r       *rand.Rand
	f       *os.File
	next    int
	number  int // of the next line
	begun   time.Time
	text    []byte
	copying chan error
}

// Run writes as planned.
func Run(p Plan) error {
	w := &writer{Plan: p, r: rand.New(rand.NewPCG(p.Seed, 0)), begun: time.Now()}
	if err := w.open(); err != nil {
		return err
	}
	if err := w.endless(); err != nil {
		return err
	}
	w.plan()
	for w.number < w.Lines {
		if w.Every > 0 && w.number >= w.next {
			if err := w.rotate(); err != nil {
				return err
			}
			w.plan()
		}
		if err := w.line(); err != nil {
			return err
		}
	}
	return w.copied()
}

func (w *writer) endless() error {
	text := bytes.Repeat([]byte("endless "), 1<<17)
	for written := 0; written < w.Endless; written += len(text) {
		if _, err := w.f.Write(text); err != nil {
			return err
		}
	}
	if w.Endless > 0 {
		_, err := w.f.WriteString("\n")
		w.begun = time.Now()
		return err
	}
	return nil
}

func (w *writer) plan() {
	if w.Every > 0 {
		w.next = w.number + 1 + w.r.IntN(2*w.Every)
	}
}

func (w *writer) open() (err error) {
	w.f, err = os.OpenFile(w.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return err
}

// line writes the next line, when its time has come.
func (w *writer) line() error {
	if w.number == w.Lines {
		return nil
	}
	if w.Rate > 0 {
		due := w.begun.Add(time.Duration(w.number) * time.Second / time.Duration(w.Rate))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
	}
	w.compose()
	w.number++
	if w.Split && w.r.IntN(3) == 0 {
		cut := w.r.IntN(len(w.text))
		if _, err := w.f.Write(w.text[:cut]); err != nil {
			return err
		}
		_, err := w.f.Write(w.text[cut:])
		return err
	}
	_, err := w.f.Write(w.text)
	return err
}

// compose makes the next line.
func (w *writer) compose() {
	if w.Text != nil {
		w.text = w.Text[w.number]
		return
	}
	w.text = strconv.AppendInt(w.text[:0], time.Now().UnixNano(), 10)
	w.text = append(w.text, ' ')
	w.text = strconv.AppendInt(w.text, int64(w.number), 10)
	w.text = append(w.text, ' ')
	for len(w.text) < w.Size-1 {
		w.text = append(w.text, 'x')
	}
	w.text = append(w.text, '\n')
}

// rotate does it in one of the ways.
func (w *writer) rotate() error {
	if err := w.copied(); err != nil {
		return err
	}
	old := w.f
	switch way := w.Ways[w.r.IntN(len(w.Ways))]; way {
	case Copytruncate:
		if err := w.cascade(); err != nil {
			return err
		}
		w.copying = make(chan error, 1)
		go func() { w.copying <- copyTruncate(w.Path) }()
		return nil
	case Delete:
		if err := os.Remove(w.Path); err != nil {
			return err
		}
	case Twice:
		if err := w.cascadeAll(); err != nil {
			return err
		}
		if err := w.open(); err != nil {
			return err
		}
		old.Close()
		old = w.f
		for range w.r.IntN(20) {
			if err := w.line(); err != nil {
				return err
			}
		}
		if err := w.cascadeAll(); err != nil {
			return err
		}
	default:
		if err := w.cascadeAll(); err != nil {
			return err
		}
		if way == Late || way == Compress {
			f, err := os.OpenFile(w.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			if err != nil {
				return err
			}
			f.Close()
		}
		if way != Rename {
			if err := w.untold(); err != nil {
				return err
			}
		}
		if way == Compress {
			if err := w.open(); err != nil {
				return err
			}
			old.Close()
			return w.compress(w.Path + ".1")
		}
	}
	old.Close()
	return w.open()
}

// untold writes to the file that was renamed.
func (w *writer) untold() error {
	end := time.Now().Add(time.Duration(w.r.Int64N(int64(w.Tell) + 1)))
	for time.Now().Before(end) && w.number < w.Lines {
		if err := w.line(); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) copied() error {
	if w.copying == nil {
		return nil
	}
	defer func() { w.copying = nil }()
	return <-w.copying
}

// cascadeAll makes mail.log.1 of mail.log, after making mail.log.2 of mail.log.1
// and so on.
func (w *writer) cascadeAll() error {
	if err := w.cascade(); err != nil {
		return err
	}
	return os.Rename(w.Path, w.Path+".1")
}

func (w *writer) cascade() error {
	elders, err := follow.Elders(w.Path)
	if err != nil {
		return err
	}
	for _, name := range elders {
		rest := name[len(w.Path)+1:]
		number, ending, _ := bytes.Cut([]byte(rest), []byte("."))
		n, err := strconv.Atoi(string(number))
		if err != nil {
			return err
		}
		to := fmt.Sprintf("%s.%d", w.Path, n+1)
		if len(ending) > 0 {
			to += "." + string(ending)
		}
		if err := os.Rename(name, to); err != nil {
			return err
		}
	}
	return nil
}

// compress does what gzip, zstd --rm and xz do: the new file beside the old, its
// times, then the old one's end.
func (w *writer) compress(name string) error {
	endings := []string{".gz", ".zst", ".xz"}
	ending := endings[w.r.IntN(len(endings))]
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(name + ending)
	if err != nil {
		return err
	}
	defer out.Close()
	var packer io.WriteCloser
	switch ending {
	case ".gz":
		packer = gzip.NewWriter(out)
	case ".zst":
		packer, err = zstd.NewWriter(out)
	default:
		packer, err = xz.NewWriter(out)
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(packer, in); err != nil {
		return err
	}
	if err := packer.Close(); err != nil {
		return err
	}
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.Chtimes(name+ending, info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	return os.Remove(name)
}

// copyTruncate copies a log until its end and then empties it, as logrotate does:
// what is written between the two is lost.
func copyTruncate(path string) error {
	in, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path + ".1")
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return in.Truncate(0)
}

// Parse reads a line that was written.
func Parse(line []byte) (number int, written time.Time, ok bool) {
	stamp, rest, _ := bytes.Cut(line, []byte(" "))
	n, _, _ := bytes.Cut(rest, []byte(" "))
	ns, err := strconv.ParseInt(string(stamp), 10, 64)
	if err != nil {
		return 0, time.Time{}, false
	}
	number, err = strconv.Atoi(string(n))
	return number, time.Unix(0, ns), err == nil
}

// Left answers which lines stand whole in the log and its elders, where none was
// deleted: with copytruncate some stand nowhere, and some in part, as a write that
// crosses a page is seen in two steps by the one who copies.
func Left(path string, lines int) ([]bool, error) {
	names, err := follow.Elders(path)
	if err != nil {
		return nil, err
	}
	left := make([]bool, lines)
	for _, name := range append(slices.Clone(names), filepath.Clean(path)) {
		old, err := follow.Open(name)
		if err != nil {
			return nil, err
		}
		err = follow.Blocks(old, func(*follow.Block[struct{}]) {}, func(b *follow.Block[struct{}]) error {
			for line := range bytes.Lines(b.Data) {
				if n, _, ok := Parse(line); ok && n < lines && bytes.HasSuffix(line, []byte("\n")) {
					left[n] = true
				}
			}
			return nil
		})
		old.Close()
		if err != nil {
			return nil, err
		}
	}
	return left, nil
}
