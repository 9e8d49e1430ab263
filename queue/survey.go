package queue

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Item is a message in the queue and where it came from, as its file tells. Its
// texts are fit to be shown.
type Item struct {
	Mail
	User   string     // who logged in to hand it in; "": nobody
	Client netip.Addr // that handed it in by SMTP
	UID    int        // local account that did; NoUID: none
	// Account is the local account's name, where Exim says that and no number.
	Account string
	// Script is what the message says of the program that made it. A web site's
	// own code writes it (PHP does, with mail.add_x_header): it is evidence.
	Script string
	// Alias is an address that was replaced by Aliased others (virtual_alias_maps).
	Alias   string
	Aliased int
}

// NoUID stands for no local account.
const NoUID = -1

// Survey tells visit of each message in the queue, once. Only root may.
func (l Local) Survey(ctx context.Context, visit func(Item) error) error {
	s, err := l.search(ctx, "-", []string{})
	if err != nil {
		return err
	}
	defer s.close()
	seen := make(map[string]bool)
	for _, queue := range append(slices.Clone(moving), hold) {
		err := s.walk(ctx, queue, func(m message) error {
			if seen[m.id] {
				return nil
			}
			item, err := m.item()
			switch {
			case err == nil:
				seen[m.id] = true
				return visit(item)
			case errors.Is(err, fs.ErrNotExist), errors.Is(err, errUnfinished), errors.Is(err, errDamaged):
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// item reads all that is told of a message.
func (m message) item() (Item, error) {
	f, err := m.open()
	if err != nil {
		return Item{}, err
	}
	defer f.Close()
	return readItem(m)
}

func readItem(m message) (Item, error) {
	r := m.spool.records
	e, err := readEnvelope(r)
	if err != nil {
		return Item{}, err
	}
	item := Item{
		Mail: Mail{m.id, m.queue, e.arrived, e.size, e.sender, e.recipients, e.to, ""},
		User: mask(e.user, maxUser), Client: e.client, UID: NoUID, Alias: e.alias, Aliased: e.aliased,
	}
	h := readHeader(r)
	item.Subject = h.subject
	if !e.client.IsValid() {
		item.UID = h.uid
	}
	item.Script = mask(h.script, maxAddress)
	return item, nil
}

// header is what is taken from a message's header.
type header struct {
	subject string
	uid     int
	script  string
}

// readHeader reads the content up to the first empty line.
//
//	Received: by web.example.es (Postfix, from userid 33)
//	X-PHP-Originating-Script: 33:form.php
func readHeader(r *records) header {
	h := header{uid: NoUID}
	first := true
	eachField(r, func(name, value string) {
		switch strings.ToLower(name) {
		case "received":
			// pickup(8)'s stands on top (cleanup_message.c); one below it is anybody's words.
			if _, rest, ok := strings.Cut(value, " (Postfix, from userid "); ok && first {
				number, _, _ := strings.Cut(rest, ")")
				if uid, err := strconv.ParseUint(number, 10, 32); err == nil {
					h.uid = int(uid)
				}
			}
		case "subject":
			if h.subject == "" {
				h.subject = decodeSubject(value)
			}
		case "x-php-originating-script", "x-php-script":
			if h.script == "" {
				h.script = strings.TrimSpace(value)
			}
		}
		first = false
	})
	return h
}

// eachField hands on the fields of a header, unfolded.
func eachField(r *records, use func(name, value string)) {
	var field strings.Builder
	end := func() {
		if name, value, ok := strings.Cut(field.String(), ":"); ok {
			use(strings.TrimRight(name, " \t"), value)
		}
		field.Reset()
	}
	whole := true // the record before ended its line
	for read := 0; read < maxHeader; {
		kind, data, err := r.next()
		if err != nil || kind != recLine && kind != recLinePart {
			break
		}
		read += len(data) + 2
		begins := whole
		whole = kind == recLine
		if begins && len(data) == 0 {
			break // the header's end
		}
		if begins && data[0] != ' ' && data[0] != '\t' {
			end()
		}
		if field.Len() < maxRaw {
			field.Write(data)
		}
	}
	end()
}

// Waiting is what Postfix says of a message in its queue.
type Waiting struct {
	Queue      string    `json:"queue_name"`
	ID         string    `json:"queue_id"`
	Arrived    Unix      `json:"arrival_time"`
	Size       int64     `json:"message_size"`
	Sender     string    `json:"sender"`
	Recipients []Awaited `json:"recipients"`
	Named      string    `json:"-"` // Exim's named queue; "" is its own
}

// Held tells whether the message waits for somebody.
func (w Waiting) Held() bool { return w.Queue == hold || w.Queue == frozen }

// Awaited is a recipient that a message waits for.
type Awaited struct {
	Address string `json:"address"`
	Delay   string `json:"delay_reason"` // what the last attempt came to
}

// Unix is a time in seconds, as Postfix writes it in JSON.
type Unix struct{ time.Time }

// UnmarshalJSON reads a number of seconds.
func (u *Unix) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	u.Time = time.Unix(n, 0)
	return err
}

// postqueueTime bounds the listing of the queue.
const postqueueTime = 2 * time.Minute

// Waiting tells visit of each message that postqueue -j lists, which Postfix does
// since 3.1 for those whom authorized_mailq_users lets.
func (l Local) Waiting(ctx context.Context, visit func(Waiting)) error {
	ctx, cancel := context.WithTimeout(ctx, postqueueTime)
	defer cancel()
	args := []string{"-j"}
	if l.ConfigDir != "" {
		args = []string{"-c", l.ConfigDir, "-j"}
	}
	cmd := exec.CommandContext(ctx, program("postqueue"), args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			err = errNoPostfix
		}
		return fmt.Errorf("queue: postqueue: %w", err)
	}
	readErr := readWaiting(bufio.NewReader(out), visit)
	if readErr != nil {
		cancel() // what is not read would block it
	}
	err = cmd.Wait()
	switch {
	case readErr != nil:
		return readErr
	case err != nil:
		return fmt.Errorf("queue: postqueue -j: %w", unlisted(err, complaint.String()))
	}
	return nil
}

// unlisted says why Postfix does not list its queue, with the remedy where there is
// one for its words (src/postqueue/postqueue.c).
func unlisted(err error, said string) error {
	if strings.Contains(said, noMainCf) {
		return errUnconfigured
	}
	for _, known := range []struct{ words, fact string }{
		{"is not allowed to view the mail queue", "Postfix lets only others see its queue (run it as root, or see authorized_mailq_users)"},
		{"mail system is down", "Postfix does not run (`postfix start`)"},
		{"invalid option", "this Postfix can't list its queue in JSON, which came with 3.1 (upgrade it)"},
	} {
		if strings.Contains(said, known.words) {
			return errors.New(known.fact)
		}
	}
	return fmt.Errorf("%w: %s", err, mask(strings.TrimSpace(said), 300))
}

// readWaiting reads one JSON object a message.
func readWaiting(r *bufio.Reader, visit func(Waiting)) error {
	list := json.NewDecoder(r)
	for list.More() {
		var w Waiting
		if err := list.Decode(&w); err != nil {
			return fmt.Errorf("queue: postqueue -j: %w", err)
		}
		if isPostfixID(w.ID) {
			visit(w)
		}
	}
	return nil
}
