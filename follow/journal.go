package follow

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fields are all that is asked of an entry; __CURSOR and __REALTIME_TIMESTAMP
// always come.
const fields = "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,PRIORITY,_HOSTNAME,_UID,_COMM,_SYSTEMD_UNIT"

// journal follows the systemd journal through journalctl, which alone knows its
// file format, its rotation and its rights. It is started again when it ends.
//
// /dev/log takes lines from everybody, and SYSLOG_IDENTIFIER is the sender's word:
//
//	logger -t postfix/smtpd '4A1: client=…, sasl_username=victim'
//
// Fields that begin with an underscore are journald's own
// (systemd.journal-fields(7)): an entry is handed on only if _UID is root's,
// Postfix' or Dovecot's, and the unit, or where journald came too late to see it
// the program, is theirs as well.
type journal struct {
	o       Options
	send    func(Batch) bool
	trusted map[string]bool // user ids
	begin   []string        // arguments, while there is no cursor
	after   int64           // entries up to this moment, in microseconds, are known

	mu     sync.Mutex // of the two that send: lines, and journalctl's complaints
	cursor string     // of the last entry handed on
}

func newJournal(o Options, send func(Batch) bool) *journal {
	j := &journal{o: o, send: send, trusted: o.trusted, cursor: o.position(Journal).Cursor}
	if len(j.o.Journalctl) == 0 {
		j.o.Journalctl = localJournal()
	}
	if j.trusted == nil {
		j.trusted = mailUsers()
	}
	j.begin = []string{"--no-tail"}
	if o.Start == End {
		j.begin = []string{"--lines=0"}
	}
	return j
}

// localJournal is the command that shows this machine's journal. With --follow,
// journalctl shows the boot that it runs in only, by a number that a container or a
// unit with a /proc of its own may see another one of (measured with systemd 252); with
// --merge it shows all boots, of all machines whose journals are here, and the match
// keeps those of others out.
func localJournal() []string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return []string{"journalctl"}
	}
	return []string{"journalctl", "--merge", "_MACHINE_ID=" + strings.TrimSpace(string(id))}
}

// mailUsers are the users whose words about mail are believed.
func mailUsers() map[string]bool {
	ids := map[string]bool{"0": true}
	for _, name := range []string{"postfix", "dovecot", "dovenull"} {
		if u, err := user.Lookup(name); err == nil {
			ids[u.Uid] = true
		}
	}
	return ids
}

// follow keeps a journalctl running, with longer and longer pauses while it does
// not work.
func (j *journal) follow(ctx context.Context) {
	const least, most = 100 * time.Millisecond, 30 * time.Second
	pause := least
	for {
		handed, err := j.run(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, errGone):
			return
		case errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist):
			j.hand(Batch{Err: fmt.Errorf("%s: %w", Journal, err)})
			return
		case handed:
			pause = least
		default:
			pause = min(2*pause, most)
		}
		ended := Batch{Notes: []Note{{Text: fmt.Sprintf("journalctl has ended (%v); it is started again in %v", err, pause)}}}
		if !handed {
			ended.Notes = append(ended.Notes, j.doubt(err)...)
			ended.Down = fmt.Errorf("journalctl ends again and again (%w)", cmp.Or(err, errors.New("it says nothing")))
		}
		if j.hand(ended) {
			sleep(ctx, pause)
		}
	}
}

func sleep(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// hand sends on what there is, with the place that it follows. It reports false
// when nobody takes it any more.
func (j *journal) hand(b Batch) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	b.cursor = j.cursor
	if !j.send(b) {
		return false
	}
	if len(b.Lines) > 0 {
		j.cursor = cursorOf(b.Lines[len(b.Lines)-1].Text)
	}
	return true
}

// doubt gives a cursor up that journalctl refuses, for the moment that is in it:
//
//	s=0639…;i=4;b=1f…;m=7e…;t=644a9…;x=…
func (j *journal) doubt(err error) []Note {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cursor == "" || err == nil || !strings.Contains(err.Error(), "cursor") {
		return nil
	}
	if us, err := strconv.ParseInt(part(j.cursor, "t"), 16, 64); err == nil && us > 0 {
		j.after = us
		j.begin = []string{"--no-tail", fmt.Sprintf("--since=@%d", us/1e6)}
	}
	j.cursor = ""
	return []Note{{Text: "the journal does not know the entry where reading ended; reading goes on after its moment", Lost: true}}
}

// run reads what one journalctl prints. It reports whether entries came.
func (j *journal) run(ctx context.Context) (handed bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cmd := exec.CommandContext(ctx, j.o.Journalctl[0], j.arguments()...)
	cmd.WaitDelay = time.Second
	complaints := &complaints{note: func(text string) { j.hand(Batch{Notes: []Note{{Text: "journalctl: " + text}}}) }}
	cmd.Stderr = complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	handed, err = j.read(bufio.NewReaderSize(out, MaxLine))
	if err != nil {
		stop()
	}
	return handed, errors.Join(err, cmd.Wait(), complaints.error())
}

