package hook

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The examples in examples/hooks run here with programs in the place of passwd,
// ssh, nft and the like that only write down how they were called. What of them
// this machine has, examples_e2e_test.go runs.

// stage is where an example plays.
type stage struct {
	dir     string
	replies map[string]string // what a program does beside writing itself down, for sh
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{dir: t.TempDir(), replies: map[string]string{}}
	require.NoError(t, os.WriteFile(s.file("passwd"), []byte("root:x:0:0::/root:/bin/sh\nmail:x:8:8::/:/bin/false\n"+
		"ana:x:1000:1000::/home/ana:/bin/sh\na.b:x:1001:1001::/:/bin/sh\naxb:x:500:1::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"), 0o644))
	return s
}

func (s *stage) file(name string) string { return filepath.Join(s.dir, name) }

// play runs an example for an event, and returns how it ended, what it said
// (with "> "), and what it called. Settings are NAME=VALUE.
func (s *stage) play(t *testing.T, example, event, user string, settings ...string) string {
	t.Helper()
	text, err := os.ReadFile("../examples/hooks/" + example)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.file(example), []byte(strings.ReplaceAll(string(text), "/etc/passwd", s.file("passwd"))), 0o755))
	bin, calls := s.file("bin"), s.file("calls")
	require.NoError(t, os.RemoveAll(bin))
	require.NoError(t, os.RemoveAll(calls))
	require.NoError(t, os.Mkdir(bin, 0o755))
	for _, name := range []string{"passwd", "ssh", "make", "dovecot", "doveadm", "nft", "postfix"} {
		recorder := fmt.Sprintf("#!/bin/sh\n{ printf '%%s' %s; for a; do printf ' [%%s]' \"$a\"; done; echo; } >>%s\n%s\n", name, calls, s.replies[name])
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte(recorder), 0o755))
	}
	cmd := exec.Command(s.file(example))
	cmd.Env = append([]string{"PATH=" + bin + ":/usr/bin:/bin", "STATE=" + s.file("state"), "SENDWARDEN_EVENT=" + event, "SENDWARDEN_USER=" + user,
		"SENDWARDEN_IPS=" + s.replies["IPS"]}, settings...)
	out, err := cmd.CombinedOutput()
	result := ""
	if err != nil {
		result = err.Error() + "\n"
	}
	for line := range strings.Lines(string(out)) {
		result += "> " + line
	}
	called, err := os.ReadFile(calls)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return strings.ReplaceAll(result+string(called), s.dir+"/", "")
}

// hostile are log-in names that are no account's.
var hostile = []string{"", "-l", "--root", "a b", "ana;id", "$(id)", "../ana", ".", "ana@example.com", "ana:", "*", "ana\nroot", "ñandú"}

func TestLockLocalAccount(t *testing.T) {
	s := newStage(t)
	s.replies["passwd"] = `[ "$1" != -S ] || echo "$2 P 2026-01-01 0 99999 7 -1"`
	const script = "lock-local-account"
	require.Equal(t, "> ana was not locked here: nothing done\n", s.play(t, script, "release", "ana"))
	require.Equal(t, "> locked ana\npasswd [-S] [ana]\npasswd [-l] [ana]\n", s.play(t, script, "block", "ana"))
	require.Equal(t, "> unlocked ana\npasswd [-u] [ana]\n", s.play(t, script, "release", "ana"))
	require.Equal(t, "> ana was not locked here: nothing done\n", s.play(t, script, "release", "ana"))
	require.Equal(t, "> locked a.b\npasswd [-S] [a.b]\npasswd [-l] [a.b]\n", s.play(t, script, "block", "a.b@example.es", "DOMAIN=example.es"))
	for _, user := range []string{"root", "mail", "nobody", "axb", "juan"} {
		require.Equal(t, "> "+user+" is no person's local account: nothing done\n", s.play(t, script, "block", user))
	}
	for _, user := range hostile {
		require.Equal(t, "> no local account has such a name: nothing done\n", s.play(t, script, "block", user, "DOMAIN=example.es"), user)
	}
	// Who was locked by somebody else stays locked.
	for _, status := range []string{"L", "LK"} {
		s.replies["passwd"] = `echo "$2 ` + status + ` 2026-01-01 0 99999 7 -1"`
		require.Equal(t, "> ana is locked already\npasswd [-S] [ana]\n", s.play(t, script, "block", "ana"))
		require.Equal(t, "> ana was not locked here: nothing done\n", s.play(t, script, "release", "ana"))
	}
	s.replies["passwd"] = `[ "$1" = -S ] || { echo cannot lock >&2; exit 5; }`
	require.Equal(t, "exit status 5\n> cannot lock\npasswd [-S] [ana]\npasswd [-l] [ana]\n", s.play(t, script, "block", "ana"))
}

