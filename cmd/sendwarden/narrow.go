package main

import (
	"io"
	"strings"
	"unicode/utf8"

	"sendwarden/words"
)

// narrow breaks lines at blanks where a terminal of 80 columns would break them within
// words, and indents what follows more deeply. A word that is longer than a line stays
// whole, and so does a command to copy, which begins with a blank and "sendwarden".
type narrow struct {
	to   io.Writer
	line []byte // that has not ended
}

func (n *narrow) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != '\n' {
			n.line = append(n.line, b)
			continue
		}
		text := broken(string(n.line), words.Width)
		n.line = n.line[:0]
		if _, err := io.WriteString(n.to, text+"\n"); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// forPeople is where a command prints: narrow, unless it is for programs.
func forPeople(out io.Writer, asJSON bool) io.Writer {
	if asJSON {
		return out
	}
	return &narrow{to: out}
}

// reasonsWidth is what reasons have, which are indented by four.
const reasonsWidth = words.Width - 4

// broken breaks a line into several.
func broken(line string, width int) string {
	text := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(text)]
	if utf8.RuneCountInString(line) <= width || indent != "" && strings.HasPrefix(text, "sendwarden ") {
		return line
	}
	var out strings.Builder
	for utf8.RuneCountInString(line) > width {
		runes := []rune(line)
		head := string(runes[:width+1])
		at := strings.LastIndex(head, " ")
		if strings.TrimSpace(head[:max(at, 0)]) == "" { // one long word: after it
			begin := len(line) - len(strings.TrimLeft(line, " "))
			if at = strings.Index(line[begin:], " "); at < 0 {
				break
			}
			at += begin
		}
		out.WriteString(strings.TrimRight(line[:at], " ") + "\n")
		line = indent + "    " + strings.TrimLeft(line[at:], " ")
	}
	return out.String() + line
}
