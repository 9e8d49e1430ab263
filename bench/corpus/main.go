// Command corpus measures how well maillog reads real log lines that people have
// labelled: it runs the parser over every *.log of a folder and compares with
// the folder's expected.jsonl.
//
//	go run ./bench/corpus DIR      (or CORPUS=DIR)
//
// A label says what a line means:
//
//	{"file":"a.log","line_no":34,"class":"failure","kind":"auth_failure","source":"postfix","ip":"192.0.2.7","method":"PLAIN"}
//
// It prints the agreement by kind, every difference, and every success, failure,
// local message or script that the parser found on a line without a label. The
// exit status is 1 when anything differs, and 0 with a note when there is no such
// folder.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/maillog"
)

// label is one line of expected.jsonl.
type label struct {
	File      string `json:"file"`
	LineNo    int    `json:"line_no"`
	Class     string `json:"class"`
	Kind      string `json:"kind"`
	Source    string `json:"source"`
	User      string `json:"user"`
	IP        string `json:"ip"`
	Method    string `json:"method"`
	QueueID   string `json:"queue_id"`
	UID       any    `json:"uid"`
	URL       string `json:"url"`
	Script    string `json:"script"`
	Line      int    `json:"line"`
	To        string `json:"to"`
	Ambiguous bool   `json:"ambiguous"`
}

// kind names a label's row in the table: failures by whose line it was.
func (l label) kind() string {
	if l.Kind == "auth_failure" {
		return l.Kind + " " + l.Source
	}
	return l.Kind
}

// wants is the type of event that a label asks for; 0: another program's.
func (l label) wants() maillog.Type {
	switch l.kind() {
	case "postfix_sasl", "exim_auth":
		return maillog.Submission
	case "dovecot_login":
		return maillog.Login
	case "postfix_pickup", "exim_local":
		return maillog.Local
	case "php_mail", "sendmail_php":
		return maillog.Script
	case "auth_failure postfix", "auth_failure exim", "auth_failure dovecot-login", "auth_failure dovecot-passdb", "auth_failure pam":
		return maillog.AuthFailure
	}
	return 0
}

// place is where a line stands.
type place struct {
	file string
	line int
}

// tally counts one kind.
type tally struct {
	right, wrong, ambiguous int
}

type comparison struct {
	labels   map[place]label
	byKind   map[string]*tally
	extra    int
	differed int
}

func main() {
	dir := os.Getenv("CORPUS")
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if _, err := os.Stat(filepath.Join(dir, "expected.jsonl")); dir == "" || err != nil {
		fmt.Printf("no labelled corpus in %q: nothing compared\n", dir)
		return
	}
	differed, err := compare(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
	if differed {
		os.Exit(1)
	}
}

func compare(dir string) (differed bool, err error) {
	labels, err := readLabels(filepath.Join(dir, "expected.jsonl"))
	if err != nil {
		return false, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return false, err
	}
	c := comparison{labels: labels, byKind: make(map[string]*tally)}
	for _, file := range files {
		if err := c.read(file); err != nil {
			return false, err
		}
	}
	c.print()
	return c.differed+c.extra > 0, nil
}

func readLabels(path string) (map[place]label, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	labels := make(map[place]label)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var l label
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		at := place{l.File, l.LineNo}
		if had, ok := labels[at]; ok && (l.wants() == 0 || had.wants() != 0) {
			continue
		}
		labels[at] = l
	}
	return labels, lines.Err()
}

// read compares one file, line by line.
func (c *comparison) read(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p := maillog.NewParser(maillog.Options{Reference: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)})
	for i, line := range bytes.Split(data, []byte("\n")) {
		var ev maillog.Event
		found := p.Parse(line, &ev)
		if seen, _ := maillog.Glance(line); found && seen == maillog.Nothing {
			fmt.Printf("glance missed %s:%d\n", path, i+1)
			c.differed++
		}
		c.judge(place{filepath.Base(path), i + 1}, line, found, &ev)
	}
	return nil
}

