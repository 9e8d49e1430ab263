package blocklist

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// stampLayout is how a header says since when a user is blocked.
	stampLayout = "2006-01-02 15:04:05 -0700"
	// maxLine bounds a line that we write, in bytes.
	maxLine = 1000
	// maxNotes bounds the comment lines of one entry.
	maxNotes = 60
)

// Entry is one user's line, and the reasons above it.
type Entry struct {
	// User is the login name as it stands in the file, not folded.
	User string
	// Action is what Postfix does when that user sends, an access(5) result
	// such as "REJECT 5.7.1 Sending is suspended for this account".
	Action string
	// Since and Score are read from the header comment. They are zero when a
	// person wrote the line without one.
	Since time.Time
	Score float64
	// Notes are the comment lines that belong to the entry, without "# ".
	// The first is the header, "USER: blocked 2026-04-15 21:15:02 +0200, …".
	Notes []string
	// Line is the number of the entry's line in the file, from 1.
	Line int
}

// Exempt reports whether the entry lets the user's mail pass, which is how a
// person says: never block this one.
func (e Entry) Exempt() bool { return effect(e.Action) == passes }

// Blocks reports whether the entry keeps the user's mail from going out.
// Actions that send it another way (FILTER, REDIRECT) or that Postfix's own
// configuration defines neither block nor exempt.
func (e Entry) Blocks() bool { return effect(e.Action) == stops }

type outcome uint8

const (
	unknown   outcome = iota // nothing in access(5); a restriction class, or a typing error
	diverts                  // access(5) knows it, and it neither stops mail nor lets all of it pass
	passes                   // the mail goes on
	stops                    // it does not
	malformed                // Postfix would answer 451 to every message
)

// effect sorts an action as Postfix's check_table_result (src/smtpd/smtpd_check.c)
// reads it: by its first word, in any case.
func effect(action string) outcome {
	word, _, _ := strings.Cut(strings.TrimSpace(action), " ")
	word, _, _ = strings.Cut(word, "\t")
	word = strings.ToUpper(word)
	switch word {
	case "OK", "DUNNO", "RELAY", "PERMIT", "INFO", "WARN", "PREPEND", "BCC":
		return passes
	case "REJECT", "DEFER", "HOLD", "DISCARD", "DEFER_IF_PERMIT":
		return stops
	case "FILTER", "REDIRECT", "DEFER_IF_REJECT", "WARN_IF_REJECT":
		return diverts
	case "":
		return malformed
	}
	switch {
	case isReplyCode(word):
		return stops
	case strings.Trim(word, "0123456789") == "":
		return passes // "all-numerical: OK", so that any table of numbers may serve
	case strings.HasPrefix(word, "REJECT_"), strings.HasPrefix(word, "PERMIT_"), strings.HasPrefix(word, "CHECK_"):
		return diverts // a restriction by name, with conditions of its own
	case strings.Contains(action, ":"):
		return malformed
	}
	return unknown
}

// isReplyCode reports an SMTP code that refuses: 4NN or 5NN.
func isReplyCode(word string) bool {
	return len(word) == 3 && (word[0] == '4' || word[0] == '5') &&
		strings.Trim(word[1:], "0123456789") == ""
}

// text is the entry as it is written: header, notes, and its line. The user
// has passed CanHold.
func (e Entry) text() string {
	var b strings.Builder
	notes := e.Notes
	if len(notes) > 0 && strings.HasPrefix(notes[0], e.User+":") {
		b.WriteString(clean("# "+notes[0], maxLine) + "\n")
		notes = notes[1:]
	} else {
		b.WriteString("# " + e.header() + "\n")
	}
	left := 0
	if len(notes) > maxNotes {
		left = len(notes) - maxNotes
		notes = notes[:maxNotes]
	}
	for _, note := range notes {
		// Indented, so that no note reads as the header of anybody.
		b.WriteString(clean("#   "+strings.TrimLeft(note, blanks), maxLine) + "\n")
	}
	if left > 0 {
		fmt.Fprintf(&b, "#   and %d more\n", left)
	}
	b.WriteString(e.User + "    " + e.written() + "\n")
	return b.String()
}

// written is the action as it stands in the file.
func (e Entry) written() string { return clean(strings.Trim(e.Action, blanks), maxLine) }

func (e Entry) header() string {
	h := e.User + ": blocked"
	if !e.Since.IsZero() {
		h += " " + e.Since.Format(stampLayout)
	}
	if e.Score != 0 {
		h += ", score " + strconv.FormatFloat(e.Score, 'f', -1, 64)
	}
	return h
}

// readHeader takes since and score from what follows "USER:" in a header,
// " blocked STAMP, score N of M; …". What a person changed in it so that it
// can't be read stays zero.
func (e *Entry) readHeader(header string) {
	rest, ok := strings.CutPrefix(header, " blocked ")
	if !ok || len(rest) < len(stampLayout) {
		return
	}
	since, err := time.Parse(stampLayout, rest[:len(stampLayout)])
	if err != nil {
		return
	}
	e.Since = since
	rest, ok = strings.CutPrefix(rest[len(stampLayout):], ", score ")
	if !ok {
		return
	}
	number := rest
	if end := strings.IndexAny(rest, " ;,"); end >= 0 {
		number = rest[:end]
	}
	if score, err := strconv.ParseFloat(number, 64); err == nil && score == score {
		e.Score = score
	}
}
