//go:build e2e

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// doctor is what `sendwarden doctor` says of a server, its faults and warnings
// with the checks that they are of.
func (p *postfix) doctor(t *testing.T, args ...string) (text string, status int) {
	t.Helper()
	args = append([]string{"doctor", "--rules", p.file("rules.yaml"), "--blocklist", p.Blocklist, "--postfix-config", p.file("etc"),
		"--log", p.Log}, args...)
	out, err := exec.Command(program, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), exit.ExitCode()
	}
	require.NoError(t, err)
	return string(out), 0
}

// finds wants a fault of a check that says a text, and status 3.
func (p *postfix) finds(t *testing.T, check, text string, args ...string) {
	t.Helper()
	said, status := p.doctor(t, args...)
	require.Equal(t, 3, status, said)
	for line := range strings.Lines(said) {
		if word := strings.Fields(line); len(word) > 2 && word[0] == "fault" && word[1] == check && strings.Contains(line, text) {
			return
		}
	}
	require.Fail(t, "doctor does not find it", "a fault of %s with %q in:\n%s", check, text, said)
}

// Doctor is content with a server that is as it should be, and finds each thing
// that is broken in it.
func TestDoctor(t *testing.T) {
	p := startPostfix(t, "lmdb")
	p.stock(t)
	door := freePort(t)
	rules := "door: {listen: ['inet:" + door + "']}\n" + thirdCountry
	d := startDaemon(t, p, rules)
	p.finds(t, "restrictions", "check_sasl_access "+p.Map+" is not there")
	p.mustSetUp(t, "--apply", "--reload")
	p.sendwarden(t, "block", bob)
	p.sends(t, alice, spain)
	within(t, 5*time.Second, "Postfix's log has it", func() bool { return p.logged(t, "sasl_username="+alice) > 0 })
	said, status := p.doctor(t)
	require.Zero(t, status, said)
	require.Contains(t, said, "the blocklist is asked, and the door")
	require.Contains(t, said, "inet:"+door+" answers")

	// The log, which the account that the daemon is to run as can't read.
	require.NoError(t, os.Chmod(p.Log, 0o600))
	p.finds(t, "log", "the account nobody can't read it", "--user", "nobody")
	p.finds(t, "log", "no such file", "--log", p.file("nowhere"))

	p.set(t, "smtpd_data_restrictions=permit_sasl_authenticated, check_sasl_access "+p.Map)
	p.finds(t, "restrictions", "permit_sasl_authenticated before our check lets mail past", "--door", "inet:"+door)
	p.set(t, "smtpd_data_restrictions=check_sasl_access "+p.Map+", check_policy_service inet:"+door)
	p.finds(t, "restrictions", "a door without default_action")
	p.mustSetUp(t, "--apply")

	d.stop(t)
	p.finds(t, "door", "connection refused")

	// Without the daemon nobody takes over what is written into the list.
	aside := read(t, p.Blocklist)
	write(t, p.Blocklist, aside+alice+" REJECT by hand\n")
	later := time.Now().Add(time.Minute)
	require.NoError(t, os.Chtimes(p.Blocklist, later, later))
	p.finds(t, "table", "is older than the list, and wrong about "+alice)
	write(t, p.Blocklist, alice+"\n")
	p.finds(t, "blocklist", ":1: "+alice+" stands alone")
	require.NoError(t, os.Rename(p.Blocklist+".lmdb", p.Blocklist+".away"))
	p.finds(t, "table", "No such file or directory")
	write(t, p.Blocklist+".lmdb", strings.Repeat("no table\n", 3000))
	p.finds(t, "table", "MDB_INVALID")
	require.NoError(t, os.RemoveAll(filepath.Dir(p.Blocklist)))
	p.finds(t, "blocklist", "no such directory")
}

// A list of its own in master.cf, and a socket that a chrooted smtpd can't see.
func TestDoctorOfMaster(t *testing.T) {
	p := startPostfix(t, "lmdb")
	p.stock(t, "smtpd_data_restrictions=reject_unauth_pipelining")
	p.sendwarden(t, "block", bob)
	p.set(t, "smtpd_data_restrictions=check_sasl_access "+p.Map)
	p.finds(t, "restrictions", "smtpd_data_restrictions of master.cf: check_sasl_access "+p.Map+" is not there")

	master := read(t, p.file("etc", "master.cf"))
	write(t, p.file("etc", "master.cf"), strings.Replace(master, p.Users+" inet  n       -      n ", p.Users+" inet  n       -      y ", 1))
	p.finds(t, "restrictions", "does not see unix:/nowhere/door", "--door", "unix:/nowhere/door")
}
