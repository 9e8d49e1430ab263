package main

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"sendwarden/simulate"
)

// world is what happens in the log.
type world struct {
	dir   string
	lines [][]byte // with their newlines
}

// lastUser is a log-in name that the daemon does not judge, and says so: when it
// does, it has read all. The line is written when nobody is killed any more, so that
// the one who reads it says so.
const (
	lastUser = "the end"
	lastLine = "2040-03-01T00:00:00+01:00 mail postfix/smtps/smtpd[9]: 4C9YHf1yYXz9: client=unknown[192.0.2.1], sasl_method=PLAIN, sasl_username=" + lastUser + "\n"
)

// newWorld invents a server of few people and many thefts. Its calendar is ahead
// of the clock, so that nothing is due by the clock: what is let go when depends on
// the log alone.
func newWorld(dir string, seed uint64, volume float64) (*world, error) {
	w := simulate.Default(seed).In("ES")
	w.Start = time.Date(2040, 1, 2, 0, 0, 0, 0, w.Start.Location())
	w.Users, w.Days, w.WarmUp, w.Thefts = 40, 10, 3, 24
	w, _ = w.Vary("thief-volume", volume)
	if _, err := simulate.Dir(w, dir); err != nil {
		return nil, err
	}
	log, err := os.ReadFile(filepath.Join(dir, "mail.log"))
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(log, []byte("\n"))
	return &world{dir: dir, lines: lines[:len(lines)-1]}, nil // after the last newline there is nothing
}

// flags place the world's addresses.
func (w *world) flags() []string {
	return []string{"--geo", filepath.Join(w.dir, "city.mmdb"), "--geo", filepath.Join(w.dir, "asn.mmdb")}
}
