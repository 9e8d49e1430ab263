package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"sendwarden/simulate"
)

// invent makes the lines, without their stamps. They are placed by the embedded
// data, as the probes are: where that is matters to nobody.
func invent(dir string) ([][]byte, error) {
	w := simulate.Default(1).In("ES")
	w.Days, w.Thefts = 4, 0
	if _, err := simulate.Dir(w, dir); err != nil {
		return nil, err
	}
	log, err := os.ReadFile(filepath.Join(dir, "mail.log"))
	if err != nil {
		return nil, err
	}
	var text [][]byte
	for line := range bytes.Lines(log) {
		_, rest, _ := bytes.Cut(line, []byte(" "))
		text = append(text, rest)
	}
	return text, nil
}

// writer writes the log.
type writer struct {
	path    string
	text    [][]byte
	rate    int
	rotates time.Duration
	probes  *probes

	written atomic.Int64
	late    time.Duration // how far the writer itself was behind, at worst
}

const (
	// pace is how often the writer writes what is due.
	pace = time.Millisecond
	// kept is how many rotated files stay.
	kept = 4
	// probing is how often a probe is written.
	probing = 50 * time.Millisecond
	// tellTime is how long the writer goes on with the file that was renamed.
	tellTime = 200 * time.Millisecond
)

// write writes lines at the rate for so long.
func (w *writer) write(ctx context.Context, long time.Duration) error {
	f, err := w.open()
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	begun := time.Now()
	probe, rotation, told := begun, begun.Add(w.rotates), time.Time{}
	var chunk []byte
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for now := begun; now.Sub(begun) < long && ctx.Err() == nil; now = time.Now() {
		chunk = w.compose(chunk[:0], now, int64(now.Sub(begun).Seconds()*float64(w.rate))-w.written.Load())
		if !now.Before(probe) {
			probe = probe.Add(probing)
			w.late = max(w.late, now.Sub(probe))
			chunk = w.probes.next(chunk)
			w.written.Add(1)
		}
		if _, err := f.Write(chunk); err != nil {
			return err
		}
		switch {
		case !now.Before(rotation):
			rotation, told = rotation.Add(w.rotates), now.Add(tellTime)
			if err := w.rotate(); err != nil {
				return err
			}
		case !told.IsZero() && now.After(told):
			told = time.Time{}
			f.Close()
			if f, err = w.open(); err != nil {
				return err
			}
		}
		<-tick.C
	}
	return ctx.Err()
}

func (w *writer) open() (*os.File, error) {
	return os.OpenFile(w.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

// compose adds n lines with the stamp of now.
func (w *writer) compose(chunk []byte, now time.Time, n int64) []byte {
	var head [40]byte
	stamp := append(now.AppendFormat(head[:0], "2006-01-02T15:04:05.000000Z07:00"), ' ')
	for range n {
		chunk = append(chunk, stamp...)
		chunk = append(chunk, w.text[w.written.Load()%int64(len(w.text))]...)
		w.written.Add(1)
	}
	return chunk
}

// rotate renames as logrotate does.
func (w *writer) rotate() error {
	for n := kept - 1; n >= 0; n-- {
		from := w.path
		if n > 0 {
			from = fmt.Sprintf("%s.%d", w.path, n)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", w.path, n+1)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// probes are log-ins that are answered by a verdict. Each is known by its
// address, which is of a network in Brazil in the database that the daemon embeds.
type probes struct {
	mu      sync.Mutex
	sent    int
	out     map[string]time.Time // by address: when it was written
	delays  []time.Duration
	strange int // answers to what was not asked, or answered already
}

const probeUsers = 200

// next adds a probe's line.
func (p *probes) next(chunk []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.sent
	p.sent++
	addr := fmt.Sprintf("177.%d.%d.%d", 32+n>>16&15, n>>8&255, n&255)
	now := time.Now()
	p.out[addr] = now
	return fmt.Appendf(chunk, "%s mail postfix/submission/smtpd[77]: 4P%09X: client=unknown[%s], sasl_method=PLAIN, sasl_username=probe%d@example.es\n",
		now.Format("2006-01-02T15:04:05.000000Z07:00"), n, addr, n%probeUsers)
}

// answered takes note of a verdict.
func (p *probes) answered(addr string, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written, asked := p.out[addr]
	if !asked {
		p.strange++
		return
	}
	delete(p.out, addr)
	p.delays = append(p.delays, at.Add(time.Millisecond).Sub(written))
}
