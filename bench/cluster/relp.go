package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// relayed is what came of mail hosts that log to one daemon, by rsyslog and RELP.
type relayed struct {
	lines   float64         // a second, from both hosts into the daemon
	cpu     time.Duration   // of all rsyslogd, for a line
	blocked []time.Duration // from a thief's line on a mail host until the list has the user
	outages []outage
}

// outage is what came of a receiver that was killed while mail hosts logged.
type outage struct {
	restarted               bool // a mail host's rsyslogd, meanwhile
	length, caughtUp        time.Duration
	sent, missing, repeated int   // lines
	judged, messages        int   // submissions that the daemon counted, of which there were
	onDisk                  int64 // bytes that waited in the senders' files
}

// syslogd is an rsyslogd with one of the examples' configurations.
type syslogd struct {
	t         testing.TB
	dir, name string
	cmd       *exec.Cmd
}

func startSyslogd(t testing.TB, name, config string) *syslogd {
	s := &syslogd{t: t, dir: t.TempDir(), name: name}
	config = fmt.Sprintf("global(workDirectory=%q localHostname=%q)\n%s", s.dir, name, strings.ReplaceAll(config, "SOCKET", s.socket()))
	require.NoError(t, os.WriteFile(s.file("conf"), []byte(config), 0o644))
	out, err := exec.Command("rsyslogd", "-N1", "-f", s.file("conf")).CombinedOutput()
	require.NoError(t, err, "apt install rsyslog rsyslog-relp\n%s", out)
	s.start()
	t.Cleanup(func() { s.end(syscall.SIGKILL) })
	return s
}

func (s *syslogd) file(name string) string { return filepath.Join(s.dir, name) }
func (s *syslogd) socket() string          { return s.file("log") }

func (s *syslogd) start() {
	_ = os.Remove(s.file("pid")) // of one that was killed
	s.cmd = exec.Command("rsyslogd", "-n", "-f", s.file("conf"), "-i", s.file("pid"))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(s.t, s.cmd.Start())
}

// ready waits until it takes lines.
func (s *syslogd) ready() {
	require.True(s.t, eventually(20*time.Second, func() bool {
		conn, err := net.Dial("unixgram", s.socket())
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}), "%s does not listen", s.name)
}

func (s *syslogd) end(how syscall.Signal) {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(how) // it may have ended
		_ = s.cmd.Wait()
	}
}

// spooled is how much waits on its disk.
func (s *syslogd) spooled() (bytes int64) {
	files, _ := filepath.Glob(s.file("sendwarden*"))
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			bytes += info.Size()
		}
	}
	return bytes
}

// example is a file of examples/rsyslog with this machine's names.
func example(t testing.TB, name string, replaced ...string) string {
	module := must(exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output())
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(module)), "examples/rsyslog", name))
	require.NoError(t, err)
	for i := 0; i < len(replaced); i += 2 {
		require.Contains(t, string(text), replaced[i], "%s", name)
		text = []byte(strings.ReplaceAll(string(text), replaced[i], replaced[i+1]))
	}
	return string(text)
}

func must(out []byte, err error) []byte {
	if err != nil {
		panic(failure(err.Error()))
	}
	return out
}

// relay is two mail hosts and the one that they log to.
type relay struct {
	t        testing.TB
	b        *bench
	daemon   *host
	receiver *syslogd
	senders  []*syslogd
	messages int
}

func (b *bench) newRelay(t testing.TB) *relay {
	r := &relay{t: t, b: b, daemon: b.site.host(t, 0, "LOCAL")}
	_, port, _ := net.SplitHostPort(redistest.FreeAddr(t))
	r.receiver = startSyslogd(t, "logs", example(t, "receiver.conf", `port="2514"`, `port="`+port+`"`, "/var/log/mailhosts.log", r.daemon.file("mail.log"), ` fileGroup="adm"`, ""))
	for n := range 2 {
		r.senders = append(r.senders, startSyslogd(t, fmt.Sprintf("mx%d", n+1), `module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="SOCKET")
`+example(t, "sender.conf", `port="2514"`, `port="`+port+`"`, "logs.example.net", "127.0.0.1", `queue.size="10000"`, `queue.size="2000"`)))
	}
	for _, s := range r.senders {
		s.ready()
	}
	return r
}

// write has a mail host log some messages, so many a second; 0: as fast as it can.
func (r *relay) write(sender, first, messages, rate int) {
	conn, err := net.Dial("unixgram", r.senders[sender].socket())
	require.NoError(r.t, err)
	defer conn.Close()
	began := time.Now()
	for n := range messages {
		if rate > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		}
		id := fmt.Sprintf("%X%09X", 10+sender, first+n)
		user := r.b.site.crowd.names[n%len(r.b.site.crowd.names)]
		r.log(conn, message{user, r.b.site.crowd.any[n%len(r.b.site.crowd.any)]}, id)
	}
}

func (r *relay) log(conn net.Conn, m message, id string) {
	head := "<22>" + time.Now().Format(time.Stamp) + " postfix/"
	text := strings.NewReplacer("HEAD", head, "USER", m.user, "ADDRESS", m.addr.String(), "QUEUEID", id, "[70", "[12345670").Replace(logged)
	for line := range strings.Lines(text) {
		_, err := conn.Write([]byte(strings.TrimSpace(line)))
		require.NoError(r.t, err)
	}
}

const linesEach = 5 // of a message

// settled is how long nothing has come when nothing more will.
const settled = 5 * time.Second

// both has both mail hosts log.
func (r *relay) both(messages, rate int) {
	var wait sync.WaitGroup
	for sender := range r.senders {
		wait.Go(func() { r.write(sender, r.messages, messages, rate) })
	}
	wait.Wait()
	r.messages += messages
}

