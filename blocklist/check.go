package blocklist

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Problem is a fault in the file, and what to do about it.
type Problem struct {
	Path   string
	Line   int // from 1; 0 for the file as a whole
	Fact   string
	Remedy string
}

// Error says "path:line: fact (remedy)".
func (p Problem) Error() string {
	place := p.Path
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d", p.Path, p.Line)
	}
	if p.Remedy == "" {
		return place + ": " + p.Fact
	}
	return place + ": " + p.Fact + " (" + p.Remedy + ")"
}

// Check returns every fault of the file, in the order of its lines. A file
// that is not there yet has none: it is made at the first start.
func Check(path string) []Problem {
	t, _, err := read(path)
	var p Problem
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case errors.As(err, &p):
		return []Problem{p}
	case err != nil:
		return []Problem{{Path: path, Fact: cause(err).Error()}}
	}
	faults := at(path, t.faults)
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o002 != 0 {
		faults = append(faults, Problem{Path: path, Fact: "everybody on this host may write it", Remedy: "chmod o-w " + path})
	}
	return faults
}

// at gives faults their path.
func at(path string, faults []Problem) []Problem {
	out := make([]Problem, len(faults))
	for i, p := range faults {
		p.Path = path
		out[i] = p
	}
	return out
}

// cause takes the path off a file error, where the place says it already.
func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// whole says why data can't be a blocklist at all, so that nothing is made of
// it and nothing is written over it.
func whole(path string, data []byte) error {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return Problem{path, 1 + bytes.Count(data[:i], []byte("\n")), "a NUL byte: this is no text", "restore the file from a copy"}
	}
	for n, from := 1, 0; from < len(data); n++ {
		end := lineEnd(data, from)
		if end-from > maxPhysical {
			return Problem{path, n, fmt.Sprintf("a line of %d bytes, above %d", end-from, maxPhysical), "restore the file from a copy, or break the line"}
		}
		from = end
	}
	return nil
}

func (t *text) fault(n int, fact, remedy string) {
	t.faults = append(t.faults, Problem{Line: n + 1, Fact: fact, Remedy: remedy})
}

// split cuts a logical line into key and action as postmap does, and reports
// the lines that it ignores (src/postmap/postmap.c, postmap()).
func (t *text) split(n int, logical string) (key, action string, ok bool) {
	if !utf8.ValidString(logical) {
		t.fault(n, "the line is not UTF-8, and Postfix ignores it", "write it in UTF-8")
		return "", "", false
	}
	end := keyEnd(logical)
	if end < 0 {
		t.fault(n, "a quote is left open, and Postfix ignores the line", "write the login name without quotes")
		return "", "", false
	}
	key, action = logical[:end], strings.Trim(logical[end:], blanks)
	if action == "" {
		t.fault(n, clean(key, maxName)+" stands alone, and Postfix ignores the line", "add what to do, such as REJECT")
		return "", "", false
	}
	return key, action, true
}

// checkEntry reports entries that Postfix takes, and that do not do what the
// person who wrote them hoped for.
func (t *text) checkEntry(e entryAt) {
	n := e.lines[0]
	err := CanHold(e.User)
	switch {
	case strings.HasPrefix(e.User, "\ufeff"):
		return // said of the file already
	case len(e.fold) >= maxKey:
		t.fault(n, fmt.Sprintf("a name of %d bytes, for which postmap refuses the whole table", len(e.fold)), "delete the line")
	case strings.HasPrefix(e.User, "@"):
		t.fault(n, clean(e.User, maxName)+" matches no login: domains are not looked up", "write a line for each user")
	case strings.HasSuffix(e.User, ":"):
		t.fault(n, clean(e.User, maxName)+" matches no login with that colon", "take the colon away")
	case err != nil:
		t.fault(n, err.Error(), "delete the line; the policy service can refuse such a name")
	}
	switch word, _, _ := strings.Cut(e.Action, " "); effect(e.Action) {
	case malformed:
		t.fault(n, fmt.Sprintf("Postfix does not know the action %q and would refuse with 451", clean(word, 40)), "write REJECT, OK, DUNNO or another of access(5)")
	case unknown:
		t.fault(n, fmt.Sprintf("the action %q is none of access(5)", clean(word, 40)), "write REJECT, or declare it in smtpd_restriction_classes")
	}
}

// Absent says what a blocklist that is not there is waiting for.
func Absent(name string) error {
	dir := filepath.Dir(name)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no such directory (mkdir -p %s; then `sendwarden run` makes the blocklist)", dir, dir)
	}
	return fmt.Errorf("%s: there is no blocklist yet; `sendwarden run` makes it", name)
}
