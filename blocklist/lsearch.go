package blocklist

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// lsearchHead stands on top of what Exim reads.
const lsearchHead = "# Who may not send mail, for Exim (lsearch). Made from %s; do not edit.\n"

// lsearchMode lets Exim read the file, whose user is not ours. A mode that
// somebody has given it since stays.
const lsearchMode = 0o644

// lsearch returns the blocklist as Exim looks it up (spec.txt, "Single-key
// lookup types"): a key, a blank, and what the client is told.
//
//	info@example.es  5.7.1 Sending is suspended for this account: unusual logins. …
//	"local:www-data"  5.7.1 Sending is suspended for this account. …
//
// Exim finds a key in any case of its ASCII letters. Its own name for a user,
// $authenticated_id, has octal digits in place of what is not ASCII
// ("jos\303\251", string_printing() in src/string.c), in its log as in the
// look-up: so the name that we read there is the key. A person may have written
// "josé", which stands there in both spellings, for print_topbitchars.
//
// A key ends at a colon or white space unless quotes are around it, in which a
// backslash quotes. What does not stop anybody has no line; neither has an
// exempt user.
func (t *text) lsearch(path string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, lsearchHead, clean(path, maxLine))
	for i, e := range t.entries {
		if t.first[e.fold] != i || !e.Blocks() {
			continue // the first line for a user counts
		}
		fmt.Fprintf(&b, "%s  %s\n", lsearchKey(e.User), eximText(e.Action))
		if !isASCII(e.User) {
			fmt.Fprintf(&b, "%s  %s\n", lsearchKey(octal(e.User)), eximText(e.Action))
		}
	}
	return b.Bytes()
}

// lsearchKey quotes a name that could not be a key as it is.
func lsearchKey(user string) string {
	if !strings.ContainsAny(user, ":\"# \t\v\f\r") {
		return user
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(user) + `"`
}

// octal spells a name as Exim does.
func octal(user string) string {
	var b strings.Builder
	for i := range len(user) {
		if c := user[i]; c < ' ' || c > '~' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// eximText is an action as a message of Exim's "deny": a text, which may begin with
// an enhanced status code that fits a refusal. Whatever the action is, Exim
// refuses with 550.
func eximText(action string) string {
	word, text, _ := strings.Cut(strings.Trim(action, blanks), " ")
	text = strings.Trim(text, blanks)
	switch word = strings.ToUpper(word); {
	case word == "REJECT", isReplyCode(word) && word[0] == '5':
	default:
		text = "" // "4.7.1 Try later" would not fit
	}
	if text == "" {
		text = "5.7.1 Sending is suspended for this account. Please contact your administrator."
	}
	return clean(text, maxLine)
}

// buildLsearch writes the file for Exim, whole or not at all.
func (t Table) buildLsearch(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	owner, err := os.Stat(path)
	if err != nil {
		return err
	}
	to := t.File(path)
	table, mode := parse(data).lsearch(path), fs.FileMode(lsearchMode)
	if now, err := os.Stat(to); err == nil {
		mode = now.Mode().Perm()
	}
	dir, base := filepath.Split(to)
	temp := filepath.Join(dir, "."+base+".new")
	if err := removeAll(temp); err != nil {
		return err
	}
	if err := writeAside(temp, table, owner); err != nil {
		return errors.Join(err, removeAll(temp))
	}
	if err := os.Chmod(temp, mode); err != nil {
		return errors.Join(err, removeAll(temp))
	}
	if err := os.Rename(temp, to); err != nil {
		return errors.Join(err, removeAll(temp))
	}
	return syncDir(dir)
}
