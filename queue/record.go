package queue

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Kinds of records in a queue file (Postfix src/global/rec_type.h).
const (
	recSize      = 'C' // the first record, by cleanup(8) when the file is complete
	recTime      = 'T' // arrival, in seconds and microseconds
	recCreated   = 'c' // when the file was made, if that is later: after postsuper -r
	recAttribute = 'A' // name=value
	recSender    = 'S'
	recRecipient = 'R' // becomes 'D' in place when it is done
	recOriginal  = 'O' // what the recipient behind it was before aliases
	recContent   = 'M' // here the envelope ends
	recLine      = 'N' // of the content, without its newline
	recLinePart  = 'L' // of a line that goes on in the next record
	recPadding   = 'w'
	recPointer   = 'p' // where to read on; milters' changes stand at the end of the file
)

// Bounds on what is read of one file. Postfix cuts content into records of
// line_length_limit (2,048 bytes); an envelope of 100,000 recipients has 8 MB.
const (
	maxRecord = 64 << 10
	maxRead   = 32 << 20
	maxJumps  = 20_000 // Postfix itself gives up after 10,000 backwards (record.c, rec_goto)
)

var errDamaged = errors.New("no complete queue file")

// records reads a queue file: for each record a byte for its kind, the length
// in groups of seven bits, the lowest first, and the data (Postfix
// src/global/record.c, rec_get_raw):
//
//	'A' 0x1e "sasl_username=alice@example.es"
type records struct {
	file  io.ReadSeeker
	buf   *bufio.Reader
	data  []byte
	left  int // bytes that may still be read
	jumps int // pointers that may still be followed
}

func newRecords() *records {
	return &records{buf: bufio.NewReader(nil)}
}

// open begins to read another file.
func (r *records) open(file io.ReadSeeker) {
	r.file, r.left, r.jumps = file, maxRead, maxJumps
	r.buf.Reset(file)
}

// next reads a record. The data are good until the next call.
func (r *records) next() (kind byte, data []byte, err error) {
	for {
		kind, data, err = r.raw()
		switch {
		case err != nil:
			return 0, nil, err
		case kind == recPadding:
		case kind == recPointer:
			if err := r.jump(string(data)); err != nil {
				return 0, nil, err
			}
		default:
			return kind, data, nil
		}
	}
}

func (r *records) raw() (kind byte, data []byte, err error) {
	kind, err = r.buf.ReadByte()
	if err != nil {
		return 0, nil, fmt.Errorf("%w: it ends too early", errDamaged)
	}
	size, err := r.size()
	if err != nil {
		return 0, nil, err
	}
	if r.left -= size + 2; r.left < 0 {
		return 0, nil, fmt.Errorf("%w: more than %d bytes", errDamaged, maxRead)
	}
	if size > len(r.data) {
		r.data = make([]byte, max(size, 4096))
	}
	data = r.data[:size]
	if _, err := io.ReadFull(r.buf, data); err != nil {
		return 0, nil, fmt.Errorf("%w: it ends within a record", errDamaged)
	}
	return kind, data, nil
}

func (r *records) size() (int, error) {
	size := 0
	for shift := 0; size <= maxRecord && shift < 28; shift += 7 {
		group, err := r.buf.ReadByte()
		if err != nil {
			return 0, fmt.Errorf("%w: it ends within a record", errDamaged)
		}
		size |= int(group&0x7f) << shift
		if group&0x80 == 0 && size <= maxRecord {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%w: a record above %d bytes", errDamaged, maxRecord)
}

// jump follows a pointer record, which holds an offset in the file, or 0 while
// its room is not used.
func (r *records) jump(to string) error {
	offset, err := strconv.ParseInt(strings.TrimSpace(to), 10, 64)
	if err != nil || offset < 0 {
		return fmt.Errorf("%w: a pointer to nowhere", errDamaged)
	}
	if offset == 0 {
		return nil
	}
	if r.jumps--; r.jumps < 0 {
		return fmt.Errorf("%w: its pointers run in circles", errDamaged)
	}
	if _, err := r.file.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	r.buf.Reset(r.file)
	return nil
}
