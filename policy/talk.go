package policy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// usual is room for nearly every request: a real one has 600 to 800 bytes.
const usual = 4 << 10

// Why a connection is cut off.
var (
	errTooLong = fmt.Errorf("more than %d bytes in a request", maxRequest)
	errSlow    = errors.New("a request that was begun and not ended in time")
	errHalf    = errors.New("it was closed in the middle of a request")
)

// protocol is what the two protocols differ in. A protocol belongs to one
// connection.
type protocol interface {
	// cut tells where the first request in the input ends; 0 is not yet. The
	// first looked bytes were in the input when it was last called.
	cut(in []byte, looked int) (int, error)
	// reply appends the answer to a request.
	reply(request, out []byte) ([]byte, error)
}

// talk is a connection: requests one after the other, each answered before the
// next is looked at.
//
// It costs one read and one write a request. A deadline for reading is set only
// once a request has come in part, which Postfix's don't: they fit into one
// packet. So there is no limit for silence, and no timer to set for each request.
type talk struct {
	session  *session
	conn     net.Conn
	protocol protocol
	patience time.Duration

	in         []byte
	start, end int // what was read and not answered
	looked     int // of it, what is known not to end a request
	out        []byte

	begun    bool      // this request is timed
	deadline bool      // a deadline for reading is set
	writable time.Time // until then there is no need to set another for writing
}

// run talks until the client leaves or the server stops.
func (t *talk) run() error {
	for {
		n, err := t.protocol.cut(t.in[t.start:t.end], t.looked)
		if err != nil {
			return err
		}
		if n == 0 {
			t.looked = t.end - t.start
			if more, err := t.read(); !more {
				return err
			}
			continue
		}
		if t.out, err = t.protocol.reply(t.in[t.start:t.start+n], t.out[:0]); err != nil {
			return err
		}
		t.session.server.counts.requests.Add(1)
		if !t.write() {
			return nil
		}
		t.start, t.looked, t.begun = t.start+n, 0, false
	}
}

// read waits for more. It is false when there will be none; the error is nil if
// that is as it should be.
func (t *talk) read() (bool, error) {
	if err := t.room(); err != nil {
		return false, err
	}
	waiting := t.end > t.start
	switch {
	case waiting && !t.begun:
		t.begun, t.deadline = true, true
		_ = t.conn.SetReadDeadline(time.Now().Add(t.patience)) // fails where Read will fail
	case !waiting && t.deadline:
		t.deadline = false
		_ = t.conn.SetReadDeadline(time.Time{}) // likewise
	}
	// Looked at after the deadline was set, and before it is set by close.
	if t.session.closing.Load() {
		return false, nil
	}
	n, err := t.conn.Read(t.in[t.end:])
	t.end += n
	switch {
	case n > 0:
		return true, nil // an error comes again
	case t.session.closing.Load():
		return false, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, errSlow
	case waiting && errors.Is(err, io.EOF):
		return false, errHalf
	}
	return false, nil // the client has left
}

// room makes room for reading: what is left of the input moves to the front,
// and the buffer grows for a long request and shrinks after it.
func (t *talk) room() error {
	rest, in := t.in[t.start:t.end], t.in
	switch {
	case len(rest) >= maxRequest:
		return errTooLong
	case len(rest) == len(in):
		in = make([]byte, min(4*len(in), maxRequest))
	case len(in) > usual && t.start > 0 && len(rest) < usual:
		in = make([]byte, usual)
	case t.start == 0:
		return nil
	}
	copy(in, rest)
	t.in, t.start, t.end = in, 0, len(rest)
	return nil
}

// write sends the answer. A client that doesn't take it in time has left.
func (t *talk) write() bool {
	if now := time.Now(); now.After(t.writable) {
		t.writable = now.Add(t.patience)
		_ = t.conn.SetWriteDeadline(now.Add(2 * t.patience)) // fails where Write will fail
	}
	_, err := t.conn.Write(t.out)
	return err == nil
}
