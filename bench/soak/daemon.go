package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"sendwarden"
)

// daemon is the one that is watched.
type daemon struct {
	cmd     *exec.Cmd
	metrics string // address
	state   string
	probes  *probes
	running chan struct{}
	exited  chan struct{}
	status  error
	begun   time.Time

	mu    sync.Mutex
	words []string // what it said beside verdicts

	rss, heap []float64 // megabytes
}

// start starts the daemon, and waits until it follows the log.
func (s *soak) start(ctx context.Context) (*daemon, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &daemon{metrics: free.Addr().String(), state: s.path("state.db"), probes: &probes{out: make(map[string]time.Time)},
		running: make(chan struct{}), exited: make(chan struct{})}
	rules := strings.Replace(string(sendwarden.Rules), "threshold: {hold: 50, block: 100}", "threshold: {hold: 500000, block: 500000}", 1)
	rules += "\n  - name: probe\n    when: country == \"BR\" && user startsWith \"probe\"\n    points: 1000000\nmax_blocks: 1000000\nmetrics: {listen: \"" + d.metrics + "\"}\n"
	err = errors.Join(free.Close(), os.WriteFile(s.path("rules.yaml"), []byte(rules), 0o644), os.WriteFile(s.path("mail.log"), nil, 0o644),
		os.WriteFile(s.path("main.cf"), []byte("queue_directory = "+s.path("nowhere")+"\n"), 0o644))
	if err != nil {
		return nil, err
	}
	d.cmd = exec.Command(s.program, "run", "--watch", "--log", s.path("mail.log"), "--state", d.state, "--rules", s.path("rules.yaml"),
		"--blocklist", s.path("blocklist"), "--postfix-config", s.dir, "--table", "texthash")
	said, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	d.begun = time.Now()
	go d.listen(said)
	select {
	case <-d.running:
		return d, nil
	case <-d.exited:
		return nil, fmt.Errorf("the daemon ended (%w), saying\n%s", d.status, strings.Join(d.words, "\n"))
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), d.stop())
	}
}

// listen reads what the daemon says.
func (d *daemon) listen(said io.Reader) {
	defer close(d.exited)
	running := d.running
	for lines := bufio.NewScanner(said); lines.Scan(); {
		line := lines.Text()
		if d.verdict(line) {
			continue
		}
		d.mu.Lock()
		d.words = append(d.words[max(0, len(d.words)-49):], line)
		d.mu.Unlock()
		if running != nil && strings.Contains(line, "msg=running") {
			close(running)
			running = nil
		}
	}
	d.status = d.cmd.Wait()
}

// verdict takes a line for a probe's answer:
//
//	time=2026-11-28T07:10:11.342Z level=WARN msg="would block" user=probe7@example.es … why="… (177.32.4.1 BR …)"
func (d *daemon) verdict(line string) bool {
	if !strings.Contains(line, `msg="would block" user=probe`) {
		return false
	}
	stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
	at, err := time.Parse(time.RFC3339, stamp)
	_, why, found := strings.Cut(line, "(177.")
	rest, _, _ := strings.Cut(why, " ")
	if err != nil || !found {
		return false
	}
	d.probes.answered("177."+rest, at)
	return true
}

// watch says every ten seconds how the daemon is.
func (d *daemon) watch(ctx context.Context, w *writer) {
	for tick := time.NewTicker(10 * time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		written := w.written.Load()
		said, err := d.ask("sendwarden_log_lines_total", "go_memstats_next_gc_bytes")
		if err != nil {
			fmt.Println(err)
			continue
		}
		read, heap := int64(said[0]), said[1]/2/(1<<20) // the collector lets the heap double
		rss := d.resident()
		d.rss, d.heap = append(d.rss, rss), append(d.heap, heap)
		state, _ := os.Stat(d.state) // it is there since the start
		fmt.Printf("%6.0f %12d %11d %8.1f %8.1f %9.0f %% %10.1f\n", time.Since(d.begun).Seconds(), read, written-read, rss, heap,
			100*d.processor().Seconds()/time.Since(d.begun).Seconds(), float64(state.Size())/(1<<20))
	}
}

// ask reads numbers of the daemon's /metrics.
func (d *daemon) ask(names ...string) ([]float64, error) {
	answer, err := http.Get("http://" + d.metrics + "/metrics")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	values := make([]float64, len(names))
	told := 0
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		i := slices.Index(names, name)
		if i < 0 {
			continue
		}
		if values[i], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, err
		}
		told++
	}
	if told != len(names) {
		return nil, fmt.Errorf("/metrics does not tell %s", strings.Join(names, ", "))
	}
	return values, nil
}

// resident is the daemon's memory in megabytes.
func (d *daemon) resident() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kb float64
	fmt.Sscan(string(rest), &kb)
	return kb / 1024
}

// processor is the time that the daemon has computed: utime and stime of proc(5), in
// hundredths of a second.
func (d *daemon) processor() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	words := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.ParseInt(words[11], 10, 64)
	system, _ := strconv.ParseInt(words[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// finish waits for the last lines, and says what came of all.
func (d *daemon) finish(w *writer) error {
	var read int64
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		said, err := d.ask("sendwarden_log_lines_total")
		if err != nil {
			return err
		}
		if read = int64(said[0]); read >= w.written.Load() {
			break
		}
	}
	p := d.probes
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Printf("%d lines written, %d read; %d probes, %d without a verdict, %d with two; the writer was late by %v at most\n",
		w.written.Load(), read, p.sent, len(p.out), p.strange, w.late.Round(time.Millisecond))
	if len(p.delays) == 0 {
		return errors.New("no probe was answered")
	}
	slices.Sort(p.delays)
	at := func(share float64) time.Duration { return p.delays[int(share*float64(len(p.delays)-1))] }
	fmt.Printf("from a written line to its verdict: p50 %.1f ms, p99 %.1f ms, most %.1f ms\n", ms(at(0.5)), ms(at(0.99)), ms(at(1)))
	if n := len(d.rss); n > 2 {
		fmt.Printf("memory: %.0f MB after %d s, %.0f MB at the end, %.0f MB at most; of it in use on the heap %.1f, %.1f and %.1f MB\n",
			d.rss[n/4], 10*(n/4+1), d.rss[n-1], slices.Max(d.rss), d.heap[n/4], d.heap[n-1], slices.Max(d.heap))
	}
	if read != w.written.Load() || len(p.out) > 0 || p.strange > 0 {
		return errors.New("the lines that were read are not those that were written")
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// stop has the daemon end well.
func (d *daemon) stop() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-d.exited
	if d.status != nil {
		return fmt.Errorf("the daemon: %w, saying\n%s", d.status, strings.Join(d.words, "\n"))
	}
	return nil
}
