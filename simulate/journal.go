package simulate

import (
	"bufio"
	"container/heap"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// journal writes the log. Sessions come in by the time they begin; the lines
// of many sessions interleave, so each waits in a heap until no session can
// begin before it.
type journal struct {
	out     *bufio.Writer
	zone    *time.Location
	end     time.Time // nothing is logged from here on
	host    string
	domain  string
	dice    dice
	given   []string // names of correspondents
	family  []string
	waiting lines
	spare   []*line // written, to be used again
	order   uint64
	lines   int
	honest  int
	pids    map[string]int // the last one of each program
	inode   uint64
}

// line is one line of the log without its head.
type line struct {
	at    time.Time
	order uint64 // of making: keeps cause before effect within a microsecond
	text  []byte
}

type lines []*line

func (l lines) Len() int { return len(l) }
func (l lines) Less(i, j int) bool {
	if l[i].at.Equal(l[j].at) {
		return l[i].order < l[j].order
	}
	return l[i].at.Before(l[j].at)
}
func (l lines) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *lines) Push(x any)   { *l = append(*l, x.(*line)) }
func (l *lines) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

func newJournal(w World, out io.Writer) *journal {
	d := newDice(w.Seed, hashOf("journal"))
	return &journal{
		out:    bufio.NewWriterSize(out, 1<<16),
		zone:   w.Start.Location(),
		end:    w.end(),
		host:   among(d, []string{"mail", "mx1", "smtp", "srv-mail"}),
		domain: w.domain(),
		dice:   d,
		given:  strings.Fields(givenNames),
		family: strings.Fields(familyNames),
		pids:   map[string]int{},
		inode:  uint64(d.between(0x20000, 0x90000)),
	}
}

// put lets one line wait for its turn: "postfix/qmgr[512]: text".
func (j *journal) put(at time.Time, program process, format string, args ...any) {
	if !at.Before(j.end) {
		return
	}
	l := &line{}
	if n := len(j.spare); n > 0 {
		l, j.spare = j.spare[n-1], j.spare[:n-1]
	}
	j.order++
	l.at, l.order = at.Truncate(time.Microsecond), j.order
	l.text = append(l.text[:0], program.tag...)
	l.text = append(fmt.Appendf(l.text, format, args...), '\n')
	heap.Push(&j.waiting, l)
}

// flush writes the lines from before a time, oldest first.
func (j *journal) flush(before time.Time) error {
	for len(j.waiting) > 0 && j.waiting[0].at.Before(before) {
		l := heap.Pop(&j.waiting).(*line)
		var head [64]byte
		stamp := l.at.In(j.zone).AppendFormat(head[:0], "2006-01-02T15:04:05.000000-07:00")
		stamp = append(append(append(stamp, ' '), j.host...), ' ')
		if _, err := j.out.Write(stamp); err != nil {
			return err
		}
		if _, err := j.out.Write(l.text); err != nil {
			return err
		}
		j.spare = append(j.spare, l)
		j.lines++
	}
	return nil
}

// close writes what is left.
func (j *journal) close() error {
	if err := j.flush(j.end); err != nil {
		return err
	}
	return j.out.Flush()
}

// write logs a day's sessions, which may come in any order.
func (j *journal) write(day []session) error {
	slices.SortStableFunc(day, func(a, b session) int { return a.at.Compare(b.at) })
	for _, s := range day {
		if err := j.flush(s.at); err != nil {
			return err
		}
		j.session(s)
	}
	return nil
}

func (j *journal) session(s session) {
	switch s.does {
	case submits:
		j.submission(s)
	case reads:
		j.login(s)
	case fails:
		j.failure(s)
	case delivers:
		j.inbound(s)
	case refused:
		j.refusal(s)
	}
}

// process is a running program with its log tag: "postfix/smtpd[812]: ".
type process struct{ tag string }

// daemon is the one of a program that is at work: mostly the same as last
// time, now and then a new one.
func (j *journal) daemon(program string) process {
	pid := j.pids[program]
	if pid == 0 || j.dice.chance(0.05) && !strings.HasSuffix(program, "qmgr") {
		pid = j.dice.between(1200, 4_000_000)
		j.pids[program] = pid
	}
	return process{fmt.Sprintf("%s[%d]: ", program, pid)}
}

// fresh is a process that serves a client: it is busy with that one, so each
// client has its own.
func (j *journal) fresh(program string) process {
	return process{fmt.Sprintf("%s[%d]: ", program, j.dice.between(1200, 4_000_000))}
}

// queueID makes a short queue id as Postfix does: five hexadecimal digits of
// microseconds and the queue file's inode. Real inodes are used again; here
// they are not, so that Truth can name a message by its id alone.
func (j *journal) queueID(at time.Time) string {
	j.inode++
	return fmt.Sprintf("%05X%X", at.Nanosecond()/1000, j.inode)
}

// ms is a random moment within some milliseconds after another.
func (j *journal) ms(after time.Time, lo, hi int) time.Time {
	return after.Add(j.dice.span(time.Duration(lo)*time.Millisecond, time.Duration(hi)*time.Millisecond))
}
