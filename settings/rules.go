package settings

import (
	"errors"
	"fmt"
	"os"

	"sendwarden"
	"sendwarden/scoring"
)

// DefaultRules is where an installed rules file stands; without it, and
// without --rules, the shipped rules are in force.
const DefaultRules = "/etc/sendwarden/rules.yaml"

// DefaultBlocklist is the blocklist where nothing else is configured. It has a folder
// of its own: the daemon makes files there anew beside the old ones, and who may do
// that beside the rules could make them anew, too, by which root's commands go.
const DefaultBlocklist = "/etc/sendwarden/lists/blocklist"

// DefaultState is where the daemon keeps what it remembers.
const DefaultState = "/var/lib/sendwarden/state.db"

// Shipped is the origin of rules that stand in no file.
const Shipped = "shipped rules"

// MaxSize is more than any rules file has.
const MaxSize = 4 << 20

// Load reads the rules in force and says where they come from. Without a name
// they are those that are installed, else the shipped ones.
func Load(name string) (*scoring.Rules, string, error) {
	file := Path(name)
	if name == "" {
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			rules, err := scoring.Parse(Shipped, sendwarden.Rules, Names()...)
			return rules, Shipped, err
		}
	}
	text, err := File(file)
	if err != nil {
		return nil, file, err
	}
	rules, err := scoring.Parse(file, text, Names()...)
	return rules, file, err
}

// Path is where the rules are, or may be one day.
func Path(name string) string {
	if name != "" {
		return name
	}
	return DefaultRules
}

// Parse reads all that a rules file says, to the daemon's settings.
func Parse(name string, text []byte) (*scoring.Rules, Sections, error) {
	rules, err := scoring.Parse(name, text, Names()...)
	if err != nil {
		return nil, Sections{}, err
	}
	with, err := Read(name, rules)
	return rules, with, err
}

// Examine reads a rules file for all that is wrong with it, in the rules and in the
// sections. What could be read of one with faults is for who looks further; nil is
// nothing.
func Examine(name string) (*scoring.Rules, string, error) {
	rules, file, err := Load(name)
	var faults scoring.Faults
	if errors.As(err, &faults) {
		text, unreadable := File(file)
		if unreadable != nil {
			return nil, file, err
		}
		rules, faults = scoring.Examine(file, text, Names()...)
		err = faults
	}
	if rules == nil {
		return nil, file, err
	}
	_, sections := Read(file, rules)
	return rules, file, errors.Join(err, sections)
}

// File reads a rules file, unless it is too large for one.
func File(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file (`sendwarden rules > %s` writes the shipped rules there)", name, name)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a directory", name)
	case info.Size() > MaxSize:
		return nil, fmt.Errorf("%s: %d bytes are too much for a rules file", name, info.Size())
	}
	return os.ReadFile(name)
}