func TestLockNISAccount(t *testing.T) {
	s := newStage(t)
	const script = "lock-nis-account"
	ssh := "ssh [-T] [-n] [-o] [BatchMode=yes] [-o] [ConnectTimeout=10] [-o] [IdentitiesOnly=yes] [-o] [StrictHostKeyChecking=yes] " +
		"[-o] [UserKnownHostsFile=/etc/sendwarden/nis-known-hosts] [-i] [/etc/sendwarden/nis-key] [--] [nis.example.es] "
	require.Equal(t, ssh+"[lock ana]\n", s.play(t, script, "block", "ana", "MASTER=nis.example.es"))
	require.Equal(t, ssh+"[unlock ana]\n", s.play(t, script, "release", "ana@example.es", "MASTER=nis.example.es", "DOMAIN=example.es"))
	require.Empty(t, s.play(t, script, "hold", "ana", "MASTER=nis.example.es"))
	for _, user := range hostile {
		require.Equal(t, "> no NIS account has such a name: nothing done\n", s.play(t, script, "block", user, "MASTER=nis.example.es"), user)
	}
	require.Contains(t, s.play(t, script, "block", "ana"), "MASTER: is not set")
	s.replies["ssh"] = "echo Permission denied >&2; exit 255"
	require.Contains(t, s.play(t, script, "block", "ana", "MASTER=nis.example.es"), "exit status 255\n> Permission denied\n")
}

func TestNISMaster(t *testing.T) {
	s := newStage(t)
	ask := func(command string) string { return s.play(t, "nis-master", "", "", "SSH_ORIGINAL_COMMAND="+command) }
	require.Equal(t, "> lock: ana\npasswd [-l] [ana]\nmake [-s] [-C] [/var/yp]\n", ask("lock ana"))
	require.Equal(t, "> unlock: a.b\npasswd [-u] [a.b]\nmake [-s] [-C] [/var/yp]\n", ask("unlock a.b"))
	for _, user := range hostile {
		require.Equal(t, "exit status 1\n> nis-master: no such name\n", ask("lock "+user), user)
	}
	require.Equal(t, "exit status 1\n> nis-master: root is no person's account here\n", ask("lock root"))
	for _, command := range []string{"delete ana", "ana", "sh"} {
		require.Equal(t, "exit status 1\n> nis-master: ask for: lock NAME, or unlock NAME\n", ask(command))
	}
	require.Equal(t, "exit status 1\n> nis-master: no such name\n", ask(""))
}

func TestDovecotKick(t *testing.T) {
	s := newStage(t)
	const script = "dovecot-kick"
	for version, force := range map[string]string{"2.3.19.1 (9b53102964)": "[-f] ", "2.3.21": "[-f] ", "2.2.36": "[-f] ", "2.4.1-4 (x)": "", "2.40": "", "3.0.1": ""} {
		s.replies["dovecot"] = "echo '" + version + "'"
		require.Equal(t, "dovecot [--version]\ndoveadm [kick] [info@example.es]\n", s.play(t, script, "block", "info@example.es"))
		require.Equal(t, "dovecot [--version]\ndoveadm [kick] "+force+"[info@example.es]\n", s.play(t, script, "block", "info@example.es", "FORCE=yes"), version)
	}
	for _, mask := range []string{"", "*", "a?", "-f", "x|0.0.0.0/0"} {
		require.Equal(t, "> the name is no single user's mask: nothing done\n", s.play(t, script, "block", mask))
	}
	s.replies["doveadm"] = "exit 68"
	require.Equal(t, "dovecot [--version]\ndoveadm [kick] [a b]\n", s.play(t, script, "block", "a b"), "nobody was there")
	s.replies["doveadm"] = "echo no anvil >&2; exit 75"
	require.Contains(t, s.play(t, script, "block", "ana"), "exit status 75\n> no anvil\n")
}

