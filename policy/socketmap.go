package policy

import (
	"bytes"
	"errors"
	"strconv"
)

// Reply is what a look-up came to. The zero Reply is NotFound.
type Reply struct {
	status status
	action Action
	reason string
}

type status uint8

const (
	notFound status = iota
	found
	temp
	perm
)

// Found is a key's action. An action and no free text, since Postfix does what
// a table says just as it does what a policy service says.
func Found(a Action) Reply { return Reply{status: found, action: a} }

// NotFound leaves the decision to the restrictions that follow.
func NotFound() Reply { return Reply{} }

// Temp says that the table can't be asked now: Postfix defers the mail with
// "451 4.3.5 Server configuration error". There is no default_action for tables.
func Temp(reason string) Reply { return Reply{status: temp, reason: clean(reason)} }

// Perm says that it can never be asked, say because main.cf names a table that
// there isn't. Postfix defers the mail as with Temp.
func Perm(reason string) Reply { return Reply{status: perm, reason: clean(reason)} }

// append writes the reply as Postfix's dict_sockmap.c wants it: a word, a
// blank even where nothing follows, and the rest.
func (r Reply) append(out []byte) []byte {
	switch r.status {
	case found:
		return append(append(out, "OK "...), r.action.String()...)
	case temp:
		return append(append(out, "TEMP "...), r.reason...)
	case perm:
		return append(append(out, "PERM "...), r.reason...)
	default:
		return append(out, "NOTFOUND "...)
	}
}

// Faults of a netstring, after which nobody knows where the next one begins.
var (
	errLength = errors.New("not a netstring's length")
	errComma  = errors.New("a netstring without its comma")
	errNoKey  = errors.New("a socketmap request without a key")
)

// sockmap is the socketmap protocol on one connection.
type sockmap struct {
	lookup     func(table, key string) Reply
	fault      func(any)
	table, key string // the last ones
	text       []byte // the reply without its frame
}

// cut finds the end of a netstring (https://cr.yp.to/proto/netstrings.txt):
//
//	17:sendwarden alice,
func (s *sockmap) cut(in []byte, _ int) (int, error) {
	size, from, err := netstring(in)
	switch end := from + size; {
	case err != nil || from == 0:
		return 0, err
	case end+1 > maxRequest:
		return 0, errTooLong
	case end >= len(in):
		return 0, nil
	case in[end] != ',':
		return 0, errComma
	default:
		return end + 1, nil
	}
}

// netstring reads a netstring's length, and tells where its text begins; 0 is
// not known yet. A length has no sign, no blank, and no zero before it.
func netstring(in []byte) (size, from int, err error) {
	for i, c := range in {
		switch {
		case c == ':' && i > 0:
			return size, i + 1, nil
		case !digit(c) || i > 0 && in[0] == '0':
			return 0, 0, errLength
		}
		if size = size*10 + int(c-'0'); size > maxRequest {
			return 0, 0, errTooLong
		}
	}
	return 0, 0, nil
}

// reply answers one look-up. The key is all that follows the first blank, with
// its own blanks, and in the spelling of the client: Postfix folds keys for its
// files, not for a socketmap.
func (s *sockmap) reply(request, out []byte) ([]byte, error) {
	text := request[bytes.IndexByte(request, ':')+1 : len(request)-1]
	table, key, ok := bytes.Cut(text, []byte(" "))
	if !ok {
		return nil, errNoKey
	}
	keep(&s.table, table)
	keep(&s.key, key)
	s.text = s.ask().append(s.text[:0])
	out = strconv.AppendInt(out, int64(len(s.text)), 10)
	out = append(append(out, ':'), s.text...)
	return append(out, ','), nil
}

// ask lets the caller look the key up. If that fails, the mail passes: TEMP
// would put off everybody's.
func (s *sockmap) ask() (r Reply) {
	defer func() {
		if p := recover(); p != nil {
			s.fault(p)
			r = NotFound()
		}
	}()
	return s.lookup(s.table, s.key)
}
