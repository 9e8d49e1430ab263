//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// doctor is what `sendwarden doctor` says of this Exim.
func (x *exim) doctor(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(program, "doctor", "--rules", x.file("rules.yaml"), "--blocklist", x.list, "--log", x.file("log", "mainlog")).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) {
		require.NoErrorf(t, err, "%s", out)
	}
	return string(out)
}

// Doctor finds what an Exim lacks, and is content with one that has the lines.
func TestEximDoctor(t *testing.T) {
	x := startExim(t)
	write(t, x.file("rules.yaml"), fmt.Sprintf("%s\ntable: lsearch\nqueue: {exim: %q, exim_config: %q}\n", thirdCountry, x.Program, x.file("exim.conf")))
	list := x.list + ".lsearch"
	said := x.doctor(t)
	finding(t, said, "ok", "exim", ", configured by "+x.file("exim.conf"))
	finding(t, said, "fault", "table", list+" is not there: everybody passes")
	finding(t, said, "fault", "restrictions", "acl_smtp_mail: "+list+" is not asked: nobody is stopped")
	require.NotContains(t, said, "postfix")

	x.sendwarden(t, "block", alice, "--reason", "unusual log-ins")
	x.sendwarden(t, "block", "local:www-data", "--reason", "a web site that was broken into")
	x.setUp(t)
	x.login(t, bob).hands(t, bob, alice)
	said = x.doctor(t)
	finding(t, said, "ok", "table", list+": Exim reads it")
	finding(t, said, "ok", "restrictions", "acl_smtp_mail: the blocklist is asked, on every port")
	finding(t, said, "ok", "restrictions", "acl_not_smtp: the blocklist is asked")
	finding(t, said, "ok", "log", "last submission by a user who logged in")

	require.NoError(t, os.Chmod(list, 0o600))
	require.NoError(t, os.Chown(list, 0, 0))
	finding(t, x.doctor(t), "fault", "table", "Exim's account Debian-exim can't read it, and Exim puts off all mail (451)")
	require.NoError(t, os.Chmod(list, 0o644))
	write(t, list, "# nobody\n")
	finding(t, x.doctor(t), "fault", "table", "is behind the list, and wrong about "+alice)
}
