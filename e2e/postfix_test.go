//go:build e2e

package e2e

import (
	"embed"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

//go:embed testdata
var testdata embed.FS

// nobody owns the maildirs.
const nobody = 65534

// postfix is a running mail server for the domain example.es, where alice and
// bob have mailboxes.
type postfix struct {
	Dir          string // everything of it, short enough for the names of sockets
	Log          string // Postfix's maillog_file
	World, Users string // host:port for other servers, and for users who log in
	Blocklist    string
	Map          string   // the blocklist as main.cf names it
	Door         string   // host:port where Postfix asks before it takes a message; empty: nowhere
	Settings     []string // more lines for main.cf
	UID, GID     int
}

// startPostfix starts a mail server that reads the blocklist as a table of a
// type, and stops it with the test. Options change it before that.
func startPostfix(t *testing.T, table string, options ...func(*postfix)) *postfix {
	t.Helper()
	require.Zero(t, os.Getuid(), "Postfix starts as root only")
	p := &postfix{Dir: folder(t), World: freePort(t), Users: freePort(t), UID: nobody, GID: nobody}
	p.Log = filepath.Join(p.Dir, "maillog")
	p.Blocklist = filepath.Join(p.Dir, "list", "blocklist")
	p.Map = table + ":" + p.Blocklist
	for _, option := range options {
		option(p)
	}
	for _, name := range []string{"etc", "list", "mail", "queue", "dovecot"} {
		require.NoError(t, os.Mkdir(p.file(name), 0o755))
	}
	require.NoError(t, os.Chown(p.file("mail"), nobody, nobody))
	p.configure(t, "main.cf", "main.cf")
	p.configure(t, "master.cf", "master.cf")
	if dovecot24(t) {
		p.configure(t, "dovecot24.conf", "dovecot.conf")
	} else {
		p.configure(t, "dovecot.conf", "dovecot.conf")
	}
	passwords, err := testdata.ReadFile("testdata/passwords")
	require.NoError(t, err)
	write(t, p.file("etc", "passwords"), string(passwords))
	p.set(t, p.Settings...)

	t.Cleanup(func() { showOnFailure(t, p.Log, p.file("dovecot.log")) })
	p.postfix(t, "start")
	t.Cleanup(func() { p.postfix(t, "stop") })
	p.startDovecot(t)
	return p
}

// file is the path of a file of this server.
func (p *postfix) file(elements ...string) string {
	return filepath.Join(append([]string{p.Dir}, elements...)...)
}

// dovecot24 tells whether the installed Dovecot is 2.4, whose settings have other
// names than those of 2.3.
func dovecot24(t *testing.T) bool {
	t.Helper()
	version, err := exec.Command("dovecot", "--version").Output()
	require.NoError(t, err)
	return !strings.HasPrefix(string(version), "2.3.")
}

func (p *postfix) configure(t *testing.T, form, name string) {
	t.Helper()
	text, err := template.ParseFS(testdata, "testdata/"+form+".tmpl")
	require.NoError(t, err)
	var config strings.Builder
	require.NoError(t, text.Execute(&config, p))
	write(t, p.file("etc", name), config.String())
}

// set changes settings in main.cf.
func (p *postfix) set(t *testing.T, settings ...string) {
	t.Helper()
	if len(settings) > 0 {
		p.command(t, "postconf", append([]string{"-c", p.file("etc"), "-e"}, settings...)...)
	}
}

// postfix runs postfix(1) on this server's configuration.
func (p *postfix) postfix(t *testing.T, args ...string) {
	t.Helper()
	p.command(t, "postfix", append([]string{"-c", p.file("etc")}, args...)...)
}

// startDovecot starts Dovecot, which checks passwords on a socket in Postfix's
// queue directory, and stops it with the test.
func (p *postfix) startDovecot(t *testing.T) {
	t.Helper()
	dovecot := exec.Command("dovecot", "-F", "-c", p.file("etc", "dovecot.conf"))
	said := p.collect(t, dovecot)
	require.NoError(t, dovecot.Start())
	t.Cleanup(func() {
		_ = dovecot.Process.Signal(syscall.SIGTERM) // Wait tells whether it was there
		require.NoErrorf(t, dovecot.Wait(), "dovecot: %s", read(t, said))
	})
	within(t, 10*time.Second, "Dovecot's socket is there", func() bool {
		_, err := os.Stat(p.file("queue", "private", "auth"))
		return err == nil
	})
}

// command runs a program to its end.
func (p *postfix) command(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	said := p.collect(t, cmd)
	require.NoErrorf(t, cmd.Run(), "%s: %s", cmd, read(t, said))
}

// collect sends what a program says to a file, and returns its name. A pipe
// would do less well: daemons that stay behind keep it open.
func (p *postfix) collect(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	said, err := os.CreateTemp(p.Dir, "said")
	require.NoError(t, err)
	t.Cleanup(func() { _ = said.Close() }) // whatever is in it stays
	cmd.Stdout, cmd.Stderr = said, said
	return said.Name()
}

// answer is what Postfix finds for a user in the blocklist's table; empty is
// nothing.
func (p *postfix) answer(user string) string {
	out, err := exec.Command("postmap", "-c", p.file("etc"), "-q", user, p.Map).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// logged counts the lines of Postfix's log that contain a text.
func (p *postfix) logged(t *testing.T, text string) int {
	t.Helper()
	return strings.Count(read(t, p.Log), text)
}

// inbox counts the messages that a user got.
func (p *postfix) inbox(t *testing.T, user string) int {
	t.Helper()
	mail, err := filepath.Glob(p.file("mail", user, "new", "*"))
	require.NoError(t, err)
	return len(mail)
}

// folder is a new folder that Postfix's unprivileged processes can enter,
// which they cannot with that of t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "e2e")
	require.NoError(t, err)
	t.Cleanup(func() { // a delivery that is under way as its server ends still writes there
		within(t, 10*time.Second, "the folder is gone", func() bool { return os.RemoveAll(dir) == nil })
	})
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return "127.0.0.1:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// read is a file's text; a file that is not there yet has none.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return string(text)
}

// within waits until something is so. Postfix, its log and the daemon take
// their time; how much they may take is part of what is tested.
func within(t *testing.T, most time.Duration, what string, so func() bool) {
	t.Helper()
	began := time.Now()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !so() {
		require.Lessf(t, time.Since(began), most, "waited %v: %s", most, what)
		<-look.C
	}
	t.Logf("%4d ms: %s", time.Since(began).Milliseconds(), what)
}

func showOnFailure(t *testing.T, names ...string) {
	for _, name := range names {
		if t.Failed() {
			t.Logf("%s:\n%s", name, read(t, name))
		}
	}
}
