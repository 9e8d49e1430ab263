package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

const (
	// blockSize is small enough that a block stays in a processor's cache
	// between being read and being looked at.
	blockSize = 256 << 10
	// MaxLine is the longest line that is handed on whole; the rest of a
	// longer one comes as lines of its own. No mail log has such lines, but
	// something that is no mail log may have a single one of many gigabytes.
	MaxLine = 64 << 10
)

// Block is a stretch of whole lines of a log, the last of which may lack its
// newline at the end of the file.
type Block[T any] struct {
	Data   []byte
	Offset int64 // of Data in the (decompressed) log
	Found  T     // what prepare made of it

	buffer []byte
	err    error
}

// Blocks reads a log in blocks. Several are prepared at the same time, each by
// one call of prepare; use is then called for one after the other, in the
// log's order, on the caller's goroutine. A block is used again after its use.
func Blocks[T any](o *Old, prepare func(*Block[T]), use func(*Block[T]) error) error {
	workers := runtime.GOMAXPROCS(0)
	free := make(chan *Block[T], 2*workers+2)
	for range cap(free) {
		free <- &Block[T]{buffer: make([]byte, 1+blockSize+MaxLine)}
	}
	ready := make(chan chan *Block[T], cap(free))
	stop := make(chan struct{})
	var running sync.WaitGroup
	defer running.Wait()
	defer close(stop)

	tickets := &dispenser[T]{log: o, free: free, ready: ready, stop: stop}
	for range workers {
		running.Go(func() { tickets.work(prepare) })
	}
	for result := range ready {
		b := <-result
		if len(b.Data) > 0 { // also what could be read before an error
			if err := use(b); err != nil {
				return err
			}
		}
		if b.err != nil {
			return b.err
		}
		free <- b
	}
	return nil
}

// dispenser gives out the blocks of a log in order, one to each worker that
// asks.
type dispenser[T any] struct {
	log   *Old
	free  chan *Block[T]
	ready chan chan *Block[T]
	stop  chan struct{}

	mu     sync.Mutex
	offset int64
	ended  bool
}

func (d *dispenser[T]) work(prepare func(*Block[T])) {
	for {
		b, result := d.next()
		if b == nil {
			return
		}
		if d.log.plain && b.err == nil {
			b.Data, b.err = d.log.readAt(b.buffer, &b.Offset)
		}
		if len(b.Data) > 0 {
			prepare(b)
		}
		result <- b
	}
}

// next reserves the following block. A plain file's is read afterwards, by
// several workers at once; a stream's can only be read here.
func (d *dispenser[T]) next() (*Block[T], chan *Block[T]) {
	var b *Block[T]
	select {
	case b = <-d.free:
	case <-d.stop:
		return nil, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return nil, nil
	}
	b.Offset, b.Data, b.err = d.offset, nil, nil
	if d.log.plain {
		d.offset += blockSize
		d.ended = d.offset >= d.log.Size
	} else {
		b.Data, b.err = d.log.readStream(b.buffer)
		d.offset += int64(len(b.Data))
		d.ended = len(b.Data) == 0 || b.err != nil
	}
	result := make(chan *Block[T], 1)
	d.ready <- result // never full: there is a place for each block
	if d.ended {
		close(d.ready)
	}
	return b, result
}

// readAt reads the lines that begin within blockSize bytes of an offset, the
// last of them to its end, and moves the offset to the first of them.
func (o *Old) readAt(buffer []byte, offset *int64) ([]byte, error) {
	start := *offset
	if start > 0 {
		start-- // does a line begin exactly here?
	}
	limit := int(*offset-start) + blockSize
	text, err := o.readToLineEnd(buffer, start, limit)
	if err != nil {
		return nil, err
	}
	n := len(text)
	if start < *offset {
		text = text[firstLineAfter(text):]
		*offset = start + int64(n-len(text))
	}
	return text[:lastLineWithin(text, n, min(limit, n))], nil
}

// readToLineEnd fills a buffer up to a limit and on to the end of the line there,
// in steps, as nearly all lines are short.
func (o *Old) readToLineEnd(buffer []byte, start int64, limit int) ([]byte, error) {
	const step = 4 << 10
	most := int(min(int64(len(buffer)), o.Size-start))
	for n := 0; ; {
		m, err := o.file.ReadAt(buffer[n:min(most, max(n, limit)+step)], start+int64(n))
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: reading at byte %d: %w", o.Name, start, err)
		}
		n += m
		if n == most || m == 0 || bytes.IndexByte(buffer[min(limit, n):n], '\n') >= 0 {
			return buffer[:n], nil
		}
	}
}

// firstLineAfter answers where the first line begins that follows a newline in
// the text; a line that has none belongs to the block before, which cut it at
// MaxLine.
func firstLineAfter(text []byte) int {
	most := min(len(text), 1+MaxLine)
	i := bytes.IndexByte(text[:most], '\n')
	if i < 0 {
		return most
	}
	return i + 1
}

// lastLineWithin answers the length of text up to the end of the last line
// that begins before a limit; both count from the start of a buffer of n bytes
// whose tail text is.
func lastLineWithin(text []byte, n, limit int) int {
	skipped := n - len(text)
	within := limit - skipped
	if within <= 0 {
		return 0
	}
	if within >= len(text) {
		return len(text)
	}
	if text[within-1] == '\n' {
		return within
	}
	if i := bytes.IndexByte(text[within:min(len(text), within+MaxLine)], '\n'); i >= 0 {
		return within + i + 1
	}
	return min(len(text), within+MaxLine)
}

// readStream fills a buffer with whole lines and keeps what is left over for
// the next call. No data and no error mean the end.
func (o *Old) readStream(buffer []byte) ([]byte, error) {
	n := copy(buffer, o.carry)
	o.carry = o.carry[:0]
	m, err := o.fill(buffer[n : blockSize+n])
	text := buffer[:n+m]
	switch {
	case err == io.EOF:
		return text, nil
	case err != nil:
		return text, fmt.Errorf("%s: cannot be unpacked any further (cut off or damaged): %w", o.Name, err)
	}
	i := bytes.LastIndexByte(text, '\n')
	if i < 0 || len(text)-i-1 > MaxLine {
		return text, nil // an endless line is cut
	}
	o.carry = append(o.carry, text[i+1:]...)
	return text[:i+1], nil
}

// fill reads until the buffer is full. Unlike io.ReadFull it keeps the end of the
// text, io.EOF, apart from the libraries' word for a damaged file,
// io.ErrUnexpectedEOF, which some of them say only once.
func (o *Old) fill(buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = o.stream.Read(buffer[n:])
		n += m
	}
	return n, err
}
