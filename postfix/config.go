package postfix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// dataList is the parameter that all of this is about.
const dataList = "smtpd_data_restrictions"

// maxFile is more than any main.cf or master.cf has, in bytes.
const maxFile = 4 << 20

// Config is how a Postfix is configured.
type Config struct {
	Dir      string // config_directory
	Queue    string // queue_directory, in which chrooted processes are locked
	Version  Version
	Release  string    // mail_version in full
	Services []Service // the smtpd processes of master.cf, in its order
	// Instances are the configuration directories of further Postfix instances
	// on this host.
	Instances []string

	inForce map[string]string // main.cf with defaults, "$name" replaced
	written map[string]string // main.cf as it is written, one line each
	main    file
	master  file
	run     Command
	asked   string // the directory to name to postconf; empty is its default
}

// Read asks postconf. dir is Postfix's configuration directory; empty is its
// default.
func Read(ctx context.Context, dir string, run Command) (*Config, error) {
	c := &Config{run: run, asked: dir}
	out, err := c.postconf(ctx, "mail_version")
	if err != nil {
		return nil, err
	}
	c.Release = values(out)["mail_version"]
	if c.Version, err = parseVersion(c.Release); err != nil {
		return nil, err
	}
	if err := c.readMain(ctx); err != nil {
		return nil, err
	}
	return c, c.readMaster(ctx)
}

func (c *Config) readMain(ctx context.Context) error {
	var all []string
	if c.Version.atLeast(withExpand) {
		all = []string{"-x"}
	}
	out, err := c.postconf(ctx, all...)
	if err != nil {
		return err
	}
	c.inForce = values(out)
	if out, err = c.postconf(ctx, "-n"); err != nil {
		return err
	}
	c.written = values(out)
	c.Queue = c.inForce["queue_directory"]
	if c.Dir = c.asked; c.Dir == "" {
		c.Dir = c.inForce["config_directory"]
	}
	c.Instances = strings.FieldsFunc(c.inForce["multi_instance_directories"], separates)
	c.main, err = readFile(filepath.Join(c.Dir, "main.cf"))
	return err
}

func (c *Config) readMaster(ctx context.Context) error {
	if !c.Version.atLeast(withMaster) {
		return nil
	}
	out, err := c.postconf(ctx, "-M")
	if err != nil {
		return err
	}
	options := ""
	if c.Version.atLeast(withSASL) {
		if options, err = c.postconf(ctx, "-P"); err != nil {
			return err
		}
	}
	c.Services = c.services(out, values(options))
	c.master, err = readFile(filepath.Join(c.Dir, "master.cf"))
	return err
}

// Main is a parameter of main.cf, or Postfix's default, with every "$name"
// replaced.
func (c *Config) Main(name string) string { return c.inForce[name] }

// Lookup asks Postfix itself for a key of a table, so that a table which Postfix
// can't open is an error that says why.
func (c *Config) Lookup(ctx context.Context, table, key string) (string, error) {
	out, err := c.run(ctx, "postmap", c.at("-q", key, table)...)
	if errors.Is(err, errSilent) {
		return "", nil
	}
	return strings.TrimSuffix(out, "\n"), err
}

func (c *Config) postconf(ctx context.Context, args ...string) (string, error) {
	out, err := c.run(ctx, "postconf", c.at(args...)...)
	if err != nil {
		return "", fmt.Errorf("postfix: postconf %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// at puts the configuration directory before a program's arguments.
func (c *Config) at(args ...string) []string {
	if c.asked == "" {
		return args
	}
	return append([]string{"-c", c.asked}, args...)
}

// values reads lines of "name = value", postconf's output but for -M. A value
// may be empty; a "=" in a name can't be.
func values(out string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(out) {
		name, value, ok := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); ok && name != "" {
			found[name] = strings.TrimSpace(value)
		}
	}
	return found
}

// expand replaces "$name", "${name}" and "$(name)" as Postfix does
// (src/util/mac_expand.c), but for its conditions, which it reports as not
// understood. The values in force have no references any more.
func (c *Config) expand(value string) (string, bool) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(value, "$")
		out.WriteString(before)
		if !found {
			return out.String(), true
		}
		name, rest, ok := reference(after)
		if !ok {
			return "", false
		}
		out.WriteString(c.inForce[name])
		value = rest
	}
}

// reference cuts the name that a "$" refers to off the text behind the "$".
func reference(s string) (name, rest string, ok bool) {
	closing := byte(0)
	switch {
	case strings.HasPrefix(s, "{"):
		closing = '}'
	case strings.HasPrefix(s, "("):
		closing = ')'
	}
	if closing != 0 {
		s = s[1:]
	}
	end := 0
	for end < len(s) && isName(s[end]) {
		end++
	}
	name, rest = s[:end], s[end:]
	if closing != 0 {
		if rest == "" || rest[0] != closing {
			return "", "", false
		}
		rest = rest[1:]
	}
	return name, rest, name != ""
}

func isName(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// file is main.cf or master.cf as it stands on the disk.
type file struct {
	path string
	text []byte
	link bool // a symbolic link, which postconf would replace by a file
}

func readFile(path string) (file, error) {
	f := file{path: path}
	info, err := os.Lstat(path)
	if err != nil {
		return f, fmt.Errorf("postfix: %w", err)
	}
	f.link = info.Mode()&os.ModeSymlink != 0
	r, err := os.Open(path)
	if err != nil {
		return f, fmt.Errorf("postfix: %w", err)
	}
	defer r.Close()
	if f.text, err = io.ReadAll(io.LimitReader(r, maxFile+1)); err != nil {
		return f, fmt.Errorf("postfix: %w", err)
	}
	if len(f.text) > maxFile {
		return f, fmt.Errorf("postfix: %s: above %d bytes", path, maxFile)
	}
	return f, nil
}
