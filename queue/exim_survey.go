package queue

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Waiting tells visit of each message that "exim -bp" lists, which Exim does for
// root and its admin users (queue_list_requires_admin), and of those in its named
// queues, where the spool may be read.
func (x Exim) Waiting(ctx context.Context, visit func(Waiting)) error {
	if err := x.waiting(ctx, "", visit); err != nil {
		return err
	}
	dir, err := x.spool(ctx)
	if err != nil {
		return err
	}
	named, err := namedQueues(dir)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("queue: %s: %w", dir, plain(err))
	}
	for _, queue := range named {
		if err := x.waiting(ctx, queue, func(w Waiting) { w.Named = queue; visit(w) }); err != nil {
			return err
		}
	}
	return nil
}

// waiting lists one queue.
func (x Exim) waiting(ctx context.Context, queue string, visit func(Waiting)) error {
	args := inQueue(queue, "-bp")
	if x.programs != nil {
		out, err := x.programs(args...)
		readEximQueue(strings.NewReader(out), visit)
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, postqueueTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, x.path(), x.args(args...)...)
	cmd.WaitDelay = time.Second
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			err = errors.New("no such program (name Exim's with --exim)")
		}
		return fmt.Errorf("queue: %s: %w", x.path(), err)
	}
	readEximQueue(out, visit)
	if err := cmd.Wait(); err != nil {
		said := mask(strings.TrimSpace(complaint.String()), 300)
		if strings.Contains(said, "permission denied") {
			return errors.New("queue: exim -bp: Exim lets only its administrators see its queue (run it as root)")
		}
		return fmt.Errorf("queue: exim -bp: %w: %s", err, said)
	}
	return nil
}

// maxListLine bounds a line of the list: a recipient may be long.
const maxListLine = 64 << 10

// readEximQueue reads what "exim -bp" prints (spec.txt, "Showing the queue";
// src/queue.c, queue_list):
//
//	25m  2.9K 0t5C6f-0000c8-00 <alice@example.es> (www-data) *** frozen ***
//	          red.king@example.com
//	        D white.queen@example.com
//
// A message ends with an empty line. Recipients behind D have it.
func readEximQueue(r io.Reader, visit func(Waiting)) {
	lines := bufio.NewReaderSize(r, maxListLine)
	var w Waiting
	end := func() {
		if w.ID != "" {
			visit(w)
		}
		w = Waiting{}
	}
	for {
		line, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of it is nobody's
			_, err = lines.ReadSlice('\n')
		}
		text := strings.TrimRight(string(line), "\r\n")
		switch next, is := eximListed(text); {
		case is:
			end()
			w = next
		case strings.TrimSpace(text) == "":
			end()
		case w.ID != "" && len(text) > 10 && strings.HasPrefix(text, "          "):
			w.Recipients = append(w.Recipients, Awaited{Address: text[10:]})
		}
		if err != nil {
			end()
			return
		}
	}
}

// eximListed reads the first line of a message.
func eximListed(line string) (Waiting, bool) {
	age, rest, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
	size, rest, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	id, sender, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if len(age) < 2 || !isEximID(id) || !strings.HasPrefix(sender, "<") {
		return Waiting{}, false
	}
	w := Waiting{Queue: input, ID: id, Arrived: Unix{eximTimeOf(id)}, Size: eximSize(size)}
	sender, is := strings.CutSuffix(sender, " *** frozen ***")
	if is {
		w.Queue = frozen
	}
	if at := strings.LastIndex(sender, "> ("); at > 0 && strings.HasSuffix(sender, ")") { // who called exim and wrote it
		sender = sender[:at+1]
	}
	w.Sender = strings.TrimSuffix(sender[1:], ">")
	if w.Sender == "" {
		w.Sender = nobody
	}
	return w, true
}

// nobody is how showq(8) writes the sender of a bounce.
const nobody = "MAILER-DAEMON"

// base62 are the digits of Exim's ids.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// eximTimeOf is when a message came: an id begins with the seconds.
func eximTimeOf(id string) time.Time {
	var seconds int64
	for i := range 6 {
		seconds = seconds*62 + int64(strings.IndexByte(base62, id[i]))
	}
	return time.Unix(seconds, 0)
}

// eximSize reads "310", "2.9K" and "12M".
func eximSize(text string) int64 {
	unit := 1.0
	if n := len(text) - 1; n > 0 {
		switch text[n] {
		case 'K':
			text, unit = text[:n], 1<<10
		case 'M':
			text, unit = text[:n], 1<<20
		case 'G':
			text, unit = text[:n], 1<<30
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0
	}
	return int64(n * unit)
}

// Survey is [Local.Survey]. Exim's own notices are told of by an empty sender.
func (x Exim) Survey(ctx context.Context, visit func(Item) error) error {
	s, err := x.open(ctx, "-", nil)
	if err != nil {
		return err
	}
	defer s.close()
	var failed error
	err = s.each(ctx, func(id string, e eximEnvelope, err error) {
		if err != nil || failed != nil {
			return
		}
		failed = visit(e.item(id))
	})
	return errors.Join(err, failed)
}

// where is the queue that people are shown.
func (e *eximEnvelope) where() string {
	if e.frozen {
		return frozen
	}
	return cmp.Or(e.queue, input)
}

func (e *eximEnvelope) item(id string) Item {
	i := Item{
		Mail:   Mail{id, e.where(), e.arrived, e.size, e.sender, e.recipients, e.to, e.subject},
		Client: e.client, UID: NoUID, Script: mask(e.script, maxAddress),
	}
	switch {
	case e.notice:
		i.Sender = ""
	case e.caller != "":
		i.Account = mask(e.caller, maxUser)
	default:
		i.User = mask(e.user, maxUser)
	}
	return i
}
