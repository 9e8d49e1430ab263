package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"sendwarden/maillog"
	"sendwarden/simulate"
)

func build() (string, error) {
	dir, err := os.MkdirTemp("", "detection")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "sendwarden")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/sendwarden")
	cmd.Stderr = os.Stderr
	return binary, cmd.Run()
}

// judgeWorld makes a world, if it is not there yet, and measures the rules on
// it.
func judgeWorld(seed uint64, rules, data, binary string, o options) (*result, error) {
	w, name, err := o.world(seed)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(data, name)
	truth, err := readTruth(dir)
	if errors.Is(err, os.ErrNotExist) {
		truth, err = simulate.Dir(w, dir)
	}
	if err != nil {
		return nil, err
	}
	verdicts, err := replay(binary, rules, dir)
	if err != nil {
		return nil, err
	}
	submissions, err := readSubmissions(dir)
	if err != nil {
		return nil, err
	}
	return compare(w, truth, verdicts, submissions), nil
}

func readTruth(dir string) (truth simulate.Truth, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		return truth, err
	}
	return truth, json.Unmarshal(text, &truth)
}

// verdict is one line of `sendwarden replay --json`.
type verdict struct {
	Type    string    `json:"type"`
	Time    time.Time `json:"time"`
	User    string    `json:"user"`
	QueueID string    `json:"queue_id"`
	Score   float64   `json:"score"`
	Reasons []struct {
		Rule    string  `json:"rule"`
		Points  float64 `json:"points"`
		Country string  `json:"country"`
		ASN     uint32  `json:"asn"`
	} `json:"reasons"`
}

func replay(binary, rules, dir string) (verdicts []verdict, err error) {
	cmd := exec.Command(binary, "replay", "--json", "--rules", rules,
		"--geo", filepath.Join(dir, "city.mmdb"), "--geo", filepath.Join(dir, "asn.mmdb"), filepath.Join(dir, "mail.log"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("replay of %s: %w", dir, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var v verdict
		if err := decoder.Decode(&v); err != nil {
			return nil, fmt.Errorf("replay of %s: %w", dir, err)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// submission is what the log tells of one message.
type submission struct {
	ID   string
	User string
	At   time.Time
}

// readSubmissions reads the log, or what was kept of it the last time.
func readSubmissions(dir string) (list []submission, err error) {
	kept := filepath.Join(dir, "submissions.json")
	if text, err := os.ReadFile(kept); err == nil {
		return list, json.Unmarshal(text, &list)
	}
	f, err := os.Open(filepath.Join(dir, "mail.log"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parser := maillog.NewParser(maillog.Options{})
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maillog.MaxLine)
	var ev maillog.Event
	for lines.Scan() {
		if parser.Parse(lines.Bytes(), &ev) && ev.Type == maillog.Submission {
			list = append(list, submission{ev.QueueID, ev.User, ev.Time})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return list, os.WriteFile(kept, text, 0o644)
}
