package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"sendwarden/alert"
	"sendwarden/follow"
	"sendwarden/hook"
)

// outcome is what has become of all the lines.
type outcome struct {
	list  []byte
	table string            // what Postfix is answered about those on the list
	state map[string]string // records by their keys
	told  []string          // the names of notices, each once
	again int               // notices that were sent twice: a crash came between the sending and the saving
	run   []string          // the names of notices for which the program ran, each once
	rerun int               // notices for which it ran twice
	files int               // that the log was rotated to
}

// Records that say where and when a daemon was at work rather than what has come
// of it: places in files; notices, which tell looks at; and what is to be done in
// Postfix's queue, where what has failed goes to the end of its row.
const (
	positions = "log/"
	outboxKey = "daemon/alerts"
	hooksKey  = "daemon/hooks"
	errandKey = "daemon/errands"
	ledgerKey = "ledger/" // and the time by the clock at which it was done
)

func (s *server) outcome() (o *outcome, err error) {
	o = &outcome{state: make(map[string]string)}
	if o.list, err = os.ReadFile(s.file("lists", "blocklist")); err != nil {
		return nil, err
	}
	out, err := exec.Command(s.program, "state", "export", "--state", s.file("var", "state.db")).Output()
	if err != nil {
		return nil, fmt.Errorf("state export: %w", err)
	}
	var outbox alert.Outbox
	var hooks []hook.Waiting
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct {
			Key    string
			Record []byte
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("state export: %w", err)
		}
		switch {
		case r.Key == outboxKey:
			if err := json.Unmarshal(r.Record, &outbox); err != nil {
				return nil, err
			}
		case r.Key == hooksKey:
			if err := json.Unmarshal(r.Record, &hooks); err != nil {
				return nil, err
			}
		case r.Key == errandKey:
			o.state[r.Key] = sorted(r.Record)
		case strings.HasPrefix(r.Key, ledgerKey):
			o.state[ledgerKey] += timeless(r.Record) + "\n"
		case !strings.HasPrefix(r.Key, positions):
			o.state[r.Key] = string(r.Record)
		}
	}
	o.tell(s, outbox)
	if err := o.hooked(s, hooks); err != nil {
		return nil, err
	}
	elders, err := follow.Elders(s.file("mail.log"))
	o.files = len(elders)
	return o, errors.Join(err, lines.Err(), o.look(s))
}

// sorted is a JSON list in an order of its own, one item a line.
func sorted(list []byte) string {
	var items []json.RawMessage
	if err := json.Unmarshal(list, &items); err != nil {
		return err.Error() // which is no list that anybody expects
	}
	var lines []string
	for _, item := range items {
		lines = append(lines, string(item))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// timeless is a JSON object without its time.
func timeless(object []byte) string {
	var fields map[string]any
	if err := json.Unmarshal(object, &fields); err != nil {
		return err.Error()
	}
	delete(fields, "time")
	return fmt.Sprint(fields) // in the order of their names
}

// tell gathers what people were told, and what waits to be told.
func (o *outcome) tell(s *server, outbox alert.Outbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.told)
	for _, w := range outbox.Waiting {
		all = append(all, w.Notice.ID())
	}
	slices.Sort(all)
	o.told = slices.Compact(slices.Clone(all))
	o.again = len(all) - len(o.told)
}

// hooked gathers what the program was run for, and what it is to be run for.
func (o *outcome) hooked(s *server, hooks []hook.Waiting) error {
	text, err := os.ReadFile(s.file("hook.done"))
	if err != nil {
		return err
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		all = append(all, strings.TrimSpace(line))
	}
	for _, w := range hooks {
		all = append(all, w.Notice.ID())
	}
	slices.Sort(all)
	o.run = slices.Compact(slices.Clone(all))
	o.rerun = len(all) - len(o.run)
	return nil
}

// look asks Postfix's own program what its table says.
func (o *outcome) look(s *server) error {
	if s.table == "texthash" {
		return nil // it is the list itself
	}
	out, err := exec.Command("postmap", "-c", s.file("postfix"), "-s", s.table+":"+s.file("lists", "blocklist")).Output()
	if err != nil {
		return fmt.Errorf("postmap -s: %w", err)
	}
	lines := slices.Sorted(strings.Lines(string(out))) // a hash has no order
	o.table = strings.Join(lines, "")
	return nil
}

// differs says how this outcome is not the expected one.
func (o *outcome) differs(expected *outcome) error {
	var errs []error
	if !bytes.Equal(o.list, expected.list) {
		errs = append(errs, fmt.Errorf("blocklist: %s", difference(string(expected.list), string(o.list))))
	}
	if o.table != expected.table {
		errs = append(errs, fmt.Errorf("table: %s", difference(expected.table, o.table)))
	}
	if !slices.Equal(o.told, expected.told) {
		errs = append(errs, fmt.Errorf("told: %s", difference(strings.Join(expected.told, "\n"), strings.Join(o.told, "\n"))))
	}
	if !slices.Equal(o.run, expected.run) {
		errs = append(errs, fmt.Errorf("hooks: %s", difference(strings.Join(expected.run, "\n"), strings.Join(o.run, "\n"))))
	}
	keys := maps.Clone(expected.state)
	maps.Copy(keys, o.state)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if o.state[key] != expected.state[key] {
			errs = append(errs, fmt.Errorf("state: %s:%s", key, difference(expected.state[key], o.state[key])))
		}
	}
	return errors.Join(errs...)
}

// difference shows the lines that are in one text only.
func difference(expected, got string) string {
	text := ""
	for line := range strings.Lines(expected) {
		if !strings.Contains(got, line) {
			text += "\n- " + strings.TrimRight(line, "\n")
		}
	}
	for line := range strings.Lines(got) {
		if !strings.Contains(expected, line) {
			text += "\n+ " + strings.TrimRight(line, "\n")
		}
	}
	if text == "" {
		return "the lines stand in another order, or twice"
	}
	return text
}
