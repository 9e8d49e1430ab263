package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sendwarden/policy"
	"sendwarden/settings"

	"github.com/stretchr/testify/require"
)

// noon is when the doctor of these tests comes.
var noon = time.Date(2026, time.April, 15, 12, 0, 0, 0, time.FixedZone("CEST", 2*60*60))

const (
	aSubmission = "%s mail postfix/submission/smtpd[18397]: A672A9BAA49: client=unknown[80.58.61.250], sasl_method=PLAIN, sasl_username=%s\n"
	aRemoval    = "%s mail postfix/qmgr[18152]: A672A9BAA49: removed\n"
)

// What the end of a log tells.
func TestJudgeLog(t *testing.T) {
	ana := func(stamp string) string { return fmt.Sprintf(aSubmission, stamp, "ana@example.es") }
	for _, c := range []struct {
		name, log string
		written   time.Time
		want      []string // beginnings
	}{
		{"all well", ana("Apr 15 11:58:00"), noon, []string{
			"ok mail.log: the last event is of 2026-04-15 11:58:00 +0200",
			"ok last submission by a user who logged in: 2026-04-15 11:58:00 +0200",
		}},
		{"nothing of a mail server", "Apr 15 11:58:00 mail sshd[1]: hello\n", noon, []string{
			"fault mail.log: nothing of a mail server's in its last 1 line",
		}},
		{"empty", "", noon, []string{"fault mail.log: nothing of a mail server's in its last 0 lines"}},
		{"nobody logs in", fmt.Sprintf(aRemoval, "Apr 15 11:58:00"), noon, []string{
			"ok mail.log: the last event",
			"warning no submission by a user who logged in among the last 1 line",
		}},
		{"from the future", ana("2026-04-15T12:30:00+02:00"), noon, []string{
			"fault mail.log: the last event is of 2026-04-15 12:30:00 +0200, which is yet to come",
			"ok last submission",
		}},
		{"of another zone", ana("Apr 15 09:59:40"), noon, []string{
			"warning mail.log: the last event is of 2026-04-15 09:59:40 +0200, and the file was written 2h0m0s later to the minute",
			"ok last submission",
		}},
		{"a quiet morning", ana("Apr 15 10:12:00"), noon, []string{"ok mail.log: the last event", "ok last submission"}},
		{"long ago", ana("Apr 10 11:58:00"), noon.AddDate(0, 0, -5), []string{
			"warning mail.log: the last event is of 2026-04-10 11:58:00 +0200, 5 days ago",
			"ok last submission",
		}},
		{"a name of each kind", ana("Apr 15 11:57:00") + fmt.Sprintf(aSubmission, "Apr 15 11:58:00", "bea"), noon, []string{
			"ok mail.log: the last event", "ok last submission",
			"warning user names come with a domain (ana@example.es) and without (bea)",
		}},
		{"not understood", ana("Apr 15 11:57:00") + strings.Replace(ana("Apr 15 11:58:00"), "[80.58.61.250]", "[80.58.61.2500]", 1), noon, []string{
			"ok mail.log: the last event", "ok last submission",
			"warning 1 line of Postfix's not understood, such as: ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := &installation{now: noon}
			found := in.judgeLog("mail.log", readLog([]byte(c.log), noon), c.written)
			require.Len(t, found, len(c.want))
			for i, f := range found {
				said := string(f.State) + " " + f.Fact
				require.Truef(t, strings.HasPrefix(said, c.want[i]), "%q instead of %q", said, c.want[i])
			}
		})
	}
}

// Of a long log only the end is read, from the beginning of a line on.
func TestLastPart(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mail.log")
	long := strings.Repeat("a line that is of no interest\n", lastOfLog/20) + "the last\n"
	require.NoError(t, os.WriteFile(name, []byte(long), 0o600))
	text, _, err := lastPart(name)
	require.NoError(t, err)
	require.Less(t, len(text), lastOfLog)
	require.True(t, strings.HasPrefix(string(text), "a line"))
	require.True(t, strings.HasSuffix(string(text), "\nthe last\n"))
}

func TestIsDaemon(t *testing.T) {
	for line, want := range map[string]bool{
		"/usr/local/sbin/sendwarden\x00run\x00--watch\x00": true,
		"sendwarden\x00run\x00":                            true,
		"sendwarden\x00doctor\x00":                         false,
		"sendwarden\x00":                                   false,
		"vi\x00sendwarden\x00run\x00":                      false,
		"":                                                 false,
	} {
		require.Equal(t, want, isDaemon([]byte(line)), line)
	}
}

