package follow

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Old is a log that is read once, from its beginning to its end.
type Old struct {
	Name     string
	Size     int64     // bytes on disk; 0 when unknown
	Modified time.Time // when it was last written; zero when unknown

	file   *os.File
	plain  bool          // a regular file, not compressed: read by several at once
	stream *bufio.Reader // otherwise: its text
	carry  []byte        // the stream's unfinished last line
	count  *countingReader
	end    func() // ends what an unpacker does in the background; nil: nothing
}

// Open opens a log: plain, or compressed by gzip, zstd, xz or bzip2, whatever
// its name; "-" is standard input.
func Open(name string) (*Old, error) {
	if name == "-" {
		o := &Old{Name: "standard input", file: os.Stdin}
		return o, o.decompress()
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, openError(name, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: is a directory (name the log files in it)", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	o := &Old{Name: name, Size: info.Size(), Modified: info.ModTime(), file: f, plain: info.Mode().IsRegular()}
	if !o.plain {
		o.Size = 0
	}
	if err := o.decompress(); err != nil {
		f.Close()
		return nil, err
	}
	return o, nil
}

// unpack reads a compressed file that is open already; it stays open.
func unpack(name string, f *os.File) (*Old, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	o := &Old{Name: name, file: f, plain: true}
	return o, o.decompress()
}

func openError(name string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: no such file", name)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: may not be read by this user (logs often belong to group adm, or to root alone)", name)
	}
	return err
}

// countingReader counts what has been read of a compressed file, for progress.
type countingReader struct {
	r io.Reader
	n atomic.Int64 // asked for while another goroutine reads
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// decompress looks at the first bytes, which cannot lie as a name can.
func (o *Old) decompress() error {
	body := bufio.NewReader(o.file)
	o.count = &countingReader{r: body}
	magic := make([]byte, 8)
	if o.plain {
		n, _ := o.file.ReadAt(magic, 0)
		magic = magic[:n]
	} else {
		magic, _ = body.Peek(len(magic))
	}
	var text io.Reader
	var err error
	switch packing(magic) {
	case "gzip":
		text, err = gzip.NewReader(o.count)
	case "zstd":
		text, err = o.zstd()
	case "xz":
		text, err = xz.NewReader(o.count)
	case "bzip2":
		text = bzip2.NewReader(o.count)
	default:
		if o.plain {
			return nil
		}
		text = o.count
	}
	if err != nil {
		return fmt.Errorf("%s: looks compressed, but cannot be unpacked: %w", o.Name, err)
	}
	o.plain = false
	o.stream = bufio.NewReaderSize(text, blockSize)
	return nil
}

// packing knows a compression by a file's first bytes; "" is none.
func packing(magic []byte) string {
	for _, known := range [...]struct{ magic, name string }{
		{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"\xfd7zXZ\x00", "xz"}, {"BZh", "bzip2"},
	} {
		if bytes.HasPrefix(magic, []byte(known.magic)) {
			return known.name
		}
	}
	return ""
}

// Head answers the log's first lines without consuming them, at most some
// kilobytes.
func (o *Old) Head() []byte {
	const headSize = 16 << 10
	if o.plain {
		head := make([]byte, headSize)
		n, _ := o.file.ReadAt(head, 0)
		return head[:n]
	}
	head, _ := o.stream.Peek(headSize)
	return head
}

// Done is how many bytes of Size have been read; of a compressed log they are
// bytes of the compressed file.
func (o *Old) Done(plainOffset int64) int64 {
	if o.plain || o.count == nil {
		return plainOffset
	}
	return o.count.n.Load()
}

// zstd unpacks on goroutines of its own, which end with Close.
func (o *Old) zstd() (io.Reader, error) {
	d, err := zstd.NewReader(o.count, zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return nil, err
	}
	o.end = d.Close
	return d, nil
}

// Close closes the file.
func (o *Old) Close() error {
	o.release()
	return o.file.Close()
}

// release ends the unpacking and leaves the file open.
func (o *Old) release() {
	if o.end != nil {
		o.end()
	}
}

// EndAtWholeLine leaves the unfinished last line of a plain log unread, for
// whoever follows the log from there. It answers the offset of that line.
func (o *Old) EndAtWholeLine() (int64, error) {
	if !o.plain {
		return 0, fmt.Errorf("%s: is no plain file: it cannot be followed", o.Name)
	}
	tail := make([]byte, min(o.Size, MaxLine))
	if _, err := o.file.ReadAt(tail, o.Size-int64(len(tail))); err != nil {
		return 0, fmt.Errorf("%s: %w", o.Name, err)
	}
	o.Size -= int64(len(tail) - 1 - bytes.LastIndexByte(tail, '\n'))
	return o.Size, nil
}
