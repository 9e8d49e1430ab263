package blocklist

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// HeaderChecks returns a header_checks(5) table (regexp: or pcre:) that stops
// what the blocked of the entries send, for a Postfix that has no
// check_sasl_access (before 2.11). It looks for the log-in name that smtpd
// writes, with smtpd_sasl_authenticated_header = yes, into the first header:
//
//	Received: from laptop (dsl.example.net [192.0.2.1])
//		(Authenticated sender: info@example.es)
//		by mail.example.es (Postfix) with ESMTPA id A672A9BAA49
//
// host is Postfix's myhostname, which keeps the pattern from matching other
// servers' headers. The faults name users whom no pattern can stop: smtpd
// (comment_sanitize in src/smtpd/smtpd.c) writes "?" for what is not ASCII and
// for backslashes, and mends parentheses, so that the name is not in the header.
// docs/header-checks.md has the limits of this; there are many.
func HeaderChecks(entries []Entry, host string, now time.Time) (table []byte, faults []error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# Who may not send mail, by sendwarden for %s at %s. Made from the blocklist; do not edit.\n", clean(host, maxName), now.Format(stampLayout))
	seen := make(map[string]bool)
	for _, e := range entries {
		fold := Fold(e.User)
		if seen[fold] {
			continue // the first line counts
		}
		seen[fold] = true
		if !e.Blocks() {
			continue
		}
		if err := inComment(e.User); err != nil {
			faults = append(faults, err)
			continue
		}
		fmt.Fprintf(&b, "/^Received: from .*\\(Authenticated sender: %s\\)[[:space:]]+by %s \\(Postfix\\) with (E?SMTPS?A?|UTF8SMTPS?A?) id /\n    %s\n",
			literal(e.User), literal(host), headerAction(e.Action))
	}
	return []byte(b.String()), faults
}

// WriteHeaderChecks writes the table of HeaderChecks to a file, whole or not at
// all, and tells whether it said anything else before.
func WriteHeaderChecks(path string, entries []Entry, host string, now time.Time) (changed bool, faults []error, err error) {
	table, faults := HeaderChecks(entries, host, now)
	for range mergeTries {
		was, info, _, err := readOnce(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			info = nil
		case err != nil:
			return false, faults, err
		case bytes.Equal(rules(was), rules(table)):
			return false, faults, nil
		}
		if err := replace(path, table, info); !errors.Is(err, errMoved) {
			return err == nil, faults, err
		}
	}
	return false, faults, fmt.Errorf("blocklist: %s: %w, and again and again (who writes it?)", path, errMoved)
}

// HasHeaderChecks tells whether a file says what HeaderChecks makes of the entries.
func HasHeaderChecks(path string, entries []Entry, host string) (bool, error) {
	is, _, _, err := readOnce(path)
	table, _ := HeaderChecks(entries, host, time.Time{})
	return err == nil && bytes.Equal(rules(is), rules(table)), err
}

// rules are a table without its first line, which says when it was made.
func rules(table []byte) []byte {
	_, rest, _ := bytes.Cut(table, []byte("\n"))
	return rest
}

// inComment says why a name does not stand in the header as it is.
func inComment(user string) error {
	if err := CanHold(user); err != nil {
		return err
	}
	if strings.ContainsFunc(user, func(r rune) bool { return r > '~' || strings.ContainsRune(`\()`, r) }) {
		return fmt.Errorf("%w: %s: Postfix writes it differently into the header", ErrName, clean(user, maxName))
	}
	return nil
}

// literal quotes a name for both, POSIX's and Perl's expressions. Only what is
// special is quoted: a backslash makes other characters special in one or the
// other ("\<", "\d").
func literal(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`.[]{}()*+?^$|/\`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// headerAction is an entry's action where header_checks(5) knows it too, and
// "$1" in its text is no match's.
func headerAction(action string) string {
	word, text, _ := strings.Cut(strings.Trim(action, blanks), " ")
	switch strings.ToUpper(word) {
	case "REJECT", "HOLD", "DISCARD":
	default: // DEFER, 421 and codes are access(5)'s alone
		if !isReplyCode(word) || word[0] == '4' {
			text = "" // nor would "4.7.1" fit a REJECT
		}
		word = "REJECT"
	}
	return strings.ReplaceAll(clean(strings.TrimRight(word+" "+strings.TrimLeft(text, blanks), blanks), maxLine), "$", "$$")
}
