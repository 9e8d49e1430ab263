package postfix

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Want is what Postfix shall ask at DATA. Table is always asked; the others
// where they are not empty.
type Want struct {
	Table     string `json:"table"`               // lmdb:/etc/sendwarden/lists/blocklist
	Socketmap string `json:"socketmap,omitempty"` // inet:127.0.0.1:10046:sendwarden
	Door      string `json:"door,omitempty"`      // inet:127.0.0.1:10045, or unix:PATH
}

// Check reports what no main.cf could hold.
func (w Want) Check() error {
	kind, path, ok := strings.Cut(w.Table, ":")
	switch {
	case !ok || kind == "" || !filepath.IsAbs(path):
		return fmt.Errorf("table %q: write it as lmdb:/etc/sendwarden/lists/blocklist", w.Table)
	case strings.ContainsAny(w.Table+w.Socketmap+w.Door, ", \t\r\n{}$"):
		return fmt.Errorf("%q: Postfix's lists can't name what has blanks, commas, braces or $ in it", strings.TrimSpace(w.Table+" "+w.Socketmap+" "+w.Door))
	case w.Door != "" && !isServer(w.Door):
		return fmt.Errorf("door %q: write it as inet:127.0.0.1:10045 or unix:sendwarden/policy", w.Door)
	case w.Socketmap != "" && (!isServer(w.Socketmap) || strings.Count(w.Socketmap, ":") < 2):
		return fmt.Errorf("socketmap %q: write it as inet:127.0.0.1:10046:sendwarden or unix:PATH:sendwarden", w.Socketmap)
	}
	return nil
}

func isServer(address string) bool {
	kind, rest, _ := strings.Cut(address, ":")
	return rest != "" && (kind == "unix" || kind == "inet" && strings.Contains(rest, ":"))
}

// items are the checks in their order: the table first, which is certain and
// asks nobody, then who answers over a socket.
func (w Want) items() []item {
	_, path, _ := strings.Cut(w.Table, ":")
	found := []item{{
		check: "check_sasl_access", argument: w.Table,
		why: "refuses who is on the blocklist, also while the daemon is down",
		is:  func(a string) bool { _, p, _ := strings.Cut(a, ":"); return p == path },
		fit: func(a string) bool { return a == w.Table },
	}}
	if w.Socketmap != "" {
		wanted := "socketmap:" + w.Socketmap
		same := func(a string) bool { return a == wanted }
		found = append(found, item{
			check: "check_sasl_access", argument: wanted, is: same, fit: same,
			why: "asks the daemon for the same list; while it is down, Postfix puts off all mail of users (451)",
		})
	}
	if w.Door != "" {
		found = append(found, item{
			check: "check_policy_service", argument: "{ " + w.Door + ", timeout=5s, default_action=DUNNO }",
			is:  func(a string) bool { return server(a) == w.Door },
			fit: func(a string) bool { return strings.Contains(a, "default_action") },
			why: "asks the daemon before a message is accepted; mail passes when it does not answer (timeout, default_action)",
		})
	}
	return found
}

// server is whom a check_policy_service asks: "inet:…" alone, or the first word
// within braces.
func server(argument string) string {
	inner, braced := strings.CutPrefix(argument, "{")
	if !braced {
		return argument
	}
	if all, err := words(strings.TrimSuffix(inner, "}")); err == nil && len(all) > 0 {
		return all[0].text
	}
	return ""
}

// relative writes a socket's path as every smtpd understands it: below the
// queue directory, in which it works, chrooted or not.
func (c *Config) relative(address string) string {
	path, unix := strings.CutPrefix(address, "unix:")
	if below, ok := strings.CutPrefix(path, c.Queue+"/"); unix && ok && c.Queue != "" {
		return "unix:" + below
	}
	return address
}

// unreachable tells whether a chrooted smtpd looks for a socket where it is not.
func unreachable(address string) bool {
	return strings.HasPrefix(address, "unix:/")
}
