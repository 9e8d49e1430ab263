package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sendwarden"
	"sendwarden/bench/follow/writer"
)

// server is a machine with a log, a daemon and somebody who is told.
type server struct {
	*trial
	world  *world
	name   string
	random *rand.Rand
	people *http.Server

	mu   sync.Mutex
	told []string // the notices that came, by their names

	killed, unborn int
}

// patience is how long anything may take that is to happen by itself.
const patience = time.Minute

func (t *trial) newServer(w *world, name string) (*server, error) {
	s := &server{trial: t, world: w, name: name, random: rand.New(rand.NewPCG(t.seed, 0))}
	if err := os.Mkdir(s.file(), 0o755); err != nil {
		return nil, err
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.people = &http.Server{Handler: http.HandlerFunc(s.hear), ReadHeaderTimeout: patience}
	go s.people.Serve(at) // until close
	rules := fmt.Appendf(sendwarden.Rules, `
max_blocks: 1000
alerts:
  interval: 1m
  per_hour: 1000
  webhook: [{url: "http://%s/", on: [block, brake]}]
hooks: [{on: [block], run: ["%s"]}]
`, at.Addr(), s.file("hook"))
	return s, errors.Join(
		os.WriteFile(s.file("rules.yaml"), rules, 0o644),
		os.WriteFile(s.file("mail.log"), nil, 0o644),
		os.WriteFile(s.file("hook"), []byte("#!/bin/sh\necho \"$SENDWARDEN_ID\" >>\"$0.done\"\n"), 0o755),
		os.Mkdir(s.file("var"), 0o755),
		os.Mkdir(s.file("lists"), 0o755),
		os.Mkdir(s.file("postfix"), 0o755),
		os.WriteFile(s.file("postfix", "main.cf"), []byte("queue_directory = "+s.file("nowhere")+"\n"), 0o644), // what is to be held there waits
	)
}

func (s *server) close() { s.people.Close() }

// file is a path of the server's own.
func (s *server) file(names ...string) string {
	return filepath.Join(append([]string{s.dir, s.name}, names...)...)
}

// hear takes notices in. Their names stay the same when they are sent again.
func (s *server) hear(_ http.ResponseWriter, r *http.Request) {
	var post struct {
		Notices []struct {
			ID string `json:"id"`
		} `json:"notices"`
	}
	if json.NewDecoder(r.Body).Decode(&post) != nil {
		return // of a sender that was killed: it comes again
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range post.Notices {
		s.told = append(s.told, n.ID)
	}
}

// live reads the log in peace.
func (s *server) live(ctx context.Context) error { return s.survive(ctx, 0) }

// survive reads it under kills, with the writing spread over their time.
func (s *server) survive(ctx context.Context, kills int) error {
	d, err := s.start()
	if err != nil {
		return err
	}
	defer func() { d.kill() }()
	// The very first start is not killed before it runs: what stands in the log
	// before is history, and nobody is blocked for it.
	if err := d.comes(ctx, d.running); err != nil {
		return err
	}
	written := s.write(time.Duration(kills) * (meanLife + meanBirth))
	for ; s.killed < kills; s.killed++ {
		if err := s.endure(ctx, d); err != nil {
			return err
		}
		if d, err = s.start(); err != nil {
			return err
		}
	}
	if err := errors.Join(<-written, appendTo(s.file("mail.log"), lastLine)); err != nil {
		return err
	}
	return errors.Join(d.comes(ctx, d.done), d.stop())
}

const (
	meanLife  = 600 * time.Millisecond // of a daemon that runs
	meanBirth = 150 * time.Millisecond // what a start takes, about
)

// endure lets a daemon live for a while. One in five does not come to run.
func (s *server) endure(ctx context.Context, d *daemon) error {
	if s.random.IntN(5) == 0 {
		s.unborn++
		return d.after(ctx, time.Duration(s.random.Int64N(int64(meanBirth))))
	}
	if err := d.comes(ctx, d.running); err != nil {
		return err
	}
	// Saves are a second apart, and right after blocks: both short and long lives count.
	return d.after(ctx, time.Duration(s.random.ExpFloat64()*float64(meanLife)))
}

// write writes the log in about that time, and rotates it some twenty times.
func (s *server) write(within time.Duration) <-chan error {
	lines := len(s.world.lines)
	plan := writer.Plan{
		Path: s.file("mail.log"), Lines: lines, Text: s.world.lines, Every: lines / 20, Tell: 100 * time.Millisecond, Split: true, Seed: s.seed,
		Ways: []writer.Way{writer.Rename, writer.Late, writer.Missing, writer.Compress, writer.Twice},
	}
	if within > 0 {
		plan.Rate = max(1, int(float64(lines)/within.Seconds()))
	}
	written := make(chan error, 1)
	go func() { written <- writer.Run(plan) }()
	return written
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
