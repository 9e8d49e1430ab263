package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"sendwarden/bench/follow/writer"
	"sendwarden/follow"
)

// killed ends readers at random moments. Each begins where the one before had
// last noted its position; what that one read afterwards counts for nothing.
func killed(kills int) error {
	dir, err := os.MkdirTemp("", "follow")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := writer.Plan{Path: filepath.Join(dir, "mail.log"), Lines: min(kills*500, mostLines), Rate: 10_000, Every: 5000, Size: 150, Seed: rand.Uint64(),
		Ways: []writer.Way{writer.Rename, writer.Late, writer.Missing, writer.Compress, writer.Twice}, Tell: 100 * time.Millisecond, Split: true}
	w, err := startWriter(p)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- w.Wait() }()
	c := &counter{}
	at, lives, lost := follow.Position{Source: p.Path}, 0, 0
	var quiet time.Time
	for (lives < kills || c.seen < p.Lines) && (quiet.IsZero() || time.Now().Before(quiet)) {
		if at, err = life(c, at, &lost); err != nil {
			return err
		}
		lives++
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			quiet = time.Now().Add(20 * time.Second)
		default:
		}
	}
	r := c.result()
	fmt.Printf("%d readers killed, %d lines, %d lost, %d doubled, %d garbled, %d notes of a loss; seed %d\n",
		lives, p.Lines, p.Lines-r.Different, r.Doubled, r.Garbled, lost, p.Seed)
	if r.Different != p.Lines || r.Doubled > 0 || r.Garbled > 0 {
		return fmt.Errorf("the lines that came are not those that were written")
	}
	return nil
}

// life is one reader's; it answers the position that was noted last.
func life(c *counter, from follow.Position, lost *int) (noted follow.Position, err error) {
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, &noted)
	}
	if err != nil {
		return noted, err
	}
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	death := time.AfterFunc(time.Duration(rand.IntN(100))*time.Millisecond, kill)
	defer death.Stop()
	var pending [][]byte
	for b := range follow.Follow(ctx, []string{from.Source}, follow.Options{From: []follow.Position{noted}, Start: follow.Oldest}) {
		if b.Err != nil {
			return noted, b.Err
		}
		for _, n := range b.Notes {
			if n.Lost {
				*lost++
				fmt.Println(n.Text)
			}
		}
		n := len(b.Lines)
		commit := ctx.Err() == nil && rand.IntN(3) == 0
		if commit {
			n = rand.IntN(n + 1)
		}
		for _, l := range b.Lines[:n] {
			pending = append(pending, l.Text)
		}
		if !commit {
			continue
		}
		noted = b.Position(n)
		for _, text := range pending {
			c.add(text, time.Now())
		}
		if pending = nil; n < len(b.Lines) {
			kill() // and nothing of what still comes is noted
		}
	}
	return noted, nil
}
