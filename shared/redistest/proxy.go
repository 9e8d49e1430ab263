package redistest

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Proxy stands between clients and a server, and may be slow or keep silent.
type Proxy struct {
	Addr string

	mu    sync.Mutex
	delay time.Duration
	cut   bool
	conns map[net.Conn]bool
	moved *sync.Cond // delay or cut have changed
}

// NewProxy starts one before a server.
func NewProxy(t testing.TB, server string) *Proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &Proxy{Addr: l.Addr().String(), conns: make(map[net.Conn]bool)}
	p.moved = sync.NewCond(&p.mu)
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", server)
			if err != nil {
				c.Close()
				continue
			}
			p.mu.Lock()
			p.conns[c], p.conns[s] = true, true
			p.mu.Unlock()
			wait.Go(func() { p.carry(s, c, false) })
			wait.Go(func() { p.carry(c, s, true) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.Cut(false)
		p.mu.Lock()
		for c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		wait.Wait()
	})
	return p
}

// Slow has answers come that much later.
func (p *Proxy) Slow(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = by
}

// Cut is a partition: nothing comes through, and nobody is told.
func (p *Proxy) Cut(is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = is
	p.moved.Broadcast()
}

// piece is what came in one go.
type piece struct {
	data []byte
	due  time.Time
}

// carry carries one direction. What is late does not hold up what comes after it.
func (p *Proxy) carry(to, from net.Conn, answers bool) {
	defer to.Close()
	pieces := make(chan piece, 1000)
	var written sync.WaitGroup
	defer written.Wait()
	defer close(pieces)
	written.Go(func() {
		for next := range pieces {
			<-time.After(time.Until(next.due))
			if _, err := to.Write(next.data); err != nil {
				from.Close()
			}
		}
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		for p.cut {
			p.moved.Wait()
		}
		due := time.Now()
		if answers {
			due = due.Add(p.delay)
		}
		p.mu.Unlock()
		pieces <- piece{bytes.Clone(buf[:n]), due}
	}
}
