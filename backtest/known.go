package backtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sendwarden/simulate"
)

// Known are the thefts that are known to have happened, by user.
type Known map[string]Theft

// Theft is a time in which somebody else used an account.
type Theft struct {
	Since Moment // zero: not known
	Until Moment // zero: not known, or it went on
	// Messages are the thief's, by queue id; without them, all that the account
	// sent from Since on counts as the thief's.
	Messages map[string]bool
	Line     int // where it stands
}

// took tells whether a message was the thief's.
func (t Theft) took(id string, at time.Time) bool {
	if t.Messages != nil {
		return t.Messages[id]
	}
	return t.dated() && !t.Since.after(at) && (t.Until.IsZero() || !t.Until.before(at))
}

func (t Theft) dated() bool { return t.Messages != nil || !t.Since.IsZero() }

// Moment is a time as somebody wrote it down: with a zone, or as the clock showed
// it that wrote the log.
type Moment struct {
	time.Time
	Wall bool // the time, in UTC, is what the log's clock showed
}

func (m Moment) after(at time.Time) bool  { return m.Time.After(m.as(at)) }
func (m Moment) before(at time.Time) bool { return m.Time.Before(m.as(at)) }

// as is what is to be compared for a time in the log.
func (m Moment) as(at time.Time) time.Time {
	if !m.Wall {
		return at
	}
	_, offset := at.Zone()
	return at.Add(time.Duration(offset) * time.Second)
}

func (k Known) users() []string { return slices.Sorted(maps.Keys(k)) }

// Bounds of a file of known thefts.
const (
	MaxKnownSize = 64 << 20
	maxKnown     = 100_000 // users
	maxKnownLine = 1024    // bytes
)

// ParseKnown reads known thefts. A file has one user a line, with the time from
// which the account was misused and the time at which that ended, where they are
// known:
//
//	# account         since              until
//	info@example.es   2026-03-28T03:12   2026-03-28T05:00
//	eva@example.es    2026-03-30
//
// Times without a zone are of the zone given, or with none (nil) what the log's
// clock showed; a day alone means its first moment, and as the end its last. The file with the truth that simulate writes
// is read as well. Fold makes user names what the scorer calls them.
func ParseKnown(name string, text []byte, zone *time.Location, fold func(string) string) (Known, error) {
	switch {
	case len(text) > MaxKnownSize:
		return nil, fmt.Errorf("%s: larger than %d MB: is this a list of users?", name, MaxKnownSize>>20)
	case bytes.IndexByte(text, 0) >= 0:
		return nil, fmt.Errorf("%s: holds a NUL byte: is this a text file?", name)
	}
	k := Known{}
	if truth := bytes.TrimSpace(text); len(truth) > 0 && truth[0] == '{' {
		return k, k.truth(name, text, fold)
	}
	var errs []error
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if err := k.line(string(line), n, zone, fold); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, n, err))
		}
		if len(errs) == 20 || len(k) > maxKnown {
			break
		}
	}
	switch {
	case len(k) > maxKnown:
		errs = append(errs, fmt.Errorf("%s:%d: more than %d users", name, n, maxKnown))
	case len(k) == 0 && len(errs) == 0:
		errs = append(errs, fmt.Errorf("%s: names no user (write one a line: user since until)", name))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return k, nil
}

func (k Known) line(line string, n int, zone *time.Location, fold func(string) string) error {
	if len(line) > maxKnownLine {
		return fmt.Errorf("longer than %d bytes (write: user since until)", maxKnownLine)
	}
	if !utf8.ValidString(line) {
		return errors.New("is no UTF-8 text")
	}
	fields := strings.Fields(line)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return nil
	}
	if len(fields) > 3 {
		return fmt.Errorf("%d words (write: user since until, with times such as 2026-03-28T03:12)", len(fields))
	}
	t := Theft{Line: n}
	var err error
	if len(fields) > 1 {
		if t.Since, err = moment(fields[1], zone, false); err != nil {
			return err
		}
	}
	if len(fields) > 2 {
		if t.Until, err = moment(fields[2], zone, true); err != nil {
			return err
		}
		if t.Until.Before(t.Since.Time) {
			return fmt.Errorf("until (%s) is before since (%s)", fields[2], fields[1])
		}
	}
	user := fold(fields[0])
	if before, twice := k[user]; twice {
		return fmt.Errorf("user %q stands here again, first in line %d", user, before.Line)
	}
	k[user] = t
	return nil
}

// moment reads a time; a day alone is its first moment, or its last.
func moment(s string, zone *time.Location, end bool) (Moment, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return Moment{Time: t}, nil
	}
	wall := zone == nil
	if wall {
		zone = time.UTC
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return Moment{t, wall}, nil
		}
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		if end {
			t = t.AddDate(0, 0, 1).Add(-time.Nanosecond)
		}
		return Moment{t, wall}, nil
	}
	return Moment{}, fmt.Errorf("%q is no time (write 2026-03-28, 2026-03-28T03:12 or 2026-03-28T03:12:00+01:00)", s)
}

// truth reads what simulate wrote.
func (k Known) truth(name string, text []byte, fold func(string) string) error {
	var truth simulate.Truth
	if err := json.Unmarshal(text, &truth); err != nil {
		return fmt.Errorf("%s:%d: %w (a JSON file must be the truth.json of simulate)", name, lineOf(text, err), err)
	}
	if truth.Thefts == nil {
		return fmt.Errorf(`%s: has no "thefts" (a JSON file must be the truth.json of simulate)`, name)
	}
	for _, t := range truth.Thefts {
		user := fold(t.User)
		theft, twice := k[user]
		if !twice {
			theft = Theft{Since: Moment{Time: t.Start.Truncate(time.Microsecond)}, Messages: make(map[string]bool)} // as the log's stamps are
		}
		if t.End.After(theft.Until.Time) {
			theft.Until = Moment{Time: t.End}
		}
		for _, id := range t.Messages {
			theft.Messages[id] = true
		}
		k[user] = theft
	}
	if len(k) > maxKnown {
		return fmt.Errorf("%s: more than %d users", name, maxKnown)
	}
	return nil
}

// lineOf is where the JSON is broken.
func lineOf(text []byte, err error) int {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := int64(0)
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	return 1 + bytes.Count(text[:min(at, int64(len(text)))], []byte{'\n'})
}