// judge compares one line with its label, if it has one.
func (c *comparison) judge(at place, line []byte, found bool, ev *maillog.Event) {
	if found && !counts(ev.Type) {
		found = false
	}
	l, labelled := c.labels[at]
	want := l.wants()
	switch {
	case !labelled && found, labelled && want == 0 && found && !l.Ambiguous:
		c.extra++
		c.say(at, line, "extra "+ev.Type.String())
		return
	case want == 0:
		return
	}
	t := c.byKind[l.kind()]
	if t == nil {
		t = new(tally)
		c.byKind[l.kind()] = t
	}
	why := ""
	switch {
	case !found:
		why = "missed"
	case ev.Type != want:
		why = "is " + ev.Type.String()
	default:
		why = l.differs(ev)
	}
	switch {
	case why == "":
		t.right++
	case l.Ambiguous:
		t.ambiguous++
	default:
		t.wrong++
		c.differed++
		c.say(at, line, l.kind()+": "+why)
	}
}

// counts reports the types that are labelled.
func counts(t maillog.Type) bool {
	switch t {
	case maillog.Submission, maillog.Login, maillog.AuthFailure, maillog.Local, maillog.Script:
		return true
	}
	return false
}

// differs says in what an event is not as labelled; "": it is.
func (l label) differs(ev *maillog.Event) string {
	uid := ""
	if l.UID != nil {
		uid = fmt.Sprint(l.UID)
	}
	switch {
	case l.User != "" && l.User != ev.User:
		return fmt.Sprintf("user %q, not %q", ev.User, l.User)
	case l.IP != "" && !sameAddr(l.IP, ev.Addr):
		return fmt.Sprintf("address %v, not %s", ev.Addr, l.IP)
	case l.Method != "" && l.Method != ev.Method:
		return fmt.Sprintf("method %q, not %q", ev.Method, l.Method)
	case l.QueueID != "" && l.QueueID != "NOQUEUE" && l.QueueID != ev.QueueID:
		return fmt.Sprintf("queue id %q, not %q", ev.QueueID, l.QueueID)
	case uid != "" && uid != strconv.Itoa(ev.UID):
		return fmt.Sprintf("uid %d, not %s", ev.UID, uid)
	case l.User == "" && ev.User != "":
		return fmt.Sprintf("user %q, not none", ev.User)
	}
	return l.differsInScript(ev)
}

// differsInScript compares what only PHP's lines have.
func (l label) differsInScript(ev *maillog.Event) string {
	// The label of the wrapper's first version has the directory in the file's name.
	script, _, _ := strings.Cut(l.Script, ", pwd=")
	switch {
	case script != ev.Script:
		return fmt.Sprintf("script %q, not %q", ev.Script, script)
	case l.Line != ev.Line:
		return fmt.Sprintf("line %d, not %d", ev.Line, l.Line)
	case l.URL != ev.URL:
		return fmt.Sprintf("url %q, not %q", ev.URL, l.URL)
	case ev.Type == maillog.Script && l.To != ev.To:
		return fmt.Sprintf("to %q, not %q", ev.To, l.To)
	}
	return ""
}

func sameAddr(text string, addr netip.Addr) bool {
	want, err := netip.ParseAddr(text)
	return err == nil && want.Unmap() == addr
}

func (c *comparison) say(at place, line []byte, what string) {
	fmt.Printf("%s:%d: %s\n    %s\n", at.file, at.line, what, maillog.Mask(string(line)))
}

func (c *comparison) print() {
	fmt.Printf("%-28s %6s %6s %10s\n", "kind", "agree", "differ", "ambiguous")
	for _, kind := range slices.Sorted(maps.Keys(c.byKind)) {
		t := c.byKind[kind]
		fmt.Printf("%-28s %6d %6d %10d\n", kind, t.right, t.wrong, t.ambiguous)
	}
	fmt.Printf("%d differ, %d extra\n", c.differed, c.extra)
}
