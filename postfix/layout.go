package postfix

import (
	"bytes"
	"strings"
)

// setting is a logical line of main.cf or master.cf: it goes on over lines that
// begin with white space, past empty lines and comments (postconf(5)).
type setting struct {
	name     string // main.cf: before the "="; master.cf: "service/type"
	from, to int    // the bytes of it, with the last newline
	comments bool   // lines of comment stand within, which postconf would tear off
}

// settings cuts the text of main.cf or master.cf into its logical lines.
func settings(text []byte, name func(line string) string) []setting {
	var found []setting
	comment := false
	for from := 0; from < len(text); {
		to := len(text)
		if i := bytes.IndexByte(text[from:], '\n'); i >= 0 {
			to = from + i + 1
		}
		line := string(text[from:to])
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "":
		case trimmed[0] == '#':
			comment = true
		case strings.TrimLeft(line, " \t") != line:
			if len(found) > 0 {
				last := &found[len(found)-1]
				last.to = to
				last.comments = last.comments || comment
			}
			comment = false
		default:
			found = append(found, setting{name: name(line), from: from, to: to})
			comment = false
		}
		from = to
	}
	return found
}

func mainName(line string) string {
	name, _, _ := strings.Cut(line, "=")
	return strings.TrimSpace(name)
}

func masterName(line string) string {
	field := strings.Fields(line)
	if len(field) < 2 {
		return ""
	}
	return field[0] + "/" + field[1]
}

// obstacle says why postconf had better not write a setting of the file.
func (f file) obstacle(all []setting, name string) string {
	if f.link {
		return f.path + " is a symbolic link, which postconf would replace by a file"
	}
	times := 0
	for _, s := range all {
		if s.name != name {
			continue
		}
		times++
		if s.comments {
			return "comments stand within it, which postconf would tear off"
		}
	}
	if times > 1 {
		return "it stands in " + f.path + " more than once, and the last one counts"
	}
	return ""
}

// raw is a setting as it is written, with its layout; "" if it is not there.
func (f file) raw(name string) string {
	raw := ""
	for _, s := range settings(f.text, mainName) {
		if s.name == name {
			raw = string(f.text[s.from:s.to])
		}
	}
	return raw
}