func TestNftablesSet(t *testing.T) {
	s := newStage(t)
	const script = "nftables-set"
	require.Equal(t, "> block: no addresses\n", s.play(t, script, "block", "ana"))
	s.replies["IPS"] = "192.0.2.1 2001:db8::25 x;reboot"
	s.replies["nft"] = `[ "$1" != delete ]`
	del := "nft [delete] [element] [inet] [sendwarden] "
	add := "nft [add] [element] [inet] [sendwarden] "
	require.Equal(t, "> block: 192.0.2.1 2001:db8::25 x;reboot\n"+
		del+"[thieves4] [{ 192.0.2.1 }]\n"+add+"[thieves4] [{ 192.0.2.1 timeout 6h }]\n"+
		del+"[thieves6] [{ 2001:db8::25/64 }]\n"+add+"[thieves6] [{ 2001:db8::25/64 timeout 6h }]\n", s.play(t, script, "block", "ana"))
	require.Equal(t, "> release: 192.0.2.1 2001:db8::25 x;reboot\n"+del+"[thieves4] [{ 192.0.2.1 }]\n"+del+"[thieves6] [{ 2001:db8::25/64 }]\n",
		s.play(t, script, "release", "ana"))
	s.replies["nft"] = "echo no set >&2; exit 1"
	require.Contains(t, s.play(t, script, "block", "ana"), "exit status 1\n> no set\n")
}

func TestPostfixStop(t *testing.T) {
	s := newStage(t)
	const script = "postfix-stop"
	for _, limit := range []string{"", "x", "-1"} {
		require.Equal(t, "> LIMIT is not set to a number: nothing done\n", s.play(t, script, "block", "ana", "LIMIT="+limit))
	}
	require.NoDirExists(t, s.file("state"))
	require.NoError(t, os.Mkdir(s.file("state"), 0o755))
	require.NoError(t, os.WriteFile(s.file("state/postfix-stop"), []byte("1000000000\n1000000001\n"), 0o644)) // long ago
	require.Equal(t, "> 1 of 2 blocks: Postfix goes on\n", s.play(t, script, "block", "ana", "LIMIT=2"))
	require.Equal(t, "> 2 of 2 blocks: Postfix goes on\n", s.play(t, script, "block", "bob", "LIMIT=2"))
	require.Equal(t, "> more than 2 blocks within 3600 seconds: Postfix is stopped (postfix start)\npostfix [stop]\n",
		s.play(t, script, "brake", "carol", "LIMIT=2"))
	require.Equal(t, "> 1 of 2 blocks: Postfix goes on\n", s.play(t, script, "block", "dan", "LIMIT=2"), "who starts it again has peace")
}

func TestStopLocalAccount(t *testing.T) {
	s := newStage(t)
	const script = "stop-local-account"
	file := "FILE=" + s.file("accounts")
	require.Contains(t, s.play(t, script, "alarm", "uid:1000", file), "accounts is not there: nothing done\n")
	require.NoError(t, os.WriteFile(s.file("accounts"), nil, 0o644))
	settings := []string{file, "SENDWARDEN_TIME=2026-03-28T03:14:54+01:00", "SENDWARDEN_SCORE=100"}
	require.Equal(t, "> ana may not send any more; delete its line in accounts to let it\n", s.play(t, script, "alarm", "uid:1000", settings...))
	require.Equal(t, "> ana is stopped already\n", s.play(t, script, "alarm", "uid:1000", settings...))
	require.Contains(t, s.play(t, script, "alarm", "uid:1001", settings...), "a.b may not send")
	for _, user := range append([]string{"uid:0", "uid:4242", "uid:", "uid:1 000", "uid:1000;id", "host:192.0.2.1", "script:/x", "local:root", "local:", "local:a b", "local:-x"}, hostile...) {
		require.Contains(t, s.play(t, script, "alarm", user, settings...), "nothing done", user)
	}
	// With Exim the daemon's own list does it.
	require.Equal(t, "> block local:www-data --reason an alarm, score 100\n", s.play(t, script, "alarm", "local:www-data", append(settings, "BLOCK=echo block")...))
	text, err := os.ReadFile(s.file("accounts"))
	require.NoError(t, err)
	require.Equal(t, "ana    stopped 2026-03-28T03:14:54+01:00, score 100\na.b    stopped 2026-03-28T03:14:54+01:00, score 100\n", string(text))
}
