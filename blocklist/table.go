package blocklist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// postmapTime bounds one run of postmap or postconf.
const postmapTime = 20 * time.Second

// maxStderr bounds what is kept of a program's complaint, in bytes.
const maxStderr = 2000

// ErrTable says that the text file is right and that the table which Postfix
// reads could not be built from it: until it can, Postfix obeys the old one.
var ErrTable = errors.New("the table was not built")

// kind is how one of Postfix's table types is built.
type kind struct {
	name   string
	suffix string
	// aside is for types that postmap overwrites in place without a
	// transaction: they are built under another name, and renamed.
	aside bool
}

// kinds are the types that fit, the best first. An open session sees a change
// of lmdb at its next recipient, as each look-up is a transaction of its own;
// but only when the file is written in place, which one transaction makes safe.
// cdb and hash reach new sessions only. postmap renames cdb itself; of hash,
// Postfix's DATABASE_README says that a failed overwrite leaves no usable
// database. texthash is read once by each process, so that an idle smtpd goes
// on with what it has until "postfix reload".
//
// lsearch is Exim's: it opens the file anew for each message, so that an open
// session sees a change at its next one.
var kinds = [...]kind{
	{name: "lmdb", suffix: ".lmdb"},
	{name: "cdb", suffix: ".cdb"},
	{name: "hash", suffix: ".db", aside: true},
	{name: "btree", suffix: ".db", aside: true},
	{name: "texthash"},
	{name: lsearch, suffix: ".lsearch"},
}

// lsearch is the type that Exim reads, and nothing of Postfix's.
const lsearch = "lsearch"

// Table says which type of table Postfix reads the blocklist as, and how to
// build it. The zero Table is texthash: Postfix reads the text.
type Table struct {
	kind      kind
	configDir string
	postmap   string
}

// NewTable returns the table of a type: lmdb, cdb, hash, btree or texthash for
// Postfix, lsearch for Exim.
// configDir is Postfix's, for "postmap -c"; empty is Postfix's default.
func NewTable(name, configDir string) (Table, error) {
	i := slices.IndexFunc(kinds[:], func(k kind) bool { return k.name == name })
	if i < 0 {
		return Table{}, fmt.Errorf("blocklist: table type %q (one of lmdb, cdb, hash, btree, texthash, lsearch)", clean(name, 40))
	}
	return Table{kind: kinds[i], configDir: configDir, postmap: program("postmap")}, nil
}

// Detect asks postconf which types this Postfix has, and takes the best: lmdb,
// then cdb, then hash or btree, then texthash, which is always there. Where there
// is no Postfix but an Exim, it is lsearch.
func Detect(ctx context.Context, configDir string) (Table, error) {
	if configDir == "" && !installed("postconf") && (installed("exim4") || installed("exim")) {
		return NewTable(lsearch, "")
	}
	out, err := run(ctx, program("postconf"), withConfig(configDir, "-m")...)
	if err != nil {
		return Table{}, fmt.Errorf("blocklist: what tables does Postfix have? %w", absent(err))
	}
	has := strings.Fields(out)
	for _, k := range kinds {
		if slices.Contains(has, k.name) {
			return NewTable(k.name, configDir)
		}
	}
	return Table{}, fmt.Errorf("blocklist: this Postfix has none of lmdb, cdb, hash, btree, texthash")
}

// absent says what it means that postconf is not there, or finds no main.cf.
func absent(err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no Postfix on this host: no program postconf")
	case strings.Contains(err.Error(), "main.cf: No such file"):
		return errors.New("there is no main.cf where Postfix looks for it")
	}
	return err
}

// Type is the type's name in main.cf.
func (t Table) Type() string {
	if t.kind.name == "" {
		return "texthash"
	}
	return t.kind.name
}

// Live reports whether a session that is open sees a change at its next
// recipient. With the other types the user who is connected goes on sending
// until the client hangs up, unless a policy service stops it.
func (t Table) Live() bool { return t.kind.name == "lmdb" || t.ForExim() }

// ForExim reports whether Exim reads the table, in place of Postfix.
func (t Table) ForExim() bool { return t.kind.name == lsearch }

// Map is the table as main.cf names it, such as "lmdb:/etc/postfix/blocklist", or
// as Exim's lists name files.
func (t Table) Map(path string) string {
	if t.ForExim() {
		return lsearch + ";" + t.File(path)
	}
	return t.Type() + ":" + path
}

// File is the table's file, empty when Postfix reads the text itself.
func (t Table) File(path string) string {
	if t.kind.suffix == "" {
		return ""
	}
	return path + t.kind.suffix
}

// Build makes the table from the text at path. Its error is an [ErrTable] and
// carries what postmap said.
func (t Table) Build(ctx context.Context, path string) error {
	var err error
	switch {
	case t.kind.suffix == "":
		return nil
	case t.ForExim():
		err = t.buildLsearch(path)
	case t.kind.aside:
		err = t.buildAside(ctx, path)
	default:
		err = t.buildInPlace(ctx, path)
	}
	if err != nil {
		return fmt.Errorf("blocklist: %w: %s: %w", ErrTable, t.Map(path), err)
	}
	return nil
}

// buildInPlace lets postmap write the table. It cannot open an lmdb file that
// is none (a full disk or a crash left it), and neither can Postfix, which then
// answers 451 to everybody: such a file is taken away and made anew.
func (t Table) buildInPlace(ctx context.Context, path string) error {
	args := withConfig(t.configDir, t.Map(path))
	_, err := run(ctx, t.postmap, args...)
	if err == nil || t.kind.name != "lmdb" || !strings.Contains(err.Error(), "MDB_INVALID") {
		return err
	}
	if err := os.Remove(t.File(path)); err != nil {
		return err
	}
	_, err = run(ctx, t.postmap, args...)
	return err
}

// buildAside builds from a copy of the text and renames: a reader has the old
// table or the new one. postmap gives up root for the owner of its input, so
// the copy keeps it. It is made anew each time, as the lock is held.
func (t Table) buildAside(ctx context.Context, path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	dir, base := filepath.Split(path)
	copied := filepath.Join(dir, "."+base+".build")
	if err := removeAll(copied, t.File(copied)); err != nil {
		return err
	}
	defer func() { _ = removeAll(copied, t.File(copied)) }() // the next build says what stays
	if err := writeAside(copied, data, info); err != nil {
		return err
	}
	if _, err := run(ctx, t.postmap, withConfig(t.configDir, t.Map(copied))...); err != nil {
		return err
	}
	return os.Rename(t.File(copied), t.File(path))
}

// removeAll removes files that may be there.
func removeAll(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func withConfig(dir string, args ...string) []string {
	if dir == "" {
		return args
	}
	return append([]string{"-c", dir}, args...)
}

// installed tells whether a program is where root installs them.
func installed(name string) bool {
	_, err := exec.LookPath(program(name))
	return err == nil
}

// program finds a mail server's program where a daemon's PATH may not lead.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return name
}

// run returns the program's output. Its error carries what it said, bounded
// and on one line.
func run(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, postmapTime)
	defer cancel()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s did not end: %w", filepath.Base(name), ctx.Err())
	}
	if err != nil {
		said := strings.TrimSpace(complaint.String())
		if said == "" {
			return "", err
		}
		said = strings.ReplaceAll(said, "\n", "; ")
		return "", fmt.Errorf("%w: %s", err, clean(said, maxStderr))
	}
	return out.String(), nil
}
