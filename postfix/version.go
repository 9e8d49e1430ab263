package postfix

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is the first two numbers of mail_version: a feature comes with them.
type Version struct{ Major, Minor int }

// Versions with which something came that is asked for here.
var (
	withMaster   = Version{2, 9}  // postconf -M
	withExpand   = Version{2, 10} // postconf -x
	withSASL     = Version{2, 11} // check_sasl_access, postconf -P
	withAdvanced = Version{3, 0}  // check_policy_service { server, name=value… }
)

// parseVersion reads "3.7.11", "3.12-20260821" and "2.10.1".
func parseVersion(s string) (Version, error) {
	major, rest, _ := strings.Cut(s, ".")
	minor := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		minor = rest[:i]
	}
	var v Version
	var err error
	if v.Major, err = strconv.Atoi(major); err == nil {
		v.Minor, err = strconv.Atoi(minor)
	}
	if err != nil || v.Major < 0 || v.Minor < 0 {
		return Version{}, fmt.Errorf("postfix: mail_version %q is no version (is postconf Postfix's own?)", clean(s))
	}
	return v, nil
}

func (v Version) atLeast(w Version) bool {
	return v.Major > w.Major || v.Major == w.Major && v.Minor >= w.Minor
}