// judged waits until the daemon has read all.
func (r *relay) judged(most time.Duration) {
	r.daemon.within(most, "all lines have come", func() bool {
		return r.daemon.metric("sendwarden_log_lines_total") >= float64(len(r.senders)*r.messages*linesEach)
	})
}

// relays measures.
func (b *bench) relays(t testing.TB) {
	r := b.newRelay(t)
	messages, seconds := 40_000, 15
	if b.quick {
		messages, seconds = 4000, 2
	}
	r.both(10, 0)
	r.judged(20 * time.Second)
	before := cpu(t, r.receiver.cmd.Process.Pid) + cpu(t, r.senders[0].cmd.Process.Pid) + cpu(t, r.senders[1].cmd.Process.Pid)
	began := time.Now()
	r.both(messages, 0)
	r.judged(5 * time.Minute)
	b.relayed.lines = float64(2*messages*linesEach) / time.Since(began).Seconds()
	b.relayed.cpu = (cpu(t, r.receiver.cmd.Process.Pid) + cpu(t, r.senders[0].cmd.Process.Pid) + cpu(t, r.senders[1].cmd.Process.Pid) - before) / time.Duration(2*messages*linesEach)
	b.thievesByRelay(t, r)
	for _, restarted := range []bool{false, true} {
		if restarted && b.quick {
			return
		}
		b.relayed.outages = append(b.relayed.outages, r.outage(t, seconds, restarted))
	}
}

// thievesByRelay measures until the list has a thief whose lines come by RELP.
func (b *bench) thievesByRelay(t testing.TB, r *relay) {
	conn, err := net.Dial("unixgram", r.senders[0].socket())
	require.NoError(t, err)
	defer conn.Close()
	for n := range b.thefts / 2 {
		user := thiefName(n)
		for country := range 3 {
			r.log(conn, b.site.crowd.thief(user, country), fmt.Sprintf("F%05X%d", n, country))
		}
		began := time.Now()
		r.daemon.within(20*time.Second, user+" is blocked", func() bool { return r.daemon.blocks(user) })
		b.relayed.blocked = append(b.relayed.blocked, time.Since(began))
	}
	slices.Sort(b.relayed.blocked)
}

// outage has the receiver die and come back while both mail hosts log; perhaps one of
// these is started anew meanwhile.
func (r *relay) outage(t testing.TB, seconds int, restarted bool) outage {
	const rate = 200 // messages/s of each
	o := outage{restarted: restarted}
	judged := r.daemon.metric("sendwarden_submissions_total")
	info, err := os.Stat(r.daemon.file("mail.log"))
	require.NoError(t, err)
	first := r.messages
	var killed sync.WaitGroup
	began := time.Now().Add(time.Second)
	killed.Go(func() {
		time.Sleep(time.Until(began))
		r.receiver.end(syscall.SIGKILL)
	})
	r.both(rate*(seconds+1), rate)
	killed.Wait()
	o.onDisk = r.senders[0].spooled() + r.senders[1].spooled()
	if restarted {
		time.Sleep(time.Second) // what is in the socket's buffer, rsyslogd does not read at its end
		r.senders[0].end(syscall.SIGTERM)
		r.senders[0].start()
		r.senders[0].ready()
	}
	r.both(rate, rate)
	r.receiver.start()
	o.length = time.Since(began)
	o.sent = 2 * (r.messages - first) * linesEach
	o.messages = o.sent / linesEach
	o.arrivals(t, r.daemon.file("mail.log"), info.Size())
	o.judged = int(r.daemon.metric("sendwarden_submissions_total") - judged)
	return o
}

// arrivals reads what comes into a log behind an offset, until nothing more does.
func (o *outage) arrivals(t testing.TB, log string, at int64) {
	back := time.Now()
	last, seen := back, make(map[string]int)
	for time.Since(last) < settled {
		text, err := os.ReadFile(log)
		require.NoError(t, err)
		before, end := len(seen), bytes.LastIndexByte(text, '\n')+1
		for line := range bytes.Lines(text[at:end]) {
			_, what, _ := bytes.Cut(line, []byte("postfix/")) // without the stamp
			seen[string(what)]++
		}
		if at = int64(end); len(seen) > before {
			last = time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
	o.caughtUp, o.missing = last.Sub(back), o.sent-len(seen)
	for _, n := range seen {
		o.repeated += n - 1
	}
}

func (b *bench) relayTables() []*table {
	r := b.relayed
	t := &table{name: "relp", head: []string{"two hosts log to a third by rsyslog and RELP", ""}}
	t.add("lines/s, until the daemon has read them", r.lines)
	t.add("processor time of the three rsyslogd for a line", fmt.Sprintf("%s µs", figure(float64(r.cpu)/1000)))
	if n := len(r.blocked); n > 0 {
		t.add("from a thief's third line on a mail host until the table has the user: p50", r.blocked[n/2])
		t.add("the longest of "+cell(n), r.blocked[n-1])
	}
	down := &table{name: "relp-outage", head: []string{"the receiver is killed, and started again after", "meanwhile, on one mail host", "lines logged", "waited on the mail hosts' disks",
		"all there after its start", "lines missing", "lines twice", "submissions counted"}}
	for _, o := range r.outages {
		what := "nothing"
		if o.restarted {
			what = "`systemctl restart rsyslog`"
		}
		down.add(o.length, what, o.sent, cell(int(o.onDisk/1000))+" kB", o.caughtUp, o.missing, o.repeated, cell(o.judged)+" of "+cell(o.messages))
	}
	return []*table{t, down}
}