func (j *journal) arguments() []string {
	args := append(slices.Clone(j.o.Journalctl[1:]), "--follow", "--all", "--output=json", "--output-fields="+fields)
	if j.cursor != "" {
		// Not --after-cursor: where the entry of the cursor has been deleted, that
		// passes over the next one instead (measured with systemd 252).
		args = append(args, "--no-tail", "--cursor="+j.cursor)
	} else {
		args = append(args, j.begin...)
	}
	return append(args, "SYSLOG_FACILITY=2") // mail
}

// read hands on entries as they come.
func (j *journal) read(r *bufio.Reader) (handed bool, err error) {
	var lines []Line
	known := j.cursor // the first entry is this one, unless it has been deleted
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if err = passOver(r); err == nil && !j.hand(Batch{Notes: []Note{{fmt.Sprintf("an entry of more than %d KiB was passed over", MaxLine>>10), true}}, Lines: lines}) {
				return handed, errGone
			}
			line, lines = nil, nil
		}
		if err == nil && known != "" {
			again := sameEntry(known, cursorOf(line))
			known = ""
			if again {
				continue
			}
			if !j.hand(Batch{Notes: []Note{{"the entry where reading ended is no longer in the journal: what came between it and the oldest that is there is lost", true}}}) {
				return handed, errGone
			}
		}
		if err == nil && j.admits(line) {
			lines, handed = append(lines, Line{Text: bytes.Clone(line[:len(line)-1])}), true
		}
		if len(lines) > 0 && (err != nil || len(lines) == 1000 || !wholeLineIn(r)) {
			if !j.hand(Batch{Lines: lines}) {
				return handed, errGone
			}
			lines = nil
		}
		if err != nil { // what has no newline before the end is no whole entry
			if errors.Is(err, io.EOF) || errors.Is(err, fs.ErrClosed) {
				err = nil
			}
			return handed, err
		}
	}
}

// passOver reads to the end of a line.
func passOver(r *bufio.Reader) error {
	for {
		if _, err := r.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func wholeLineIn(r *bufio.Reader) bool {
	there, _ := r.Peek(r.Buffered())
	return bytes.IndexByte(there, '\n') >= 0
}

// entry is what must be known of an entry to believe it.
type entry struct {
	Cursor   field `json:"__CURSOR"`
	Realtime field `json:"__REALTIME_TIMESTAMP"`
	UID      field `json:"_UID"`
	Unit     field `json:"_SYSTEMD_UNIT"`
	Program  field `json:"_COMM"`
}

// field is a field's value if it is text. It may be an array of bytes or of
// values, or null, and is none then.
type field string

func (f *field) UnmarshalJSON(raw []byte) error {
	if raw[0] != '"' {
		return nil
	}
	return json.Unmarshal(raw, (*string)(f))
}

// admits reports whether an entry is to be handed on.
func (j *journal) admits(line []byte) bool {
	var e entry
	if json.Unmarshal(line, &e) != nil || e.Cursor == "" || !j.trusted[string(e.UID)] {
		return false
	}
	if j.after > 0 {
		if us, err := strconv.ParseInt(string(e.Realtime), 10, 64); err == nil && us <= j.after {
			return false
		}
	}
	return strings.HasPrefix(string(e.Unit), "postfix") || strings.HasPrefix(string(e.Unit), "dovecot") || isMailProgram(string(e.Program))
}

// isMailProgram knows the programs of Postfix and Dovecot that say something
// about messages and log-ins, as /proc/PID/comm has them: 15 characters.
func isMailProgram(comm string) bool {
	switch comm {
	case "smtpd", "postscreen", "cleanup", "qmgr", "smtp", "lmtp", "local", "virtual", "pipe", "error", "bounce", "pickup",
		"master", "postlogd", "postsuper", "dovecot", "log", "auth", "imap-login", "pop3-login", "submission-logi", "managesieve-log":
		return true
	}
	return false
}

// sameEntry compares cursors by what is in the entry itself: its time and its
// checksum.
func sameEntry(a, b string) bool {
	return a == b || part(a, "t") != "" && part(a, "t") == part(b, "t") && part(a, "x") != "" && part(a, "x") == part(b, "x")
}

// part is one value of a cursor.
func part(cursor, name string) string {
	for p := range strings.SplitSeq(cursor, ";") {
		if value, ok := strings.CutPrefix(p, name+"="); ok {
			return value
		}
	}
	return ""
}

func cursorOf(line []byte) string {
	var e entry
	_ = json.Unmarshal(line, &e) // it was admitted
	return string(e.Cursor)
}

// complaints takes what a program says on its standard error: each line is
// noted, up to ten, and the last one is the error that it ended with.
type complaints struct {
	note  func(string)
	last  string
	count int
}

func (c *complaints) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line = line[:min(len(line), 500)]; line == "" {
			continue
		}
		if c.last = line; c.count < 10 {
			c.note(line)
		}
		c.count++
	}
	return len(text), nil
}

func (c *complaints) error() error {
	if c.last == "" {
		return nil
	}
	return errors.New(c.last)
}
