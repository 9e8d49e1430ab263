package doctor

import "fmt"

// State is what a check comes to.
type State string

// The states, as they are printed.
const (
	OK      State = "ok"
	Warning State = "warning" // mail is protected; look at it all the same
	Fault   State = "fault"   // somebody's mail is not protected, or is put off
	Unknown State = "unknown" // it could not be looked at
)

// Finding is one line of doctor's.
type Finding struct {
	Check  string `json:"check"`
	State  State  `json:"state"`
	Fact   string `json:"fact"`
	Remedy string `json:"remedy,omitempty"`
}

func fine(format string, a ...any) Finding {
	return Finding{State: OK, Fact: fmt.Sprintf(format, a...)}
}

func doubt(remedy, format string, a ...any) Finding {
	return Finding{State: Warning, Fact: fmt.Sprintf(format, a...), Remedy: remedy}
}

func wrong(remedy, format string, a ...any) Finding {
	return Finding{State: Fault, Fact: fmt.Sprintf(format, a...), Remedy: remedy}
}

func unknown(remedy, format string, a ...any) Finding {
	return Finding{State: Unknown, Fact: fmt.Sprintf(format, a...), Remedy: remedy}
}

// shorten keeps a fact in one line.
func shorten(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