// What modes let an account do that is neither root nor the owner.
func TestMayOpen(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "mail.log")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	info, err := os.Stat(name)
	require.NoError(t, err)
	group := info.Sys().(*syscall.Stat_t).Gid
	other, member := account{name: "eva", uid: 12345}, account{name: "gus", uid: 12345, gids: []uint32{group}}
	for dirOf := dir; dirOf != "/tmp" && dirOf != "/"; dirOf = filepath.Dir(dirOf) {
		require.NoError(t, os.Chmod(dirOf, 0o755))
	}
	for _, c := range []struct {
		who  account
		mode os.FileMode
		want bool
	}{
		{other, 0o640, false}, {other, 0o644, true}, {member, 0o640, true}, {member, 0o604, false}, {account{}, 0o000, true},
	} {
		require.NoError(t, os.Chmod(name, c.mode))
		_, may := mayOpen(name, c.who, 4)
		require.Equal(t, c.want, may, "%s, %o", c.who.name, c.mode)
	}
	require.NoError(t, os.Chmod(name, 0o644))
	require.NoError(t, os.Chmod(dir, 0o700))
	why, may := mayOpen(name, other, 4)
	require.False(t, may)
	require.Equal(t, dir+" is drwx------", why)
}

// Who owns the rules, or a directory above them, or may write there, may replace them.
func TestMayReplace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	daemon := account{"sendwarden", 64001, []uint32{64002}}
	dir := t.TempDir()
	file := filepath.Join(dir, "rules.yaml")
	require.NoError(t, os.WriteFile(file, nil, 0o640))
	for _, c := range []struct {
		what                string
		dirOwner, fileOwner int
		mode                os.FileMode
		by                  string
	}{
		{"all is root's", 0, 0, 0o755, ""},
		{"the directory is the daemon's", 64001, 0, 0o755, dir},
		{"the file is", 0, 64001, 0o755, file},
		{"its group may write in the directory", 0, 0, 0o775, dir},
		{"everybody may put files beside it", 0, 0, 0o777 | os.ModeSticky, ""},
	} {
		require.NoError(t, os.Chown(dir, c.dirOwner, 64002))
		require.NoError(t, os.Chown(file, c.fileOwner, 64002))
		require.NoError(t, os.Chmod(dir, c.mode))
		by, may := mayReplace(file, daemon)
		require.Equal(t, c.by, by, c.what)
		require.Equal(t, c.by != "", may, c.what)
	}
	_, may := mayReplace(file, account{name: "root"})
	require.False(t, may)
}

// The door is asked as Postfix asks, of a policy service that is the real one
// and of others.
func TestCheckDoor(t *testing.T) {
	dir := t.TempDir()
	config := policy.Config{Listen: []string{"unix:" + filepath.Join(dir, "door")}, Socketmap: []string{"unix:" + filepath.Join(dir, "map")}, SocketGroup: "root"}
	in := &installation{with: settings.Sections{Door: config}}
	require.Equal(t, fault, one(t, checkDoor(context.Background(), in)).State, "nobody listens yet")

	if os.Getuid() != 0 {
		t.Skip("only root gives a socket to a group")
	}
	door, err := policy.Open(config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error)
	go func() {
		over <- door.Run(ctx, func(r *policy.Request) policy.Action {
			if r.User != "" {
				return policy.Reject("the doctor asks about nobody")
			}
			return policy.Dunno()
		}, func(string, string) policy.Reply { return policy.NotFound() })
	}()
	require.Equal(t, well, one(t, checkDoor(context.Background(), in)).State)
	require.Equal(t, well, one(t, checkSocketmap(context.Background(), in)).State)
	cancel()
	require.NoError(t, <-over)
}

func TestCheckDoorOfAnother(t *testing.T) {
	for answer, want := range map[string]string{
		"action=REJECT\n\n": `answers "action=REJECT\n", not "action=DUNNO\n\n"`,
		"":                  "EOF",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		over := make(chan struct{})
		go func() {
			defer close(over)
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			if _, err := io.ReadFull(conn, make([]byte, 40)); err == nil {
				_, _ = io.WriteString(conn, answer) // who asks may be gone
			}
		}()
		in := &installation{with: settings.Sections{Door: policy.Config{Listen: []string{"inet:" + listener.Addr().String()}}}}
		f := one(t, checkDoor(context.Background(), in))
		require.Equal(t, fault, f.State)
		if answer != "" {
			require.Contains(t, f.Fact, want)
		}
		require.NoError(t, listener.Close())
		<-over
	}
	in := &installation{with: settings.Sections{Door: policy.Config{Listen: []string{"systemd:door"}}}}
	require.Equal(t, warning, one(t, checkDoor(context.Background(), in)).State)
}

func one(t *testing.T, found []finding) finding {
	t.Helper()
	require.Len(t, found, 1)
	return found[0]
}

// The groups of a process are those that it has, whatever /etc/group says.
func TestGroupsOfProcess(t *testing.T) {
	own, err := os.Getgroups()
	require.NoError(t, err)
	var want []uint32
	for _, gid := range own {
		want = append(want, uint32(gid))
	}
	require.ElementsMatch(t, want, groupsOf(os.Getpid()))
	require.Empty(t, groupsOf(1<<30), "no process has this number")
}
