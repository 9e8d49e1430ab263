package exim

import (
	"context"
	"fmt"
	"strings"
)

// Askable tells whether a name can be put into an expression of Exim's as it is.
func Askable(name string) bool {
	return name != "" && len(name) <= 200 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._+-") == ""
}

// Finds asks Exim itself for an askable name in a list, as its ACL does (exim -be),
// so that a file which it can't read is an error that says why.
func (c *Config) Finds(ctx context.Context, list, name string) (bool, error) {
	if !Askable(name) {
		return false, fmt.Errorf("exim: %q can't be asked for", clean(name))
	}
	said, err := c.run(ctx, "-be", "${lookup {"+name+"}lsearch{"+list+"}{yes}{no}}")
	if err != nil {
		return false, err
	}
	switch said = strings.TrimSpace(said); said {
	case "yes", "no":
		return said == "yes", nil
	}
	return false, fmt.Errorf("exim -be: %s", clean(said[:min(len(said), maxComplaint)])) // "Failed: …"
}

// Authenticator is a way to log in.
type Authenticator struct {
	Name   string
	Server bool // clients log in by it, and not this host elsewhere
	Named  bool // it tells who logged in (server_set_id)
}

// Authenticators are all that the configuration has (spec.txt, "SMTP
// authentication"). Its text is as "exim -bP config" prints it, without comments:
//
//	begin authenticators
//	plain_server:
//	driver = plaintext
//	server_set_id = $auth2
func (c *Config) Authenticators() (all []Authenticator) {
	inside := false
	for line := range strings.Lines(c.text) {
		line = strings.TrimSpace(line)
		if section, begins := strings.CutPrefix(line, "begin "); begins {
			inside = strings.TrimSpace(section) == "authenticators"
			continue
		}
		if !inside {
			continue
		}
		if name, is := strings.CutSuffix(line, ":"); is && !strings.ContainsAny(name, " =${") {
			all = append(all, Authenticator{Name: name})
			continue
		}
		if len(all) == 0 {
			continue
		}
		option, _, _ := strings.Cut(line, "=")
		last := &all[len(all)-1]
		switch option = strings.TrimSpace(option); {
		case option == "server_set_id":
			last.Server, last.Named = true, true
		case strings.HasPrefix(option, "server_") && option != "server_advertise_condition":
			last.Server = true
		}
	}
	return all
}

// CountsRecipients tells whether the log says to how many a message goes
// (log_selector = +received_recipients): of the words that name it, the last
// counts.
func (c *Config) CountsRecipients() bool {
	counts := false
	for word := range strings.FieldsSeq(strings.NewReplacer("+", " +", "-", " -").Replace(c.Selector)) {
		switch word {
		case "+received_recipients", "+all":
			counts = true
		case "-received_recipients", "-all":
			counts = false
		}
	}
	return counts
}
