package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// program is the sendwarden that is measured, with its rules.
type program struct {
	path  string
	rules string
}

// prepare takes a copy of the rules, so that all worlds are judged by the same
// while somebody edits them, and compiles the program from the checkout unless
// one was named. The returned function removes both again.
func (p *program) prepare() (remove func(), err error) {
	dir, err := os.MkdirTemp("", "detection")
	if err != nil {
		return nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) } // left in the temporary directory at worst
	text, err := os.ReadFile(p.rules)
	if err == nil {
		p.rules = filepath.Join(dir, "rules.yaml")
		err = os.WriteFile(p.rules, text, 0o644)
	}
	if err == nil && p.path == "" {
		p.path = filepath.Join(dir, "sendwarden")
		cmd := exec.Command("go", "build", "-o", p.path, "./cmd/sendwarden")
		cmd.Stderr = os.Stderr
		err = cmd.Run()
	}
	if err != nil {
		remove()
		return nil, err
	}
	return remove, nil
}

// verdict is one line of `sendwarden replay --json`.
type verdict struct {
	Type    string    `json:"type"`
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	QueueID string    `json:"queue_id"`
	Reasons []struct {
		Rule    string  `json:"rule"`
		Points  float64 `json:"points"`
		Country string  `json:"country"`
		ASN     uint32  `json:"asn"`
	} `json:"reasons"`
}

// verdicts are what a replay of a whole log said.
type verdicts struct {
	blocks   map[string]verdict   // by user
	held     map[string]verdict   // by queue id
	released map[string]time.Time // by queue id
}

// replay lets the program judge a world.
func (p *program) replay(m *made) (*verdicts, error) {
	cmd := exec.Command(p.path, "replay", "--json", "--rules", p.rules,
		"--geo", m.file("city.mmdb"), "--geo", m.file("asn.mmdb"), m.file("mail.log"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	all, err := readVerdicts(out)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("replay of %s: %w", m.dir, err)
	}
	return all, nil
}

func readVerdicts(r io.Reader) (*verdicts, error) {
	all := &verdicts{make(map[string]verdict), make(map[string]verdict), make(map[string]time.Time)}
	decoder := json.NewDecoder(r)
	for {
		var v verdict
		switch err := decoder.Decode(&v); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		switch v.Type {
		case "block":
			if _, twice := all.blocks[v.User]; !twice {
				all.blocks[v.User] = v
			}
		case "hold":
			all.held[v.QueueID] = v
		case "release":
			all.released[v.QueueID] = v.Time
		}
	}
}

// submission says what the verdicts meant for one message: one that was held
// arrived if it was let go before its user was blocked.
func (all *verdicts) submission(m *message) fate {
	b, blocked := all.blocks[m.user]
	if blocked && (!m.at.Before(b.Time) || m.id == b.QueueID) {
		return refused
	}
	if _, held := all.held[m.id]; !held {
		return passed
	}
	at, released := all.released[m.id]
	if released && (!blocked || at.Before(b.Time)) {
		return passed
	}
	return waiting
}

func (*verdicts) bounced(string, time.Time) bool { return false }
