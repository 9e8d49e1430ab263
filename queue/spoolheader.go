package queue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Bounds on what is read of one of Exim's -H files.
const (
	maxSpoolLine = 16 << 10
	maxSpoolRead = 32 << 20
	maxSpoolTo   = 1_000_000 // recipients, and those who have theirs already
)

// localPrefix is what the name of a local account begins with, as scoring names
// such a sender.
const localPrefix = "local:"

// eximEnvelope is what an -H file says.
type eximEnvelope struct {
	envelope
	queue  string // its named queue; "" is Exim's own
	frozen bool
	notice bool // Exim's own, of what it could not deliver
	// caller is the local account that called exim, where no client did. Of who may
	// write any sender (trusted_users) it is all that the file says.
	caller  string
	subject string
	script  string // that the message names
}

// spoolHeader reads the file ID-H of Exim's spool (spec.txt, "Format of spool
// files"; src/spool_in.c), which is lines of text:
//
//	1xXEkk-0005mc-34-H
//	Debian-exim 107 114
//	<alice@example.es>
//	1795858195 0
//	-host_address [192.0.2.7]:57622
//	-host_auth plain_server
//	--auth_id alice@example.es
//	-frozen 1795858279
//	XX
//	1
//	customer@example.com
//
//	011  Subject: hi
//
// A second "-" marks what came from outside. Exim takes the newlines out of the
// values, save those of variables that its ACLs have set, which may be anything
// and have their length in front.
type spoolHeader struct {
	in   *bufio.Reader
	left int

	values map[string]string // of the options that matter
	double bool              // one of them stands there twice, and differs
}

// readSpoolHeader reads an -H file. Its id has to be the message's.
func readSpoolHeader(id string, r io.Reader) (eximEnvelope, error) {
	h := &spoolHeader{in: bufio.NewReaderSize(r, maxSpoolLine), left: maxSpoolRead, values: map[string]string{}}
	e, err := h.read(id)
	if err != nil {
		return eximEnvelope{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return e, nil
}

func (h *spoolHeader) read(id string) (e eximEnvelope, err error) {
	var lines [4]string
	for i := range lines {
		if lines[i], err = h.line(); err != nil {
			return e, err
		}
	}
	seconds, _, _ := strings.Cut(lines[3], " ")
	arrived, err := strconv.ParseInt(seconds, 10, 64)
	switch {
	case lines[0] != id+"-H":
		return e, errors.New("the file says that it is another message's")
	case !strings.HasPrefix(lines[2], "<") || !strings.HasSuffix(lines[2], ">"):
		return e, errors.New("no sender")
	case err != nil:
		return e, errors.New("no time")
	}
	e.sender = mask(lines[2][1:len(lines[2])-1], maxAddress)
	e.arrived = time.Unix(arrived, 0)
	tree, err := h.options()
	if err != nil {
		return e, err
	}
	e.user, e.frozen, e.notice = h.owner(), h.has("frozen"), h.has("localerror")
	e.client = spoolClient(h.values["host_address"])
	if !h.has("host_address") && !e.notice {
		e.caller = spoolCaller(lines[1])
	}
	if err := h.recipients(&e.envelope, tree); err != nil {
		return e, err
	}
	h.fields(&e)
	return e, nil
}

// spoolCaller reads "www-data 33 33": a login name, its uid and gid.
func spoolCaller(line string) string {
	for range 2 {
		line = line[:max(strings.LastIndexByte(line, ' '), 0)]
	}
	return line
}

// spoolClient reads "[192.0.2.7]:57622", and "192.0.2.7.57622" of before 4.90.
func spoolClient(text string) netip.Addr {
	if inner, _, is := strings.Cut(strings.TrimPrefix(text, "["), "]"); is && strings.HasPrefix(text, "[") {
		text = inner
	} else if at := strings.LastIndexByte(text, '.'); at > 0 && (strings.Count(text, ".") == 4 || strings.Contains(text, ":")) {
		text = text[:at]
	}
	client, _ := netip.ParseAddr(text) // none is none
	return client.Unmap().WithZone("")
}

// options reads the lines that begin with "-", and returns the one after them.
func (h *spoolHeader) options() (string, error) {
	for {
		line, err := h.line()
		if err != nil || !strings.HasPrefix(line, "-") {
			return line, err
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(line[1:], "-"), " ")
		if _, after, is := strings.Cut(name, ")"); is && name[0] == '(' {
			name = after // "--(mysql)auth_id", for what is quoted for a look-up
		}
		switch name {
		case "acl", "aclc", "aclm":
			if err := h.skipVariable(value); err != nil {
				return "", err
			}
		case "auth_id", "host_auth", "host_address", "ident", "local", "localerror", "frozen": // whose it is, and whether it waits
			if was, twice := h.values[name]; twice && was != value {
				h.double = true
			}
			h.values[name] = value
		}
	}
}

// skipVariable passes over the value of an ACL's variable: "-aclm _name 12" says
// how long it is, and a newline follows it.
func (h *spoolHeader) skipVariable(value string) error {
	_, length, found := strings.Cut(value, " ")
	n, err := strconv.Atoi(length)
	if !found || err != nil || n < 0 || n >= h.left {
		return errors.New("a variable without its length")
	}
	h.left -= n + 1
	if _, err := h.in.Discard(n); err != nil {
		return errors.New("it ends within a variable")
	}
	if end, err := h.in.ReadByte(); err != nil || end != '\n' {
		return errors.New("a variable of another length")
	}
	return nil
}

func (h *spoolHeader) has(option string) bool {
	_, is := h.values[option]
	return is
}

// owner is the user who logged in to hand the message in, or "local:" and the
// account that called exim. The sender decides nothing, and neither does
// auth_sender, which is the client's word.
func (h *spoolHeader) owner() string {
	switch id, ident := h.values["auth_id"], h.values["ident"]; {
	case h.double:
		return ""
	case h.has("host_auth"):
		if strings.HasPrefix(id, localPrefix) { // could be taken for an account
			return ""
		}
		return id
	case h.has("local") && !h.has("host_address") && ident != "":
		return localPrefix + ident
	}
	return ""
}

// recipients reads the tree of those who have the message already, the number of
// all, and them.
func (h *spoolHeader) recipients(e *envelope, tree string) error {
	done, err := h.tree(tree)
	if err != nil {
		return err
	}
	line, err := h.line()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(line)
	if err != nil || n < 0 || n > maxSpoolTo {
		return errors.New("no number of recipients")
	}
	for range n {
		if line, err = h.line(); err != nil {
			return err
		}
		to := spoolAddress(line)
		if done[to] {
			continue
		}
		if e.recipients++; e.recipients <= shownTo {
			e.to = append(e.to, mask(to, maxAddress))
		}
	}
	return nil
}

// tree reads a balanced tree from its first line on: "YN address" is a node with
// one more to the left and none to the right, "XX" no tree at all.
func (h *spoolHeader) tree(line string) (map[string]bool, error) {
	done := map[string]bool{}
	if line == "XX" {
		return done, nil
	}
	for open := 1; ; {
		if len(line) < 3 || line[2] != ' ' || strings.Trim(line[:2], "YN") != "" || len(done) > maxSpoolTo {
			return nil, errors.New("no list of who has it already")
		}
		done[line[3:]] = true
		open += strings.Count(line[:2], "Y") - 1
		if open == 0 {
			return done, nil
		}
		var err error
		if line, err = h.line(); err != nil {
			return nil, err
		}
	}
}

// spoolAddress takes off what may stand behind a recipient, and ends in "#" and a
// digit that says what it is.
func spoolAddress(line string) string {
	if hash := strings.LastIndexByte(line, '#'); hash < 0 || hash != len(line)-2 {
		return line
	}
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ' ' && !quoted:
			return line[:i]
		}
	}
	return line
}

// line reads a line, without its end.
func (h *spoolHeader) line() (string, error) {
	line, err := h.in.ReadSlice('\n')
	if h.left -= len(line); err == nil && h.left >= 0 {
		return string(bytes.TrimSuffix(line, []byte("\n"))), nil
	}
	if errors.Is(err, io.EOF) {
		return "", errors.New("it ends too early")
	}
	return "", errors.New("too long a line, or too many")
}

// fields reads on, to the message's own header, for its subject and the script that
// made it: "187P Received: …" is a field of 187 bytes whose kind is P; "*" is one
// that was taken out.
func (h *spoolHeader) fields(e *eximEnvelope) {
	if line, err := h.line(); err != nil || line != "" {
		return
	}
	for read := 0; read < maxHeader; {
		mark, err := h.in.Peek(8)
		digits := len(mark) - len(bytes.TrimLeft(mark, "0123456789"))
		n, bad := strconv.Atoi(string(mark[:digits]))
		if err != nil || bad != nil || digits+2 > len(mark) {
			return
		}
		kind := mark[digits]
		_, _ = h.in.Discard(digits + 2) // they are in the buffer
		field, err := h.in.Peek(min(n, maxRaw))
		if err != nil {
			return
		}
		if name, value, _ := strings.Cut(string(field), ":"); kind != '*' {
			e.take(strings.TrimRight(name, " \t"), value)
		}
		if _, err := h.in.Discard(n); err != nil {
			return
		}
		read += n + digits
	}
}

// take keeps a field of the message's own if it is shown.
func (e *eximEnvelope) take(name, value string) {
	switch strings.ToLower(name) {
	case "subject":
		if e.subject == "" {
			e.subject = decodeSubject(strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(value))
		}
	case "x-php-originating-script", "x-php-script":
		if e.script == "" {
			e.script = strings.TrimSpace(value)
		}
	}
}
